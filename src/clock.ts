/**
 * Time and randomness of the delivery path come from here and nowhere else, so that tests can hold them.
 * Deadlines use the monotonic clock: a wall clock that jumps must not cause an early mass retry.
 */
import { randomBytes } from "node:crypto";

export interface Clock {
  /** Wall clock, for what is stored and shown. */
  now(): Date;
  /** Milliseconds that only ever grow, for durations and deadlines. */
  monotonic(): number;
  /** Uniform in [0, 1), for jitter. */
  random(): number;
}

export const systemClock: Clock = {
  now: () => new Date(),
  monotonic: () => performance.now(),
  random: () => Math.random(),
};

let pool = randomBytes(4096);
let poolOffset = 0;

let lastTime = 0;
let counter = 0;

/** Ids of this process from now on come after `id`: called at the start with the newest one that the database knows. */
export function startAfter(id: string): void {
  lastTime = Math.max(lastTime, timeOf(id) + 1);
}

/** The millisecond that no id of this process lies beyond. */
export const newestTime = (clock: Clock): number => Math.max(lastTime, clock.now().getTime());

/** The millisecond in a UUIDv7. */
export const timeOf = (id: string): number => Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);

/** The smallest UUIDv7 of a moment. */
export function lowestId(moment: Date): string {
  const time = moment.getTime().toString(16).padStart(12, "0");
  return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-000000000000`;
}

/**
 * A UUIDv7 (RFC 9562): sorts by the millisecond it was made in, within one by the order it was made in by this process.
 * Never goes back: while the wall clock stands behind the last id, the counter goes on in that id's millisecond.
 */
export function newId(clock: Clock = systemClock): string {
  if (poolOffset + 10 > pool.length) {
    pool = randomBytes(4096);
    poolOffset = 0;
  }
  const random = pool.subarray(poolOffset, poolOffset + 10);
  poolOffset += 10;
  const now = clock.now().getTime();
  if (now > lastTime) {
    lastTime = now;
    // The lower half of the counter's 12 bits at random, the upper for the ids that follow in this millisecond.
    counter = (random[0] as number) << 3;
  } else if (++counter > 0xfff) {
    lastTime++;
    counter = 0;
  }
  const time = lastTime.toString(16).padStart(12, "0");
  random[0] = (counter >> 8) | 0x70;
  random[1] = counter & 0xff;
  // Not `random[2] as number & 0x3f`: that is a type.
  random[2] = ((random[2] as number) & 0x3f) | 0x80;
  const tail = random.toString("hex");
  return `${time.slice(0, 8)}-${time.slice(8)}-${tail.slice(0, 4)}-${tail.slice(4, 8)}-${tail.slice(8)}`;
}
