/** Lanes as operators see them: state, head, how many wait behind it, why and until when. */
import type { Core } from "../core.ts";
import { type LaneState, laneState } from "../delivery/lane-state.ts";
import { type Conditions, conditions } from "./filter.ts";
import { type PageOf, type Slice, sliceOf } from "./page.ts";

export interface LaneRow {
  /** UUID. */
  id: string;
  organizationId: string;
  definitionId: string;
  /** Null unless the definition is ordered by KEY. */
  key: string | null;
  state: LaneState;
  /** The first in its queue: the one it waits for, or is blocked by. */
  headId: string | null;
  /** Unsettled requests behind the head. */
  pendingCount: number;
  /** Why it does not go on: an error code, PAUSED, or the definition's state. */
  reason: string | null;
  /** WAITING: when it goes on. */
  until: Date | null;
  /** BLOCKED, PAUSED: since when. */
  since: Date | null;
  lastNumber: number;
  settledNumber: number;
}

export interface LaneFilter {
  /** UUID. */
  webhookDefinitionId?: string | undefined;
  state?: readonly LaneState[] | undefined;
}

interface Found {
  id: string;
  organizationId: string;
  definitionId: string;
  key: string;
  lastNumber: number;
  settledNumber: number;
  leasedUntil: Date | null;
  retryAt: Date | null;
  blockedReason: string | null;
  blockedRequestId: string | null;
  pausedAt: Date | null;
  stoppedAt: Date | null;
  definitionState: string;
  queued: number;
  headId: string | null;
  headError: string | null;
  headNextAttemptAt: Date | null;
  headSettledAt: Date | null;
}

/** Counting a long queue is the costly part, so it is done for the lanes of one page only. */
const COLUMNS = `l.id, l.organization_id AS "organizationId", l.definition_id AS "definitionId", l.key, l.last_number AS "lastNumber",
  l.settled_number AS "settledNumber", l.leased_until AS "leasedUntil", l.retry_at AS "retryAt", l.blocked_reason AS "blockedReason",
  l.blocked_request_id AS "blockedRequestId", l.paused_at AS "pausedAt", l.stopped_at AS "stoppedAt", d.state AS "definitionState",
  (SELECT count(*)::int FROM lane_entry e WHERE e.lane_id = l.id) AS queued, h.id AS "headId", h.error_code AS "headError",
  h.next_attempt_at AS "headNextAttemptAt", h.settled_at AS "headSettledAt"`;
const FROM = `lane l JOIN webhook_definition d ON d.id = l.definition_id AND d.deleted_at IS NULL
  LEFT JOIN LATERAL (
    SELECT r.id, r.error_code, r.next_attempt_at, r.settled_at FROM lane_entry e JOIN webhook_request r ON r.id = e.request_id
     WHERE e.lane_id = l.id ORDER BY e.position LIMIT 1) h ON true`;

/** `laneState` in SQL, for filters: a test holds the two together (test/requests/lanes.test.ts). `?` is now. */
const STATE = `CASE
  WHEN l.paused_at IS NOT NULL OR l.stopped_at IS NOT NULL THEN 'PAUSED'
  WHEN l.blocked_request_id IS NOT NULL THEN 'BLOCKED'
  WHEN NOT EXISTS (SELECT 1 FROM lane_entry e WHERE e.lane_id = l.id) THEN 'IDLE'
  WHEN l.leased_until > ? THEN 'LEASED'
  WHEN l.retry_at > ? THEN 'WAITING'
  ELSE 'READY' END`;

function shown(row: Found, now: Date): LaneRow {
  const state = laneState(row, row.queued, now);
  const { id, organizationId, definitionId, lastNumber, headId } = row;
  const paused = row.stoppedAt && !row.pausedAt ? row.definitionState : "PAUSED";
  const reasons: Partial<Record<LaneState, string | null>> = {
    PAUSED: paused,
    BLOCKED: row.blockedReason ?? row.headError,
    WAITING: row.blockedReason ?? row.headError,
  };
  return {
    ...{ id, organizationId, definitionId, lastNumber, headId, state },
    // The row counts what was sent in strict order; what was cancelled, or is ordered by nothing, shows only in an empty queue.
    settledNumber: row.queued === 0 ? lastNumber : row.settledNumber,
    // Entity and entity id are stored with a separator that nobody types.
    key: row.key === "" ? null : row.key.replace("\u001f", "/"),
    pendingCount: Math.max(0, row.queued - 1),
    reason: reasons[state] ?? null,
    until: state === "WAITING" ? (row.retryAt ?? row.headNextAttemptAt) : null,
    since: state === "PAUSED" ? (row.pausedAt ?? row.stoppedAt) : state === "BLOCKED" ? row.headSettledAt : null,
  };
}

function laneConditions(organizationId: string, filter: LaneFilter, now: Date): Conditions {
  const where = conditions();
  where.add("l.organization_id = ?", organizationId);
  if (filter.webhookDefinitionId !== undefined) where.add("l.definition_id = ?", filter.webhookDefinitionId);
  if (filter.state) {
    where.add(STATE, now);
    const state = where.texts.pop() as string;
    where.add(`(${state}) = ANY(?::text[])`, filter.state);
  }
  return where;
}

/** One page, newest first. */
export async function listLanes(core: Core, organizationId: string, filter: LaneFilter, page: PageOf<string>): Promise<Slice<LaneRow>> {
  const now = core.clock.now();
  const where = laneConditions(organizationId, filter, now);
  if (page.after !== undefined) where.add("l.id < ?", page.after);
  if (page.before !== undefined) where.add("l.id > ?", page.before);
  const { rows } = await core.db.pool.query<Found>(
    `SELECT ${COLUMNS} FROM ${FROM} WHERE ${where.texts.join(" AND ")}
      ORDER BY l.id ${page.fromBack ? "ASC" : "DESC"} LIMIT ${page.limit + 1}`,
    where.values,
  );
  return sliceOf(
    page,
    rows.map((row) => shown(row, now)),
  );
}

export async function countLanes(core: Core, organizationId: string, filter: LaneFilter): Promise<number> {
  const where = laneConditions(organizationId, filter, core.clock.now());
  const { rows } = await core.db.pool.query<{ count: number }>(
    `SELECT count(*) AS count FROM lane l JOIN webhook_definition d ON d.id = l.definition_id AND d.deleted_at IS NULL
      WHERE ${where.texts.join(" AND ")}`,
    where.values,
  );
  return rows[0]?.count ?? 0;
}

/** Those that exist, in no order. */
export async function showLanes(core: Core, organizationId: string, ids: readonly string[]): Promise<LaneRow[]> {
  const { rows } = await core.db.pool.query<Found>(
    `SELECT ${COLUMNS} FROM ${FROM} WHERE l.organization_id = $1 AND l.id = ANY($2::uuid[])`,
    [organizationId, ids],
  );
  const now = core.clock.now();
  return rows.map((row) => shown(row, now));
}
