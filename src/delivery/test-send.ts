/** The test button: one attempt at once, outside every lane, through the same guard, renderer and log. */
import { type AuditCaller, audit } from "../accounts/audit.ts";
import { newId } from "../clock.ts";
import type { Core } from "../core.ts";
import { NotFoundError } from "../errors.ts";
import type { TraceContext } from "../observe/tracing.ts";
import type { EventView } from "../wire/dialect.ts";
import { dialects } from "../wire/dialects.ts";
import { endTest, noteTest } from "./lost-tests.ts";
import type { Numbers } from "./numbers.ts";
import type { Plans } from "./plan.ts";
import type { QueuedRequest } from "./queued.ts";
import type { Sender } from "./sender.ts";
import type { Settlement } from "./settlement.ts";
import { settlementOf } from "./settlement-of.ts";
import { isRefused, reduced } from "./storable.ts";
import { writeSettlements } from "./write-settlements.ts";

export interface TestParts {
  plans: Plans;
  sender: Sender;
  numbers: Numbers;
  /** Whose roll-ups are added to. */
  processId: string;
}

export interface TestEvent {
  type: string;
  entity: string | null;
  entityId: string | null;
  /** JSON text. */
  payload: string;
  previous?: string | null;
  changes?: string[];
  scope?: Record<string, unknown> | null;
  actor?: string | null;
  occurredAt?: Date;
  trace?: TraceContext | undefined;
}

/**
 * Sends `test` to a definition, whatever its state and filter, and waits until the attempt is logged.
 * @returns the id of the request
 */
export async function sendTest(
  core: Core,
  parts: TestParts,
  organizationId: string,
  definitionId: string,
  test: TestEvent,
  by?: AuditCaller,
): Promise<string> {
  const now = core.clock.now();
  const version = await core.db.pool.query<{ version: number }>("SELECT version FROM organization_catalog WHERE organization_id = $1", [
    organizationId,
  ]);
  const plan = await parts.plans.get(definitionId, version.rows[0]?.version ?? 0);
  if (!plan || plan.definition.organizationId !== organizationId) throw new NotFoundError("the webhook definition");
  const event: EventView = {
    id: newId(core.clock),
    organizationId,
    ...test,
    previous: test.previous ?? null,
    changes: test.changes ?? [],
    scope: test.scope ?? null,
    actor: test.actor ?? null,
    trace: test.trace ?? null,
    occurredAt: test.occurredAt ?? now,
    acceptedAt: now,
  };
  const request: QueuedRequest = {
    id: newId(core.clock),
    organizationId,
    definitionId,
    dialect: plan.definition.dialect,
    number: 0,
    laneId: "",
    laneNumber: 0,
    position: 0,
    attemptCount: 0,
    tries: 0,
    manual: true,
    isTest: true,
    dueAt: null,
    createdAt: now,
    sentBody: null,
    event,
  };
  while (request.number === 0) {
    await parts.numbers.reserve(new Map([[organizationId, 1]]));
    request.number = parts.numbers.take(organizationId, 1) ?? 0;
  }
  await core.db.transaction(async (client) => {
    await client.query(
      `INSERT INTO event (id, organization_id, type, entity, entity_id, payload, previous, changes, scope, actor, occurred_at, created_at, traceparent, tracestate,
         application_id)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14,
         (SELECT application_id FROM webhook_definition WHERE id = $15 AND organization_id = $2))`,
      [
        event.id,
        organizationId,
        event.type,
        event.entity,
        event.entityId,
        event.payload,
        event.previous,
        event.changes,
        event.scope,
        event.actor,
        event.occurredAt,
        now,
        event.trace?.traceparent ?? null,
        event.trace?.tracestate ?? null,
        definitionId,
      ],
    );
    await client.query(
      `INSERT INTO webhook_request (id, organization_id, number, definition_id, event_id, state, dialect, event_type, entity, entity_id, url, fields_set,
         is_test, manual, sending_at, created_at, updated_at)
       VALUES ($1, $2, $3, $4, $5, 'SENDING', $6, $7, $8, $9, $10, $11, true, true, now(), $12, $12)`,
      [
        request.id,
        organizationId,
        request.number,
        definitionId,
        event.id,
        request.dialect,
        event.type,
        event.entity,
        event.entityId,
        dialects[request.dialect].target(event, plan.definition),
        plan.definition.fieldsSet,
        now,
      ],
    );
    await noteTest(client, organizationId, request.id, plan.definition.policy.timeoutMs);
    const subject = { type: "WebhookDefinition", id: definitionId };
    if (by) await audit(core, by, "webhookDefinition.test", subject, undefined, { requestId: request.id, eventType: event.type }, client);
  });
  const attempted = await parts.sender.attempt(request, plan);
  const settlement = settlementOf(request, attempted, plan, true, { clock: core.clock, retryScale: core.config.retryScale });
  const write = (what: Settlement) =>
    core.db.transaction(async (client) => {
      // It took so long that it was held for lost: what the log says of it stands.
      if (!(await endTest(client, organizationId, request.id))) return;
      await writeSettlements(client, [what], parts.processId);
      await client.query(core.notify.statement("feed", [organizationId]));
    });
  await write(settlement).catch((error: unknown) => {
    if (!isRefused(error)) throw error;
    core.log.error(
      { err: error, code: error.code, requestId: request.id },
      "a test cannot be written in full: it is settled without its texts",
    );
    return write(reduced(settlement, error.code));
  });
  return request.id;
}
