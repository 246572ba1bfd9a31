/** The rows of the log, newest first, kept in order while pages of older ones and live updates come in. Pure. */
import type { LogRow } from "./documents.ts";

/** More rows than anyone reads; the oldest go first. */
export const MOST_ROWS = 100_000;
/** Of a log that is looked at from its top: what comes in pushes older rows out, which the server has. */
export const ROWS_BEHIND = 2_000;

/** Where a request of that number is, or would be (rows run from high numbers to low). */
export function placeOf(rows: readonly LogRow[], number: number): number {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((rows[middle] as LogRow).number > number) low = middle + 1;
    else high = middle;
  }
  return low;
}

export interface Merged {
  rows: LogRow[];
  /** How many rows were added above what was the newest row: what a scrolled view must move by. */
  above: number;
  /** The oldest rows were dropped, to hold no more than `most`. */
  cut: boolean;
}

/**
 * Takes updates in: known rows are replaced (or taken out, when they no longer belong), new ones are sorted in.
 * @param belongs whether a row is one that the view shows
 * @param floor rows below this number are not loaded yet: an update of one of them is left out, since the rows between it
 * and the oldest loaded one would seem not to exist
 * @param most rows that are held
 */
export function merge(
  rows: readonly LogRow[],
  updates: readonly LogRow[],
  belongs: (row: LogRow) => boolean,
  floor = Number.NEGATIVE_INFINITY,
  most = MOST_ROWS,
): Merged {
  const newest = rows[0]?.number ?? Number.POSITIVE_INFINITY;
  const next = rows.slice();
  const fresh = new Map<number, LogRow>();
  const gone = new Set<number>();
  for (const update of updates) {
    const place = placeOf(rows, update.number);
    const known = rows[place]?.number === update.number;
    if (!belongs(update)) {
      fresh.delete(update.number);
      if (known) gone.add(update.number);
    } else if (known) {
      next[place] = update;
      gone.delete(update.number);
    } else if (update.number > floor) fresh.set(update.number, update);
  }
  if (fresh.size === 0 && gone.size === 0) return { rows: next, above: 0, cut: false };
  const kept = gone.size === 0 ? next : next.filter((row) => !gone.has(row.number));
  const added = [...fresh.values()].sort((a, b) => b.number - a.number);
  const above = added.filter((row) => row.number > newest).length;
  // New rows mostly belong on top: only what stands above the lowest of them is gone through.
  const lowest = added.at(-1);
  const end = lowest ? placeOf(kept, lowest.number) : 0;
  const head: LogRow[] = [];
  let at = 0;
  for (const row of kept.slice(0, end)) {
    while (at < added.length && (added[at] as LogRow).number > row.number) head.push(added[at++] as LogRow);
    head.push(row);
  }
  const merged = head.concat(added.slice(at), kept.slice(end));
  const cut = merged.length > most;
  return { rows: cut ? merged.slice(0, most) : merged, above, cut };
}
