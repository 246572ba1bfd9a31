/**
 * What is too old goes: settled requests with their attempts and events after `retentionDays`, feed entries after 3 days,
 * idempotency keys after 24 hours; what an organization keeps for less, sooner (own-retention.ts). A partition in which nothing must stay goes as a whole; of the others the rows go, a
 * little at a time. Any number of processes may run it: each takes what no other holds.
 */
import type { Core } from "../core.ts";
import { dropOld } from "./drop-old.ts";
import { lowestId } from "./id-range.ts";
import { deleteOwnOld } from "./own-retention.ts";
import { anyOutside, partitionsOf, quoted } from "./partitions.ts";
import { deleteSettled, deleteUnneededEvents } from "./sql/delete-requests.ts";
import { rest, walk } from "./walk.ts";

const DAY_MS = 86_400_000;
export const FEED_DAYS = 3;
export const IDEMPOTENCY_HOURS = 24;
const BATCH = 1_000;

const KEYS = `
  DELETE FROM idempotency_key WHERE ctid = ANY(ARRAY(SELECT ctid FROM idempotency_key WHERE created_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED))`;
const BLOCKS = `
  DELETE FROM number_block WHERE ctid = ANY(ARRAY(SELECT ctid FROM number_block WHERE last_id < $1 LIMIT $2 FOR UPDATE SKIP LOCKED))`;
/** What is known of events that are gone. */
const RECOVERED = `
  DELETE FROM recovered_event WHERE ctid = ANY(ARRAY(
    SELECT e.ctid FROM recovered_event e WHERE e.event_id < $1
      AND NOT EXISTS (SELECT 1 FROM event v WHERE v.organization_id = e.organization_id AND v.id = e.event_id OFFSET 0)
    LIMIT $2 FOR UPDATE SKIP LOCKED))`;
const REPLAYS = `
  DELETE FROM replay WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM replay WHERE state <> 'RUNNING' AND updated_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED))`;
/** Their filters name whom they were about. */
const ERASURES = `
  DELETE FROM erasure WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM erasure WHERE state <> 'RUNNING' AND updated_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED))`;

export interface Deleted {
  /** Rows. */
  requests: number;
  events: number;
  idempotencyKeys: number;
  numberBlocks: number;
  /** Of organizations that keep less than the installation does. */
  feedEntries: number;
  /** Whole tables. */
  partitions: number;
}

/** Rows of partitions that hold something which must stay. */
async function deleteRows(core: Core, parent: "webhook_request" | "event", cutoff: Date, signal?: AbortSignal): Promise<number> {
  if (parent === "event" && (await anyOutside(core.db.pool, "webhook_request"))) return 0;
  let total = 0;
  for (const { name, since } of await partitionsOf(core, parent)) {
    if (since !== null && since > cutoff) break;
    const statement = parent === "event" ? deleteUnneededEvents(quoted(name)) : deleteSettled(quoted(name));
    total += (await walk(core, statement, cutoff, signal)) ?? 0;
  }
  return total;
}

/** One round: what is too old goes, whole partitions first. */
export async function deleteOld(core: Core, signal?: AbortSignal): Promise<Deleted> {
  const deleted = await deleteRound(core, signal);
  if (Object.values(deleted).some((count) => count > 0)) core.log.info(deleted, "deleted what was too old");
  return deleted;
}

async function deleteRound(core: Core, signal?: AbortSignal): Promise<Deleted> {
  const now = core.clock.now().getTime();
  const before = (milliseconds: number) => new Date(now - milliseconds);
  const old = before(core.config.retentionDays * DAY_MS);
  const repeat = async (text: string, value: unknown): Promise<number> => {
    for (let total = 0; ; ) {
      if (signal?.aborted) return total;
      const began = core.clock.monotonic();
      const count = (await core.db.pool.query(text, [value, BATCH])).rowCount ?? 0;
      total += count;
      if (count < BATCH) return total;
      await rest(core, began);
    }
  };
  let partitions = await dropOld(core, "feed_entry", before(FEED_DAYS * DAY_MS), signal);
  partitions += await dropOld(core, "webhook_request", old, signal);
  const requests = await deleteRows(core, "webhook_request", old, signal);
  // What hung on those that are gone.
  partitions += await dropOld(core, "attempt", old, signal);
  partitions += await dropOld(core, "event", old, signal);
  const events = await deleteRows(core, "event", old, signal);
  await repeat(RECOVERED, lowestId(old));
  await repeat(REPLAYS, old);
  await repeat(ERASURES, old);
  const own = await deleteOwnOld(core, signal);
  const [oldest] = await partitionsOf(core, "webhook_request");
  const numberBlocks = oldest?.since ? await repeat(BLOCKS, lowestId(oldest.since)) : 0;
  return {
    ...{ partitions, numberBlocks, feedEntries: own.feedEntries },
    ...{ requests: requests + own.requests, events: events + own.events },
    idempotencyKeys: await repeat(KEYS, before(IDEMPOTENCY_HOURS * 3_600_000)),
  };
}
