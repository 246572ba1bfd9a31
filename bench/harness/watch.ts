/** What a page costs its browser: frames, tasks and heap, seen from inside the page. */
import type { CDPSession, Page } from "playwright-core";

export interface Watched {
  /** Between two frames, ms. */
  frames: number[];
  /** Of main-thread tasks over 50 ms, which the browser calls long. */
  tasks: number[];
}

type Watching = Window & { watched?: Watched & { on: boolean } };

/** Begins to watch. Called once for a page. */
export async function watch(page: Page): Promise<void> {
  await page.evaluate(() => {
    const watched = { on: true, frames: [] as number[], tasks: [] as number[] };
    (window as Watching).watched = watched;
    let last: number | undefined;
    const frame = (at: number) => {
      if (watched.on && last !== undefined) watched.frames.push(at - last);
      last = watched.on ? at : undefined;
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
    new PerformanceObserver((list) => {
      if (watched.on) watched.tasks.push(...list.getEntries().map(({ duration }) => duration));
    }).observe({ type: "longtask" });
  });
}

/** Bytes in use after the garbage is gone; nothing is watched meanwhile, for that is no work of the page's. */
export async function heapOf(page: Page, session: CDPSession): Promise<number> {
  const turn = (on: boolean) => page.evaluate((now) => void Object.assign((window as Watching).watched as object, { on: now }), on);
  await turn(false);
  await session.send("HeapProfiler.collectGarbage");
  const { usedSize } = await session.send("Runtime.getHeapUsage");
  // The browser tells of a task when it is over.
  await page.waitForTimeout(200);
  await turn(true);
  return usedSize;
}

export const watchedOf = (page: Page): Promise<Watched> => page.evaluate(() => (window as Watching).watched as Watched);
