/**
 * Taking lanes and giving them back. A claim is a lease with a fencing token: whoever settles names the token, so a
 * worker that froze past its lease changes nothing when it wakes up.
 */
import { newId } from "../clock.ts";
import type { Core } from "../core.ts";
import type { Database, PoolClient } from "../db/client.ts";
import { type LaneRef, laneKeys, laneRef } from "./lane-id.ts";
import { publish } from "./publish.ts";
import { type Entry, entryFromRow } from "./queued.ts";
import { claimLanes as claimLaneRows } from "./sql/claim-lanes.ts";
import { endLapsedLeases } from "./sql/end-lapsed-leases.ts";
import { interruptRequests, logInterrupted } from "./sql/interrupt.ts";
import { lanesStillOurs, renewLeases as renewLeaseRows } from "./sql/leases.ts";
import { releaseLanes as releaseLaneRows } from "./sql/let-lanes-go.ts";
import { readLanePages } from "./sql/read-lanes.ts";

/** How long a claim lasts without a sign of life. Less than 15 s, the time within which a killed worker's lane goes on. */
export const LEASE_MS = 10_000;
/** Those that a dead holder had marked stand among the first of the queue; resends by hand may stand before them. */
const MOST_SENDING = 1_024;

export interface ClaimedLane {
  ref: LaneRef;
  laneId: string;
  organizationId: string;
  definitionId: string;
  token: string;
  revision: number;
  lastNumber: number;
  catalogVersion: number;
  /** Ordered NONE. */
  free: boolean;
}

type InterruptedRow = Awaited<ReturnType<typeof interruptRequests.rows>>[number];

/** Their attempts, of which nobody knows what came. */
export async function logInterruptions(client: PoolClient, rows: readonly InterruptedRow[]): Promise<void> {
  await logInterrupted.count(client, [
    rows.map((r) => r.organization_id),
    rows.map((r) => r.id),
    rows.map((r) => r.attempt_count),
    rows.map((r) => r.manual),
    rows.map((r) => r.url ?? ""),
    rows.map((r) => r.sending_at ?? new Date(0)),
  ]);
}

async function writeInterrupted(client: PoolClient, rows: readonly InterruptedRow[]): Promise<void> {
  await logInterruptions(client, rows);
  const byOrganization = Map.groupBy(rows, (row) => row.organization_id);
  await publish(
    client,
    new Map(
      [...byOrganization].map(([organizationId, group]) => [
        organizationId,
        group.map((row) => ({
          kind: "REQUEST" as const,
          requestId: row.id,
          definitionId: row.definition_id,
          state: "PENDING",
          attemptCount: row.attempt_count,
          waitMs: null,
          errorCode: null,
          errorDescription: null,
          url: row.url,
          notificationStatus: null,
        })),
      ]),
    ),
  );
}

/**
 * What the dead holders of these lanes had in flight is logged as INTERRUPTED and PENDING again. In the caller's transaction, which
 * holds the lanes' rows, as its last step. @returns whether there was anything
 */
export async function interruptAbandoned(client: PoolClient, refs: readonly LaneRef[]): Promise<boolean> {
  if (refs.length === 0) return false;
  const cut = await interruptRequests.rows(client, [...laneKeys(refs), MOST_SENDING]);
  if (cut.length > 0) await writeInterrupted(client, cut);
  return cut.length > 0;
}

/**
 * Takes lanes that nobody may claim from holders whose leases have lapsed. In the caller's transaction, which holds the lanes' rows.
 * @returns those that were held: what was in flight of them is the caller's to interrupt
 */
export async function endLapsed(client: PoolClient, refs: readonly LaneRef[]): Promise<LaneRef[]> {
  if (refs.length === 0) return [];
  const rows = await endLapsedLeases.rows(client, laneKeys(refs));
  return rows.map((row) => laneRef(row.organization_id, row.id));
}

/** @returns those lanes that are ours now; interrupted requests of a dead holder are logged in the same transaction */
export async function claimLanes(db: Database, refs: readonly LaneRef[], leaseMs: number): Promise<ClaimedLane[]> {
  const token = newId();
  return db.transaction(async (client) => {
    const rows = await claimLaneRows.rows(client, [...laneKeys(refs), token, leaseMs]);
    const abandoned = rows.filter((row) => row.abandoned).map((row) => laneRef(row.organization_id, row.id));
    await interruptAbandoned(client, abandoned);
    return rows.map((row) => ({
      ref: laneRef(row.organization_id, row.id),
      laneId: row.id,
      organizationId: row.organization_id,
      definitionId: row.definition_id,
      token,
      revision: row.revision,
      lastNumber: row.last_number,
      catalogVersion: row.catalog_version,
      free: row.free,
    }));
  }, "collisions");
}

/** What a read of a lane's queue brings. */
export interface LanePage {
  entries: Entry[];
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
  lanes: readonly { ref: LaneRef; skip: readonly string[] }[],
  limit: number,
): Promise<Map<LaneRef, LanePage>> {
  const [organizations, ids] = laneKeys(lanes.map((lane) => lane.ref));
  const rows = await readLanePages.rows(db.pool, [organizations, ids, lanes.flatMap((l) => [...l.skip]), limit]);
  const now = clock.monotonic();
  const pages = new Map<LaneRef, LanePage>();
  for (const row of rows) {
    const ref = laneRef(row.lane_organization, row.entry_lane);
    let page = pages.get(ref);
    if (!page) {
      page = { entries: [], more: false, lastNumber: row.last_number, revision: row.revision };
      pages.set(ref, page);
    }
    const entry = entryFromRow(row, now);
    if (entry) page.entries.push(entry);
  }
  for (const page of pages.values()) page.more = page.entries.length >= limit;
  return pages;
}

interface HeldLane {
  ref: LaneRef;
  organizationId: string;
  laneId: string;
  token: string;
}

/**
 * Keeps the leases of lanes that are in the middle of a long send. A row that somebody has locked is passed over, or it
 * would cost all the others their leases; its turn comes with the next tick.
 * @returns the lanes whose leases begin anew, and those that are ours no longer
 */
export async function renewLeases(
  db: Database,
  lanes: readonly HeldLane[],
  leaseMs: number,
): Promise<{ kept: Set<LaneRef>; lost: Set<LaneRef> }> {
  const values = [lanes.map((l) => l.organizationId), lanes.map((l) => l.laneId), lanes.map((l) => l.token)];
  const renewed = await renewLeaseRows.rows(db.pool, [...values, leaseMs]);
  const kept = new Set(renewed.map((row) => laneRef(row.organization_id, row.id)));
  if (kept.size === lanes.length) return { kept, lost: new Set() };
  const still = await lanesStillOurs.rows(db.pool, values);
  const mine = new Set(still.map((row) => laneRef(row.organization_id, row.id)));
  return { kept, lost: new Set(lanes.map((lane) => lane.ref).filter((ref) => !mine.has(ref))) };
}

/** Gives empty lanes back. @returns those that were let go; the others have news */
export async function releaseLanes(
  db: Database,
  lanes: readonly (HeldLane & { lastNumber: number; revision: number })[],
): Promise<Set<LaneRef>> {
  const rows = await releaseLaneRows.rows(db.pool, [
    lanes.map((l) => l.organizationId),
    lanes.map((l) => l.laneId),
    lanes.map((l) => l.token),
    lanes.map((l) => l.lastNumber),
    lanes.map((l) => l.revision),
  ]);
  return new Set(rows.map((row) => laneRef(row.organization_id, row.id)));
}
