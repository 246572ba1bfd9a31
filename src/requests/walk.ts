/** One partition, a stretch at a time along its key: no statement holds locks for long. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Core } from "../core.ts";
import { LOWEST } from "./id-range.ts";
import type { Walked } from "./sql/delete-requests.ts";

const STRETCH = 1_000;
/** Between two stretches: the disk is the deliveries' first. */
const PAUSE_MS = 20;

/**
 * @param statement of sql/delete-requests.ts
 * @param enough ends the walk early
 * @returns the sum of what the statement counted; undefined when it was called off on the way
 */
export async function walk(
  core: Core,
  statement: string,
  before: Date,
  signal: AbortSignal | undefined,
  enough = Number.POSITIVE_INFINITY,
): Promise<number | undefined> {
  let [organization, id] = [LOWEST, LOWEST];
  for (let total = 0; ; await sleep(PAUSE_MS)) {
    if (signal?.aborted) return undefined;
    const { rows } = await core.db.pool.query<Walked>(statement, [organization, id, STRETCH, before]);
    const found = rows[0] as Walked;
    total += found.count;
    if (found.walked < STRETCH || total >= enough) return total;
    [organization, id] = [found.organization as string, found.id as string];
  }
}
