/** Work that is done again and again in the background: at once while there is more, else after a pause or when somebody says so. */
import type { Log } from "../observe/log.ts";

export interface Loop {
  start(): void;
  /** Something may have come up: look now. */
  kick(): void;
  /** Lets the round in hand end. */
  stop(): Promise<void>;
}

/**
 * @param round one stretch of work @returns milliseconds until the next round
 * @param what for the log, when a round fails: it is tried again after `failedMs`
 */
export function createLoop(round: () => Promise<number>, options: { log: Log; what: string; failedMs?: number }): Loop {
  const { log, what, failedMs = 1_000 } = options;
  let stopped = true;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;
  let again = false;

  const go = async () => {
    let wait = failedMs;
    try {
      wait = await round();
    } catch (error) {
      log.warn({ err: (error as Error).message }, `${what} failed, trying again`);
    }
    if (again) wait = 0;
    again = false;
    running = undefined;
    if (!stopped) timer = setTimeout(run, wait).unref();
  };
  const run = () => {
    clearTimeout(timer);
    running = go();
  };
  return {
    start() {
      if (!stopped) return;
      stopped = false;
      run();
    },
    kick() {
      if (stopped) return;
      if (running) again = true;
      else run();
    },
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}
