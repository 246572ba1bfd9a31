/**
 * The live end of one organization's feed in this process: one reader for all its subscribers. It is woken by hints
 * (NOTIFY) and by a slow poll, has what waits numbered, reads what is new in batches, and hands each change to those who asked for it.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Core } from "../core.ts";
import { BadCursorError } from "../errors.ts";
import type { RequestNode } from "../requests/related.ts";
import { feedCursor } from "./cursor.ts";
import { type FeedEntry, readEntries, requestsAsOf } from "./entries.ts";
import { sequenceFeed } from "./sequencer.ts";
import type { Crowded } from "./stream.ts";
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
  /** Of the database when it began: it stands in the cursors. */
  readonly epoch: string;
  /** Everything up to here has been handed out. */
  readonly position: number;
  readonly requests: Topics<Subscriber<RequestChange>>;
  readonly goalValues: Topics<Subscriber<GoalValueChange>>;
  /** Subscribers of both kinds, those that still catch up included. */
  members: number;
  /** Their streams that have no room for `BATCH` more. */
  readonly crowded: Set<Crowded>;
  wake(): void;
  close(): void;
}

/** So many entries are read at once: large enough to share statements, small enough that bodies asked for fit in memory. */
export const BATCH = 250;
/** Another session numbers all the time: look again so soon. */
const AGAIN_MS = 20;

/** A stream without room is looked at again so soon. */
const ROOM_MS = 5;
/** So long the next batch waits for a stream whose client takes nothing; it closes those that have no room for it then. */
const PATIENCE_MS = 250;

/** What a tail asks of its feed. */
export interface TailHooks {
  /** Looks at the epoch; whoever is of another has been ended when it answers. */
  look(): Promise<unknown>;
  /** What comes next is no longer there: nobody of this tail can go on. */
  lost(error: BadCursorError): void;
}

export function goalValueChange(organizationId: string, epoch: string, entry: FeedEntry): GoalValueChange {
  const { sequence, topicId, subjectId, snapshot } = entry;
  return { cursor: feedCursor(organizationId, epoch, sequence), sequence, goalId: topicId, goalValueId: subjectId, snapshot };
}

export function requestChange(organizationId: string, epoch: string, entry: FeedEntry, request: RequestNode): RequestChange {
  return { cursor: feedCursor(organizationId, epoch, entry.sequence), sequence: entry.sequence, request };
}

export function createTail(core: Core, organizationId: string, epoch: string, start: number, hooks: TailHooks): Tail {
  const requests = createTopics<Subscriber<RequestChange>>();
  const goalValues = createTopics<Subscriber<GoalValueChange>>();
  const crowded = new Set<Crowded>();
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
      if (closed) return;
      if (entry.kind === "GOAL_VALUE") give(goalValues, entry, () => goalValueChange(organizationId, epoch, entry));
      else {
        const row = rows.get(entry.sequence);
        if (row) give(requests, entry, () => requestChange(organizationId, epoch, entry, row));
      }
      position = entry.sequence;
    }
  }

  /** Of the crowded ones: who is held up by its client. */
  const held = new WeakSet<Crowded>();

  /**
   * Waits until each stream has room, but for those that their clients hold up: the changes that this process has read faster
   * than it can write them are not their subscribers' fault.
   */
  async function room(): Promise<void> {
    const since = new Map<Crowded, number>();
    for (let ours = true; ours && !closed; ) {
      ours = false;
      const now = core.clock.monotonic();
      for (const stream of crowded) {
        if (!stream.blocked) {
          since.delete(stream);
          held.delete(stream);
        } else if (!since.has(stream)) since.set(stream, now);
        else if (now - (since.get(stream) as number) >= PATIENCE_MS) held.add(stream);
        ours ||= !held.has(stream);
      }
      if (ours) await sleep(ROOM_MS);
    }
  }

  async function run(): Promise<void> {
    running = true;
    try {
      do {
        again = false;
        await hooks.look();
        if (closed) return;
        const head = await sequenceFeed(core, organizationId);
        while (position < head.sequence && !closed) {
          await room();
          const through = Math.min(head.sequence, position + BATCH);
          await handOut(await readEntries(core, organizationId, { after: position, through }));
        }
        if (head.complete || closed) continue;
        again = true;
        await sleep(AGAIN_MS);
      } while (again && !closed);
    } catch (error) {
      if (error instanceof BadCursorError) return hooks.lost(error);
      // The database is away: nothing is lost, the poll comes back to it.
      core.log.warn({ err: error, organizationId }, "the live feed could not be read, trying again");
    } finally {
      running = false;
    }
  }

  return {
    organizationId,
    epoch,
    get position() {
      return position;
    },
    requests,
    goalValues,
    members: 0,
    crowded,
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
