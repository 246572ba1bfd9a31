/** Partitions of the hot tables: which there are, and how one goes without anybody waiting for it. */
import type { Core } from "../core.ts";
import type { PoolClient } from "../db/client.ts";
import { isClosed, lockGate } from "../delivery/closed-partition.ts";
import { lowestId } from "./id-range.ts";

export type HotTable = "event" | "webhook_request" | "attempt" | "feed_entry";

export interface Partition {
  parent: HotTable;
  name: string;
  /** Null: from the beginning. */
  since: Date | null;
  until: Date;
  /** A detach that was cut short: only its end is missing. */
  detaching: boolean;
  /** Nothing in it is sent again (delivery/closed-partition.ts). */
  closed: boolean;
}

/** Oldest first. */
export async function partitionsOf(core: Core, parent: HotTable): Promise<Partition[]> {
  const { rows } = await core.db.pool.query<Partition>(
    `SELECT parent, name, since, until, detaching, ${isClosed("oid")} AS closed FROM hot_partition WHERE parent = $1 ORDER BY until`,
    [parent],
  );
  return rows;
}

/** Tables `c` that were partitions of these and are not dropped yet: their bounds stand on them as a comment. */
export const detachedFrom = (...parents: readonly HotTable[]): string =>
  `FROM pg_class c WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r' AND NOT c.relispartition
     AND c.relname ~ '^(${parents.join("|")})_' AND obj_description(c.oid, 'pg_class') LIKE '{"parent":%'`;

/** Those that were taken out, and are not dropped yet. */
export async function detachedPartitions(core: Core): Promise<Partition[]> {
  const { rows } = await core.db.pool.query<{ name: string; bounds: string }>(
    `SELECT c.relname::text AS name, obj_description(c.oid, 'pg_class') AS bounds ${detachedFrom("event", "webhook_request", "attempt", "feed_entry")}`,
  );
  return rows.map(({ name, bounds }) => {
    const { parent, since, until } = JSON.parse(bounds) as { parent: HotTable; since: string | null; until: string };
    return { parent, name, since: since === null ? null : new Date(since), until: new Date(until), detaching: false, closed: true };
  });
}

/** Whether what stands in one of them looks gone now: it was taken out, or is about to be. */
export async function anyOutside(client: Pick<PoolClient, "query">, ...parents: readonly HotTable[]): Promise<boolean> {
  const { rowCount } = await client.query(
    `SELECT 1 FROM hot_partition h WHERE h.detaching AND h.parent IN ('${parents.join("', '")}') UNION ALL SELECT 1 ${detachedFrom(...parents)} LIMIT 1`,
  );
  return rowCount !== 0;
}

/**
 * In the caller's transaction: until its end no partition of events or requests leaves its table, or comes back; whoever reads and writes
 * rows goes on. @returns whether one is outside now
 */
export async function holdPartitions(client: Pick<PoolClient, "query">): Promise<boolean> {
  // What DETACH takes too. The question goes on the same connection: with the lock held, another might not be had.
  await client.query("LOCK TABLE event, webhook_request IN SHARE UPDATE EXCLUSIVE MODE");
  return anyOutside(client, "event", "webhook_request");
}

/** Names come from the catalog, never from outside; quoted all the same. */
export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** How long a statement that needs a lock waits for it; whoever holds it goes first. */
const LOCK_TIMEOUT_MS = 50;
/** DETACH CONCURRENTLY waits for the transactions that may still see the partition. */
const DETACH_TIMEOUT_MS = 5_000;
/**
 * How long, and how many times, one that must come back waits for a lock: until then its requests are nowhere, while its wait is in
 * nobody's way, for what it locks lets readers and writers of the parent through and the partition stands outside.
 */
const ATTACH_TIMEOUT_MS = 5_000;
const ATTACH_TRIES = 12;
/** lock_not_available, query_canceled (also statement_timeout), object_not_in_prerequisite_state */
const LATER = new Set(["55P03", "57014", "55000"]);

/** As the owner, on a connection of its own. @returns false when somebody is in the way: try again later */
async function alone(core: Core, statement: string, timeoutMs: number, lockMs = LOCK_TIMEOUT_MS): Promise<boolean> {
  try {
    // No transaction: DETACH CONCURRENTLY refuses to run in one.
    await core.db.asOwner(async (client) => {
      await client.query(`SET lock_timeout = ${lockMs}`);
      await client.query(`SET statement_timeout = ${timeoutMs}`);
      await client.query(statement);
    });
    return true;
  } catch (error) {
    if (!LATER.has((error as { code?: string }).code ?? "")) throw error;
    return false;
  }
}

/** Its bounds stay on it as a comment, for whoever finds it outside after a crash. */
const noteBounds = ({ parent, name, since, until }: Partition): string =>
  `COMMENT ON TABLE ${quoted(name)} IS '${JSON.stringify({ parent, since, until })}'`;

/** From now on nothing in it is sent again; a resend that is under way is done. @returns false when somebody is in the way: later */
export function close(core: Core, partition: Partition): Promise<boolean> {
  // Sent as one message, they are one transaction.
  return alone(core, `${lockGate(`'${quoted(partition.name)}'::regclass`)}; ${noteBounds(partition)}`, DETACH_TIMEOUT_MS);
}

/** It stays in its table after all. */
export function open(core: Core, { name }: Partition): Promise<boolean> {
  return alone(core, `COMMENT ON TABLE ${quoted(name)} IS NULL`, DETACH_TIMEOUT_MS);
}

/**
 * Takes a partition out of its table; readers and writers go on meanwhile. One that was cut short is finished.
 * @returns whether it is out now
 */
export async function detach(core: Core, partition: Partition): Promise<boolean> {
  const { parent, name, detaching } = partition;
  const how = detaching ? "FINALIZE" : "CONCURRENTLY";
  if (!(await alone(core, noteBounds(partition), DETACH_TIMEOUT_MS))) return false;
  return alone(core, `ALTER TABLE ${quoted(parent)} DETACH PARTITION ${quoted(name)} ${how}`, DETACH_TIMEOUT_MS);
}

/** @returns whether it is gone */
export function drop(core: Core, name: string): Promise<boolean> {
  return alone(core, `DROP TABLE IF EXISTS ${quoted(name)}`, DETACH_TIMEOUT_MS);
}

/** Puts one back that turned out to be needed. @returns false when somebody is in the way for a minute: the next round puts it back */
export async function attach(core: Core, partition: Partition): Promise<boolean> {
  const { parent, name, since, until } = partition;
  const bound = (moment: Date | null) =>
    moment === null ? "MINVALUE" : parent === "feed_entry" ? `'${moment.toISOString()}'` : `'${lowestId(moment)}'`;
  const statement = `ALTER TABLE ${quoted(parent)} ATTACH PARTITION ${quoted(name)} FOR VALUES FROM (${bound(since)}) TO (${bound(until)})`;
  for (let tries = 0; tries < ATTACH_TRIES; tries++) {
    if (!(await alone(core, statement, ATTACH_TIMEOUT_MS, ATTACH_TIMEOUT_MS))) continue;
    // Else the next round opens it.
    await open(core, partition);
    return true;
  }
  core.log.warn({ partition: name }, "a partition that is needed could not be put back: what locks it? The next round tries again");
  return false;
}
