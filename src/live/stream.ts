/**
 * What a subscriber pulls from: a queue that is bounded. Whoever falls behind by more than `limit` items, or takes
 * nothing for `stallMs` while something waits, is closed with SlowConsumerError and its queue is dropped at once:
 * it may come back with its last cursor, which costs us nothing, while buffering for it would cost without bound.
 * Who pushes looks at the crowd first, so that nobody is closed for what this process has not written yet.
 */
import { setMaxListeners } from "node:events";
import type { Clock } from "../clock.ts";
import { SlowConsumerError } from "../errors.ts";

export interface StreamOptions<T> {
  clock: Clock;
  limit: number;
  stallMs: number;
  signal: AbortSignal | undefined;
  /** Whether its consumer's own client is what it waits for right now; absent: whatever waits, waits for the consumer. */
  blocked?: (() => boolean) | undefined;
  /** It is in here while it has no room for `batch` more items. */
  crowd: { batch: number; streams: Set<Crowded> };
  /** Told once, when it is closed for slowness: the consumer may hang in a send and never pull again. */
  onSlow: (() => void) | undefined;
  /** Told once, however it ends. */
  onClose: () => void;
  /**
   * Reads what came before the live part, a page per call, and pushes it; answers false once live pushes have begun.
   * Called only when the queue is empty, so that a slow reader of old entries holds up nobody and buffers nothing.
   */
  catchUp?: (push: (item: T) => void) => Promise<boolean>;
}

/** A stream whose queue is nearly full. */
export interface Crowded {
  /** By its client, which takes nothing; else what it was given is on its way through this process still. */
  readonly blocked: boolean;
}

export interface Stream<T> extends AsyncIterableIterator<T>, Crowded {
  /** Nothing was taken from it yet. */
  readonly untouched: boolean;
  /** Its consumer has all that was pushed, and waits for more. */
  readonly waiting: boolean;
  /** False: it is closed. */
  push(item: T): boolean;
  /** Ends it after what is queued. */
  end(): void;
  /** Ends it at once with an error; what is queued is dropped. */
  fail(error: Error): void;
  /** Closes it when it has stalled. */
  check(): void;
}

export function createStream<T>(options: StreamOptions<T>): Stream<T> {
  const { clock, limit, stallMs, signal, crowd } = options;
  const roomy = Math.max(0, limit - crowd.batch);
  let queue: T[] = [];
  let waiting: { resolve: (result: IteratorResult<T>) => void; reject: (error: unknown) => void } | undefined;
  let catchingUp = options.catchUp !== undefined;
  let ending = false;
  let closed = false;
  let failure: unknown;
  let untouched = true;
  let pulledAt = clock.monotonic();
  const done = (): IteratorResult<T> => ({ done: true, value: undefined });

  const close = (error?: unknown) => {
    if (closed) return;
    closed = true;
    failure = error;
    queue = [];
    crowd.streams.delete(stream);
    signal?.removeEventListener("abort", abort);
    options.onClose();
    if (!waiting) return;
    if (error === undefined) waiting.resolve(done());
    else {
      waiting.reject(error);
      failure = undefined;
    }
    waiting = undefined;
  };
  const abort = () => close();
  const tooSlow = () => {
    close(new SlowConsumerError());
    options.onSlow?.();
  };
  const check = () => {
    if (!closed && queue.length > 0 && !waiting && clock.monotonic() - pulledAt > stallMs) tooSlow();
  };
  const put = (item: T) => {
    if (waiting && queue.length === 0) {
      const { resolve } = waiting;
      waiting = undefined;
      resolve({ done: false, value: item });
      return;
    }
    queue.push(item);
    if (queue.length > roomy) crowd.streams.add(stream);
  };

  async function next(): Promise<IteratorResult<T>> {
    untouched = false;
    pulledAt = clock.monotonic();
    while (!closed && queue.length === 0 && catchingUp) {
      try {
        catchingUp = (await options.catchUp?.((item) => queue.push(item))) ?? false;
      } catch (error) {
        close(error);
      }
    }
    if (failure !== undefined) {
      const error = failure;
      failure = undefined;
      throw error;
    }
    if (closed) return done();
    if (queue.length > 0) {
      const value = queue.shift() as T;
      if (queue.length <= roomy) crowd.streams.delete(stream);
      return { done: false, value };
    }
    if (ending) {
      close();
      return done();
    }
    return new Promise((resolve, reject) => {
      waiting = { resolve, reject };
    });
  }

  const stream: Stream<T> = {
    get blocked() {
      return options.blocked?.() ?? true;
    },
    get untouched() {
      return untouched;
    },
    get waiting() {
      return waiting !== undefined;
    },
    next,
    push(item) {
      if (closed) return false;
      if (queue.length >= limit) {
        tooSlow();
        return false;
      }
      put(item);
      check();
      return true;
    },
    end() {
      ending = true;
      if (waiting) close();
    },
    fail: close,
    check,
    async return() {
      close();
      return done();
    },
    async throw(error) {
      close();
      throw error;
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };

  // All subscriptions of a connection share its signal: many listeners are no leak.
  if (signal) setMaxListeners(0, signal);
  if (signal?.aborted) queueMicrotask(abort);
  else signal?.addEventListener("abort", abort);
  return stream;
}
