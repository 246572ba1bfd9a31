/** The organization's catalogue of event types: for people to choose from, and enforced when the organization says so. */
import { type Caller, demand } from "../accounts/caller.ts";
import { COUNTED, newestFirst } from "../accounts/keyset.ts";
import { newId } from "../clock.ts";
import type { Core } from "../core.ts";
import type { EventType } from "../db/generated/prisma/client.ts";
import { ConflictError, type Issue, NotFoundError, ValidationError } from "../errors.ts";
import { type PageOf, type Slice, sliceOf } from "../requests/page.ts";
import { parseJson } from "../wire/json-exact.ts";
import { conflictOf, lockCatalog } from "./code.ts";
import { isEventType } from "./match.ts";
import { record } from "./record.ts";
import { mistakesBy, schemaProblem } from "./schemas/judge.ts";
import { insert, Json, update } from "./sql.ts";
import { isPlainObject, jsonIssues, textIssues } from "./text.ts";

export interface EventTypeInput {
  name: string;
  description?: string | null | undefined;
  /** JSON Schema 2020-12 of the payload. */
  schema?: unknown;
  /** Payloads that fit the schema. */
  examples?: readonly unknown[] | null | undefined;
  deprecated?: boolean | null | undefined;
}

type Columns = { [K in keyof EventType]: EventType[K] | (K extends "schema" | "examples" ? Json : never) };
export const SCHEMA_CHARACTERS = 65_536;
export const MOST_EXAMPLES = 20;
const CONFLICTS = { event_type_organization_id_name_key: "there is an event type with this name already" };

/** What can be said without compiling its schema. */
export function eventTypeIssues({ name, description, schema, examples }: Partial<EventTypeInput>): Issue[] {
  const badSchema = schema !== null && schema !== undefined && typeof schema !== "boolean" && !isPlainObject(schema);
  return [
    ...(name === undefined || isEventType(name)
      ? []
      : [{ path: "name", message: "must be 1 to 128 letters, digits, _ . - such as order.created; the first no . or -" }]),
    ...textIssues("description", description, 4000),
    ...(badSchema
      ? [{ path: "schema", message: "must be an object, true or false: a JSON schema" }]
      : jsonIssues("schema", schema, SCHEMA_CHARACTERS)),
    ...((examples?.length ?? 0) > MOST_EXAMPLES ? [{ path: "examples", message: `must be at most ${MOST_EXAMPLES}` }] : []),
    ...(examples ?? []).flatMap((example, i) => jsonIssues(`examples.${i}`, example, SCHEMA_CHARACTERS)),
  ];
}

/** What compiling its schema, and its examples, say against it; paths begin with `at`. */
export async function schemaIssues(
  organizationId: string,
  name: string,
  schema: unknown,
  examples: readonly unknown[],
  at = "",
): Promise<Issue[]> {
  if (schema === null || schema === undefined) return [];
  const text = JSON.stringify(schema);
  const problem = await schemaProblem(organizationId, text);
  if (problem !== undefined) return [{ path: `${at}schema`, message: `is no JSON Schema 2020-12 to judge payloads by: it ${problem}` }];
  const values = examples.map((example, i) => ({ path: `${at}examples.${i}`, value: JSON.stringify(example) }));
  return mistakesBy(organizationId, name, text, values);
}

/** @throws ValidationError ConflictError ForbiddenError */
export async function createEventType(core: Core, caller: Caller, input: EventTypeInput): Promise<EventType> {
  demand(caller, "webhooks:write");
  const { organizationId } = caller;
  const issues = eventTypeIssues(input);
  if (issues.length === 0) issues.push(...(await schemaIssues(organizationId, input.name, input.schema, input.examples ?? [])));
  if (issues.length > 0) throw new ValidationError(issues);
  return core.db
    .tenantTransaction(caller.organizationId, async (client) => {
      await lockCatalog(client, organizationId);
      const row = (await insert<Columns>(client, "event_type", {
        id: newId(core.clock),
        organizationId,
        name: input.name,
        description: input.description ?? null,
        schema: new Json(input.schema),
        examples: new Json(input.examples ?? []),
        deprecated: input.deprecated ?? false,
      })) as EventType;
      await record(core, client, caller, { action: "eventType.create", subjectType: "EventType", subjectId: row.id, after: row });
      return row;
    })
    .catch((error: unknown) => conflictOf(error, CONFLICTS));
}

/** JSON texts. */
interface Stored {
  name: string;
  version: number;
  schema: string | null;
  examples: string;
}

const exact = (text: string | null): unknown => (text === null ? null : parseJson(text));

/**
 * Its name is what events carry and never changes. Its version counts up with each change of the schema.
 * @throws ValidationError NotFoundError ForbiddenError
 */
export async function updateEventType(core: Core, caller: Caller, id: string, input: Omit<EventTypeInput, "name">): Promise<EventType> {
  demand(caller, "webhooks:write");
  const { organizationId } = caller;
  const { description, schema, examples, deprecated } = input;
  const issues = eventTypeIssues(input);
  if (issues.length > 0) throw new ValidationError(issues);
  const stored =
    "SELECT name, version, schema::text AS schema, examples::text AS examples FROM event_type WHERE id = $1 AND organization_id = $2";
  const before = (await core.db.tenant(organizationId).query<Stored>(stored, [id, organizationId])).rows[0];
  if (!before) throw new NotFoundError("the event type");
  const judges = schema !== undefined || examples !== undefined;
  if (judges) {
    const payloads = examples === undefined ? (parseJson(before.examples) as unknown[]) : (examples ?? []);
    const mistakes = await schemaIssues(organizationId, before.name, schema === undefined ? exact(before.schema) : schema, payloads);
    if (mistakes.length > 0) throw new ValidationError(mistakes);
  }
  return core.db.tenantTransaction(organizationId, async (client) => {
    await lockCatalog(client, organizationId);
    const { rows } = await client.query<Stored & { same: boolean }>(
      `SELECT s.*, s.schema::jsonb IS NOT DISTINCT FROM $3::jsonb AS same FROM (${stored}) s`,
      [id, organizationId, new Json(schema).text],
    );
    const [now] = rows;
    if (!now) throw new NotFoundError("the event type");
    // What was judged is no longer what is stored.
    if (judges && (now.schema !== before.schema || now.examples !== before.examples))
      throw new ConflictError("the event type was changed at the same moment; read it anew");
    const key = { id, organizationId };
    const row = (await update<Columns>(client, "event_type", key, {
      id,
      ...(description !== undefined && { description }),
      ...(schema !== undefined && { schema: new Json(schema) }),
      ...(schema !== undefined && !now.same && { version: now.version + 1 }),
      ...(examples !== undefined && { examples: new Json(examples ?? []) }),
      ...(deprecated != null && { deprecated }),
    })) as EventType;
    await record(core, client, caller, { action: "eventType.update", subjectType: "EventType", subjectId: id, after: row });
    return row;
  });
}

/** @throws NotFoundError ForbiddenError */
export async function deleteEventType(core: Core, caller: Caller, id: string): Promise<EventType> {
  demand(caller, "webhooks:write");
  return core.db.tenantTransaction(caller.organizationId, async (client) => {
    await lockCatalog(client, caller.organizationId);
    const { rows } = await client.query<EventType>(
      `DELETE FROM event_type WHERE id = $1 AND organization_id = $2
       RETURNING id, organization_id AS "organizationId", name, description, schema, examples, version, deprecated, created_at AS "createdAt"`,
      [id, caller.organizationId],
    );
    const row = rows[0];
    if (!row) throw new NotFoundError("the event type");
    await record(core, client, caller, { action: "eventType.delete", subjectType: "EventType", subjectId: id, before: row });
    return row;
  });
}

/** Newest first. @throws ForbiddenError */
export async function listEventTypes(core: Core, caller: Caller, page: PageOf<string>): Promise<Slice<EventType>> {
  demand(caller, "webhooks:read");
  const rows = await core.db.prisma.eventType.findMany(newestFirst({ organizationId: caller.organizationId }, page));
  return sliceOf(page, rows);
}

/** @throws ForbiddenError */
export async function countEventTypes(core: Core, caller: Caller): Promise<number> {
  demand(caller, "webhooks:read");
  return core.db.prisma.eventType.count({ ...COUNTED, where: { organizationId: caller.organizationId } });
}
