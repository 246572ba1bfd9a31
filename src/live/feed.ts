/**
 * Live updates without a gap and without a repeat. The table `feed_entry` is the truth; NOTIFY only says when to look.
 * A subscription that resumes reads the table from its cursor up to where this process's tail stands, then joins the
 * tail in the same turn of the event loop: what the tail has handed out it has read, what comes next it is handed.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Core } from "../core.ts";
import { matcher, type RequestFilter } from "../requests/filter.ts";
import { sequenceOf } from "./cursor.ts";
import { type FeedEntry, headAfter, headOf, headsOf, readEntries, requestsAsOf } from "./entries.ts";
import { createStream, type Stream } from "./stream.ts";
import {
  BATCH,
  createTail,
  type GoalValueChange,
  goalValueChange,
  type RequestChange,
  requestChange,
  type Subscriber,
  type Tail,
} from "./tail.ts";
import type { Topics } from "./topics.ts";
import { createWatch, type Watch } from "./watch.ts";

export type { GoalValueChange, RequestChange } from "./tail.ts";

interface SubscriptionOptions {
  organizationId: string;
  /** A cursor of an earlier update; absent: from now, that is: everything committed after the promise resolved. */
  after?: string | null | undefined;
  /** Ends the subscription. */
  signal?: AbortSignal | undefined;
  /** Called when the subscriber is closed for slowness: it may hang in a send, so its connection must be closed. */
  onSlow?: (() => void) | undefined;
}

export interface RequestSubscription extends SubscriptionOptions {
  filter: RequestFilter;
}

export interface GoalValueSubscription extends SubscriptionOptions {
  /** UUID; absent: all goals. */
  goalId?: string | undefined;
}

export interface Feed {
  /** @throws BadCursorError, BadInputError (another organization's cursor) before anything is streamed */
  requests(options: RequestSubscription): Promise<AsyncIterableIterator<RequestChange>>;
  /** @throws as `requests` */
  goalValues(options: GoalValueSubscription): Promise<AsyncIterableIterator<GoalValueChange>>;
  /** Changes of single rows: definitions, replays. */
  readonly watch: Watch;
  /** Open subscriptions in this process. */
  readonly subscribers: number;
  start(): Promise<void>;
  /** Ends every subscription; each may resume at another process. */
  stop(): Promise<void>;
}

export interface FeedLimits {
  /** Updates that may wait for one subscriber. */
  queue: number;
  /** How long a subscriber may leave them waiting. */
  stallMs: number;
  /** How often the truth is looked at when no hint comes. */
  pollMs: number;
}

const LIMITS: FeedLimits = { queue: 1_000, stallMs: 30_000, pollMs: 1_000 };

/** So many entries one catching-up read may walk over when it looks for a single topic. */
const STRIDE = 5_000;
/** After a restart all clients come back at once: so many read the table at a time. */
const CATCH_UPS = 4;

/** What differs between the two kinds of subscription. */
interface Kind<T> {
  kind: FeedEntry["kind"];
  topics: (tail: Tail) => Topics<Subscriber<T>>;
  /** The changes that these entries are, in order. */
  changes: (organizationId: string, entries: readonly FeedEntry[]) => Promise<T[]>;
}

function createGate(places: number) {
  let free = places;
  const queue: (() => void)[] = [];
  return async <R>(work: () => Promise<R>): Promise<R> => {
    if (free > 0) free--;
    else await new Promise<void>((resolve) => queue.push(resolve));
    try {
      return await work();
    } finally {
      const next = queue.shift();
      if (next) next();
      else free++;
    }
  };
}

export function createFeed(core: Core, limits: Partial<FeedLimits> = {}): Feed {
  const { queue, stallMs, pollMs } = { ...LIMITS, ...limits };
  const tails = new Map<string, Tail>();
  const streams = new Set<Stream<unknown>>();
  const gate = createGate(CATCH_UPS);
  const watch = createWatch(core);
  let stopped = true;
  let stopListening: (() => void) | undefined;
  let timer: NodeJS.Timeout | undefined;
  let polling = false;

  const REQUESTS: Kind<RequestChange> = {
    kind: "REQUEST",
    topics: (tail) => tail.requests,
    async changes(organizationId, entries) {
      const rows = await requestsAsOf(core, organizationId, entries);
      return entries.flatMap((entry) => {
        const row = rows.get(entry.sequence);
        return row ? [requestChange(organizationId, entry, row)] : [];
      });
    },
  };
  const GOAL_VALUES: Kind<GoalValueChange> = {
    kind: "GOAL_VALUE",
    topics: (tail) => tail.goalValues,
    changes: async (organizationId, entries) => entries.map((entry) => goalValueChange(organizationId, entry)),
  };

  function tailOf(organizationId: string, head: number): Tail {
    const tail = tails.get(organizationId) ?? createTail(core, organizationId, head);
    tails.set(organizationId, tail);
    return tail;
  }

  function leave(tail: Tail): void {
    tail.members--;
    if (tail.members > 0) return;
    tail.close();
    tails.delete(tail.organizationId);
  }

  async function subscribe<T>(
    options: SubscriptionOptions,
    { kind, topics, changes }: Kind<T>,
    topicId: string | undefined,
    matches: (change: T) => boolean,
  ): Promise<AsyncIterableIterator<T>> {
    const { organizationId, after } = options;
    const cursor = after == null ? undefined : sequenceOf(organizationId, after);
    const head = cursor === undefined ? await headOf(core, organizationId) : await headAfter(core, organizationId, cursor);
    // From here to the return nothing awaits.
    const tail = tailOf(organizationId, head);
    tail.members++;
    let stream: Stream<T>;
    const subscriber: Subscriber<T> = {
      topicId,
      position: cursor ?? head,
      take: (change) => {
        if (matches(change)) stream.push(change);
      },
    };
    /** @returns true when nothing is left to catch up with: from then on the tail hands out. */
    const join = () => {
      if (subscriber.position < tail.position) return false;
      topics(tail).add(topicId, subscriber);
      return true;
    };
    async function catchUp(push: (change: T) => void): Promise<boolean> {
      // A page of one topic is looked for in a stretch of bounded length; then the next stretch.
      const through = topicId === undefined ? tail.position : Math.min(tail.position, subscriber.position + STRIDE);
      const range = { after: subscriber.position, through, topicId, kind, limit: BATCH };
      const entries = await gate(() => readEntries(core, organizationId, range));
      for (const change of await changes(organizationId, entries)) if (matches(change)) push(change);
      subscriber.position = entries.length === BATCH ? (entries.at(-1) as FeedEntry).sequence : through;
      return !join();
    }
    const joined = join();
    stream = createStream<T>({
      clock: core.clock,
      limit: queue,
      stallMs,
      signal: options.signal,
      onSlow: options.onSlow,
      onClose() {
        topics(tail).remove(topicId, subscriber);
        streams.delete(stream as Stream<unknown>);
        leave(tail);
      },
      ...(joined ? {} : { catchUp: (push) => patient(() => catchUp(push)) }),
    });
    streams.add(stream as Stream<unknown>);
    if (stopped) stream.end();
    return stream;
  }

  /** A database that restarts must not end a subscription that catches up. */
  async function patient(work: () => Promise<boolean>): Promise<boolean> {
    try {
      return await work();
    } catch (error) {
      if (stopped) throw error;
      core.log.warn({ err: error }, "a subscription could not catch up, trying again");
      await sleep(pollMs);
      return true;
    }
  }

  /** Looks at the truth: wakes the tails that have fallen behind it, closes the streams that stand still. */
  async function poll(): Promise<void> {
    for (const stream of streams) stream.check();
    if (polling || tails.size === 0) return;
    polling = true;
    try {
      for (const [organizationId, head] of await headsOf(core, [...tails.keys()])) {
        const tail = tails.get(organizationId);
        if (tail && head > tail.position) tail.wake();
      }
    } catch (error) {
      core.log.debug({ err: error }, "the feed's heads could not be read");
    } finally {
      polling = false;
    }
  }

  return {
    watch,
    get subscribers() {
      return streams.size;
    },
    requests(options) {
      const { filter } = options;
      const matches = matcher(filter);
      return subscribe(options, REQUESTS, filter.webhookDefinitionId, (change) => matches(change.request));
    },
    goalValues: (options) => subscribe(options, GOAL_VALUES, options.goalId, () => true),
    async start() {
      if (!stopped) return;
      stopped = false;
      stopListening = core.notify.on("feed", (ids) => {
        if (ids.length === 0) for (const tail of tails.values()) tail.wake();
        else for (const id of ids) tails.get(id)?.wake();
      });
      timer = setInterval(() => void poll(), pollMs);
      timer.unref();
      watch.start();
    },
    async stop() {
      stopped = true;
      stopListening?.();
      clearInterval(timer);
      watch.stop();
      for (const stream of [...streams]) stream.end();
      for (const tail of tails.values()) tail.close();
    },
  };
}
