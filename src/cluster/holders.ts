/**
 * Which worker holds which lane, as they told last: where a hint goes. It may be a moment behind. A worker that is told of a lane
 * which it let go of claims it; a lane that nobody is known to hold is told of by NOTIFY. The tables are the truth in both cases.
 */

export interface Holders {
  note(worker: number, got: readonly string[], left: readonly string[]): void;
  /** The worker is gone. */
  forget(worker: number): void;
  /** @returns the lanes to tell each worker of, and those that none but `from` is known to hold */
  route(from: number, lanes: readonly string[]): { to: Map<number, string[]>; unknown: string[] };
}

export function createHolders(): Holders {
  const holders = new Map<string, number>();
  return {
    note(worker, got, left) {
      for (const lane of left) if (holders.get(lane) === worker) holders.delete(lane);
      for (const lane of got) holders.set(lane, worker);
    },
    forget(worker) {
      for (const [lane, holder] of holders) if (holder === worker) holders.delete(lane);
    },
    route(from, lanes) {
      const to = new Map<number, string[]>();
      const unknown: string[] = [];
      for (const lane of lanes) {
        const holder = holders.get(lane);
        if (holder === undefined || holder === from) unknown.push(lane);
        else if (to.has(holder)) to.get(holder)?.push(lane);
        else to.set(holder, [lane]);
      }
      return { to, unknown };
    },
  };
}
