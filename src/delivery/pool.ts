/**
 * Which connection a call gets: an idle one of its origin, leave to open one, or a place in the origin's queue.
 * Knows nothing of sockets. A stack of idle connections instead of undici's Pool, for three reasons: it says whether
 * a connection was used before, it can give a connect up when its call's time is over, and taking one does not
 * search all of them.
 */

export interface Pooled {
  /** Origin, and whatever else keeps connections apart. */
  readonly key: string;
  /** Usable for one more call; false: it is closed, or too old. */
  alive(): boolean;
  destroy(): void;
}

/** Called with an idle connection, or with undefined: open one. Either way the caller now holds a slot. */
export type OnSlot<C> = (idle: C | undefined) => void;

interface Origin<C> {
  /** Connections being opened, in use and idle. */
  slots: number;
  /** Last used on top: those below grow old and are closed. */
  idle: C[];
  waiting: OnSlot<C>[];
}

export class Pool<C extends Pooled> {
  readonly #origins = new Map<string, Origin<C>>();
  /** Over all origins, the longest idle first. */
  readonly #idle = new Set<C>();
  readonly #perOrigin: number;
  readonly #maxIdle: number;

  constructor(limits: { perOrigin: number; maxIdle: number }) {
    this.#perOrigin = limits.perOrigin;
    this.#maxIdle = limits.maxIdle;
  }

  /** Origins with a connection or a caller in the queue. */
  get size(): number {
    return this.#origins.size;
  }

  /** Calls back at once, or when a slot of the origin is free. Every slot ends with `keep` or `free`. */
  acquire(key: string, onSlot: OnSlot<C>): void {
    let origin = this.#origins.get(key);
    if (!origin) {
      origin = { slots: 0, idle: [], waiting: [] };
      this.#origins.set(key, origin);
    }
    let idle = origin.idle.pop();
    while (idle) {
      this.#idle.delete(idle);
      if (idle.alive()) {
        onSlot(idle);
        return;
      }
      idle.destroy();
      origin.slots -= 1;
      idle = origin.idle.pop();
    }
    if (origin.slots >= this.#perOrigin) {
      origin.waiting.push(onSlot);
      return;
    }
    origin.slots += 1;
    onSlot(undefined);
  }

  /** The slot's connection may be used again. */
  keep(connection: C): void {
    const origin = this.#origins.get(connection.key) as Origin<C>;
    const next = origin.waiting.shift();
    if (next) {
      queueMicrotask(() => next(connection));
      return;
    }
    origin.idle.push(connection);
    this.#idle.add(connection);
    if (this.#idle.size > this.#maxIdle) {
      const [oldest] = this.#idle;
      this.forget(oldest as C);
      (oldest as C).destroy();
    }
  }

  /** The slot's connection is gone, or was never made. */
  free(key: string): void {
    const origin = this.#origins.get(key) as Origin<C>;
    const next = origin.waiting.shift();
    if (next) {
      queueMicrotask(() => next(undefined));
      return;
    }
    origin.slots -= 1;
    if (origin.slots === 0) this.#origins.delete(key);
  }

  /** An idle connection died. One that is in use is its holder's to free. */
  forget(connection: C): void {
    if (!this.#idle.delete(connection)) return;
    const origin = this.#origins.get(connection.key) as Origin<C>;
    origin.idle.splice(origin.idle.indexOf(connection), 1);
    this.free(connection.key);
  }

  /** Closes what is idle. */
  drain(): void {
    for (const connection of [...this.#idle]) {
      this.forget(connection);
      connection.destroy();
    }
  }
}
