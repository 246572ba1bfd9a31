/**
 * Matching in turns: a filter may take milliseconds, a call may have to do with thousands of them, and the process is everybody's.
 * A walk pauses behind each of its steps; whoever drives it gives the event loop to others once a turn is over.
 */
import { setImmediate as breathe } from "node:timers/promises";

/** How long one may keep the event loop. */
const TURN_MS = 10;

/** Milliseconds. */
type Monotonic = () => number;
type Walk<T> = Generator<void, T, void>;

/** @returns undefined: it takes longer than a turn, and goes on nowhere */
export function withinTurn<T>(walk: Walk<T>, began: number, monotonic: Monotonic): T | undefined {
  for (;;) {
    const step = walk.next();
    if (step.done) return step.value;
    if (monotonic() - began > TURN_MS) return undefined;
  }
}

/** Drives walks, one after the other. */
export class Turns {
  readonly #monotonic: Monotonic;
  #began: number;

  constructor(monotonic: Monotonic) {
    this.#monotonic = monotonic;
    this.#began = monotonic();
  }

  async whole<T>(walk: Walk<T>): Promise<T> {
    for (;;) {
      const step = walk.next();
      if (step.done) return step.value;
      if (this.#monotonic() - this.#began > TURN_MS) await this.others();
    }
  }

  async others(): Promise<void> {
    await breathe();
    this.#began = this.#monotonic();
  }
}
