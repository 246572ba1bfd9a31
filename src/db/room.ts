/**
 * Whether Postgres has room for the connections of several processes. One that is short of them fails somewhere, some time
 * later: better a sentence at the start.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { DatabaseRefusal } from "./refusal.ts";
import { clientConfig, SessionClient } from "./session-client.ts";

/** Most connections of one process: the hot pool, Prisma's, three for jobs, two that listen, and of those that come now and then the owner's two and one that searches (docs/database.md). */
export const connectionsOf = (pool: number): number => 2 * pool + 8;

/** The primary serves nobody: its chores run one after the other. */
const PRIMARY_POOL = 4;
export const primaryPool = (pool: number): number => Math.min(pool, PRIMARY_POOL);

export interface Wanted {
  workers: number;
  /** HOOKLINE_DATABASE_POOL. */
  pool: number;
}

/** Connections of a primary and its workers together. */
export const connectionsOfAll = ({ workers, pool }: Wanted): number => workers * connectionsOf(pool) + connectionsOf(primaryPool(pool));

/** What stands in the way of more connections; `others` are sessions that are not ours. */
export interface Limits {
  maxConnections: number;
  /** superuser_reserved_connections and reserved_connections together. */
  reserved: number;
  others: number;
  /** CONNECTION LIMIT of the role and of the database; null: none. */
  role: { limit: number; others: number } | null;
  database: { limit: number; others: number } | null;
}

/** Sessions of a Hookline that was just killed are gone in a moment. */
const PATIENCE_MS = 5_000;
const AGAIN_MS = 250;

// Without rights on others' sessions a role sees that they are there, and not of what kind: who has a database counts.
const LIMITS = `
  WITH other AS (
    SELECT usesysid, datid FROM pg_stat_activity
    WHERE datid IS NOT NULL AND pid <> pg_backend_pid() AND COALESCE(backend_type, 'client backend') = 'client backend'
  ), me AS (
    SELECT r.oid, r.rolsuper, r.rolconnlimit, d.oid AS database, d.datconnlimit
    FROM pg_roles r, pg_database d WHERE r.rolname = session_user AND d.datname = current_database()
  )
  SELECT current_setting('max_connections')::int AS max,
    CASE WHEN rolsuper THEN 0
      ELSE current_setting('superuser_reserved_connections')::int + COALESCE(current_setting('reserved_connections', true), '0')::int END AS reserved,
    (SELECT count(*) FROM other)::int AS others,
    CASE WHEN NOT rolsuper AND rolconnlimit >= 0 THEN rolconnlimit END AS role_limit,
    (SELECT count(*) FROM other WHERE usesysid = me.oid)::int AS role_others,
    CASE WHEN NOT rolsuper AND datconnlimit >= 0 THEN datconnlimit END AS database_limit,
    (SELECT count(*) FROM other WHERE datid = me.database)::int AS database_others
  FROM me`;

interface LimitsRow {
  max: number;
  reserved: number;
  others: number;
  role_limit: number | null;
  role_others: number;
  database_limit: number | null;
  database_others: number;
}

async function readLimits(client: SessionClient): Promise<Limits> {
  const { rows } = (await client.query(LIMITS)) as { rows: LimitsRow[] };
  const row = rows[0] as LimitsRow;
  const limited = (limit: number | null, others: number) => (limit === null ? null : { limit, others });
  return {
    maxConnections: row.max,
    reserved: row.reserved,
    others: row.others,
    role: limited(row.role_limit, row.role_others),
    database: limited(row.database_limit, row.database_others),
  };
}

/** The largest number from 1 to `most` that fits; 0: none does. */
function largest(most: number, fits: (value: number) => boolean): number {
  for (let value = most; value > 0; value--) if (fits(value)) return value;
  return 0;
}

interface Bound {
  free: number;
  why: string;
  /** What to set for so many more. */
  raise(by: number): string;
}

/** The tightest of what stands in the way. */
function tightestOf(limits: Limits): Bound {
  const bounds: Bound[] = [
    {
      free: limits.maxConnections - limits.reserved - limits.others,
      why: `max_connections is ${limits.maxConnections}, of which ${limits.reserved} are reserved (superuser_reserved_connections, reserved_connections) and ${limits.others} taken by other sessions`,
      raise: (by: number) => `max_connections to ${limits.maxConnections + by}`,
    },
    ...([limits.role, limits.database] as const).flatMap((bound, i) => {
      const whose = i === 0 ? "role" : "database";
      return bound === null
        ? []
        : {
            free: bound.limit - bound.others,
            why: `the CONNECTION LIMIT of its ${whose} is ${bound.limit}, of which ${bound.others} are taken by other sessions`,
            raise: (by: number) => `the ${whose}'s CONNECTION LIMIT to ${bound.limit + by}`,
          };
    }),
  ];
  return bounds.reduce((a, b) => (b.free < a.free ? b : a));
}

/** Why they do not fit, and what to set; undefined when they do. */
export function roomProblem(wanted: Wanted, limits: Limits): string | undefined {
  const needed = connectionsOfAll(wanted);
  const tightest = tightestOf(limits);
  const free = Math.max(0, tightest.free);
  if (needed <= free) return undefined;
  const workers = largest(wanted.workers - 1, (n) => connectionsOfAll({ ...wanted, workers: n }) <= free);
  const pool = largest(wanted.pool - 1, (n) => n > 1 && connectionsOfAll({ ...wanted, pool: n }) <= free);
  const mends = [
    ...(workers > 0 ? [`HOOKLINE_WORKERS to ${workers}`] : []),
    ...(pool > 0 ? [`HOOKLINE_DATABASE_POOL to ${pool}`] : []),
    tightest.raise(needed - tightest.free),
  ];
  const primary = connectionsOf(primaryPool(wanted.pool));
  return (
    `HOOKLINE_WORKERS=${wanted.workers} with HOOKLINE_DATABASE_POOL=${wanted.pool} takes up to ${needed} connections ` +
    `(${wanted.workers} processes × ${connectionsOf(wanted.pool)} and ${primary} of the primary), and Postgres has ${free} left: ${tightest.why}. Set ${mends.join(", or ")}`
  );
}

/** With fewer none of its roles comes up. */
const LEAST = 3;
const INSUFFICIENT_PRIVILEGE = "42501";

/**
 * For a single process. Others may be its own kind, or end soon: they do not count.
 * @returns a warning when it may need more than there can be @throws DatabaseRefusal when it could not even start
 */
export async function checkRoomForOne(url: string, pool: number): Promise<string | undefined> {
  const client = new SessionClient(clientConfig({ url, purpose: "room" }));
  await client.connect();
  try {
    const { free, why, raise } = tightestOf(alone(await readLimits(client)));
    const all = connectionsOf(pool);
    if (free >= all) return undefined;
    const smaller = largest(pool - 1, (n) => n > 1 && connectionsOf(n) <= free);
    const mends = [...(smaller > 0 ? [`HOOKLINE_DATABASE_POOL to ${smaller}`] : []), raise(all - free)];
    const sentence = `a process takes up to ${all} connections with HOOKLINE_DATABASE_POOL=${pool}, and Postgres has ${free} at most: ${why}. Set ${mends.join(", or ")}`;
    if (free < LEAST) throw new DatabaseRefusal(sentence);
    return sentence;
  } catch (error) {
    // Who may not look at pg_stat_activity is not told.
    if ((error as { code?: unknown }).code !== INSUFFICIENT_PRIVILEGE) throw error;
    return undefined;
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** As if all others were gone. */
function alone(limits: Limits): Limits {
  const freed = (bound: Limits["role"]) => (bound === null ? null : { ...bound, others: 0 });
  return { ...limits, others: 0, role: freed(limits.role), database: freed(limits.database) };
}

/** @throws DatabaseRefusal one sentence with what to set; before any pool is opened, so that every session but this one is somebody else's */
export async function checkRoom(url: string, wanted: Wanted, signal?: AbortSignal): Promise<void> {
  const client = new SessionClient(clientConfig({ url, purpose: "room" }));
  await client.connect();
  try {
    for (const deadline = performance.now() + PATIENCE_MS; ; await sleep(AGAIN_MS)) {
      signal?.throwIfAborted();
      const limits = await readLimits(client);
      const problem = roomProblem(wanted, limits);
      if (problem === undefined) return;
      const hopeless = roomProblem(wanted, alone(limits)) !== undefined;
      if (hopeless || performance.now() > deadline) throw new DatabaseRefusal(problem);
    }
  } finally {
    await client.end().catch(() => undefined);
  }
}
