/** After the master key was lost: whatever opens with none of the keys at hand is given up, so that everything else goes on. */
import { randomBytes } from "node:crypto";
import type { Core } from "../core.ts";
import type { PoolClient } from "../db/client.ts";
import { SEALED, sealedRows } from "../db/sealed.ts";
import type { Vault } from "../vault.ts";
import { lastFour, replaceSecrets } from "./secrets.ts";
import type { DefinitionRow, SignatureVersion } from "./settings.ts";

export interface Forgotten {
  /** Webhooks with a new signing secret, which is shown this once: their receivers must be told. */
  signing: { id: string; code: string; secret: string }[];
  /** Named secret keys that now hold a random text: what they sign is refused until they are set anew. */
  secretKeys: string[];
  /** Webhooks and connections whose secret headers are gone. */
  headers: string[];
}

async function closed(client: PoolClient, vault: Vault, place: (typeof SEALED)[number]): Promise<string[]> {
  const { rows } = await client.query<{ id: string; sealed: string; place: string }>(sealedRows(place));
  return rows.flatMap((row) => {
    try {
      vault.open(row.sealed, row.place);
      return [];
    } catch {
      return [row.id];
    }
  });
}

/** In one transaction. A second time it finds nothing. */
export function forgetSecrets(core: Core): Promise<Forgotten> {
  return core.db.transaction(async (client) => {
    const forgotten: Forgotten = { signing: [], secretKeys: [], headers: [] };
    for (const place of SEALED) {
      const ids = await closed(client, core.vault, place);
      if (ids.length === 0) continue;
      if (place[0] === "signing_secret") forgotten.signing = await newSecrets(core, client, ids);
      else if (place[0] === "secret_key") forgotten.secretKeys = await randomKeys(core, client, ids);
      else forgotten.headers.push(...(await dropHeaders(client, place, ids)));
    }
    return forgotten;
  });
}

async function newSecrets(core: Core, client: PoolClient, ids: string[]): Promise<Forgotten["signing"]> {
  type Owner = Pick<DefinitionRow, "id" | "organizationId" | "dialect" | "code"> & { signatureVersions: SignatureVersion[] };
  const { rows } = await client.query<Owner>(
    `SELECT id, organization_id AS "organizationId", dialect, code, signature_versions::text[] AS "signatureVersions" FROM webhook_definition
     WHERE id IN (SELECT definition_id FROM signing_secret WHERE id = ANY ($1::uuid[])) ORDER BY id FOR UPDATE`,
    [ids],
  );
  await client.query("DELETE FROM signing_secret WHERE id = ANY ($1::uuid[])", [ids]);
  const made: Forgotten["signing"] = [];
  for (const owner of rows)
    made.push({ id: owner.id, code: owner.code, secret: await replaceSecrets(core, client, owner, core.clock.now()) });
  return made;
}

async function randomKeys(core: Core, client: PoolClient, ids: string[]): Promise<string[]> {
  const names: string[] = [];
  for (const id of ids) {
    const text = randomBytes(32).toString("base64url");
    const { rows } = await client.query<{ name: string; organization_id: string }>(
      "SELECT name, organization_id FROM secret_key WHERE id = $1 FOR UPDATE",
      [id],
    );
    const row = rows[0];
    if (!row) continue;
    const sealed = core.vault.seal(text, `${row.organization_id}/secret-key/${id}`);
    await client.query("UPDATE secret_key SET ciphertext = $2, last_four = $3 WHERE id = $1", [id, sealed, lastFour(text)]);
    names.push(row.name);
  }
  return names;
}

async function dropHeaders(client: PoolClient, [table, column]: (typeof SEALED)[number], ids: string[]): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `UPDATE ${table} SET ${column} = NULL WHERE id = ANY ($1::uuid[]) RETURNING coalesce(name, id::text) AS name`,
    [ids],
  );
  return rows.map(({ name }) => name);
}
