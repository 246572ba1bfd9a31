/** How long this process may act for a lane, by its monotonic clock, and the calls that end with that. */
import { setMaxListeners } from "node:events";
import type { Clock } from "../clock.ts";

/** A lease is not used to its last fifth: whoever claims the lane next must not find a call of ours under way. */
const USED = 0.8;

export class LaneLease {
  readonly #clock: Clock;
  readonly #usedMs: number;
  readonly #calls = new AbortController();
  #until: number;
  #timer: NodeJS.Timeout | undefined;

  /** @param from when the statement began that took it */
  constructor(clock: Clock, leaseMs: number, from: number) {
    this.#clock = clock;
    this.#usedMs = leaseMs * USED;
    this.#until = from + this.#usedMs;
    // One for each call in flight: a lane ordered NONE may have a hundred.
    setMaxListeners(0, this.#calls.signal);
  }

  get holds(): boolean {
    return this.#clock.monotonic() < this.#until;
  }

  /** Calls made for the lane are given up by it. */
  get signal(): AbortSignal {
    return this.#calls.signal;
  }

  /** @param from when the statement began that lengthened it */
  renewed(from: number): void {
    this.#until = from + this.#usedMs;
  }

  /** While calls are in flight: they are given up when the lease ends, and `ended` is called before. */
  watch(inFlight: () => boolean, ended: () => void): void {
    this.#timer ??= setTimeout(
      () => {
        this.#timer = undefined;
        if (!inFlight()) return;
        if (this.holds) return this.watch(inFlight, ended);
        ended();
        this.#calls.abort();
      },
      Math.max(0, this.#until - this.#clock.monotonic()),
    );
  }

  /** The lane is no longer ours: nothing may be under way for it. */
  end(): void {
    clearTimeout(this.#timer);
    this.#calls.abort();
  }
}
