/**
 * Writers never number the feed: who looks at it does. One session per organization numbers at a time; others try again
 * in a moment, for what the one at work has not seen may be what they look for.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Core } from "../core.ts";
import { findNews } from "./sql/find-news.ts";
import { findWaiting } from "./sql/find-waiting.ts";
import { beginSequencing, sequence } from "./sql/sequence.ts";

/** The other session's work takes a few milliseconds. */
const AGAIN_MS = 4;
const TRIES = 50;
/** Transactions numbered in one statement, and how long others have the database to themselves then where nobody waits for it: a minute of a large backlog took a core for 0.3 s. */
const [AT_ONCE, PAUSE_MS] = [250, 20];

export interface Head {
  /** Numbered up to here. */
  sequence: number;
  /** False: another session was at it all the time, and more may be waiting. */
  complete: boolean;
}

/** A writer takes its place in line right before it commits: whoever is later than this is found by the next look at all. */
const LATE_MS = 5_000;
const LOOK_AT_ALL_MS = 10_000;
const MOST_LINES = 10_000;

/** How far an organization's line is known to be empty. */
interface Line {
  /** Nothing waits up to here, but for who is late. */
  above: number;
  /** The last place that was numbered here. */
  last: number;
  /** Where `above` goes once everybody had the time to commit. */
  next: { draw: number; at: number };
  lookedAtAll: number;
}

const lines = new WeakMap<Core, Map<string, Line>>();

/** The database is in another life: places in line may begin lower. */
export const forgetLines = (core: Core): boolean => lines.delete(core);

function lineOf(core: Core, organizationId: string): Line {
  const known = lines.get(core) ?? new Map<string, Line>();
  lines.set(core, known);
  if (known.size > MOST_LINES) known.clear();
  const line = known.get(organizationId) ?? { above: 0, last: 0, next: { draw: 0, at: 0 }, lookedAtAll: Number.NEGATIVE_INFINITY };
  known.set(organizationId, line);
  return line;
}

/** @returns the head, and whether there may be more to number; undefined: another session is at it */
async function look(core: Core, organizationId: string): Promise<{ head: number; more: boolean } | undefined> {
  const line = lineOf(core, organizationId);
  const now = core.clock.monotonic();
  const atAll = now - line.lookedAtAll > LOOK_AT_ALL_MS;
  const values = [organizationId, atAll ? 0 : line.above];
  const came = await core.db.together(() => [
    { statement: beginSequencing, values },
    { statement: sequence, values: [...values, AT_ONCE] },
  ]);
  const { head, draw, more = false } = (came[1]?.rows[0] ?? {}) as { head?: number | null; draw?: number | null; more?: boolean };
  if (head == null) return undefined;
  // Part of it was looked at: the next look is at all again.
  if (atAll && !more) line.lookedAtAll = now;
  line.last = Math.max(line.last, draw ?? 0);
  if (now - line.next.at > LATE_MS) {
    line.above = line.next.draw;
    line.next = { draw: line.last, at: now };
  }
  return { head, more };
}

/** Numbers what was committed before the call. */
export async function sequenceFeed(core: Core, organizationId: string): Promise<Head> {
  for (let left = TRIES; left > 0; ) {
    const found = await look(core, organizationId);
    if (found && !found.more) return { sequence: found.head, complete: true };
    if (found) continue;
    left -= 1;
    await sleep(AGAIN_MS);
  }
  const [row] = await findNews.rows(core.db.pool, [[organizationId]]);
  return { sequence: row?.sequence ?? 0, complete: row === undefined };
}

/** Those of the organizations whose feed has something beyond these positions, numbered or not. */
export async function withNews(core: Core, positions: ReadonlyMap<string, number>): Promise<string[]> {
  const rows = await findNews.rows(core.db.pool, [[...positions.keys()]]);
  return rows.filter((row) => row.waiting || row.sequence > (positions.get(row.organization_id) ?? 0)).map((row) => row.organization_id);
}

/**
 * A chore: numbers what nobody reads, so that what waits stays small and ages with its partitions.
 * @param signal the rest is for the next run
 * @returns how many organizations had something
 */
export async function sequenceAll(core: Core, signal?: AbortSignal): Promise<number> {
  const rows = await findWaiting.rows(core.db.pool, []);
  // Each is a transaction of its own. Where another session is at it, that one does the work.
  for (const row of rows) while (!signal?.aborted && (await look(core, row.organization_id))?.more) await sleep(PAUSE_MS);
  return rows.length;
}
