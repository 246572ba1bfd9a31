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
/** Between two stretches: the disk is the deliveries' first. */
const PAUSE_MS = 20;

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
  for (let total = 0; ; await sleep(PAUSE_MS)) {
    if (signal?.aborted) return undefined;
    const { rows } = await core.db.pool.query<Walked>(statement, [organization, id, STRETCH, before, ...(own ? [own.below] : [])]);
    const found = rows[0] as Walked;
    total += found.count;
    if (found.walked < STRETCH || total >= enough) return total;
    [organization, id] = [found.organization as string, found.id as string];
  }
}
