/**
 * Writes the log as ingest and settling do, with the same locks in the same order, but without sending anything:
 * lane row first, the organization's counter last, numbers and sequences handed out under their locks.
 */
import { newId } from "../../src/clock.ts";
import type { Core } from "../../src/core.ts";
import type { RequestState } from "../../src/requests/row.ts";

export interface LoggedRequest {
  id: string;
  number: number;
  definitionId: string;
  laneId: string;
  eventId: string;
}

export interface NewRequest {
  eventType?: string;
  entity?: string | null;
  entityId?: string | null;
  url?: string | null;
  state?: RequestState;
  errorCode?: string | null;
  createdAt?: Date;
  workflowRuleId?: string | null;
  payload?: string;
  previous?: string | null;
}

const FAILED: readonly string[] = ["REJECTED", "SKIPPED", "CANCELLED"];
const SETTLED: readonly string[] = [...FAILED, "DELIVERED"];

export async function addDefinition(core: Core, organizationId: string, name = "Orders"): Promise<{ id: string; laneId: string }> {
  const [id, laneId] = [newId(), newId()];
  const { definitionNumber } = await core.db.unscoped.organizationCounter.update({
    where: { organizationId },
    data: { definitionNumber: { increment: 1 } },
  });
  await core.db.unscoped.webhookDefinition.create({
    data: { id, organizationId, number: definitionNumber, name, code: `code-${id}`, targetUrl: "https://shop.example/hooks" },
  });
  await core.db.unscoped.lane.create({ data: { id: laneId, organizationId, definitionId: id } });
  return { id, laneId };
}

/** One transaction: an event and a request for it. */
export async function addRequest(
  core: Core,
  organizationId: string,
  definition: { id: string; laneId: string },
  given: NewRequest = {},
): Promise<LoggedRequest> {
  const [id, eventId] = [newId(), newId()];
  const { eventType = "order.created", entity = "order", entityId = "18", url = "https://shop.example/hooks", state = "PENDING" } = given;
  const createdAt = given.createdAt ?? new Date();
  const { number } = await core.db.transaction(async (client) => {
    const lane = await client.query<{ last_number: number }>(
      "UPDATE lane SET last_number = last_number + 1, last_position = last_position + 1 WHERE id = $1 RETURNING last_number",
      [definition.laneId],
    );
    const counter = await client.query<{ request_number: number; feed_sequence: number }>(
      `UPDATE organization_counter SET request_number = request_number + 1, feed_sequence = feed_sequence + 1
        WHERE organization_id = $1 RETURNING request_number, feed_sequence`,
      [organizationId],
    );
    const { request_number, feed_sequence } = counter.rows[0] as { request_number: number; feed_sequence: number };
    await client.query(
      `INSERT INTO event (id, organization_id, type, entity, entity_id, payload, previous, occurred_at, created_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)`,
      [eventId, organizationId, eventType, entity, entityId, given.payload ?? "{}", given.previous ?? null, createdAt],
    );
    await client.query(
      `INSERT INTO webhook_request (id, organization_id, number, definition_id, event_id, workflow_rule_id, lane_id, lane_number, position,
         state, failed, dialect, event_type, entity, entity_id, url, error_code, created_at, updated_at, settled_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9, $10, 'STANDARD', $11, $12, $13, $14, $15, $16, $16, $17)`,
      [
        ...[id, organizationId, request_number, definition.id, eventId, given.workflowRuleId ?? null, definition.laneId],
        ...[lane.rows[0]?.last_number, state, FAILED.includes(state), eventType, entity, entityId, url, given.errorCode ?? null],
        ...[createdAt, SETTLED.includes(state) ? createdAt : null],
      ],
    );
    if (!SETTLED.includes(state)) {
      await client.query("INSERT INTO lane_entry (lane_id, position, request_id) VALUES ($1, $2, $3)", [
        definition.laneId,
        lane.rows[0]?.last_number,
        id,
      ]);
    }
    await client.query(
      `INSERT INTO feed_entry (organization_id, sequence, kind, subject_id, topic_id, state, attempt_count, url)
       VALUES ($1, $2, 'REQUEST', $3, $4, $5, 0, $6)`,
      [organizationId, feed_sequence, id, definition.id, state, url],
    );
    await client.query(core.notify.statement("feed", [organizationId]));
    return { number: request_number };
  });
  return { id, number, definitionId: definition.id, laneId: definition.laneId, eventId };
}

export interface Settled {
  state: RequestState;
  /** Also logs an attempt. */
  attempt?: {
    outcome: "DELIVERED" | "REJECTED" | "TIMED_OUT" | "REFUSED" | "BLOCKED" | "INTERRUPTED";
    statusCode?: number;
    requestBody?: string | null;
    responseBody?: string | null;
  };
  nextAttemptAt?: Date | null;
  errorCode?: string | null;
}

/** One transaction: requests change state, each with an attempt and a feed entry. */
export async function settle(
  core: Core,
  organizationId: string,
  changes: readonly (Settled & { request: LoggedRequest })[],
): Promise<void> {
  await core.db.transaction(async (client) => {
    const lanes = [...new Set(changes.map((c) => c.request.laneId))].sort();
    await client.query("SELECT 1 FROM lane WHERE id = ANY($1::uuid[]) ORDER BY id FOR UPDATE", [lanes]);
    const counter = await client.query<{ sequence: number }>(
      "UPDATE organization_counter SET feed_sequence = feed_sequence + $2 WHERE organization_id = $1 RETURNING feed_sequence - $2 AS sequence",
      [organizationId, changes.length],
    );
    let sequence = counter.rows[0]?.sequence as number;
    for (const { request, state, attempt, nextAttemptAt = null, errorCode = null } of changes) {
      const settledAt = SETTLED.includes(state) ? new Date() : null;
      const { rows } = await client.query<{ attempt_count: number; url: string | null }>(
        `UPDATE webhook_request SET state = $2, failed = $3, attempt_count = attempt_count + $4, next_attempt_at = $5, error_code = $6,
                settled_at = $7, updated_at = now() WHERE id = $1 RETURNING attempt_count, url`,
        [request.id, state, FAILED.includes(state), attempt ? 1 : 0, nextAttemptAt, errorCode, settledAt],
      );
      const { attempt_count, url } = rows[0] as { attempt_count: number; url: string | null };
      if (settledAt) await client.query("DELETE FROM lane_entry WHERE request_id = $1", [request.id]);
      if (attempt) {
        await client.query(
          `INSERT INTO attempt (id, organization_id, request_id, number, outcome, status_code, duration_ms, error_code, request_url,
             request_headers, request_body, response_headers, response_body, started_at)
           VALUES ($1, $2, $3, $4, $5, $6, 7, $7, $8, '{"content-type": "application/json"}', $9, '{"x-test": "yes"}', $10, now())`,
          [
            ...[newId(), organizationId, request.id, attempt_count, attempt.outcome, attempt.statusCode ?? null, errorCode],
            ...[url ?? "https://shop.example/hooks", attempt.requestBody ?? null, attempt.responseBody ?? null],
          ],
        );
      }
      sequence += 1;
      await client.query(
        `INSERT INTO feed_entry (organization_id, sequence, kind, subject_id, topic_id, state, attempt_count, next_attempt_at, settled_at,
           error_code, url) VALUES ($1, $2, 'REQUEST', $3, $4, $5, $6, $7, $8, $9, $10)`,
        [organizationId, sequence, request.id, request.definitionId, state, attempt_count, nextAttemptAt, settledAt, errorCode, url],
      );
    }
    await client.query(core.notify.statement("feed", [organizationId]));
  });
}
