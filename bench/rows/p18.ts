/** P18: the dashboard's log in a real browser, live, while deliveries come at 200 a second. */
import type { Browser, Page } from "playwright-core";
import { launchBrowser } from "../../test/web/helpers/browser.ts";
import type { Bench } from "../harness/bench.ts";
import { makeDefinitions, startPlatform, TOKEN } from "../harness/platform.ts";
import { sleep } from "../harness/process.ts";
import type { Row } from "../harness/row.ts";
import { quantile, slopeOf } from "../harness/stats.ts";
import { heapOf, watch, watchedOf } from "../harness/watch.ts";

const [TYPES, PER_SECOND, SECONDS, SAMPLES] = [20, 200, 300, 20];

/** Signed in by its token, at the live log. */
async function openLog(browser: Browser, url: string): Promise<Page> {
  const page = await browser.newPage({ viewport: { width: 1360, height: 850 } });
  await page.goto(`${url}/sign-in`);
  const status = await page.evaluate(
    async (token) =>
      (
        await fetch("/sign-in-token", {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ token }),
        })
      ).status,
    TOKEN,
  );
  if (status !== 204) throw new Error(`the sign-in was answered with ${status}`);
  await page.goto(`${url}/log`);
  await page.getByText("Live", { exact: true }).waitFor();
  return page;
}

async function run(bench: Bench) {
  const platform = await startPlatform(await bench.postgres.database());
  await makeDefinitions(platform, { count: TYPES, targetUrl: bench.receiver.url });
  const browser = await launchBrowser();
  try {
    const page = await openLog(browser, platform.url);
    await bench.receiver.reset();
    const emit = (count: number, offset: number) =>
      bench.load({
        url: platform.url,
        token: platform.token,
        kind: "event",
        perCall: 1,
        types: TYPES,
        perSecond: PER_SECOND,
        count,
        offset,
      });
    // What is compiled and loaded at the first row is no work of the log's.
    await emit(2_000, 0);
    const session = await page.context().newCDPSession(page);
    await watch(page);
    const seconds = bench.scaled(SECONDS);
    const load = emit(seconds * PER_SECOND, 1_000_000);
    const began = performance.now();
    const heap: [minutes: number, megabytes: number][] = [];
    for (let i = 1; i <= SAMPLES; i++) {
      await sleep(Math.max(0, began + (i * seconds * 1_000) / SAMPLES - performance.now()));
      heap.push([(performance.now() - began) / 60_000, (await heapOf(page, session)) / 2 ** 20]);
    }
    await load;
    await bench.receiver.has(2_000 + seconds * PER_SECOND);
    return { heap, ...(await watchedOf(page)), rows: await page.getByRole("row").count() };
  } finally {
    await browser.close();
    await platform.stop();
  }
}

export const p18: Row = {
  name: "P18",
  title: "the live log at 200 deliveries a second",
  long: true,
  async run(bench) {
    const { heap, frames, tasks, rows } = await run(bench);
    const ms = (q: number) => `${quantile(frames, q).toFixed(0)}`;
    bench.say(
      `frames p50 ${ms(0.5)}  p95 ${ms(0.95)}  p99 ${ms(0.99)}  max ${ms(1)} ms  (${frames.length} frames, ${rows} rows on screen)`,
    );
    bench.say(`tasks over 50 ms: ${tasks.length}, the longest ${Math.max(0, ...tasks).toFixed(0)} ms`);
    bench.say(`heap after garbage collection: ${heap.map(([, mb]) => mb.toFixed(0)).join(" ")} MB`);
    // The first half fills the list that is kept.
    const growth = slopeOf(heap.slice(heap.length / 2));
    return [
      {
        name: "longest task",
        value: Math.max(0, ...tasks),
        bar: 200,
        atLeast: false,
        spread: 0,
        unit: "ms",
        detail: `${tasks.length} over 50 ms`,
      },
      {
        ...{ name: "p95 of a frame", value: quantile(frames, 0.95), bar: 50, atLeast: false, spread: 0, unit: "ms" },
        detail: `${frames.length} frames`,
      },
      {
        ...{ name: "heap's growth a minute", value: growth, bar: 1, atLeast: false, spread: 0, unit: "MB" },
        detail: `second half; ${heap.at(-1)?.[1].toFixed(0)} MB at the end`,
      },
    ];
  },
};
