/**
 * Roll-ups of finished minutes: the rows of all processes become one per definition and minute and count in the totals;
 * after two hours they become stretches of ten minutes, after two days hours; after 31 days they go.
 * So a day of a busy webhook is some 250 rows. Any number of processes may run it.
 */
import type { Core } from "../core.ts";
import { deleteOldMinutes, foldFinished, foldIntoStretches } from "./sql/fold-deliveries.ts";

const BATCH = 500;
/** A transaction that settles writes into the minute of its beginning, and none of ours lasts so long. */
const FINISHED_MS = 2 * 60_000;
const TENS_AFTER_MS = 2 * 3_600_000;
const HOURS_AFTER_MS = 48 * 3_600_000;
const KEEP_MS = 31 * 86_400_000;

export interface Folded {
  minutes: number;
  tens: number;
  hours: number;
  deleted: number;
}

/** One round, in batches. */
export async function foldDeliveries(core: Core, signal?: AbortSignal): Promise<Folded> {
  const ago = (ms: number) => new Date(core.clock.now().getTime() - ms);
  const hour = (ms: number) => new Date(Math.floor(ago(ms).getTime() / 3_600_000) * 3_600_000);
  const { pool } = core.db;
  const repeat = async (step: () => Promise<number>): Promise<number> => {
    for (let total = 0; ; ) {
      const count = signal?.aborted ? 0 : await step();
      total += count;
      if (count < BATCH) return total;
    }
  };
  /** Of what is between so old and so old: whole stretches alone. */
  const into = (minutes: number, since: number, until: number) =>
    repeat(async () => (await foldIntoStretches.rows(pool, [ago(since), hour(until), BATCH, minutes]))[0]?.folded ?? 0);
  return {
    minutes: await repeat(async () => (await foldFinished.rows(pool, [ago(FINISHED_MS), BATCH]))[0]?.folded ?? 0),
    tens: await into(10, HOURS_AFTER_MS, TENS_AFTER_MS),
    hours: await into(60, KEEP_MS, HOURS_AFTER_MS),
    deleted: await repeat(() => deleteOldMinutes.count(pool, [ago(KEEP_MS), BATCH])),
  };
}
