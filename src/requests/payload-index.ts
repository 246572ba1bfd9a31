/**
 * The index of payloads, where it is switched on (HOOKLINE_PAYLOAD_INDEX): one for each partition of events, so that it is made
 * without a lock on the table, a partition at a time, and goes with its partition. docs/decisions/lists.md says why it is as it is.
 */
import type { Core } from "../core.ts";
import type { Database } from "../db/client.ts";
import { missingExtensions, toRun } from "../db/extensions.ts";
import { HIGHEST, LOWEST, lowestId } from "./id-range.ts";
import { quoted } from "./partitions.ts";

/** A partition of events, and how its index stands. */
export interface IndexedPartition {
  name: string;
  /** The ids it may hold: from `low` on, below `high`. */
  low: string;
  high: string;
  /** Null: none. False: it was not finished. */
  ready: boolean | null;
}

const indexOf = (partition: string) => `${partition}_payload_idx`;

interface Row {
  name: string;
  since: Date | null;
  until: Date | null;
  ready: boolean | null;
  /** The engine's role owns the tables: their policies hide what no index can give it. */
  owns: boolean;
}

const PARTITIONS = `
  SELECT h.name, h.since, h.until, (SELECT x.indisvalid AND x.indisready FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid
      WHERE x.indrelid = h.oid AND c.relname = h.name || '_payload_idx') AS ready,
    (SELECT pg_get_userbyid(c.relowner) = current_user FROM pg_class c WHERE c.oid = h.oid) AS owns
  FROM hot_partition h WHERE h.parent = 'event' AND NOT h.detaching ORDER BY h.until DESC`;

async function read(db: Database): Promise<Row[]> {
  return (await db.pool.query<Row>(PARTITIONS)).rows;
}

/** Newest first; none while there is no index that may be used. */
export async function indexedPartitions(db: Database): Promise<IndexedPartition[]> {
  const rows = await read(db);
  if (!rows.some(({ ready, owns }) => ready && !owns)) return [];
  return rows.map(({ name, since, until, ready }) => ({
    ...{ name, ready },
    low: since === null ? LOWEST : lowestId(since),
    high: until === null ? HIGHEST : lowestId(until),
  }));
}

/** What one round came to. */
export interface IndexRound {
  /** Partitions whose index was made, and those whose index was dropped. */
  made: number;
  dropped: number;
  /** Partitions that still need one, or still have one that is switched off. */
  left: number;
}

/**
 * An organization's id stands there as text: an index on the id itself would offer itself to every other statement of a tenant.
 * Inserts are gathered (`fastupdate`), in kB: each payload has hundreds of keys, and many of them have the same.
 */
const create = (partition: string, opclass: string) =>
  `CREATE INDEX CONCURRENTLY ${quoted(indexOf(partition))} ON ${quoted(partition)}
     USING gin ((organization_id::text), payload ${opclass}) WITH (fastupdate = on, gin_pending_list_limit = 16384)`;
const drop = (partition: string) => `DROP INDEX CONCURRENTLY IF EXISTS ${quoted(indexOf(partition))}`;

const LOCK = "hookline.payload-index";
/** After so long no further partition is begun: the next round goes on, and what this one came to is seen meanwhile. */
const ROUND_MS = 60_000;

/** Why there can be no index; undefined: there can. */
async function obstacle(core: Core, rows: readonly Row[]): Promise<string | undefined> {
  if (rows.some(({ owns }) => owns))
    return "HOOKLINE_PAYLOAD_INDEX=trigram needs the second wall, which is off: with one role only its policies stand before every index of texts. docs/database.md has the SQL that turns it on";
  const missing = await missingExtensions(core.db.pool);
  return missing.length === 0
    ? undefined
    : `HOOKLINE_PAYLOAD_INDEX=trigram needs extensions that this database does not have. Have an administrator run in it: ${toRun(missing)}`;
}

/** `public.gin_trgm_ops`, wherever the extension was put. */
async function trigrams(core: Core): Promise<string> {
  const { rows } = await core.db.pool.query<{ schema: string }>(
    "SELECT n.nspname::text AS schema FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_trgm'",
  );
  return `${quoted(rows[0]?.schema as string)}.gin_trgm_ops`;
}

/** What was gathered of today's events goes into the index here, before whoever writes an event has to. */
async function settlePending(core: Core, rows: readonly Row[]): Promise<void> {
  const now = core.clock.now();
  const current = rows.find(({ since, until, ready }) => ready && (since === null || since <= now) && until !== null && until > now);
  if (!current) return;
  await core.db.asOwnerForLong((client) => client.query("SELECT gin_clean_pending_list($1::regclass)", [quoted(indexOf(current.name))]));
}

/**
 * One round of the chore: an index for each partition that has none, the newest first, each by itself; or none for any. What was
 * cut short, by a kill or a stop, is made anew. Nobody who writes or reads waits for it.
 */
export async function keepPayloadIndex(core: Core, signal?: AbortSignal): Promise<IndexRound> {
  const on = core.config.payloadIndex === "trigram";
  const rows = await read(core.db);
  const round: IndexRound = { made: 0, dropped: 0, left: rows.filter(({ ready }) => (on ? ready !== true : ready !== null)).length };
  if (round.left === 0) {
    if (on) await settlePending(core, rows);
    return round;
  }
  const why = on ? await obstacle(core, rows) : undefined;
  if (why !== undefined) {
    core.warnings.warn("payload-index", "payload-index", {}, why);
    return round;
  }
  const opclass = on ? await trigrams(core) : "";
  await core.db.asOwnerForLong(async (client) => {
    // A job that took too long is begun anew while its statement still runs.
    const { rows: locks } = await client.query<{ mine: boolean }>("SELECT pg_try_advisory_lock(hashtextextended($1, 0)) AS mine", [LOCK]);
    if (!locks[0]?.mine) return;
    const since = core.clock.monotonic();
    for (const { name, ready } of await read(core.db)) {
      if (signal?.aborted || core.clock.monotonic() - since > ROUND_MS) return;
      if (on ? ready === true : ready === null) continue;
      const began = core.clock.monotonic();
      if (ready !== null) await client.query(drop(name));
      if (on) await client.query(create(name, opclass));
      round.left -= 1;
      if (on) round.made += 1;
      else round.dropped += 1;
      core.log.info(
        { partition: name, ms: Math.round(core.clock.monotonic() - began), left: round.left },
        on ? "payloads are indexed" : "the index of payloads is dropped",
      );
    }
  }, signal);
  return round;
}
