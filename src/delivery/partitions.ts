/** Partitions of the hot tables, ahead of time: by a chore, at the start, and by ingest when one is missing all the same. */
import type { Core } from "../core.ts";

const AHEAD_DAYS = 8;

/** @returns how many were made */
export async function makePartitions(core: Pick<Core, "db" | "config">): Promise<number> {
  const { rows } = await core.db.pool.query<{ made: number }>("SELECT make_partitions(now() + $1 * interval '1 day', $2::int4) AS made", [
    AHEAD_DAYS,
    core.config.partitionMinutes,
  ]);
  return rows[0]?.made ?? 0;
}
