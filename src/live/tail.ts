/**
 * The live end of one organization's feed in this process: one reader for all its subscribers. It is woken by hints
 * (NOTIFY) and by a slow poll, reads what is new in batches, and hands each change to those who asked for it.
 */
import type { Core } from "../core.ts";
import type { RequestNode } from "../requests/related.ts";
import { feedCursor } from "./cursor.ts";
import { type FeedEntry, readEntries, requestsAsOf } from "./entries.ts";
import { createTopics, type Topics } from "./topics.ts";

/** One change, made once and shared by all who get it. */
export interface RequestChange {
  cursor: string;
  sequence: number;
  /** As of this change. */
  request: RequestNode;
}

export interface GoalValueChange {
  cursor: string;
  sequence: number;
  goalId: string;
  goalValueId: string;
  /** The value as of this change, as the goals wrote it. */
  snapshot: unknown;
}

export interface Subscriber<T> {
  topicId: string | undefined;
  /** The sequence of the last entry it has been shown or passed over. */
  position: number;
  take(change: T): void;
}

export interface Tail {
  readonly organizationId: string;
  /** Everything up to here has been handed out. */
  readonly position: number;
  readonly requests: Topics<Subscriber<RequestChange>>;
  readonly goalValues: Topics<Subscriber<GoalValueChange>>;
  /** Subscribers of both kinds, those that still catch up included. */
  members: number;
  wake(): void;
  close(): void;
}

/** So many entries are read at once: large enough to share statements, small enough that bodies asked for fit in memory. */
export const BATCH = 250;

export function goalValueChange(organizationId: string, entry: FeedEntry): GoalValueChange {
  const { sequence, topicId, subjectId, snapshot } = entry;
  return { cursor: feedCursor(organizationId, sequence), sequence, goalId: topicId, goalValueId: subjectId, snapshot };
}

export function requestChange(organizationId: string, entry: FeedEntry, request: RequestNode): RequestChange {
  return { cursor: feedCursor(organizationId, entry.sequence), sequence: entry.sequence, request };
}

export function createTail(core: Core, organizationId: string, start: number): Tail {
  const requests = createTopics<Subscriber<RequestChange>>();
  const goalValues = createTopics<Subscriber<GoalValueChange>>();
  let position = start;
  let running = false;
  let again = false;
  let closed = false;

  function give<T>(topics: Topics<Subscriber<T>>, entry: FeedEntry, make: () => T | undefined): void {
    let change: T | undefined;
    topics.each(entry.topicId, (subscriber) => {
      if (subscriber.position >= entry.sequence) return;
      subscriber.position = entry.sequence;
      change ??= make();
      if (change !== undefined) subscriber.take(change);
    });
  }

  async function handOut(entries: readonly FeedEntry[]): Promise<void> {
    const rows = new Map<number, RequestNode>();
    const asked = new Set<number>();
    // Somebody may join while rows are being read; hand out only once nobody's rows are missing.
    for (;;) {
      const wanted = entries.filter((e) => e.kind === "REQUEST" && !asked.has(e.sequence) && requests.wants(e.topicId));
      if (wanted.length === 0) break;
      for (const [sequence, row] of await requestsAsOf(core, organizationId, wanted)) rows.set(sequence, row);
      for (const entry of wanted) asked.add(entry.sequence);
    }
    // From here to the end nothing awaits: whoever joins sees either none of this batch or all of it.
    for (const entry of entries) {
      if (entry.kind === "GOAL_VALUE") give(goalValues, entry, () => goalValueChange(organizationId, entry));
      else {
        const row = rows.get(entry.sequence);
        if (row) give(requests, entry, () => requestChange(organizationId, entry, row));
      }
      position = entry.sequence;
    }
  }

  async function run(): Promise<void> {
    running = true;
    try {
      do {
        again = false;
        for (let full = true; full && !closed; ) {
          const entries = await readEntries(core, organizationId, { after: position, limit: BATCH });
          if (entries.length > 0) await handOut(entries);
          full = entries.length === BATCH;
        }
      } while (again && !closed);
    } catch (error) {
      // The database is away: nothing is lost, the poll comes back to it.
      core.log.warn({ err: error, organizationId }, "the live feed could not be read, trying again");
    } finally {
      running = false;
    }
  }

  return {
    organizationId,
    get position() {
      return position;
    },
    requests,
    goalValues,
    members: 0,
    wake() {
      if (closed) return;
      if (running) again = true;
      else void run();
    },
    close() {
      closed = true;
    },
  };
}
