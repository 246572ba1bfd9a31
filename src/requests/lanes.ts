/** Lanes as operators see them: state, head, how many wait behind it, why and until when. */

import { type RawBuilder, sql } from "kysely";
import { MOST_COUNTED } from "../accounts/keyset.ts";
import type { Core } from "../core.ts";
import { rowsOf } from "../db/queries.ts";
import { type LaneState, laneState } from "../delivery/lane-state.ts";
import { definitionOf } from "../delivery/sql/definition-of.ts";
import { type Count, countOf } from "./count.ts";
import { type PageOf, type Slice, sliceOf } from "./page.ts";
import { bound, readWalkedPage } from "./walked-page.ts";

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
  /** Why it does not go on: an error code, PAUSED, the definition's state, ALL_PAUSED (pauseAllDeliveries), or EARLIER_EPOCH: lanes of before its ordering changed are not empty yet. */
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
  /** Of any of these. */
  definitionIds?: readonly string[] | undefined;
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
  definitionState: string;
  definitionChangedAt: Date;
  /** All deliveries of the organization are paused since then. */
  allPausedAt: Date | null;
  /** Of a later epoch than its definition has come to. */
  early: boolean;
  queued: number;
  headId: string | null;
  headError: string | null;
  headNextAttemptAt: Date | null;
  headSettledAt: Date | null;
}

/** Lanes that a page, or a count, may read. */
const WALK = 100_000;

/** `laneState` in SQL, for filters: a test holds the two together (test/requests/lanes.test.ts). */
const stateAt = (now: Date) => sql<LaneState>`CASE
  WHEN l.paused_at IS NOT NULL OR l.definition_state <> 'ACTIVE' OR l.all_paused_at IS NOT NULL THEN 'PAUSED'
  WHEN l.blocked_request_id IS NOT NULL THEN 'BLOCKED'
  WHEN NOT EXISTS (SELECT 1 FROM lane_entry e WHERE e.organization_id = l.organization_id AND e.lane_id = l.id AND e.position >= l.read_from) THEN 'IDLE'
  WHEN l.leased_until > ${now} THEN 'LEASED'
  WHEN l.retry_at > ${now} OR l.early THEN 'WAITING'
  ELSE 'READY' END`;

const and = (clauses: readonly RawBuilder<unknown>[]) => sql.join([...clauses], sql` AND `);

/** Lanes in the order of their ids, with what their definitions say about them. */
function walked(organizationId: string, clauses: readonly RawBuilder<unknown>[], descending: boolean, most: number) {
  return sql`(
    SELECT l.*, d.state AS definition_state, d.updated_at AS definition_changed_at, l.epoch > c.open_epoch AS early,
           (SELECT o.deliveries_paused_at FROM organization o WHERE o.id = l.organization_id) AS all_paused_at
      FROM lane l JOIN LATERAL ${sql.raw(definitionOf("l.definition_id"))} d ON d.deleted_at IS NULL
      JOIN definition_counter c ON c.definition_id = l.definition_id
     WHERE ${and([sql`l.organization_id = ${organizationId}`, ...clauses])}
     ORDER BY l.id ${descending ? sql`DESC` : sql`ASC`} LIMIT ${most})`;
}

/** Counting a long queue and reading its head is the costly part, so it is done for the lanes of one page only. */
const shownOf = (page: RawBuilder<unknown>) =>
  sql<Found>`
  SELECT l.id, l.organization_id AS "organizationId", l.definition_id AS "definitionId", l.key, l.last_number AS "lastNumber",
    l.settled_number AS "settledNumber", l.leased_until AS "leasedUntil", l.retry_at AS "retryAt", l.blocked_reason AS "blockedReason",
    l.blocked_request_id AS "blockedRequestId", l.paused_at AS "pausedAt", l.definition_state AS "definitionState",
    l.definition_changed_at AS "definitionChangedAt", l.all_paused_at AS "allPausedAt", l.early, q.queued, h.id AS "headId", h.error_code AS "headError",
    h.next_attempt_at AS "headNextAttemptAt", h.settled_at AS "headSettledAt"
  FROM (${page}) l
  CROSS JOIN LATERAL (
    SELECT count(*)::int AS queued FROM lane_entry e WHERE e.organization_id = l.organization_id AND e.lane_id = l.id AND e.position >= l.read_from) q
  LEFT JOIN LATERAL (
    SELECT e.request_id FROM lane_entry e WHERE e.organization_id = l.organization_id AND e.lane_id = l.id AND e.position >= l.read_from
     ORDER BY e.position LIMIT 1) f ON true
  LEFT JOIN LATERAL (
    SELECT r.id, r.error_code, r.next_attempt_at, r.settled_at FROM webhook_request r
     WHERE r.organization_id = l.organization_id AND r.id = f.request_id LIMIT 1) h ON true`.$castTo<Found>();

function shown(row: Found, now: Date): LaneRow {
  const stopped = row.definitionState !== "ACTIVE";
  const named = laneState({ ...row, stoppedAt: stopped ? row.definitionChangedAt : row.allPausedAt }, row.queued, now);
  const state = named === "READY" && row.early ? "WAITING" : named;
  const { id, organizationId, definitionId, lastNumber, headId } = row;
  const paused = row.pausedAt ? "PAUSED" : stopped ? row.definitionState : "ALL_PAUSED";
  const reasons: Partial<Record<LaneState, string | null>> = {
    PAUSED: paused,
    BLOCKED: row.blockedReason ?? row.headError,
    WAITING: named === "READY" ? "EARLIER_EPOCH" : (row.blockedReason ?? row.headError),
  };
  return {
    ...{ id, organizationId, definitionId, lastNumber, headId, state },
    // The row counts what was sent in strict order; what was cancelled, or is ordered by nothing, shows only in an empty queue.
    settledNumber: row.queued === 0 ? lastNumber : row.settledNumber,
    // Entity and entity id are stored with a separator that nobody types.
    key: row.key === "" ? null : row.key.replace("\u001f", "/"),
    pendingCount: Math.max(0, row.queued - 1),
    reason: reasons[state] ?? null,
    until: named === "WAITING" ? (row.retryAt ?? row.headNextAttemptAt) : null,
    since:
      state === "PAUSED"
        ? (row.pausedAt ?? (stopped ? row.definitionChangedAt : row.allPausedAt))
        : state === "BLOCKED"
          ? row.headSettledAt
          : null,
  };
}

function clausesOf(filter: LaneFilter, page?: PageOf<string>): RawBuilder<unknown>[] {
  return [
    ...(filter.webhookDefinitionId === undefined ? [] : [sql`l.definition_id = ${filter.webhookDefinitionId}`]),
    ...(filter.definitionIds === undefined ? [] : [sql`l.definition_id = any(${filter.definitionIds}::uuid[])`]),
    ...(page?.after === undefined ? [] : [sql`l.id < ${page.after}`]),
    ...(page?.before === undefined ? [] : [sql`l.id > ${page.before}`]),
  ];
}

const inState = (filter: LaneFilter, now: Date) => (filter.state ? sql`(${stateAt(now)}) = any(${filter.state}::text[])` : sql`true`);

/** One page, in the order of the ids. */
export async function listLanes(core: Core, organizationId: string, filter: LaneFilter, page: PageOf<string>): Promise<Slice<LaneRow>> {
  const now = core.clock.now();
  const order = page.fromBack ? "asc" : "desc";
  const tenant = core.db.tenant(organizationId);
  const clauses = clausesOf(filter, page);
  const enough = page.limit + 1;
  const walk = walked(organizationId, clauses, !page.fromBack, filter.state ? WALK : enough);
  const some = shownOf(sql`SELECT * FROM ${walk} l WHERE ${inState(filter, now)} ORDER BY l.id ${sql.raw(order)} LIMIT ${enough}`);
  const { rows, stoppedAt } = filter.state
    ? await readWalkedPage<Found>(tenant, { page: some, end: endOf(organizationId, clauses, !page.fromBack), order, enough })
    : { rows: await rowsOf(tenant, bound(sql<Found>`${some} ORDER BY l.id ${sql.raw(order)}`)), stoppedAt: undefined };
  return sliceOf(
    page,
    rows.map((row) => shown(row, now)),
    stoppedAt,
  );
}

/** The id at which a walk ends; no row when it sees all there are. */
const endOf = (organizationId: string, clauses: readonly RawBuilder<unknown>[], descending: boolean) =>
  sql<{ id: string }>`SELECT l.id FROM ${walked(organizationId, clauses, descending, WALK)} l OFFSET ${WALK - 1} LIMIT 1`;

export async function countLanes(core: Core, organizationId: string, filter: LaneFilter): Promise<Count> {
  const now = core.clock.now();
  const walk = walked(organizationId, clausesOf(filter), true, filter.state ? WALK : MOST_COUNTED + 1);
  const some = sql`SELECT 1 FROM ${walk} l WHERE ${inState(filter, now)} LIMIT ${MOST_COUNTED + 1}`;
  const [row] = await rowsOf(
    core.db.tenant(organizationId),
    bound(sql<{ count: number }>`SELECT count(*) AS count FROM (${some}) AS counted`),
  );
  const counted = countOf(row?.count ?? 0);
  if (counted.capped || !filter.state) return counted;
  const end = await rowsOf(core.db.tenant(organizationId), bound(endOf(organizationId, clausesOf(filter), true)));
  return { count: counted.count, capped: end.length > 0 };
}

/** Those that exist, in no order. */
export async function showLanes(core: Core, organizationId: string, ids: readonly string[]): Promise<LaneRow[]> {
  const walk = walked(organizationId, [sql`l.id = any(${ids}::uuid[])`], true, ids.length);
  const rows = await rowsOf(core.db.tenant(organizationId), bound(shownOf(sql`SELECT * FROM ${walk} l`)));
  const now = core.clock.now();
  return rows.map((row) => shown(row, now));
}
