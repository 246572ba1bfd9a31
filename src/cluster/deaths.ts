/** When a worker that died is replaced, and when that is of no use any more. */

const WITHIN_MS = 60_000;
const FATAL = 5;
const FIRST_MS = 100;

export interface Deaths {
  /** @returns how long to wait before the next one is started, in milliseconds; undefined: five died within a minute */
  next(): number | undefined;
}

/** @param now monotonic milliseconds */
export function createDeaths(now: () => number): Deaths {
  let recent: number[] = [];
  return {
    next() {
      const at = now();
      recent = [...recent.filter((death) => at - death < WITHIN_MS), at];
      return recent.length >= FATAL ? undefined : FIRST_MS * 2 ** (recent.length - 1);
    },
  };
}
