/** Serialization failures, deadlocks and lock timeouts are tried again; nothing of the failed try was written. */
import { setTimeout as sleep } from "node:timers/promises";
import { UnavailableError } from "../errors.ts";

/** Tries after the first. */
const AGAIN = 4;
/** No new try after this many milliseconds: whoever waits for a locked row has waited long enough. */
const PATIENCE_MS = 5_000;
const FIRST_WAIT_MS = 10;

/** Serialization failure and deadlock: the other transaction is done or goes on, so that a new try mostly gets through. */
const COLLISION = /^(40001|40P01|P2034)$/;
/** A lock that was waited for in vain: its holder may keep it for long. */
const LOCK_TIMEOUT = /^55P03$/;

/** `collisions`: whoever has others to serve meanwhile does not wait for a lock twice. */
export type ConflictKinds = "collisions" | "all";

/** Whether an error says that another transaction was in the way; also through Prisma. */
export function isConflict(error: unknown, kinds: ConflictKinds = "all", depth = 0): boolean {
  if (typeof error !== "object" || error === null || depth > 4) return false;
  const { code, originalCode, kind, cause, meta } = error as {
    code?: unknown;
    originalCode?: unknown;
    kind?: unknown;
    cause?: unknown;
    meta?: { driverAdapterError?: unknown };
  };
  const isOne = (each: unknown) => typeof each === "string" && (COLLISION.test(each) || (kinds === "all" && LOCK_TIMEOUT.test(each)));
  if (isOne(code) || isOne(originalCode) || kind === "TransactionWriteConflict") return true;
  return isConflict(cause, kinds, depth + 1) || isConflict(meta?.driverAdapterError, kinds, depth + 1);
}

export interface RetryOptions {
  /** What is tried again (all). */
  again?: ConflictKinds | undefined;
  /** Tries after the first (4). */
  tries?: number;
  /** No new try after so many milliseconds (5 000). */
  patienceMs?: number;
  /** 0 to 1, for the jitter. */
  random?: () => number;
}

/**
 * Runs `work`, a whole transaction or a statement by itself, again as long as another transaction is in its way.
 * @throws UnavailableError when it still is; any other error as it comes
 */
export async function retried<T>(work: () => Promise<T>, options: RetryOptions = {}): Promise<T> {
  const { again = "all", tries: most = AGAIN, patienceMs = PATIENCE_MS, random = Math.random } = options;
  const began = performance.now();
  for (let tries = 0; ; tries++) {
    try {
      return await work();
    } catch (error) {
      // An UnavailableError has been tried again already, by a wrapper within.
      if (error instanceof UnavailableError || !isConflict(error, again)) throw error;
      if (tries >= most || performance.now() - began > patienceMs) throw new UnavailableError({ cause: error, kind: "IN_THE_WAY" });
      await sleep(FIRST_WAIT_MS * 2 ** tries * (0.5 + random()));
    }
  }
}
