/** The truth behind all wake-ups: lanes with work that nobody holds, found by looking. */
import type { Database } from "../db/client.ts";
import { CLAIMABLE } from "./lane-claim.ts";

/** Lanes looked at in one sweep. */
const LIMIT = 5_000;

/**
 * Lanes that hold unsettled requests and may be claimed now. Walks the queue's index from lane to lane, so that its cost
 * is the number of lanes with work, not of requests.
 */
export async function findDueLanes(db: Database): Promise<string[]> {
  const { rows } = await db.pool.query<{ id: string }>({
    name: "due-lanes",
    text: `WITH RECURSIVE queued AS (
             (SELECT lane_id FROM lane_entry ORDER BY lane_id LIMIT 1)
             UNION ALL
             SELECT (SELECT e.lane_id FROM lane_entry e WHERE e.lane_id > q.lane_id ORDER BY e.lane_id LIMIT 1) FROM queued q WHERE q.lane_id IS NOT NULL
           )
           SELECT l.id FROM queued q JOIN lane l ON l.id = q.lane_id WHERE ${CLAIMABLE} LIMIT $1`,
    values: [LIMIT],
  });
  return rows.map((row) => row.id);
}
