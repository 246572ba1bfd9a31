/**
 * A consumer that is given what is queued takes one after the other without ever leaving the microtasks, and whatever else
 * this process does waits for all of it. So many items are given out in a turn of the event loop, by all streams together.
 */
import { setImmediate as turn } from "node:timers/promises";

/** About ten milliseconds of a subscription's execution. */
const MOST = 32;

let given = 0;
let next: Promise<void> | undefined;

/** To be awaited before an item is given out; undefined: this turn has room for it. */
export function breath(): Promise<void> | undefined {
  next ??= turn().then(() => {
    given = 0;
    next = undefined;
  });
  given += 1;
  return given > MOST ? next : undefined;
}
