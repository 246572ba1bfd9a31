/**
 * Live updates without a gap and without a repeat. The tables are the truth (sequencer.ts, entries.ts); NOTIFY
 * only says when to look.
 * A subscription that resumes reads the table from its cursor up to where this process's tail stands, then joins the
 * tail in the same turn of the event loop: what the tail has handed out it has read, what comes next it is handed.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Core } from "../core.ts";
import { createEpoch, type Epoch, type EpochListener } from "../db/epoch.ts";
import { BadCursorError, BadInputError } from "../errors.ts";
import { matcher, type RequestFilter } from "../requests/filter.ts";
import { anotherEpoch, feedCursor, sequenceOf } from "./cursor.ts";
import { demandKept, type FeedEntry, readEntries, requestsAsOf } from "./entries.ts";
import { forgetLines, sequenceFeed, withNews } from "./sequencer.ts";
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
  /** Whether the connection's client takes nothing right now; absent: who does not pull is slow. */
  blocked?: (() => boolean) | undefined;
  /** Told once it stands. @param place the cursor up to which all was handed out; undefined while something is on its way */
  onOpen?: ((place: () => string | undefined) => void) | undefined;
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
  /** Where the feed stands now, as a cursor. */
  cursor(organizationId: string): Promise<string>;
  /** Told when the database is in another life (restored, failed over): forget what was read before. @returns ends it */
  onEpoch(listener: EpochListener): () => void;
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

/** So many entries one catching-up read walks over at most, when little of them is of its topic. */
const STRIDE = 5_000;
/** After a restart all clients come back at once: so many read the table at a time. */
const CATCH_UPS = 4;

/** What differs between the two kinds of subscription. */
interface Kind<T> {
  kind: FeedEntry["kind"];
  topics: (tail: Tail) => Topics<Subscriber<T>>;
  /** The changes that these entries are, in order. */
  changes: (organizationId: string, epoch: string, entries: readonly FeedEntry[]) => Promise<T[]>;
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

export function createFeed(core: Core, limits: Partial<FeedLimits> = {}, epoch: Epoch = createEpoch(core.db, core.log)): Feed {
  const { queue, stallMs, pollMs } = { ...LIMITS, ...limits };
  const tails = new Map<string, Tail>();
  const streams = new Map<Stream<unknown>, Tail>();
  epoch.on(() => {
    forgetLines(core);
    for (const tail of [...tails.values()]) end(tail, anotherEpoch());
  });
  const gate = createGate(CATCH_UPS);
  const watch = createWatch(core);
  let stopped = true;
  let stopListening: (() => void) | undefined;
  let timer: NodeJS.Timeout | undefined;
  let polling = false;

  const REQUESTS: Kind<RequestChange> = {
    kind: "REQUEST",
    topics: (tail) => tail.requests,
    async changes(organizationId, epoch, entries) {
      const rows = await requestsAsOf(core, organizationId, entries);
      return entries.flatMap((entry) => {
        const row = rows.get(entry.sequence);
        return row ? [requestChange(organizationId, epoch, entry, row)] : [];
      });
    },
  };
  const GOAL_VALUES: Kind<GoalValueChange> = {
    kind: "GOAL_VALUE",
    topics: (tail) => tail.goalValues,
    changes: async (organizationId, epoch, entries) => entries.map((entry) => goalValueChange(organizationId, epoch, entry)),
  };

  /** Ends a tail and everybody of it. */
  function end(tail: Tail, error: BadCursorError): void {
    tail.close();
    if (tails.get(tail.organizationId) === tail) tails.delete(tail.organizationId);
    for (const [stream, of] of [...streams]) if (of === tail) stream.fail(error);
  }

  function tailOf(organizationId: string, life: string, head: number): Tail {
    const known = tails.get(organizationId);
    if (known) return known;
    const tail = createTail(core, organizationId, life, head, { look: epoch.look, lost: (error) => end(tail, error) });
    tails.set(organizationId, tail);
    return tail;
  }

  function leave(tail: Tail): void {
    tail.members--;
    if (tail.members > 0) return;
    tail.close();
    if (tails.get(tail.organizationId) === tail) tails.delete(tail.organizationId);
  }

  async function subscribe<T>(
    options: SubscriptionOptions,
    { kind, topics, changes }: Kind<T>,
    topicId: string | undefined,
    matches: (change: T) => boolean,
  ): Promise<AsyncIterableIterator<T>> {
    const { organizationId, after } = options;
    const life = await epoch.look();
    const cursor = after == null ? undefined : sequenceOf(organizationId, life, after);
    const { sequence: head } = await sequenceFeed(core, organizationId);
    if (cursor !== undefined) await demandKept(core, organizationId, cursor, head);
    // From here to the return nothing awaits.
    const tail = tailOf(organizationId, life, head);
    if (tail.epoch !== life) throw anotherEpoch();
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
    let stride = BATCH;
    async function catchUp(push: (change: T) => void): Promise<boolean> {
      // Sequences have no gaps: a stretch of them bounds the work, however little of it is of the topic.
      const through = Math.min(tail.position, subscriber.position + stride);
      const found = await gate(() => readEntries(core, organizationId, { after: subscriber.position, through, topicId, kind }));
      const page = found.slice(0, BATCH);
      for (const change of await changes(organizationId, life, page)) if (matches(change)) push(change);
      const full = found.length > BATCH;
      subscriber.position = full ? (page.at(-1) as FeedEntry).sequence : through;
      stride = full ? BATCH : Math.min(STRIDE, stride * 2);
      // Whoever left meanwhile does not join.
      if (!streams.has(stream as Stream<unknown>)) return false;
      return !join();
    }
    const joined = join();
    stream = createStream<T>({
      clock: core.clock,
      limit: queue,
      stallMs,
      signal: options.signal,
      onSlow: options.onSlow,
      blocked: options.blocked,
      crowd: { batch: BATCH, streams: tail.crowded },
      onClose() {
        topics(tail).remove(topicId, subscriber);
        streams.delete(stream as Stream<unknown>);
        leave(tail);
      },
      ...(joined ? {} : { catchUp: (push) => patient(() => catchUp(push)) }),
    });
    streams.set(stream as Stream<unknown>, tail);
    if (stopped) stream.end();
    const start = subscriber.position;
    options.onOpen?.(() => {
      if (stream.untouched) return feedCursor(organizationId, life, start);
      // Whoever waits has joined: what the tail has handed out, it has.
      return stream.waiting ? feedCursor(organizationId, life, Math.max(subscriber.position, tail.position)) : undefined;
    });
    return stream;
  }

  /** A database that restarts must not end a subscription that catches up. */
  async function patient(work: () => Promise<boolean>): Promise<boolean> {
    try {
      return await work();
    } catch (error) {
      if (stopped || error instanceof BadCursorError) throw error;
      core.log.warn({ err: error }, "a subscription could not catch up, trying again");
      await sleep(pollMs);
      return true;
    }
  }

  /** Looks at the truth: wakes the tails that have fallen behind it, closes the streams that stand still. */
  async function poll(): Promise<void> {
    for (const stream of [...streams.keys()]) stream.check();
    if (polling || (streams.size === 0 && tails.size === 0)) return;
    polling = true;
    try {
      await epoch.look();
      if (tails.size === 0) return;
      const positions = new Map([...tails].map(([organizationId, tail]) => [organizationId, tail.position]));
      for (const organizationId of await withNews(core, positions)) tails.get(organizationId)?.wake();
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
      // SENDING is never told of: such a subscription would wait for ever.
      if (filter.state?.length && filter.state.every((state) => state === "SENDING")) {
        return Promise.reject(
          new BadInputError("filter.state: SENDING is seen in queries only, never on the live feed; ask for other states too"),
        );
      }
      const matches = matcher(filter);
      return subscribe(options, REQUESTS, filter.webhookDefinitionId, (change) => matches(change.request));
    },
    async cursor(organizationId) {
      const life = await epoch.look();
      return feedCursor(organizationId, life, (await sequenceFeed(core, organizationId)).sequence);
    },
    onEpoch: epoch.on,
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
      for (const stream of [...streams.keys()]) stream.end();
      for (const tail of tails.values()) tail.close();
    },
  };
}
