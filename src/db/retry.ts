/** Serialization failures, deadlocks and lock timeouts are tried again; nothing of the failed try was written. */
import { setTimeout as sleep } from "node:timers/promises";
import { UnavailableError } from "../errors.ts";

/** Tries after the first. */
const AGAIN = 4;
/** No new try after this many milliseconds: whoever waits for a locked row has waited long enough. */
const PATIENCE_MS = 5_000;
const FIRST_WAIT_MS = 10;

const CODES = /^(40001|40P01|55P03|P2034)$/;

/** Whether an error says that another transaction was in the way; also through Prisma. */
export function isConflict(error: unknown, depth = 0): boolean {
  if (typeof error !== "object" || error === null || depth > 4) return false;
  const { code, originalCode, kind, cause, meta } = error as {
    code?: unknown;
    originalCode?: unknown;
    kind?: unknown;
    cause?: unknown;
    meta?: { driverAdapterError?: unknown };
  };
  if ([code, originalCode].some((each) => typeof each === "string" && CODES.test(each)) || kind === "TransactionWriteConflict") return true;
  return isConflict(cause, depth + 1) || isConflict(meta?.driverAdapterError, depth + 1);
}

/**
 * Runs `work`, a whole transaction or a statement by itself, again as long as another transaction is in its way.
 * @throws UnavailableError when it still is; any other error as it comes
 */
export async function retried<T>(work: () => Promise<T>, random: () => number = Math.random): Promise<T> {
  const began = performance.now();
  for (let tries = 0; ; tries++) {
    try {
      return await work();
    } catch (error) {
      if (!isConflict(error)) throw error;
      if (tries >= AGAIN || performance.now() - began > PATIENCE_MS) throw new UnavailableError({ cause: error });
      await sleep(FIRST_WAIT_MS * 2 ** tries * (0.5 + random()));
    }
  }
}
