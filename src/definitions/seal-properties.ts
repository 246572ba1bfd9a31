/** Properties that an earlier version stored in clear, sealed: once, at the first start of this one. */
import type { Core } from "../core.ts";
import { parseJson } from "../wire/json-exact.ts";
import { type Properties, sealProperties } from "./headers.ts";
import { destinationsOf } from "./hiding.ts";

const BATCH = 100;

/** Those of deleted definitions too: their rows stay. */
const PLAIN = `SELECT id, organization_id AS "organizationId", target_url AS "targetUrl", connection_id AS "connectionId", script_id AS "scriptId",
    properties::text AS properties
  FROM webhook_definition WHERE properties IS NOT NULL ORDER BY id LIMIT ${BATCH} FOR NO KEY UPDATE SKIP LOCKED`;

interface Plain {
  id: string;
  organizationId: string;
  targetUrl: string | null;
  connectionId: string | null;
  scriptId: string | null;
  properties: string;
}

/** @returns how many were sealed; doing it again finds nothing */
export async function sealPlainProperties(core: Core): Promise<number> {
  for (let sealed = 0; ; ) {
    const found = await core.db.transaction(async (client) => {
      const { rows } = await client.query<Plain>(PLAIN);
      for (const row of rows) {
        const destinations = await destinationsOf(client, row.organizationId, row);
        const hidden = sealProperties(core, row, parseJson(row.properties) as Properties, destinations);
        await client.query(
          `UPDATE webhook_definition SET properties = NULL, hidden_properties = COALESCE(hidden_properties, $3)
           WHERE organization_id = $1 AND id = $2`,
          [row.organizationId, row.id, hidden],
        );
      }
      return rows.length;
    });
    sealed += found;
    if (found < BATCH) return sealed;
  }
}
