/**
 * A costly reading, shared by everybody who asks: made at most every few seconds, and never so often that making it takes
 * more than a twentieth of the time, however large the tables grow.
 */
export interface Reading<T> {
  /** The latest one; undefined when it failed, or takes longer than `patienceMs` and there is no earlier one. */
  get(): Promise<T | undefined>;
}

export interface ReadingOptions {
  monotonic: () => number;
  /** A reading serves everybody for so long. */
  freshMs?: number;
  /** How long whoever asks waits for a new one; then the earlier one serves. */
  patienceMs?: number;
  onFailure?: (error: Error) => void;
}

/** A reading that took 1 s is made anew after 20 s at the earliest. */
const SHARE = 20;

export function createReading<T>(read: () => Promise<T>, options: ReadingOptions): Reading<T> {
  const { monotonic, freshMs = 5_000, patienceMs = 2_000, onFailure } = options;
  let latest: T | undefined;
  let freshUntil = Number.NEGATIVE_INFINITY;
  let running: Promise<void> | undefined;

  async function renew(): Promise<void> {
    const began = monotonic();
    try {
      latest = await read();
    } catch (error) {
      // What was true once says nothing about now.
      latest = undefined;
      onFailure?.(error as Error);
    }
    const ended = monotonic();
    freshUntil = Math.max(began + freshMs, ended + (ended - began) * SHARE);
    running = undefined;
  }

  return {
    async get() {
      if (monotonic() >= freshUntil) running ??= renew();
      if (running) {
        let timer: NodeJS.Timeout | undefined;
        const late = new Promise<void>((resolve) => {
          timer = setTimeout(resolve, patienceMs);
        });
        await Promise.race([running, late]);
        clearTimeout(timer);
      }
      return latest;
    },
  };
}
