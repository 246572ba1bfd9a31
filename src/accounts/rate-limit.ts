/**
 * Rate limits that are exact over all processes: a fixed window per bucket, counted by one atomic statement on
 * `rate_bucket`. Clocks of processes play no part; the window's end is the database's.
 */
import type { Core } from "../core.ts";

export interface Limit {
  count: number;
  seconds: number;
}

/** Where a bucket stands, for the RateLimit headers. */
export interface Rate {
  limit: Limit;
  /** Never below 0. */
  remaining: number;
  /** Whole seconds until the window ends, at least 1. */
  resetSeconds: number;
  exceeded: boolean;
}

interface Counted {
  count: number;
  /** Until the window ends; null: no window is open. */
  seconds: number | null;
}

// clock_timestamp(), not now(): a statement that waited for the row must see the window that is open when it counts.
const HIT = `
  INSERT INTO rate_bucket AS b (key, count, window_ends_at) VALUES ($1, 1, clock_timestamp() + make_interval(secs => $2))
  ON CONFLICT (key) DO UPDATE SET
    count = CASE WHEN b.window_ends_at <= clock_timestamp() THEN 1 ELSE b.count + 1 END,
    window_ends_at = CASE WHEN b.window_ends_at <= clock_timestamp() THEN clock_timestamp() + make_interval(secs => $2) ELSE b.window_ends_at END
  RETURNING count, extract(epoch FROM window_ends_at - clock_timestamp())::float8 AS seconds`;

const PEEK = `
  SELECT count, extract(epoch FROM window_ends_at - clock_timestamp())::float8 AS seconds
  FROM rate_bucket WHERE key = $1 AND window_ends_at > clock_timestamp()`;

function rate(limit: Limit, { count, seconds }: Counted, exceeded: boolean): Rate {
  return { limit, remaining: Math.max(0, limit.count - count), resetSeconds: Math.max(1, Math.ceil(seconds ?? limit.seconds)), exceeded };
}

/** For limits that no `RateLimiter` of one kind fits. */
export const rateStatements = {
  /** Counts one; exceeded when this one is over the limit. */
  async hit(core: Pick<Core, "db" | "clock" | "log">, key: string, limit: Limit): Promise<Rate> {
    clean(core);
    const { rows } = await core.db.pool.query<Counted>(HIT, [key, limit.seconds]);
    const counted = rows[0] ?? { count: 0, seconds: null };
    return rate(limit, counted, counted.count > limit.count);
  },
  /** One that was counted does not count after all. */
  async giveBack(core: Pick<Core, "db">, key: string): Promise<void> {
    await core.db.pool.query(
      "UPDATE rate_bucket SET count = GREATEST(0, count - 1) WHERE key = $1 AND window_ends_at > clock_timestamp()",
      [key],
    );
  },
};

/** Windows that have ended are of no more use; a row each is left for every address that ever came. */
const CLEAN = "DELETE FROM rate_bucket WHERE window_ends_at < clock_timestamp() - interval '1 minute'";
const CLEAN_EVERY_MS = 600_000;
const cleanedAt = new WeakMap<object, number>();

function clean(core: Pick<Core, "db" | "clock" | "log">): void {
  const now = core.clock.monotonic();
  const last = cleanedAt.get(core);
  if (last !== undefined && now - last < CLEAN_EVERY_MS) return;
  cleanedAt.set(core, now);
  // Not at the start: nothing of this process has ended yet.
  if (last === undefined) return;
  core.db.pool.query(CLEAN).catch((error: Error) => core.log.warn({ err: error.message }, "could not clean rate_bucket"));
}

/** One kind of bucket (`goal`, `address`) with its limit. */
export interface RateLimiter {
  /** Counts one; exceeded when this one is over the limit. */
  hit(id: string, timeoutMs: number): Promise<Rate>;
  /** Counts nothing; exceeded when the bucket is full. */
  peek(id: string, timeoutMs: number): Promise<Rate>;
  /** What this process remembers of a full bucket until its window ends; needs no database. */
  remembered(id: string): Rate | undefined;
}

export function createRateLimiter(core: Core, kind: string, limit: Limit): RateLimiter {
  const full = new Map<string, number>();

  const query = async (text: string, values: unknown[], timeoutMs: number): Promise<Counted> => {
    // `query_timeout` is pg's own, missing in its types.
    const { rows } = await core.db.pool.query<Counted>({ text, values, query_timeout: timeoutMs } as { text: string; values: unknown[] });
    return rows[0] ?? { count: 0, seconds: null };
  };

  const remember = (id: string, { count, seconds }: Counted) => {
    if (count < limit.count || seconds === null) return;
    if (full.size > 10_000) full.clear();
    full.set(id, core.clock.monotonic() + seconds * 1000);
  };

  return {
    async hit(id, timeoutMs) {
      const counted = await query(HIT, [`${kind}:${id}`, limit.seconds], timeoutMs);
      clean(core);
      remember(id, counted);
      return rate(limit, counted, counted.count > limit.count);
    },
    async peek(id, timeoutMs) {
      const counted = await query(PEEK, [`${kind}:${id}`], timeoutMs);
      remember(id, counted);
      return rate(limit, counted, counted.count >= limit.count);
    },
    remembered(id) {
      const until = full.get(id);
      if (until === undefined) return undefined;
      const left = until - core.clock.monotonic();
      if (left <= 0) {
        full.delete(id);
        return undefined;
      }
      return { limit, remaining: 0, resetSeconds: Math.max(1, Math.ceil(left / 1000)), exceeded: true };
    },
  };
}
