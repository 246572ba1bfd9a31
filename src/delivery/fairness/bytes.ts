/** Bytes of payloads in memory: taken before they are read, given back when what became of them is written. See README.md. */
import { getHeapStatistics } from "node:v8";
import { type Owner, Shares } from "./shares.ts";

/** Of the heap's limit. A payload is there as text, rendered, in the log's row and in the message to Postgres, for some time. */
const PART_OF_HEAP = 1 / 16;
const MOST = 128 * 2 ** 20;
/** What an organization may hold, however little is free. */
const FLOOR = 256 * 1_024;
/** Part of all that may be kept for requests that are not about to be sent. */
const AHEAD = 0.25;
/** Of a request without its payload, about. */
export const REQUEST_BYTES = 1_024;
/** For a lane, or one request; ordered NONE it may be four times as much. */
export const LANE_BYTES = 2 ** 20;
/** For one statement that reads payloads, or one request. */
export const READ_BYTES = 4 * 2 ** 20;
/** Told at once that there is room again; the others when these have taken or given. */
const TOLD = 64;

export interface Bytes {
  may(owner: Owner, amount: number): boolean;
  take(owner: Owner, amount: number): void;
  give(owner: Owner, amount: number): void;
  /** Takes them for what is not about to be sent. @returns false: read it again when it is */
  keepAhead(owner: Owner, amount: number): boolean;
  /** Told once, when there may be room: those that wait longest first. */
  wait(who: unknown, tell: () => void): void;
  forget(who: unknown): void;
  readonly used: number;
  readonly capacity: number;
}

export function createBytes(capacity = Math.min(MOST, Math.floor(getHeapStatistics().heap_size_limit * PART_OF_HEAP))): Bytes {
  const shares = new Shares(capacity, FLOOR);
  const waiting = new Map<unknown, () => void>();
  let telling = false;

  function tell(): void {
    telling = false;
    for (const [who, told] of [...waiting].slice(0, TOLD)) {
      waiting.delete(who);
      told();
    }
  }

  return {
    capacity,
    get used() {
      return shares.used;
    },
    may: (owner, amount) => shares.may(owner, amount),
    take: (owner, amount) => shares.take(owner, amount),
    give(owner, amount) {
      if (amount === 0) return;
      shares.give(owner, amount);
      if (waiting.size === 0 || telling) return;
      telling = true;
      queueMicrotask(tell);
    },
    keepAhead(owner, amount) {
      if (shares.used + amount > capacity * AHEAD || !shares.may(owner, amount)) return false;
      shares.take(owner, amount);
      return true;
    },
    wait: (who, told) => void waiting.set(who, told),
    forget: (who) => void waiting.delete(who),
  };
}
