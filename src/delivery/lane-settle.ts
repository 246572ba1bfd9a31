/**
 * One transaction for what many lanes did and what they will do next: attempts logged, requests settled, the next ones
 * marked SENDING, counters, feed. Fenced: a step whose token is no longer the lane's changes nothing.
 */
import type { Database, PoolClient } from "../db/client.ts";
import type { AttemptOutcome, ErrorCode, NotificationStatus } from "../wire/dialect.ts";
import { afterCallbacks } from "./lane-callback.ts";
import { takeSequences } from "./lane-enqueue.ts";
import { type StopHook, stopDefinitions } from "./lane-stop.ts";
import type { QueuedRequest } from "./queued.ts";

/** One call made, as the log keeps it. */
export interface AttemptRow {
  id: string;
  number: number;
  outcome: AttemptOutcome;
  manual: boolean;
  statusCode: number | null;
  durationMs: number;
  errorCode: ErrorCode | null;
  errorDescription: string | null;
  warning: string | null;
  requestUrl: string;
  /** Secrets masked. */
  requestHeaders: Record<string, string> | null;
  /** Null: as attempt 1's. */
  requestBody: string | null;
  responseHeaders: Record<string, string | string[]> | null;
  responseBody: string | null;
  responseTruncated: boolean;
  startedAt: Date;
}

/** What becomes of a request after an attempt. */
export interface Settlement {
  request: QueuedRequest;
  /** Null when nothing was called (a transformation said: do not send). */
  attempt: AttemptRow | null;
  state: "DELIVERED" | "REJECTED" | "SKIPPED" | "WAITING" | "PENDING";
  /** Failed tries of the present schedule, from now on. */
  tries: number;
  /** WAITING: milliseconds until the next attempt. */
  waitMs: number | null;
  /** To the back of the queue (REQUEUE). */
  requeue: boolean;
  /** Rejected, and stays at the head of its lane (BLOCK). */
  blocks: boolean;
  url: string | null;
  authenticationCode: string | null;
  fieldsSet: readonly string[];
  notificationStatus: NotificationStatus | null;
  notificationMessage: string | null;
  /** Of a failed attempt, for DefinitionCounter.lastError. */
  lastError: string | null;
}

export interface LaneStep {
  laneId: string;
  definitionId: string;
  token: string;
  /** The lane's revision when `marks` were chosen: when it moved, an operator changed the queue, and none is marked. */
  revision: number;
  settlements: Settlement[];
  /** To be sent next: SENDING from now on. */
  marks: string[];
  /** Marked, but not sent after all. */
  unmarks: string[];
  /** WAIT: let the lane go until its head (a free lane: the first of its requests) is due. */
  release: { kind: "WAIT"; reason: string | null } | { kind: "BLOCK"; requestId: string; reason: string } | null;
  /** Ordered NONE. */
  free: boolean;
  /** Failed attempts in a row that stop the definition; null: never. */
  stopAt: number | null;
  /** Its receiver said 410, and the dialect takes that for good. */
  gone: { state: "STOPPED" | "TOO_MANY_ERRORS"; requestId: string } | null;
}

export interface StepResult {
  /** False: the lease was lost, nothing of this step was written. */
  valid: boolean;
  revision: number;
  lastNumber: number;
  /** Version of the organization's catalogue: a definition's settings as of it are known. */
  catalogVersion: number;
  /** Paused, stopped or blocked by an operator: stop sending. */
  held: boolean;
  marked: Set<string>;
  /** Failed attempts of the definition in a row, after this step; null when it made none. */
  consecutiveErrors: number | null;
}

const MINE = `
  WITH given AS (SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::int[], $4::int8[]) AS u(id, token, requeues, settled)),
  mine AS (
    SELECT l.id FROM lane l JOIN given u ON u.id = l.id AND u.token = l.lease_token ORDER BY l.definition_id, l.key FOR UPDATE OF l
  )
  UPDATE lane l SET leased_until = now() + $5 * interval '1 ms', last_position = l.last_position + u.requeues,
    settled_number = GREATEST(l.settled_number, LEAST(u.settled, l.last_number))
  FROM mine, given u WHERE l.id = mine.id AND u.id = l.id
  RETURNING l.id, l.revision, l.last_number, l.last_position - u.requeues AS back,
    (l.paused_at IS NOT NULL OR l.stopped_at IS NOT NULL OR l.blocked_request_id IS NOT NULL) AS held,
    (SELECT c.version FROM organization_catalog c WHERE c.organization_id = l.organization_id) AS catalog_version`;

const SETTLE = `
  WITH s AS (
    SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::int8[], $4::webhook_request_state[], $5::int[], $6::int[], $7::float8[], $8::int8[],
      $9::bool[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::notification_status[], $16::text[])
    AS s(id, lane_id, position, state, attempt_count, tries, wait_ms, requeue_at, keeps, url, authentication_code, fields_set,
      error_code, error_description, notification_status, notification_message)
  ), requests AS (
    UPDATE webhook_request r SET state = s.state, attempt_count = s.attempt_count, tries = s.tries, manual = false, sending_at = NULL,
      next_attempt_at = now() + s.wait_ms * interval '1 ms', position = COALESCE(s.requeue_at, r.position),
      failed = s.state IN ('REJECTED', 'SKIPPED'), url = COALESCE(s.url, r.url), authentication_code = s.authentication_code,
      fields_set = s.fields_set::text[], error_code = s.error_code, error_description = s.error_description,
      notification_status = CASE WHEN r.notification_status IN ('COMPLETED', 'FAILED') THEN r.notification_status
        ELSE COALESCE(s.notification_status, r.notification_status) END,
      notification_message = COALESCE(s.notification_message, r.notification_message), updated_at = now(),
      settled_at = CASE WHEN s.state IN ('DELIVERED', 'REJECTED', 'SKIPPED') THEN now() END
    FROM s WHERE r.id = s.id
    RETURNING r.id
  ), gone AS (
    DELETE FROM lane_entry e USING s WHERE e.lane_id = s.lane_id AND e.position = s.position
      AND s.state IN ('DELIVERED', 'REJECTED', 'SKIPPED') AND NOT s.keeps
  ), later AS (
    UPDATE lane_entry e SET due_at = now() + s.wait_ms * interval '1 ms', position = COALESCE(s.requeue_at, e.position)
    FROM s WHERE e.lane_id = s.lane_id AND e.position = s.position AND (s.state NOT IN ('DELIVERED', 'REJECTED', 'SKIPPED') OR s.keeps)
  )
  SELECT count(*) FROM requests`;

const LOG = `
  INSERT INTO attempt (id, organization_id, request_id, number, outcome, manual, status_code, duration_ms, error_code, error_description, warning,
    request_url, request_headers, request_body, response_headers, response_body, response_truncated, started_at)
  SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::int[], $5::attempt_outcome[], $6::bool[], $7::int[], $8::int[], $9::text[], $10::text[],
    $11::text[], $12::text[], $13::jsonb[], $14::text[], $15::jsonb[], $16::text[], $17::bool[], $18::timestamptz[])`;

/** Idempotent: what is SENDING in a lane that is ours was marked by us. What an operator cancelled meanwhile is not marked. */
const MARK = `
  UPDATE webhook_request SET state = 'SENDING', sending_at = now()
  WHERE id = ANY($1::uuid[]) AND state IN ('PENDING', 'WAITING', 'SENDING') RETURNING id`;

const UNMARK = `UPDATE webhook_request SET state = 'PENDING', sending_at = NULL WHERE id = ANY($1::uuid[]) AND state = 'SENDING'`;

const COUNT = `
  WITH locked AS (SELECT definition_id FROM definition_counter WHERE definition_id = ANY($1::uuid[]) ORDER BY definition_id FOR UPDATE)
  UPDATE definition_counter c SET consecutive_errors = CASE WHEN u.success THEN u.fails ELSE c.consecutive_errors + u.fails END,
    total_calls = c.total_calls + u.calls, total_errors = c.total_errors + u.errors, last_error = COALESCE(u.last_error, c.last_error),
    last_attempt_at = now()
  FROM locked, unnest($1::uuid[], $2::bool[], $3::int[], $4::int[], $5::int[], $6::text[]) AS u(id, success, fails, calls, errors, last_error)
  WHERE c.definition_id = locked.definition_id AND u.id = c.definition_id
  RETURNING c.definition_id, c.consecutive_errors`;

const FEED = `
  INSERT INTO feed_entry (organization_id, sequence, kind, subject_id, topic_id, state, attempt_count, next_attempt_at, settled_at,
    error_code, error_description, url, notification_status)
  SELECT f.organization_id, f.sequence, 'REQUEST', f.id, f.definition_id, f.state, f.attempt_count, now() + f.wait_ms * interval '1 ms',
    CASE WHEN f.state IN ('DELIVERED', 'REJECTED', 'SKIPPED') THEN now() END, f.error_code, f.error_description, f.url, f.notification_status
  FROM unnest($1::uuid[], $2::int8[], $3::uuid[], $4::uuid[], $5::webhook_request_state[], $6::int[], $7::float8[], $8::text[], $9::text[],
    $10::text[], $11::notification_status[])
  AS f(organization_id, sequence, id, definition_id, state, attempt_count, wait_ms, error_code, error_description, url, notification_status)`;

/** retry_at is what the queue itself says: the head's due time, or for a free lane the first due time of all. */
const RELEASE = `
  UPDATE lane l SET lease_token = NULL, leased_until = NULL, blocked_request_id = u.blocked, blocked_reason = u.reason,
    retry_at = CASE WHEN u.blocked IS NULL THEN
      CASE WHEN u.free THEN (SELECT min(COALESCE(e.due_at, '-infinity')) FROM lane_entry e WHERE e.lane_id = l.id)
      ELSE (SELECT e.due_at FROM lane_entry e WHERE e.lane_id = l.id ORDER BY e.position LIMIT 1) END END
  FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::bool[]) AS u(id, blocked, reason, free) WHERE l.id = u.id`;

const SETTLED = new Set(["DELIVERED", "REJECTED", "SKIPPED"]);
const array = (items: readonly string[]) => `{${items.map((item) => `"${item.replace(/[\\"]/g, "\\$&")}"`).join(",")}}`;
const json = (value: unknown) => (value === null ? null : JSON.stringify(value));

async function settle(client: PoolClient, settlements: readonly Settlement[], requeueAt: (s: Settlement) => number | null): Promise<void> {
  const column = <T>(of: (s: Settlement) => T) => settlements.map(of);
  await client.query({
    name: "settle-requests",
    text: SETTLE,
    values: [
      column((s) => s.request.id),
      column((s) => s.request.laneId || null),
      column((s) => s.request.position),
      column((s) => s.state),
      column((s) => s.attempt?.number ?? s.request.attemptCount),
      column((s) => s.tries),
      column((s) => s.waitMs),
      column(requeueAt),
      column((s) => s.blocks),
      column((s) => s.url),
      column((s) => s.authenticationCode),
      column((s) => array(s.fieldsSet)),
      column((s) => (s.state === "DELIVERED" ? null : (s.attempt?.errorCode ?? null))),
      column((s) => (s.state === "DELIVERED" ? null : (s.attempt?.errorDescription ?? null))),
      column((s) => s.notificationStatus),
      column((s) => s.notificationMessage),
    ],
  });
}

async function logAttempts(client: PoolClient, settlements: readonly Settlement[]): Promise<void> {
  const made = settlements.flatMap((s) => (s.attempt ? [{ a: s.attempt, r: s.request }] : []));
  if (made.length === 0) return;
  const column = <T>(of: (m: { a: AttemptRow; r: QueuedRequest }) => T) => made.map(of);
  await client.query({
    name: "log-attempts",
    text: LOG,
    values: [
      column(({ a }) => a.id),
      column(({ r }) => r.organizationId),
      column(({ r }) => r.id),
      column(({ a }) => a.number),
      column(({ a }) => a.outcome),
      column(({ a }) => a.manual),
      column(({ a }) => a.statusCode),
      column(({ a }) => a.durationMs),
      column(({ a }) => a.errorCode),
      column(({ a }) => a.errorDescription),
      column(({ a }) => a.warning),
      column(({ a }) => a.requestUrl),
      column(({ a }) => json(a.requestHeaders)),
      column(({ a }) => a.requestBody),
      column(({ a }) => json(a.responseHeaders)),
      column(({ a }) => a.responseBody),
      column(({ a }) => a.responseTruncated),
      column(({ a }) => a.startedAt),
    ],
  });
}

/** @returns failed attempts in a row per definition, now */
async function count(client: PoolClient, settlements: readonly Settlement[]): Promise<Map<string, number>> {
  const tallies = new Map<string, { success: boolean; trailing: number; calls: number; errors: number; lastError: string | null }>();
  for (const { request, attempt, lastError } of settlements) {
    if (!attempt || request.isTest) continue;
    const tally = tallies.get(request.definitionId) ?? { success: false, trailing: 0, calls: 0, errors: 0, lastError: null };
    tally.calls += 1;
    if (attempt.outcome === "DELIVERED") {
      tally.success = true;
      tally.trailing = 0;
    } else {
      tally.errors += 1;
      tally.trailing += 1;
      tally.lastError = lastError;
    }
    tallies.set(request.definitionId, tally);
  }
  if (tallies.size === 0) return new Map();
  const rows = [...tallies].sort(([a], [b]) => (a < b ? -1 : 1));
  const result = await client.query<{ definition_id: string; consecutive_errors: number }>({
    name: "count-attempts",
    text: COUNT,
    values: [
      rows.map(([id]) => id),
      rows.map(([, t]) => t.success),
      rows.map(([, t]) => t.trailing),
      rows.map(([, t]) => t.calls),
      rows.map(([, t]) => t.errors),
      rows.map(([, t]) => t.lastError),
    ],
  });
  return new Map(result.rows.map((row) => [row.definition_id, row.consecutive_errors]));
}

async function publish(client: PoolClient, settlements: readonly Settlement[]): Promise<void> {
  const needs = new Map<string, { requests: number; entries: number }>();
  for (const { request } of settlements) {
    const need = needs.get(request.organizationId) ?? { requests: 0, entries: 0 };
    need.entries += 1;
    needs.set(request.organizationId, need);
  }
  const sequences = await takeSequences(client, needs);
  const column = <T>(of: (s: Settlement) => T) => settlements.map(of);
  await client.query({
    name: "publish-settlements",
    text: FEED,
    values: [
      column((s) => s.request.organizationId),
      column((s) => ++(sequences.get(s.request.organizationId) as { sequence: number }).sequence),
      column((s) => s.request.id),
      column((s) => s.request.definitionId),
      column((s) => s.state),
      column((s) => s.attempt?.number ?? s.request.attemptCount),
      column((s) => s.waitMs),
      column((s) => (s.state === "DELIVERED" ? null : (s.attempt?.errorCode ?? null))),
      column((s) => (s.state === "DELIVERED" ? null : (s.attempt?.errorDescription ?? null))),
      column((s) => s.url),
      column((s) => s.notificationStatus),
    ],
  });
}

/** Writes settlements and what follows from them; for steps of lanes, and for tests outside every lane. */
export async function writeSettlements(
  client: PoolClient,
  given: readonly Settlement[],
  requeueAt: (s: Settlement) => number | null = () => null,
  counted: (errors: Map<string, number>) => Promise<void> = async () => undefined,
): Promise<void> {
  const settlements = await afterCallbacks(client, given);
  await settle(client, settlements, requeueAt);
  await logAttempts(client, settlements);
  await counted(await count(client, settlements));
  // Last: this takes the organizations' counter locks, and every writer waits for those.
  await publish(client, settlements);
}

/**
 * A COMMIT whose answer was lost may have happened. The attempts tell: they stand in the log, or nothing does.
 * @returns the ids of those attempts that are in the log already
 */
export async function loggedAttempts(db: Pick<Database, "pool">, steps: readonly LaneStep[]): Promise<Set<string>> {
  const ids = steps.flatMap((step) => step.settlements.flatMap((s) => (s.attempt ? [s.attempt.id] : [])));
  const { rows } = await db.pool.query<{ id: string }>("SELECT id FROM attempt WHERE id = ANY($1::uuid[])", [ids]);
  return new Set(rows.map((row) => row.id));
}

interface MineRow {
  id: string;
  revision: number;
  last_number: number;
  back: number;
  held: boolean;
  catalog_version: number;
}

/** @param leaseMs the leases of these lanes last so long from now */
export function commitSteps(db: Database, steps: readonly LaneStep[], onStop: StopHook, leaseMs: number): Promise<StepResult[]> {
  return db.transaction(async (client) => {
    const highest = (step: LaneStep) =>
      Math.max(0, ...step.settlements.filter((s) => SETTLED.has(s.state)).map((s) => s.request.laneNumber));
    const { rows } = await client.query<MineRow>({
      name: "lanes-of-mine",
      text: MINE,
      values: [
        steps.map((s) => s.laneId),
        steps.map((s) => s.token),
        steps.map((s) => s.settlements.filter((x) => x.requeue).length),
        steps.map((s) => (s.free ? 0 : highest(s))),
        leaseMs,
      ],
    });
    const mine = new Map(rows.map((row) => [row.id, row]));
    const valid = steps.filter((step) => mine.has(step.laneId));
    const settlements = valid.flatMap((step) => step.settlements);
    const backs = new Map(rows.map((row) => [row.id, row.back]));
    let errors = new Map<string, number>();
    let stopped = new Set<string>();
    const requeueAt = (s: Settlement) => {
      if (!s.requeue) return null;
      const position = (backs.get(s.request.laneId) as number) + 1;
      backs.set(s.request.laneId, position);
      return position;
    };
    if (settlements.length > 0) {
      await writeSettlements(client, settlements, requeueAt, async (counted) => {
        errors = counted;
        stopped = await stopDefinitions(client, valid, counted, onStop);
      });
    }
    const unmarks = valid.flatMap((step) => step.unmarks);
    if (unmarks.length > 0) await client.query({ name: "unmark", text: UNMARK, values: [unmarks] });
    const markable = valid.filter(
      (step) => mine.get(step.laneId)?.revision === step.revision && !mine.get(step.laneId)?.held && !stopped.has(step.definitionId),
    );
    const marks = markable.flatMap((step) => step.marks);
    const marked = new Set<string>();
    if (marks.length > 0) {
      const result = await client.query<{ id: string }>({ name: "mark", text: MARK, values: [marks] });
      for (const row of result.rows) marked.add(row.id);
    }
    const released = valid.filter((step) => step.release !== null);
    if (released.length > 0) {
      await client.query({
        name: "let-lanes-go",
        text: RELEASE,
        values: [
          released.map((s) => s.laneId),
          released.map((s) => (s.release?.kind === "BLOCK" ? s.release.requestId : null)),
          released.map((s) => s.release?.reason ?? null),
          released.map((s) => s.free),
        ],
      });
    }
    return steps.map((step) => {
      const row = mine.get(step.laneId);
      return {
        valid: row !== undefined,
        revision: row?.revision ?? 0,
        lastNumber: row?.last_number ?? 0,
        catalogVersion: row?.catalog_version ?? 0,
        held: (row?.held ?? true) || stopped.has(step.definitionId),
        marked: new Set(step.marks.filter((id) => marked.has(id))),
        consecutiveErrors: step.settlements.length > 0 ? (errors.get(step.definitionId) ?? null) : null,
      };
    });
  });
}
