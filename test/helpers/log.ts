/**
 * Writes the log as ingest and settling do, but without sending anything: the lane's row first, the feed's row last,
 * numbers handed out under a lock.
 */
import { expect } from "vitest";
import { newId } from "../../src/clock.ts";
import type { Core } from "../../src/core.ts";
import type { PoolClient } from "../../src/db/client.ts";
import { publish } from "../../src/delivery/publish.ts";
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
  /** Its ids are of that moment too: its partition must be there (`addPast`). */
  createdAt?: Date;
  workflowRuleId?: string | null;
  payload?: string;
  previous?: string | null;
}

const FAILED: readonly string[] = ["REJECTED", "SKIPPED", "CANCELLED"];
const SETTLED: readonly string[] = [...FAILED, "DELIVERED"];

export async function addDefinition(core: Core, organizationId: string, name = "Orders"): Promise<{ id: string; laneId: string }> {
  const id = newId();
  const { definitionNumber } = await core.db.unscoped.organizationCounter.update({
    where: { organizationId },
    data: { definitionNumber: { increment: 1 } },
  });
  await core.db.unscoped.webhookDefinition.create({
    data: { id, organizationId, number: definitionNumber, name, code: `code-${id}`, targetUrl: "https://shop.example/hooks" },
  });
  const { rows } = await core.db.pool.query<{ id: string }>(
    "INSERT INTO lane (id, organization_id, definition_id) VALUES (lane_id($2, 0, ''), $1, $2) RETURNING id",
    [organizationId, id],
  );
  return { id, laneId: rows[0]?.id as string };
}

/** Partitions of a day each for the last days, as if the installation had run since then. */
export async function addPast(core: Core, days: number): Promise<void> {
  const statement = `DO $$
     DECLARE kind TEXT; child TEXT; high TIMESTAMPTZ; low TIMESTAMPTZ;
     BEGIN
       FOREACH kind IN ARRAY ARRAY['event', 'webhook_request', 'attempt', 'feed_entry'] LOOP
         SELECT min(since) INTO high FROM hot_partition WHERE parent = kind;
         WHILE high > now() - interval '${days} days' LOOP
           low := date_trunc('day', high - interval '1 millisecond', 'UTC');
           child := kind || to_char(low AT TIME ZONE 'UTC', '_YYYYMMDD_past');
           EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)', child, kind,
             CASE kind WHEN 'feed_entry' THEN low::text ELSE lowest_id(low)::text END,
             CASE kind WHEN 'feed_entry' THEN high::text ELSE lowest_id(high)::text END);
           PERFORM guard_partition(kind::regclass, child::regclass);
           high := low;
         END LOOP;
       END LOOP;
     END $$`;
  await core.db.asOwner((client) => client.query(statement));
}

/** A UUIDv7 of that moment. */
export function idAt(moment: Date): string {
  const time = moment.getTime().toString(16).padStart(12, "0");
  return `${time.slice(0, 8)}-${time.slice(8)}${newId().slice(13)}`;
}

async function takeNumber(client: PoolClient, organizationId: string, requestId: string): Promise<number> {
  const { rows } = await client.query<{ number: number }>(
    "UPDATE organization_counter SET request_number = request_number + 1 WHERE organization_id = $1 RETURNING request_number AS number",
    [organizationId],
  );
  const number = rows[0]?.number as number;
  await client.query("INSERT INTO number_block (organization_id, from_number, to_number, first_id, last_id) VALUES ($1, $2, $2, $3, $3)", [
    organizationId,
    number,
    requestId,
  ]);
  return number;
}

/** One transaction: an event and a request for it. */
export async function addRequest(
  core: Core,
  organizationId: string,
  definition: { id: string; laneId: string },
  given: NewRequest = {},
): Promise<LoggedRequest> {
  const [eventId, id] = given.createdAt ? [idAt(given.createdAt), idAt(given.createdAt)] : [newId(), newId()];
  const { eventType = "order.created", entity = "order", entityId = "18", url = "https://shop.example/hooks", state = "PENDING" } = given;
  const createdAt = given.createdAt ?? new Date();
  const number = await core.db.transaction(async (client) => {
    const lane = await client.query<{ last_number: number }>(
      "UPDATE lane SET last_number = last_number + 1, last_position = last_position + 1 WHERE organization_id = $1 AND id = $2 RETURNING last_number",
      [organizationId, definition.laneId],
    );
    const taken = await takeNumber(client, organizationId, id);
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
        ...[id, organizationId, taken, definition.id, eventId, given.workflowRuleId ?? null, definition.laneId],
        ...[lane.rows[0]?.last_number, state, FAILED.includes(state), eventType, entity, entityId, url, given.errorCode ?? null],
        ...[createdAt, SETTLED.includes(state) ? createdAt : null],
      ],
    );
    if (!SETTLED.includes(state)) {
      await client.query("INSERT INTO lane_entry (organization_id, lane_id, position, request_id) VALUES ($1, $2, $3, $4)", [
        ...[organizationId, definition.laneId, lane.rows[0]?.last_number, id],
      ]);
    }
    await tell(client, organizationId, [{ id, definitionId: definition.id, state, attemptCount: 0, url, errorCode: null, waitMs: null }]);
    await client.query(core.notify.statement("feed", [organizationId]));
    return taken;
  });
  return { id, number, definitionId: definition.id, laneId: definition.laneId, eventId };
}

interface Told {
  id: string;
  definitionId: string;
  state: RequestState;
  attemptCount: number;
  waitMs: number | null;
  errorCode: string | null;
  url: string | null;
}

async function tell(client: PoolClient, organizationId: string, told: readonly Told[]): Promise<void> {
  const changes = told.map(({ id, ...change }) => {
    return { kind: "REQUEST" as const, requestId: id, ...change, errorDescription: null, notificationStatus: null };
  });
  await publish(client, new Map([[organizationId, changes]]));
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

/** One transaction: requests change state, each with an attempt and a word on the feed. */
export async function settle(
  core: Core,
  organizationId: string,
  changes: readonly (Settled & { request: LoggedRequest })[],
): Promise<void> {
  await core.db.transaction(async (client) => {
    const lanes = [...new Set(changes.map((c) => c.request.laneId))].sort();
    await client.query("SELECT 1 FROM lane WHERE organization_id = $2 AND id = ANY($1::uuid[]) ORDER BY id FOR UPDATE", [
      lanes,
      organizationId,
    ]);
    const told: Told[] = [];
    for (const { request, state, attempt, nextAttemptAt = null, errorCode = null } of changes) {
      const settledAt = SETTLED.includes(state) ? new Date() : null;
      const { rows } = await client.query<{ attempt_count: number; url: string | null }>(
        `UPDATE webhook_request SET state = $2, failed = $3, attempt_count = attempt_count + $4, next_attempt_at = $5, error_code = $6,
                settled_at = $7, updated_at = now() WHERE organization_id = $8 AND id = $1 RETURNING attempt_count, url`,
        [request.id, state, FAILED.includes(state), attempt ? 1 : 0, nextAttemptAt, errorCode, settledAt, organizationId],
      );
      const { attempt_count, url } = rows[0] as { attempt_count: number; url: string | null };
      if (settledAt) {
        await client.query("DELETE FROM lane_entry WHERE organization_id = $1 AND lane_id = $2 AND request_id = $3", [
          ...[organizationId, request.laneId, request.id],
        ]);
      }
      if (attempt) {
        await client.query(
          `INSERT INTO attempt (organization_id, request_id, number, outcome, status_code, duration_ms, error_code, request_url,
             request_headers, request_body, response_headers, response_body, started_at)
           VALUES ($1, $2, $3, $4, $5, 7, $6, $7, '{"content-type": "application/json"}', $8, '{"x-test": "yes"}', $9, now())`,
          [
            ...[organizationId, request.id, attempt_count, attempt.outcome, attempt.statusCode ?? null, errorCode],
            ...[url ?? "https://shop.example/hooks", attempt.requestBody ?? null, attempt.responseBody ?? null],
          ],
        );
      }
      const waitMs = nextAttemptAt === null ? null : Math.max(0, nextAttemptAt.getTime() - Date.now());
      told.push({ id: request.id, definitionId: request.definitionId, state, attemptCount: attempt_count, waitMs, errorCode, url });
    }
    await tell(client, organizationId, told);
    await client.query(core.notify.statement("feed", [organizationId]));
  });
}

/** The same core, whose chores tell of each statement of the owner's before it is run. */
export function tellingOfOwners(core: Core, told: (statement: string) => Promise<void>): Core {
  const asOwner: Core["db"]["asOwner"] = (work) =>
    core.db.asOwner((client) => {
      const query = async (statement: string) => {
        await told(statement);
        return client.query(statement);
      };
      return work({ query } as unknown as PoolClient);
    });
  return { ...core, db: Object.assign(Object.create(core.db), { asOwner }) };
}

/** The detach of a request partition, ended half way: a reader keeps it from its second half until it times out. */
export async function cutDetachShort(core: Core, partition: string): Promise<void> {
  const reader = await core.db.pool.connect();
  try {
    await reader.query("SET idle_in_transaction_session_timeout = 0");
    await reader.query("BEGIN ISOLATION LEVEL REPEATABLE READ");
    await reader.query("SELECT count(*) FROM webhook_request");
    const cutShort = core.db.asOwner(async (chore) => {
      await chore.query("SET statement_timeout = 500");
      await chore.query(`ALTER TABLE webhook_request DETACH PARTITION "${partition}" CONCURRENTLY`);
    });
    await expect(cutShort).rejects.toThrow(/timeout/);
  } finally {
    await reader.query("ROLLBACK");
    reader.release(true);
  }
}
