/** One partition, a stretch at a time along its key: no statement holds locks for long. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Core } from "../core.ts";
import { LOWEST } from "./id-range.ts";
import type { Walked } from "./sql/delete-requests.ts";

/** One organization's rows, of ids below this one. */
export interface Own {
  organizationId: string;
  below: string;
}

const STRETCH = 1_000;
/** Of the time, between two stretches: processors and disk are the deliveries' first. */
const SHARE = 1 / 20;
const [LEAST_PAUSE_MS, MOST_PAUSE_MS] = [20, 5_000];

/**
 * The pause after a stretch, so that what looks through millions of rows has a twentieth of one session's time.
 * @param beganMs of the clock's monotonic time
 */
export function rest(core: Pick<Core, "clock">, beganMs: number): Promise<void> {
  const took = core.clock.monotonic() - beganMs;
  return sleep(Math.min(MOST_PAUSE_MS, Math.max(LEAST_PAUSE_MS, took / SHARE - took)));
}

/**
 * @param statement of sql/delete-requests.ts
 * @param how.enough ends the walk early
 * @param how.own for a statement of one organization's rows
 * @returns the sum of what the statement counted; undefined when it was called off on the way
 */
export async function walk(
  core: Core,
  statement: string,
  before: Date,
  signal: AbortSignal | undefined,
  { enough = Number.POSITIVE_INFINITY, own }: { enough?: number; own?: Own } = {},
): Promise<number | undefined> {
  let [organization, id] = [own?.organizationId ?? LOWEST, LOWEST];
  for (let total = 0; ; ) {
    if (signal?.aborted) return undefined;
    const began = core.clock.monotonic();
    const { rows } = await core.db.pool.query<Walked>(statement, [organization, id, STRETCH, before, ...(own ? [own.below] : [])]);
    const found = rows[0] as Walked;
    total += found.count;
    if (found.walked < STRETCH || total >= enough) return total;
    [organization, id] = [found.organization as string, found.id as string];
    await rest(core, began);
  }
}
