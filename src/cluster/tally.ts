/**
 * The metrics of several processes as one. What a worker that is gone had counted stays in the sums: a counter that fell would
 * be read as one that began anew, and everything the others counted as an increase.
 */
import { type Counts, merged, textOf } from "../observe/metrics.ts";

export interface Tally {
  /** The last that this worker said. */
  note(worker: number, counts: Counts): void;
  /** Its gauges are gone with it, its counters stay. */
  retire(worker: number): void;
  /** @param own of the primary; the workers' are those that they said last */
  text(own: Counts): Promise<string>;
}

const grows = (counts: Counts) => counts.filter((metric) => ["counter", "histogram"].includes(String(metric.type)));

export function createTally(): Tally {
  const said = new Map<number, Counts>();
  let retired: Promise<Counts> = Promise.resolve([]);
  return {
    note(worker, counts) {
      said.set(worker, counts);
    },
    retire(worker) {
      const last = grows(said.get(worker) ?? []);
      said.delete(worker);
      if (last.length > 0) retired = retired.then((before) => merged([before, last]));
    },
    text: async (own) => {
      const all = [own, ...said.values()];
      return textOf([...all, await retired]);
    },
  };
}
