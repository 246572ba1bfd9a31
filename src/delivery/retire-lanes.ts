/**
 * Lanes that were idle for a day go: with ordering KEY there is one for each key that was ever seen. Numbers of a key never
 * repeat or fall all the same. A lane that comes into being starts above its definition's floor (sql/take-lane-numbers.ts), so
 * the floor rises to the last number of those that will go, and they go once everybody sees it. A request that is sent
 * again after its lane has gone gets a new one (lane-of-request.ts).
 */
import type { Core } from "../core.ts";
import { deleteLanes, lockIdleLanes, raiseLaneFloors } from "./sql/retire-lanes.ts";

const TIMES = {
  idleMs: 24 * 3_600_000,
  /** Longer than any of our statements lasts; the statement also looks at what still runs. */
  floorStandsMs: 60_000,
};
/** Lanes deleted in one transaction. */
const BATCH = 500;
/** Lanes that one round of raising looks at. */
const LOOK = 10_000;

export interface Retired {
  /** Definitions whose floor rose: lanes of theirs go in a later round. */
  raised: number;
  /** Lanes that are gone. */
  lanes: number;
}

/** One round: any number of processes may run it. */
export async function retireLanes(core: Core, signal?: AbortSignal, times: Readonly<typeof TIMES> = TIMES): Promise<Retired> {
  const { idleMs, floorStandsMs } = times;
  let lanes = 0;
  while (!signal?.aborted) {
    const { locked, gone } = await core.db.transaction(async (client) => {
      const rows = await lockIdleLanes.rows(client, [idleMs, BATCH, floorStandsMs]);
      const deleted = await deleteLanes.rows(client, [rows.map((row) => row.organization_id), rows.map((row) => row.id)]);
      return { locked: rows.length, gone: deleted.length };
    });
    lanes += gone;
    if (locked < BATCH || gone === 0) break;
  }
  // Afterwards, so that a floor that rises every minute never puts off those that lay below it before.
  if (signal?.aborted) return { raised: 0, lanes };
  const raised = await raiseLaneFloors.rows(core.db.pool, [idleMs, LOOK, floorStandsMs]);
  return { raised: raised.length, lanes };
}
