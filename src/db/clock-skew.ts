/** This process's clock against the database's. */
import type { Clock } from "../clock.ts";
import { ClockSkewError } from "../errors.ts";
import type { PoolClient } from "./client.ts";

/** Further apart, a process and its database would put rows into partitions that do not fit, or leases into the past. */
export const MAX_SKEW_MS = 60_000;

/** The database's, in milliseconds since 1970. */
export const DATABASE_MS = "extract(epoch FROM clock_timestamp())::float8 * 1000";

/** @throws ClockSkewError */
export function demandClock(clock: Clock, databaseMs: number): void {
  const skew = clock.now().getTime() - databaseMs;
  if (Math.abs(skew) > MAX_SKEW_MS) throw new ClockSkewError(skew);
}

/** For what reckons with our clock what may be deleted. @throws ClockSkewError */
export async function demandSameClock(clock: Clock, db: Pick<PoolClient, "query">): Promise<void> {
  const { rows } = await db.query<{ ms: number }>(`SELECT ${DATABASE_MS} AS ms`);
  demandClock(clock, rows[0]?.ms as number);
}
