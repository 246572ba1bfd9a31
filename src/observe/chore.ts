/** Work in the background, seen: each run counts in the metrics, and one that fails makes a line. */
import type { Clock } from "../clock.ts";
import type { Log } from "./log.ts";
import type { Metrics } from "./metrics.ts";
import type { Warnings } from "./warnings.ts";

export interface Observer {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly warnings: Warnings;
}

/**
 * @param name as it is called in metrics and lines
 * @param signal one that fails after it was called off has not failed
 */
export function observed<Args extends unknown[], T>(
  { clock, log, metrics, warnings }: Observer,
  name: string,
  work: (...args: Args) => Promise<T>,
  signal?: AbortSignal,
): (...args: Args) => Promise<T> {
  metrics.chore(name);
  return async (...args) => {
    const began = clock.monotonic();
    const ms = () => Math.round(clock.monotonic() - began);
    try {
      const result = await work(...args);
      metrics.chore(name, "done");
      log.debug({ chore: name, ms: ms(), result }, "chore");
      return result;
    } catch (error) {
      if (!signal?.aborted) {
        metrics.chore(name, "failed");
        warnings.warn("chore-failed", name, { chore: name, ms: ms(), err: error }, `the chore ${name} failed, and is tried again`);
      }
      throw error;
    }
  };
}
