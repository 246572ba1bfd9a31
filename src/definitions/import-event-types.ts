/** Event types from a document into the catalogue: all or nothing, or only said. */

import { audit } from "../accounts/audit.ts";
import { type Caller, demand } from "../accounts/caller.ts";
import { newId } from "../clock.ts";
import type { Core } from "../core.ts";
import { rowsFrom } from "../db/values.ts";
import { type Issue, ValidationError } from "../errors.ts";
import { lockCatalog } from "./code.ts";
import { type DocumentedType, documentedTypes } from "./documented-types.ts";
import { eventTypeIssues, schemaIssues } from "./event-types.ts";
import { Json } from "./sql.ts";
import { isPlainObject, jsonIssues } from "./text.ts";

export interface Imported {
  created: string[];
  updated: string[];
  unchanged: string[];
}

const DOCUMENT_CHARACTERS = 4 * 2 ** 20;
/** Said at once; each of the others is another round. */
const MOST_ISSUES = 20;

async function issuesOf(organizationId: string, types: readonly DocumentedType[]): Promise<Issue[]> {
  const issues: Issue[] = [];
  for (const { at, ...type } of types) {
    if (issues.length >= MOST_ISSUES) break;
    const own = eventTypeIssues(type);
    if (own.length === 0) own.push(...(await schemaIssues(organizationId, type.name, type.schema, type.examples)));
    issues.push(...own.map(({ path, message }) => ({ path: `${at}.${path}`, message: `(${type.name}) ${message}` })));
  }
  return issues;
}

const textOf = (value: unknown): string | null => new Json(value).text;

/**
 * @returns names in the document's order
 * @throws ValidationError (paths `document.…`) ForbiddenError RateLimitedError
 */
export async function importEventTypes(core: Core, caller: Caller, input: { document: unknown; dryRun: boolean }): Promise<Imported> {
  demand(caller, "webhooks:write");
  const { organizationId } = caller;
  const { document, dryRun } = input;
  const form = isPlainObject(document)
    ? jsonIssues("document", document, DOCUMENT_CHARACTERS)
    : [{ path: "document", message: "must be an object" }];
  if (form.length > 0) throw new ValidationError(form);
  const { types, issues } = documentedTypes(document as Record<string, unknown>);
  if (issues.length === 0) issues.push(...(await issuesOf(organizationId, types)));
  if (issues.length > 0) throw new ValidationError(issues);

  return core.db.tenantTransaction(organizationId, async (client) => {
    await lockCatalog(client, organizationId);
    const columns = [
      types.map(({ name }) => name),
      types.map(({ description }) => description),
      types.map(({ schema }) => textOf(schema)),
      types.map(({ examples }) => textOf(examples)),
      types.map(({ deprecated }) => deprecated),
    ];
    const { rows } = await client.query<{ name: string; same: boolean | null; fits: boolean | null }>(
      `SELECT u.name, t.description IS NOT DISTINCT FROM u.description AND t.schema IS NOT DISTINCT FROM u.schema::jsonb
           AND t.examples::jsonb = u.examples::jsonb AND t.deprecated = u.deprecated AND t.id IS NOT NULL AS same, t.id IS NOT NULL AS fits
         FROM ${rowsFrom("u", { name: "$2::text[]", description: "$3::text[]", schema: "$4::text[]", examples: "$5::text[]", deprecated: "$6::bool[]" }, "nth")}
         LEFT JOIN event_type t ON t.organization_id = $1 AND t.name = u.name ORDER BY u.nth`,
      [organizationId, ...columns],
    );
    const named = (of: (row: { same: boolean | null; fits: boolean | null }) => unknown) => rows.filter(of).map(({ name }) => name);
    const imported = {
      created: named((row) => !row.fits),
      updated: named((row) => row.fits && !row.same),
      unchanged: named((row) => row.same),
    };
    if (dryRun || imported.created.length + imported.updated.length === 0) return imported;
    await client.query(
      `INSERT INTO event_type AS t (id, organization_id, name, description, schema, examples, deprecated)
         SELECT u.id, $1, u.name, u.description, u.schema::jsonb, u.examples::json, u.deprecated
           FROM ${rowsFrom("u", { id: "$7::uuid[]", name: "$2::text[]", description: "$3::text[]", schema: "$4::text[]", examples: "$5::text[]", deprecated: "$6::bool[]" })}
          WHERE u.name <> ALL($8::text[])
       ON CONFLICT (organization_id, name) DO UPDATE SET description = EXCLUDED.description, schema = EXCLUDED.schema, examples = EXCLUDED.examples,
         deprecated = EXCLUDED.deprecated, version = t.version + CASE WHEN t.schema IS DISTINCT FROM EXCLUDED.schema THEN 1 ELSE 0 END`,
      [organizationId, ...columns, types.map(() => newId(core.clock)), imported.unchanged],
    );
    await audit(core, caller, "eventType.import", { type: "Organization", id: organizationId }, null, imported, client);
    return imported;
  });
}
