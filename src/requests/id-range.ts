/** UUIDv7 and time: bounds for statements, so that they read only the partitions that can hold what is asked for. Pure. */
import { ZERO_ID } from "../db/values.ts";

/** What a process's clock may be off the database's, and some more. */
export const CLOCK_SLACK_MS = 3_600_000;
const MAX_TIME = 2 ** 48 - 1;

/** The smallest UUIDv7 of a moment; of the first or the last there is when it lies outside. */
export function lowestId(moment: Date): string {
  const time = Math.min(MAX_TIME, Math.max(0, Math.floor(moment.getTime())))
    .toString(16)
    .padStart(12, "0");
  return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-000000000000`;
}

export const LOWEST = ZERO_ID;
export const HIGHEST = "ffffffff-ffff-ffff-ffff-ffffffffffff";

/** The lowest and the highest of some ids; of none a range that holds nothing. */
export function rangeOf(ids: Iterable<string>): [lowest: string, highest: string] {
  let [lowest, highest] = [HIGHEST, LOWEST];
  for (const id of ids) {
    if (id < lowest) lowest = id;
    if (id > highest) highest = id;
  }
  return [lowest, highest];
}

/** When an id was made. */
export const timeOf = (id: string): Date => new Date(Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16));

/** Where what was made together with these stands: the requests of events. */
export function rangeAround(ids: readonly string[]): [lowest: string, highest: string] {
  const [lowest, highest] = rangeOf(ids);
  return [lowestId(new Date(timeOf(lowest).getTime() - CLOCK_SLACK_MS)), lowestId(new Date(timeOf(highest).getTime() + CLOCK_SLACK_MS))];
}
