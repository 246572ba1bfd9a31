/**
 * Matching in turns: a filter may take milliseconds, a call may have to do with thousands of them, and the process is everybody's.
 * A walk pauses behind each of its steps; whoever drives it gives the event loop to others once a turn is over.
 */
import { setImmediate as breathe } from "node:timers/promises";
import type { Clock } from "../clock.ts";

/** How long one may keep the event loop. */
const TURN_MS = 10;

type Walk<T> = Generator<void, T, void>;

/** Drives walks, one after the other. */
export class Turns {
  readonly #clock: Pick<Clock, "monotonic">;
  #began: number;

  constructor(clock: Pick<Clock, "monotonic">) {
    this.#clock = clock;
    this.#began = clock.monotonic();
  }

  /** @returns undefined: the turn is over before it is, and it goes on nowhere */
  within<T>(walk: Walk<T>): T | undefined {
    for (;;) {
      const step = walk.next();
      if (step.done) return step.value;
      if (this.#isOver()) return undefined;
    }
  }

  async whole<T>(walk: Walk<T>): Promise<T> {
    for (;;) {
      const step = walk.next();
      if (step.done) return step.value;
      if (this.#isOver()) await this.others();
    }
  }

  async others(): Promise<void> {
    await breathe();
    this.#began = this.#clock.monotonic();
  }

  #isOver(): boolean {
    return this.#clock.monotonic() - this.#began > TURN_MS;
  }
}
