/** Trying a definition out: one event, sent at once outside its lane, and logged as a test. */
import { type Caller, demand } from "../accounts/caller.ts";
import type { Core } from "../core.ts";
import { sendTest, type TestParts } from "../delivery/test-send.ts";
import { type Issue, NotFoundError, ValidationError } from "../errors.ts";
import { isEventType } from "./match.ts";
import { changesIssues, scopeIssues, textIssues } from "./text.ts";

export interface TestEventInput {
  type: string;
  entity?: string | null | undefined;
  entityId?: string | null | undefined;
  /** Any JSON value; {} when absent. */
  payload?: unknown;
  previous?: unknown;
  changes?: readonly string[] | null | undefined;
  scope?: unknown;
  actor?: string | null | undefined;
  occurredAt?: Date | null | undefined;
}

const MAX_PAYLOAD_BYTES = 1024 * 1024;
const DEFAULT: TestEventInput = { type: "test", entity: "test" };

function jsonText(path: string, value: unknown, issues: Issue[]): string {
  const text = JSON.stringify(value);
  if (Buffer.byteLength(text) > MAX_PAYLOAD_BYTES) issues.push({ path, message: "must be at most 1 MiB of JSON" });
  return text;
}

/** A payload that nobody gave is the first example of the event's type; a whole event, that of a type which the definition takes. */
async function withExample(core: Core, organizationId: string, definitionId: string, given?: TestEventInput): Promise<TestEventInput> {
  if (given && given.payload !== undefined) return given;
  const { rows } = await core.db.pool.query<{ name: string; example: unknown }>(
    `SELECT t.name, t.examples -> 0 AS example FROM event_type t
       JOIN webhook_definition d ON d.organization_id = t.organization_id AND d.id = $2
      WHERE t.organization_id = $1 AND json_array_length(t.examples) > 0
        AND CASE WHEN $3::text IS NOT NULL THEN t.name = $3
          ELSE EXISTS (SELECT 1 FROM unnest(d.event_types) p WHERE p = '*' OR p = t.name OR (p LIKE '%.*' AND starts_with(t.name, left(p, -1)))) END
      ORDER BY t.deprecated, t.name LIMIT 1`,
    [organizationId, definitionId, given?.type ?? null],
  );
  const [found] = rows;
  if (!found) return given ?? DEFAULT;
  return { ...(given ?? { type: found.name }), payload: found.example };
}

/**
 * Whatever its state and filter; waits until the attempt is logged.
 * @returns the id of the request
 * @throws ValidationError (paths `event.…`) NotFoundError ForbiddenError
 */
export async function testDefinition(
  core: Core,
  parts: TestParts,
  caller: Caller,
  definitionId: string,
  given?: TestEventInput,
): Promise<string> {
  demand(caller, "webhooks:write");
  const where = { id: definitionId, organizationId: caller.organizationId, deletedAt: null };
  if (!(await core.db.prisma.webhookDefinition.findFirst({ where, select: { id: true } })))
    throw new NotFoundError("the webhook definition");
  const event = await withExample(core, caller.organizationId, definitionId, given);
  const { type, entity = null, entityId = null, payload, previous, changes, scope, actor = null, occurredAt } = event;
  const issues: Issue[] = [
    ...(isEventType(type) ? [] : [{ path: "event.type", message: "must be an event type such as order.created" }]),
    ...textIssues("event.entity", entity, 255),
    ...textIssues("event.entityId", entityId, 255),
    ...textIssues("event.actor", actor, 255),
    ...scopeIssues("event.scope", scope),
    ...changesIssues("event.changes", changes),
  ];
  const body = jsonText("event.payload", payload ?? {}, issues);
  const before = previous === null || previous === undefined ? null : jsonText("event.previous", previous, issues);
  if (issues.length > 0) throw new ValidationError(issues);
  return sendTest(
    core,
    parts,
    caller.organizationId,
    definitionId,
    {
      ...{ type, entity, entityId, actor },
      payload: body,
      previous: before,
      changes: [...(changes ?? [])],
      scope: (scope ?? null) as Record<string, unknown> | null,
      ...(occurredAt && { occurredAt }),
      trace: caller.trace,
    },
    caller,
  );
}
