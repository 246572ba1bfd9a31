/**
 * When a further transaction is begun beside those that run: once as much waits for it as the largest of them took. So
 * batches grow with the load (a transaction costs nearly the same for one as for thirty), a lone one waits for nobody, and
 * where they are as large as they get several run at once. No timer: asked whenever something comes or ends.
 *
 * What comes in one turn of the event loop goes together (`afterTurn`): with the first of it alone, half of all
 * transactions of a busy process would be of one.
 */
export interface Beside {
  /** Whether a transaction of so many is worth it now. */
  worth(size: number): boolean;
  /** @returns to be called when it has ended */
  begin(size: number): () => void;
  readonly running: number;
  /** The size of the largest that runs, of those that nothing holds up. */
  readonly largest: number;
}

/** @returns runs `begin` once the event loop has taken in what has come, however often it is called until then */
export function afterTurn(begin: () => void): () => void {
  let planned = false;
  return () => {
    if (planned) return;
    planned = true;
    setImmediate(() => {
      planned = false;
      begin();
    });
  };
}

/** One that takes longer waits for a lock or a slow disk: nobody waits for it. */
const LONG_MS = 100;

/**
 * @param least of the n-th beside others, at least so many; beyond them `most`
 * @param monotonic milliseconds
 */
export function createBeside(least: readonly number[], most: number, monotonic: () => number): Beside {
  const running = new Set<{ size: number; at: number }>();
  const largest = () => {
    const young = monotonic() - LONG_MS;
    let size = 0;
    for (const each of running) if (each.at > young) size = Math.max(size, each.size);
    return size;
  };
  return {
    worth: (size) => size >= Math.max(least[running.size] ?? most, largest()),
    begin(size) {
      const each = { size, at: monotonic() };
      running.add(each);
      return () => void running.delete(each);
    },
    get running() {
      return running.size;
    },
    get largest() {
      return largest();
    },
  };
}
