/**
 * What a change of a definition means for its lanes, however many: the change itself is one row, and what each lane has to
 * be told is done in batches, by marks on `definition_counter` that outlive whoever set them. Batches are idempotent: each
 * touches only what stood so before the mark was set.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import type { Core } from "../core.ts";
import type { PoolClient } from "../db/client.ts";
import type { JobKind } from "../db/queue.ts";
import { ZERO_ID } from "../db/values.ts";
import { publishRequests } from "./control.ts";
import { endLapsed, interruptAbandoned } from "./lane-claim.ts";
import { laneRef } from "./lane-id.ts";
import { DUE } from "./lane-touch.ts";

/** Lanes looked at in one transaction. */
const BATCH = 500;
/** Requests set going in one transaction: a lane ordered by nothing may hold many that wait. */
const REQUESTS = 5_000;
const NO_LANE = ZERO_ID;

interface Marked {
  organization_id: string;
  definition_id: string;
  /** As text: a Date would lose the microseconds by which a mark is known again. */
  go_on_since: string | null;
  cancel_since: string | null;
  draining_since: string | null;
}

const MARKED = "organization_id, definition_id, go_on_since::text, cancel_since::text, draining_since::text";

const IS_ACTIVE = "SELECT 1 FROM webhook_definition WHERE organization_id = $1 AND id = $2 AND state = 'ACTIVE'";

/** The next lanes of a definition, locked in everybody's order, with what they need. */
const NEXT_LANES = `
  SELECT l.id, l.free, l.blocked_request_id, l.retry_at, l.lease_token IS NOT NULL AND l.leased_until > now() AS leased
  FROM lane l WHERE l.organization_id = $1 AND l.definition_id = $2 AND l.id > $3 ORDER BY l.organization_id, l.definition_id, l.id LIMIT ${BATCH} FOR UPDATE`;

/** Heads that were given up, and requests that waited, before the definition was activated: all are due now. */
const REVIVE = `
  UPDATE webhook_request r SET state = 'PENDING', tries = CASE WHEN b.blocks THEN 0 ELSE r.tries END, failed = false, settled_at = NULL,
    next_attempt_at = NULL, updated_at = now()
  FROM (
    SELECT e.request_id, e.request_id = l.blocked_request_id AS blocks FROM lane l
    JOIN lane_entry e ON e.organization_id = l.organization_id AND e.lane_id = l.id
    WHERE l.organization_id = $1 AND l.id = ANY($2::uuid[]) AND (e.due_at > '-infinity' OR e.request_id = l.blocked_request_id)
    ORDER BY e.lane_id, e.position LIMIT ${REQUESTS}
  ) b
  WHERE r.organization_id = $1 AND r.id = b.request_id AND r.updated_at <= $3::timestamptz AND (r.state = 'WAITING' OR (b.blocks AND r.state = 'REJECTED'))
  RETURNING r.id, r.lane_id`;

const ENTRIES_NOW = `
  UPDATE lane_entry e SET due_at = CASE WHEN l.free THEN '-infinity'::timestamptz END
  FROM lane l WHERE l.organization_id = $1 AND l.id = ANY($2::uuid[]) AND e.organization_id = l.organization_id AND e.lane_id = l.id
    AND e.request_id = ANY($3::uuid[])`;

const LANES_NOW = `
  UPDATE lane l SET revision = revision + 1, retry_at = NULL,
    blocked_reason = CASE WHEN l.blocked_request_id IS NULL OR l.blocked_request_id = ANY($3::uuid[]) THEN NULL ELSE l.blocked_reason END,
    blocked_request_id = CASE WHEN l.blocked_request_id = ANY($3::uuid[]) THEN NULL ELSE l.blocked_request_id END
  WHERE l.organization_id = $1 AND l.id = ANY($2::uuid[])`;

/**
 * Sets the next lanes of an activated definition going: blocked heads are tried anew with a fresh schedule, what waited goes
 * at once with its tries used, what was parked is due.
 * @returns where to go on, undefined at the end
 */
async function goOnBatch(core: Core, client: PoolClient, row: Marked, after: string): Promise<string | undefined> {
  const { organization_id: organizationId, definition_id: definitionId } = row;
  const { rows: lanes } = await client.query<{ id: string }>(NEXT_LANES, [organizationId, definitionId, after]);
  const ids = lanes.map((lane) => lane.id);
  if (ids.length === 0) return undefined;
  const { rows: revived } = await client.query<{ id: string; lane_id: string }>(REVIVE, [organizationId, ids, row.go_on_since]);
  const requests = revived.map((r) => r.id);
  const touched = [...new Set(revived.map((r) => r.lane_id))];
  if (touched.length > 0) {
    await client.query(ENTRIES_NOW, [organizationId, touched, requests]);
    await client.query(LANES_NOW, [organizationId, touched, requests]);
  }
  // Those that were parked while the definition stood still, too.
  await client.query(DUE, [organizationId, ids]);
  for (let at = 0; at < requests.length; at += BATCH) await publishRequests(client, organizationId, requests.slice(at, at + BATCH));
  if (requests.length > 0) await client.query(core.notify.statement("feed", [organizationId]));
  await client.query(
    core.notify.statement(
      "lane",
      ids.map((id) => laneRef(organizationId, id)),
    ),
  );
  if (revived.length === REQUESTS) return after;
  return ids.length < BATCH ? undefined : ids.at(-1);
}

/** What is queued of a deleted definition ends as CANCELLED, with a code that says why; what is in flight is left to end. */
const CANCEL = `
  WITH gone AS (
    SELECT e.organization_id, e.lane_id, e.position, e.request_id FROM lane_entry e
    JOIN webhook_request r ON r.organization_id = e.organization_id AND r.id = e.request_id AND r.state <> 'SENDING'
    WHERE e.organization_id = $1 AND e.lane_id = ANY($2::uuid[]) ORDER BY e.lane_id, e.position LIMIT ${BATCH}
  ), entries AS (
    DELETE FROM lane_entry e USING gone g WHERE e.organization_id = g.organization_id AND e.lane_id = g.lane_id AND e.position = g.position
  )
  UPDATE webhook_request r SET state = 'CANCELLED', failed = true, error_code = 'DEFINITION_DELETED',
    error_description = 'its webhook definition was deleted while it was queued', next_attempt_at = NULL, settled_at = now(), updated_at = now(),
    notification_status = CASE WHEN notification_status = 'NEW' THEN 'FAILED' ELSE notification_status END
  FROM gone g WHERE r.organization_id = g.organization_id AND r.id = g.request_id RETURNING r.id`;

const HAS_ENTRIES = `
  SELECT l.id FROM lane l WHERE l.organization_id = $1 AND l.definition_id = $2
    AND EXISTS (SELECT 1 FROM lane_entry e WHERE e.organization_id = l.organization_id AND e.lane_id = l.id)
  ORDER BY l.organization_id, l.id LIMIT 50 FOR UPDATE OF l`;

/** @returns false when nothing was left to cancel */
async function cancelBatch(core: Core, client: PoolClient, row: Marked): Promise<boolean> {
  const { organization_id: organizationId, definition_id: definitionId } = row;
  const { rows: lanes } = await client.query<{ id: string }>(HAS_ENTRIES, [organizationId, definitionId]);
  if (lanes.length === 0) return false;
  const ids = lanes.map((lane) => lane.id);
  // Nobody claims them any more, so what a dead holder had in flight is taken from it here.
  const lapsed = await endLapsed(
    client,
    ids.map((id) => laneRef(organizationId, id)),
  );
  if (await interruptAbandoned(client, lapsed)) {
    await client.query(core.notify.statement("feed", [organizationId]));
    return true;
  }
  const { rows } = await client.query<{ id: string }>(CANCEL, [organizationId, ids]);
  await client.query(LANES_NOW, [organizationId, ids, rows.map((r) => r.id)]);
  await client.query("DELETE FROM lane_due WHERE organization_id = $1 AND lane_id = ANY($2::uuid[])", [organizationId, ids]);
  // What is in flight keeps its lane until it has ended.
  if (rows.length === 0) return false;
  await publishRequests(
    client,
    organizationId,
    rows.map((r) => r.id),
  );
  await client.query(core.notify.statement("feed", [organizationId]));
  return true;
}

const LOCK_COUNTERS =
  "SELECT definition_id FROM definition_counter WHERE organization_id = $1 AND definition_id = ANY($2::uuid[]) ORDER BY definition_id FOR UPDATE";

/** Taken before the definition's own row, as by a settlement that stops it. */
export async function lockCounters(client: PoolClient, organizationId: string, definitionIds: readonly string[]): Promise<void> {
  await client.query(LOCK_COUNTERS, [organizationId, definitionIds]);
}

/**
 * In the caller's transaction, before definitions become ACTIVE: their errors in a row are 0, their lanes will go on. As of the moment
 * at which the counters are locked, for what was given up while they were waited for is to go on too.
 */
export async function markGoOn(client: PoolClient, organizationId: string, definitionIds: readonly string[]): Promise<void> {
  await client.query(
    `WITH locked AS (${LOCK_COUNTERS})
     UPDATE definition_counter c SET consecutive_errors = 0, go_on_since = clock_timestamp() FROM locked
     WHERE c.organization_id = $1 AND c.definition_id = locked.definition_id`,
    [organizationId, definitionIds],
  );
}

/** In the caller's transaction, before definitions are deleted: what is queued will be cancelled. */
export async function markCancel(client: PoolClient, organizationId: string, definitionIds: readonly string[]): Promise<void> {
  await lockCounters(client, organizationId, definitionIds);
  await client.query("UPDATE definition_counter SET cancel_since = now() WHERE organization_id = $1 AND definition_id = ANY($2::uuid[])", [
    organizationId,
    definitionIds,
  ]);
}

/** In the caller's transaction, when a definition's ordering changes: lanes of the new epoch wait until those before are empty. */
export async function markDraining(client: PoolClient, organizationId: string, definitionId: string): Promise<void> {
  // Numbers of a key never fall: lanes of the new epoch begin above all that were given.
  await client.query(
    `UPDATE definition_counter c SET draining_since = now(),
       lane_floor = GREATEST(c.lane_floor, (SELECT max(l.last_number) FROM lane l WHERE l.organization_id = $1 AND l.definition_id = $2))
     WHERE c.organization_id = $1 AND c.definition_id = $2`,
    [organizationId, definitionId],
  );
}

/**
 * Opens the next epoch of a definition whose ordering changed, once nothing of the earlier ones is unsettled: that of the
 * earliest lanes with work, since it may have changed several times meanwhile. An ingest that began before the change was
 * seen may still write into an earlier lane: its transaction is waited for.
 */
const OPEN = `
  UPDATE definition_counter c SET open_epoch = n.epoch,
    draining_since = CASE WHEN n.epoch < d.ordering_epoch THEN c.draining_since END
  FROM webhook_definition d, LATERAL (
    SELECT COALESCE(min(l.epoch), d.ordering_epoch) AS epoch FROM lane l
    WHERE l.organization_id = d.organization_id AND l.definition_id = d.id AND l.epoch < d.ordering_epoch
      AND EXISTS (SELECT 1 FROM lane_entry e WHERE e.organization_id = l.organization_id AND e.lane_id = l.id OFFSET 0)
  ) n
  WHERE c.definition_id = $1 AND d.id = c.definition_id AND c.draining_since = $2::timestamptz
    AND (n.epoch > c.open_epoch OR n.epoch = d.ordering_epoch)
    AND NOT EXISTS (SELECT 1 FROM pg_locks k WHERE k.locktype = 'virtualxid' AND k.virtualtransaction = ANY($3::text[]))
  RETURNING c.draining_since IS NULL AS done`;

/**
 * Our transactions that run now. Each holds the lock of its own virtual id until it ends, and locks are shown to every role;
 * when a session of another login began its transaction is not.
 */
const RUNNING = `
  SELECT COALESCE(array_agg(k.virtualtransaction), '{}') AS transactions
  FROM pg_locks k JOIN pg_stat_activity a ON a.pid = k.pid
  WHERE k.locktype = 'virtualxid' AND k.granted AND k.pid <> pg_backend_pid()
    AND a.datname = current_database() AND a.application_name LIKE 'hookline%'`;

/** Those of all our processes that run now, by their virtual ids. */
export async function ourTransactions(core: Core): Promise<string[]> {
  const { rows } = await core.db.pool.query<{ transactions: string[] }>(RUNNING);
  return rows[0]?.transactions ?? [];
}

/** Whatever is due when: a correction under way holds the lane's row, and is waited for. */
const NEXT_DUE = `
  SELECT l.id FROM lane_due q JOIN lane l ON l.organization_id = q.organization_id AND l.id = q.lane_id
  WHERE q.organization_id = $1 AND q.lane_id > $2 ORDER BY q.organization_id, q.lane_id LIMIT ${BATCH} FOR UPDATE OF l`;

const UNPARK = `
  UPDATE lane_due SET due_at = now() WHERE organization_id = $1 AND lane_id = ANY($2::uuid[]) AND due_at = 'infinity' RETURNING lane_id`;

/** Lanes that were parked while their organization was paused are due. @returns where to go on, undefined at the end */
async function unparkBatch(core: Core, client: PoolClient, organizationId: string, after: string): Promise<string | undefined> {
  const { rows } = await client.query<{ id: string }>(NEXT_DUE, [organizationId, after]);
  const ids = rows.map((lane) => lane.id);
  const parked = await client.query<{ lane_id: string }>(UNPARK, [organizationId, ids]);
  const refs = parked.rows.map((row) => laneRef(organizationId, row.lane_id));
  if (refs.length > 0) await client.query(core.notify.statement("lane", refs));
  return ids.length < BATCH ? undefined : ids.at(-1);
}
/** MORE: there is more to do at once; WAITS: an ordering drains, or a deleted definition has calls in flight. */
type Progress = "MORE" | "WAITS" | "DONE";

export interface DefinitionChores {
  /** Does what marks ask for, a bounded stretch of each. */
  run(): Promise<Progress>;
}

/** Wakes whoever does what marks ask for; the marks themselves are what must be done. */
export const MARKS_JOB: JobKind<unknown> = { name: "definition-marks", payload: z.object({}), single: true };

/** Between two looks at what is waited for: each costs a walk over the definition's lanes. */
const DRAINING_MS = 1_000;
/** One job lasts at most so long; another follows. */
const TURN_MS = 60_000;

/** Does all that marks ask for. @returns false: something is still waited for, and another job must go on with it */
export async function doMarks(core: Core, chores: DefinitionChores, signal: AbortSignal): Promise<boolean> {
  for (const until = core.clock.monotonic() + TURN_MS; !signal.aborted; ) {
    const left = await chores.run();
    if (left === "DONE") return true;
    if (left === "MORE") continue;
    if (core.clock.monotonic() > until) return false;
    await sleep(DRAINING_MS, undefined, { signal }).catch(() => undefined);
  }
  return false;
}

export function createDefinitionChores(core: Core): DefinitionChores {
  /** Where a definition's lanes were left, by its mark. */
  const positions = new Map<string, string>();
  /** What ran when this process first saw that an ordering drains: those transactions may not have seen the change. */
  const drainingSeen = new Map<string, string[]>();

  /** One process at a time works on a definition, or an organization. */
  const alone = (id: string, work: (client: PoolClient) => Promise<boolean>): Promise<boolean> =>
    core.db.transaction(async (client) => {
      const { rows } = await client.query<{ taken: boolean }>("SELECT pg_try_advisory_xact_lock(hashtextextended($1, 7)) AS taken", [id]);
      return rows[0]?.taken ? work(client) : false;
    }, "collisions");

  async function continueGoingOn(row: Marked): Promise<boolean> {
    const key = `${row.definition_id} ${row.go_on_since}`;
    return alone(row.definition_id, async (client) => {
      // Stopped meanwhile: whoever activates it again begins anew.
      const { rowCount: active } = await client.query(IS_ACTIVE, [row.organization_id, row.definition_id]);
      const next = active ? await goOnBatch(core, client, row, positions.get(key) ?? NO_LANE) : undefined;
      if (next !== undefined) positions.set(key, next);
      else {
        positions.delete(key);
        await client.query("UPDATE definition_counter SET go_on_since = NULL WHERE definition_id = $1 AND go_on_since = $2::timestamptz", [
          row.definition_id,
          row.go_on_since,
        ]);
      }
      return next !== undefined;
    });
  }

  /** WAITS: what is in flight may come back to its lane, to be tried again; then it is cancelled too. */
  async function continueCancelling(row: Marked): Promise<Progress> {
    let left = true;
    const more = await alone(row.definition_id, async (client) => {
      if (await cancelBatch(core, client, row)) return true;
      const { rowCount } = await client.query(
        `UPDATE definition_counter c SET cancel_since = NULL WHERE c.definition_id = $1 AND NOT EXISTS (
           SELECT 1 FROM lane l JOIN lane_entry e ON e.organization_id = l.organization_id AND e.lane_id = l.id
           WHERE l.organization_id = c.organization_id AND l.definition_id = c.definition_id)`,
        [row.definition_id],
      );
      left = rowCount === 0;
      return false;
    });
    return more ? "MORE" : left ? "WAITS" : "DONE";
  }

  async function continueResuming(organizationId: string, mark: string): Promise<boolean> {
    const key = `${organizationId} ${mark}`;
    return alone(organizationId, async (client) => {
      const next = await unparkBatch(core, client, organizationId, positions.get(key) ?? NO_LANE);
      if (next !== undefined) positions.set(key, next);
      else {
        positions.delete(key);
        await client.query(
          "UPDATE organization SET deliveries_go_on_since = NULL WHERE id = $1 AND deliveries_go_on_since = $2::timestamptz",
          [organizationId, mark],
        );
      }
      return next !== undefined;
    });
  }

  async function openEpoch(row: Marked): Promise<void> {
    const key = `${row.definition_id} ${row.draining_since}`;
    const seen = drainingSeen.get(key);
    if (!seen) {
      drainingSeen.set(key, await ourTransactions(core));
      return;
    }
    const { rows } = await core.db.pool.query<{ done: boolean }>(OPEN, [row.definition_id, row.draining_since, seen]);
    if (!rows[0]) return;
    if (rows[0].done) drainingSeen.delete(key);
    // The lanes that were parked are due: the same walk as after an activation.
    await core.db.pool.query("UPDATE definition_counter SET go_on_since = now() WHERE definition_id = $1", [row.definition_id]);
  }

  return {
    async run() {
      const { rows } = await core.db.pool.query<Marked>(
        `SELECT ${MARKED} FROM definition_counter
         WHERE draining_since IS NOT NULL OR go_on_since IS NOT NULL OR cancel_since IS NOT NULL LIMIT 100`,
      );
      let more = false;
      let waits = false;
      for (const row of rows) {
        if (row.go_on_since) more = (await continueGoingOn(row)) || more;
        if (row.cancel_since) {
          const progress = await continueCancelling(row);
          more ||= progress === "MORE";
          waits ||= progress === "WAITS";
        }
        if (row.draining_since) {
          await openEpoch(row);
          waits = true;
        }
      }
      const resumed = await core.db.pool.query<{ id: string; mark: string }>(
        "SELECT id, deliveries_go_on_since::text AS mark FROM organization WHERE deliveries_go_on_since IS NOT NULL LIMIT 100",
      );
      for (const { id, mark } of resumed.rows) more = (await continueResuming(id, mark)) || more;
      return more ? "MORE" : waits ? "WAITS" : "DONE";
    },
  };
}
