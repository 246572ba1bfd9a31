/** A command that a signal ends leaves nothing behind: what it holds is let go of on the process's way out, which the default action of a signal leaves no time for. */
import { constants } from "node:os";
import { SAME_MS, SIGNALS, UNWIND_MS } from "../signals.ts";

type Signal = (typeof SIGNALS)[number];

export interface CommandEnding {
  /** Aborted by the first signal. */
  readonly signal: AbortSignal;
  /** While `start` is under way the first signal only aborts, so that it can take back what it began; a second one ends it at once. */
  unwinding<T>(start: Promise<T>): Promise<T>;
  /** Signals have their default action again. */
  release(): void;
}

/** From now on these signals end this process by way of `exit`, whose listeners clean up. */
export function endByExit(): CommandEnding {
  const controller = new AbortController();
  let first: { name: Signal; at: number } | undefined;
  let starting = false;

  function end(name: Signal): never {
    // Last of the listeners, so that whoever waits for this process sees it die of the signal. As PID 1 it does not: then it exits with the code.
    process.once("exit", () => {
      release();
      process.kill(process.pid, name);
    });
    // As shells count a death by signal.
    process.exit(128 + constants.signals[name]);
  }
  const listeners = SIGNALS.map((name) => {
    const listener = () => {
      if (first && performance.now() - first.at < SAME_MS) return;
      const isFirst = first === undefined;
      first ??= { name, at: performance.now() };
      controller.abort(new Error(`ended by ${name}`));
      if (!starting || !isFirst) end(first.name);
      setTimeout(() => end(name), UNWIND_MS).unref();
    };
    process.on(name, listener);
    return [name, listener] as const;
  });
  const release = () => {
    for (const [name, listener] of listeners) process.removeListener(name, listener);
  };
  return {
    signal: controller.signal,
    async unwinding(start) {
      starting = true;
      try {
        return await start;
      } finally {
        starting = false;
        if (first) end(first.name);
      }
    },
    release,
  };
}
