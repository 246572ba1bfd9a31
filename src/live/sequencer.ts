/**
 * Writers never number the feed: who looks at it does. One session per organization numbers at a time; others try again
 * in a moment, for what the one at work has not seen may be what they look for.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Core } from "../core.ts";
import { findNews } from "./sql/find-news.ts";
import { findWaiting } from "./sql/find-waiting.ts";
import { sequence } from "./sql/sequence.ts";

/** The other session's work takes a few milliseconds. */
const AGAIN_MS = 4;
const TRIES = 50;

export interface Head {
  /** Numbered up to here. */
  sequence: number;
  /** False: another session was at it all the time, and more may be waiting. */
  complete: boolean;
}

/** Numbers what was committed before the call. */
export async function sequenceFeed(core: Core, organizationId: string): Promise<Head> {
  for (let left = TRIES; left > 0; left--) {
    const [row] = await sequence.rows(core.db.pool, [organizationId]);
    if (row?.head != null) return { sequence: row.head, complete: true };
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
 * @returns how many organizations it saw to
 */
export async function sequenceAll(core: Core): Promise<number> {
  const rows = await findWaiting.rows(core.db.pool, []);
  // Each is a transaction of its own. Where another session is at it, that one does the work.
  for (const row of rows) await sequence.rows(core.db.pool, [row.organization_id]);
  return rows.length;
}
