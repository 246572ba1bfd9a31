/**
 * Taking lanes and giving them back. A claim is a lease with a fencing token: whoever settles names the token, so a
 * worker that froze past its lease changes nothing when it wakes up.
 */

import { newId } from "../clock.ts";
import type { Core } from "../core.ts";
import type { Database, PoolClient } from "../db/client.ts";
import { takeSequences } from "./lane-enqueue.ts";
import { QUEUED_COLUMNS, type QueuedRequest, type QueuedRow, queuedFromRow } from "./queued.ts";

/** How long a claim lasts without a sign of life. Less than 15 s, the time within which a killed worker's lane goes on. */
export const LEASE_MS = 10_000;

export interface ClaimedLane {
  laneId: string;
  organizationId: string;
  definitionId: string;
  token: string;
  revision: number;
  lastNumber: number;
  catalogVersion: number;
  free: boolean;
}

/**
 * Nobody holds it, nothing stops it, and its retry time has come. The definition's own state is asked too: a lane may be made
 * by an ingest at the moment when its definition is stopped.
 */
export const CLAIMABLE = `
  l.paused_at IS NULL AND l.stopped_at IS NULL AND l.blocked_request_id IS NULL
  AND (l.retry_at IS NULL OR l.retry_at <= now()) AND (l.leased_until IS NULL OR l.leased_until <= now())
  AND EXISTS (SELECT 1 FROM webhook_definition a WHERE a.id = l.definition_id AND a.state = 'ACTIVE' AND a.deleted_at IS NULL)`;

/**
 * SKIP LOCKED: a lane whose row somebody holds for long must not hold up the claims of the others; whoever asked for it
 * asks again (worker), or the sweep does.
 */
const CLAIM = `
  WITH free AS (
    SELECT l.id, l.lease_token FROM lane l WHERE l.id = ANY($1::uuid[]) AND ${CLAIMABLE} ORDER BY l.definition_id, l.key FOR UPDATE SKIP LOCKED
  )
  UPDATE lane l SET lease_token = $2, leased_until = now() + $3 * interval '1 ms', retry_at = NULL, blocked_reason = NULL
  FROM free, webhook_definition d WHERE l.id = free.id AND d.id = l.definition_id
  RETURNING l.id, l.organization_id, l.definition_id, l.revision, l.last_number, d.ordering, d.dialect, free.lease_token IS NOT NULL AS abandoned,
    (SELECT c.version FROM organization_catalog c WHERE c.organization_id = l.organization_id) AS catalog_version`;

/**
 * A request that its dead worker left as SENDING was perhaps sent: it gets an INTERRUPTED attempt, keeps its tries (a
 * kill never eats the retry budget) and is sent again under the same id.
 */
const INTERRUPTED = `
  UPDATE webhook_request r SET state = 'PENDING', attempt_count = r.attempt_count + 1, updated_at = now(), sending_at = NULL
  FROM lane_entry e, (SELECT id, sending_at FROM webhook_request) old
  WHERE e.lane_id = ANY($1::uuid[]) AND r.id = e.request_id AND old.id = r.id AND r.state = 'SENDING'
  RETURNING r.id, r.organization_id, r.definition_id, r.attempt_count, r.manual, r.url, old.sending_at`;

interface InterruptedRow {
  id: string;
  organization_id: string;
  definition_id: string;
  attempt_count: number;
  manual: boolean;
  url: string | null;
  sending_at: Date | null;
}

async function logInterrupted(client: PoolClient, rows: readonly InterruptedRow[]): Promise<void> {
  await client.query(
    `INSERT INTO attempt (id, organization_id, request_id, number, outcome, manual, duration_ms, error_code, error_description, request_url, started_at)
     SELECT id, organization_id, request_id, number, 'INTERRUPTED', manual,
       GREATEST(0, round(extract(epoch FROM now() - started_at) * 1000)), 'INTERRUPTED', 'its worker died before the outcome was known', url, started_at
     FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::int[], $5::bool[], $6::text[], $7::timestamptz[])
       AS a(id, organization_id, request_id, number, manual, url, started_at)`,
    [
      rows.map(() => newId()),
      rows.map((r) => r.organization_id),
      rows.map((r) => r.id),
      rows.map((r) => r.attempt_count),
      rows.map((r) => r.manual),
      rows.map((r) => r.url ?? ""),
      rows.map((r) => r.sending_at ?? new Date(0)),
    ],
  );
  const needs = new Map<string, { requests: number; entries: number }>();
  for (const row of rows) needs.set(row.organization_id, { requests: 0, entries: (needs.get(row.organization_id)?.entries ?? 0) + 1 });
  const sequences = await takeSequences(client, needs);
  await client.query(
    `INSERT INTO feed_entry (organization_id, sequence, kind, subject_id, topic_id, state, attempt_count, url)
     SELECT organization_id, sequence, 'REQUEST', request_id, definition_id, 'PENDING', attempt_count, url
     FROM unnest($1::uuid[], $2::int8[], $3::uuid[], $4::uuid[], $5::int[], $6::text[])
       AS f(organization_id, sequence, request_id, definition_id, attempt_count, url)`,
    [
      rows.map((r) => r.organization_id),
      rows.map((r) => ++(sequences.get(r.organization_id) as { sequence: number }).sequence),
      rows.map((r) => r.id),
      rows.map((r) => r.definition_id),
      rows.map((r) => r.attempt_count),
      rows.map((r) => r.url),
    ],
  );
}

interface ClaimRow {
  id: string;
  organization_id: string;
  definition_id: string;
  revision: number;
  last_number: number;
  ordering: string | null;
  dialect: string;
  abandoned: boolean;
  catalog_version: number;
}

/** Dialects whose own ordering is NONE (wire/dialects): one place knows, the caller passes it in. */
export type IsFree = (ordering: string | null, dialect: string) => boolean;

/** @returns those of `laneIds` that are ours now; interrupted ones of a dead holder are logged in the same transaction */
export async function claimLanes(db: Database, laneIds: readonly string[], isFree: IsFree, leaseMs: number): Promise<ClaimedLane[]> {
  const token = newId();
  return db.transaction(async (client) => {
    const { rows } = await client.query<ClaimRow>({ name: "claim-lanes", text: CLAIM, values: [laneIds, token, leaseMs] });
    const abandoned = rows.filter((row) => row.abandoned).map((row) => row.id);
    if (abandoned.length > 0) {
      const cut = await client.query<InterruptedRow>(INTERRUPTED, [abandoned]);
      if (cut.rows.length > 0) await logInterrupted(client, cut.rows);
    }
    return rows.map((row) => ({
      laneId: row.id,
      organizationId: row.organization_id,
      definitionId: row.definition_id,
      token,
      revision: row.revision,
      lastNumber: row.last_number,
      catalogVersion: row.catalog_version,
      free: isFree(row.ordering, row.dialect),
    }));
  });
}

/** What a read of a lane's queue brings. */
export interface LanePage {
  requests: QueuedRequest[];
  /** There may be more behind them. */
  more: boolean;
  /** The lane's, when this was read. */
  lastNumber: number;
  revision: number;
}

/**
 * The next requests of each lane, in order. Strict lanes read from their first unsettled request, never from a
 * remembered number: with several processes writing, "number > last seen" skips what committed late.
 * A free lane (ordering NONE) reads those that are due.
 * @param skip requests the reader has in hand already
 */
export async function readLanes(
  { db, clock }: Pick<Core, "db" | "clock">,
  lanes: readonly { laneId: string; free: boolean; skip: readonly string[] }[],
  limit: number,
): Promise<Map<string, LanePage>> {
  const { rows } = await db.pool.query<QueuedRow & { entry_lane: string; last_number: number; revision: number }>({
    name: "read-lanes",
    text: `SELECT w.lane_id AS entry_lane, l.last_number, l.revision,
             extract(epoch FROM GREATEST(e.due_at - now(), interval '0'))::float8 * 1000 AS due_in_ms, ${QUEUED_COLUMNS}
           FROM unnest($1::uuid[], $2::bool[]) AS w(lane_id, free)
           JOIN lane l ON l.id = w.lane_id
           LEFT JOIN LATERAL (
             SELECT request_id, position, due_at FROM lane_entry q
             WHERE q.lane_id = w.lane_id AND NOT (w.free AND COALESCE(q.due_at > now(), false)) AND q.request_id <> ALL($3::uuid[])
             ORDER BY q.position LIMIT $4
           ) e ON true
           LEFT JOIN webhook_request r ON r.id = e.request_id
           LEFT JOIN event v ON v.id = r.event_id
           ORDER BY w.lane_id, e.position`,
    values: [lanes.map((l) => l.laneId), lanes.map((l) => l.free), lanes.flatMap((l) => [...l.skip]), limit],
  });
  const now = clock.monotonic();
  const pages = new Map<string, LanePage>();
  for (const row of rows) {
    let page = pages.get(row.entry_lane);
    if (!page) {
      page = { requests: [], more: false, lastNumber: row.last_number, revision: row.revision };
      pages.set(row.entry_lane, page);
    }
    if (row.event_id !== null) page.requests.push(queuedFromRow(row, now));
  }
  for (const page of pages.values()) page.more = page.requests.length >= limit;
  return pages;
}

/**
 * Keeps the leases of lanes that are in the middle of a long send. A row that somebody has locked is passed over, or it
 * would cost all the others their leases; its turn comes with the next tick.
 * @returns the lanes whose leases begin anew, and those that are ours no longer
 */
export async function renewLeases(
  db: Database,
  lanes: readonly { laneId: string; token: string }[],
  leaseMs: number,
): Promise<{ kept: Set<string>; lost: Set<string> }> {
  const ours = "FROM lane l JOIN unnest($1::uuid[], $2::uuid[]) AS u(id, token) ON u.id = l.id AND u.token = l.lease_token";
  const values = [lanes.map((l) => l.laneId), lanes.map((l) => l.token)];
  const renewed = await db.pool.query<{ id: string }>({
    name: "renew-leases",
    text: `WITH mine AS (SELECT l.id ${ours} FOR UPDATE OF l SKIP LOCKED)
           UPDATE lane l SET leased_until = now() + $3 * interval '1 ms' FROM mine WHERE l.id = mine.id RETURNING l.id`,
    values: [...values, leaseMs],
  });
  const kept = new Set(renewed.rows.map((row) => row.id));
  if (kept.size === lanes.length) return { kept, lost: new Set() };
  const still = await db.pool.query<{ id: string }>({ name: "lanes-still-ours", text: `SELECT l.id ${ours}`, values });
  const mine = new Set(still.rows.map((row) => row.id));
  return { kept, lost: new Set(lanes.map((lane) => lane.laneId).filter((id) => !mine.has(id))) };
}

/**
 * Gives empty lanes back. The check and the release are one statement under the row lock: an event that came in
 * meanwhile keeps the lane with its holder, so no wake-up is lost.
 * @returns the lanes that were let go; the others have news
 */
export async function releaseLanes(
  db: Database,
  lanes: readonly { laneId: string; token: string; lastNumber: number; revision: number }[],
): Promise<Set<string>> {
  const { rows } = await db.pool.query<{ id: string }>({
    name: "release-lanes",
    text: `WITH mine AS (
             SELECT l.id FROM lane l JOIN unnest($1::uuid[], $2::uuid[], $3::int8[], $4::int[]) AS u(id, token, last_number, revision)
               ON u.id = l.id AND u.token = l.lease_token AND u.last_number = l.last_number AND u.revision = l.revision
             ORDER BY l.definition_id, l.key FOR UPDATE OF l
           )
           UPDATE lane l SET lease_token = NULL, leased_until = NULL FROM mine WHERE l.id = mine.id RETURNING l.id`,
    values: [lanes.map((l) => l.laneId), lanes.map((l) => l.token), lanes.map((l) => l.lastNumber), lanes.map((l) => l.revision)],
  });
  return new Set(rows.map((row) => row.id));
}
