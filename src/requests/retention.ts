/**
 * What is too old goes, a little at a time, so that no statement holds locks for long and the log stays readable:
 * settled requests with their attempts and events after `retentionDays`, feed entries after 3 days, idempotency keys
 * after 24 hours. Any number of processes may run it: each takes rows that no other holds.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Core } from "../core.ts";

export const FEED_DAYS = 3;
export const IDEMPOTENCY_HOURS = 24;
const BATCH = 1_000;
/** Between two batches: the disk is the deliveries' first. */
const PAUSE_MS = 50;
const EVERY_MS = 10 * 60_000;

/** Requests are deleted with their attempts; one at the head of a blocked lane stays. Nothing else hangs on them. */
const REQUESTS = `
  WITH old AS (
    SELECT r.id FROM webhook_request r
     WHERE r.created_at < $1 AND r.settled_at < $1 AND NOT EXISTS (SELECT 1 FROM lane l WHERE l.id = r.lane_id AND l.blocked_request_id = r.id)
     LIMIT $2 FOR UPDATE SKIP LOCKED
  ), attempts AS (
    DELETE FROM attempt a USING old WHERE a.request_id = old.id
  )
  DELETE FROM webhook_request r USING old WHERE r.id = old.id`;

/** Events that no request needs any more. Ids sort by time, so the oldest come first. */
const EVENTS = `
  DELETE FROM event e WHERE e.id IN (
    SELECT e.id FROM event e
     WHERE e.id < $1 AND e.created_at < $2 AND NOT EXISTS (SELECT 1 FROM webhook_request r WHERE r.event_id = e.id)
     LIMIT $3 FOR UPDATE SKIP LOCKED)`;

/** Always the oldest of an organization: what is left has no holes, which the cursors rely on. */
const FEED = `
  DELETE FROM feed_entry f USING (
    SELECT organization_id, max(sequence) AS through FROM (
      SELECT organization_id, sequence FROM feed_entry WHERE organization_id = $1 AND sequence <= $2 ORDER BY sequence LIMIT $3) oldest
     GROUP BY organization_id) cut
  WHERE f.organization_id = cut.organization_id AND f.sequence <= cut.through`;

const KEYS = `
  DELETE FROM idempotency_key WHERE ctid = ANY(ARRAY(SELECT ctid FROM idempotency_key WHERE created_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED))`;

/** The smallest UUIDv7 of a moment. */
export function lowestId(moment: Date): string {
  const time = moment.getTime().toString(16).padStart(12, "0");
  return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-000000000000`;
}

export interface Deleted {
  requests: number;
  events: number;
  feedEntries: number;
  idempotencyKeys: number;
}

/** One round: deletes all that is too old now, in batches. */
export async function deleteOld(core: Core, signal?: AbortSignal): Promise<Deleted> {
  const now = core.clock.now().getTime();
  const before = (milliseconds: number) => new Date(now - milliseconds);
  const old = before(core.config.retentionDays * 86_400_000);
  const repeat = async (text: string, values: unknown[]): Promise<number> => {
    for (let total = 0; ; await sleep(PAUSE_MS)) {
      if (signal?.aborted) return total;
      const count = (await core.db.pool.query(text, [...values, BATCH])).rowCount ?? 0;
      total += count;
      if (count < BATCH) return total;
    }
  };
  let feedEntries = 0;
  const { rows } = await core.db.pool.query<{ organization_id: string; through: number }>(
    "SELECT organization_id, max(sequence) AS through FROM feed_entry WHERE created_at < $1 GROUP BY organization_id",
    [before(FEED_DAYS * 86_400_000)],
  );
  for (const { organization_id, through } of rows) feedEntries += await repeat(FEED, [organization_id, through]);
  return {
    feedEntries,
    idempotencyKeys: await repeat(KEYS, [before(IDEMPOTENCY_HOURS * 3_600_000)]),
    requests: await repeat(REQUESTS, [old]),
    events: await repeat(EVENTS, [lowestId(old), old]),
  };
}

export interface Retention {
  start(): void;
  stop(): Promise<void>;
}

/** Runs a round now and then. */
export function createRetention(core: Core): Retention {
  let controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;
  const round = async () => {
    try {
      const deleted = await deleteOld(core, controller.signal);
      if (Object.values(deleted).some((count) => count > 0)) core.log.info(deleted, "deleted what was too old");
    } catch (error) {
      core.log.warn({ err: error }, "deleting what is too old failed, trying again later");
    }
  };
  return {
    start() {
      controller = new AbortController();
      timer = setInterval(() => {
        running ??= round().finally(() => {
          running = undefined;
        });
      }, EVERY_MS);
      timer.unref();
    },
    async stop() {
      controller.abort();
      clearInterval(timer);
      await running;
    },
  };
}
