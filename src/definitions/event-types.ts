/** The organization's catalogue of event types: for people to choose from, and enforced when the organization says so. */
import { type Caller, demand } from "../accounts/caller.ts";
import { COUNTED, newestFirst } from "../accounts/keyset.ts";
import { newId } from "../clock.ts";
import type { Core } from "../core.ts";
import type { EventType } from "../db/generated/prisma/client.ts";
import { type Issue, NotFoundError, ValidationError } from "../errors.ts";
import { type PageOf, type Slice, sliceOf } from "../requests/page.ts";
import { conflictOf, lockCatalog } from "./code.ts";
import { isEventType } from "./match.ts";
import { record } from "./record.ts";
import { insert, Json, update } from "./sql.ts";
import { isPlainObject, jsonIssues, textIssues } from "./text.ts";

export interface EventTypeInput {
  name: string;
  description?: string | null | undefined;
  /** A JSON schema of the payload, for people; not enforced. */
  schema?: unknown;
}

type Columns = { [K in keyof EventType]: EventType[K] | (K extends "schema" ? Json : never) };
const CONFLICTS = { event_type_organization_id_name_key: "there is an event type with this name already" };

function issuesOf({ name, description, schema }: Partial<EventTypeInput>): Issue[] {
  const badSchema = schema !== null && schema !== undefined && !isPlainObject(schema);
  return [
    ...(name === undefined || isEventType(name)
      ? []
      : [{ path: "name", message: "must be 1 to 128 letters, digits, _ . - such as order.created; the first no . or -" }]),
    ...textIssues("description", description, 4000),
    ...(badSchema ? [{ path: "schema", message: "must be an object: a JSON schema" }] : jsonIssues("schema", schema, 65_536)),
  ];
}

/** @throws ValidationError ConflictError ForbiddenError */
export async function createEventType(core: Core, caller: Caller, input: EventTypeInput): Promise<EventType> {
  demand(caller, "webhooks:write");
  const issues = issuesOf(input);
  if (issues.length > 0) throw new ValidationError(issues);
  const { organizationId } = caller;
  return core.db
    .tenantTransaction(caller.organizationId, async (client) => {
      await lockCatalog(client, organizationId);
      const row = (await insert<Columns>(client, "event_type", {
        id: newId(core.clock),
        organizationId,
        name: input.name,
        description: input.description ?? null,
        schema: new Json(input.schema),
      })) as EventType;
      await record(core, client, caller, { action: "eventType.create", subjectType: "EventType", subjectId: row.id, after: row });
      return row;
    })
    .catch((error: unknown) => conflictOf(error, CONFLICTS));
}

/** Its name is what events carry and never changes. @throws ValidationError NotFoundError ForbiddenError */
export async function updateEventType(core: Core, caller: Caller, id: string, input: Omit<EventTypeInput, "name">): Promise<EventType> {
  demand(caller, "webhooks:write");
  const issues = issuesOf(input);
  if (issues.length > 0) throw new ValidationError(issues);
  return core.db.tenantTransaction(caller.organizationId, async (client) => {
    await lockCatalog(client, caller.organizationId);
    const key = { id, organizationId: caller.organizationId };
    const { description, schema } = input;
    const row = (await update<Columns>(client, "event_type", key, {
      id,
      ...(description !== undefined && { description }),
      ...(schema !== undefined && { schema: new Json(schema) }),
    })) as EventType | undefined;
    if (!row) throw new NotFoundError("the event type");
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
       RETURNING id, organization_id AS "organizationId", name, description, schema, created_at AS "createdAt"`,
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
