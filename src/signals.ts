/**
 * What ends the process, handled from the first moment of a start. Imports nothing, so that it stands before the 300 files
 * of the server are read: as PID 1 a process without handlers does not even see SIGTERM.
 */
export const SIGNALS = ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT"] as const;

/** One Ctrl-C may come twice: from the terminal to the whole group, and passed on by npm. */
export const SAME_MS = 50;
/** How long a start that is under way may take to clean up. */
export const UNWIND_MS = 5_000;

export interface Ending {
  /** Aborted by the first signal. */
  readonly signal: AbortSignal;
  /** From now on a signal only aborts: who starts sees it, and has 5 s to clean up. Before, it exits at once. */
  begin(): void;
  /** From now on a signal runs `stop` and exits 0, or 1 when that fails. A second signal exits 1 at once. */
  ready(stop: () => Promise<void>): void;
}

export function handleSignals(): Ending {
  const controller = new AbortController();
  let since: number | undefined;
  let begun = false;
  let stop: (() => Promise<void>) | undefined;

  function end(): void {
    if (!begun) process.exit(0);
    if (!stop) return void setTimeout(() => process.exit(0), UNWIND_MS).unref();
    stop().then(
      () => process.exit(0),
      (error: Error) => {
        process.stderr.write(`stopping failed: ${error.message}\n`);
        process.exit(1);
      },
    );
  }

  for (const name of SIGNALS) {
    process.on(name, () => {
      if (since === undefined) {
        since = performance.now();
        controller.abort(new Error(`ended by ${name}`));
        return end();
      }
      if (performance.now() - since < SAME_MS) return undefined;
      process.stderr.write(`${name} again: stopping at once; what is in flight is sent again by the next worker\n`);
      process.exit(1);
    });
  }
  return {
    signal: controller.signal,
    begin() {
      begun = true;
    },
    ready(ender) {
      stop = ender;
      if (since !== undefined) end();
    },
  };
}
