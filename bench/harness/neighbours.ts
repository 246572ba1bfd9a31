/** Well-behaved tenants, 100 events a second over all of them, and how they fare while somebody else does what he does. */
import type { Bench } from "./bench.ts";
import { createHistogram } from "./histogram.ts";
import type { Platform } from "./platform.ts";
import { sleep } from "./process.ts";
import { makeTenants, type Tenant } from "./tenants.ts";

const [TENANTS, DEFINITIONS, PER_SECOND, PARTS] = [10, 5, 100, 3];

export interface Neighbours {
  tenants: Tenant[];
  /** `samples` events, 100 a second. */
  measure(samples: number): Promise<Fared>;
}

export interface Fared {
  /** Milliseconds from the start of the post to arrival; of all samples, and of each third. */
  p50: number;
  p99: number;
  thirds: number[];
  /** p99 of GET /healthz, ms. */
  healthz: number;
}

export async function makeNeighbours(bench: Bench, platform: Platform): Promise<Neighbours> {
  const tenants = await makeTenants(platform, TENANTS, { count: DEFINITIONS, targetUrl: bench.receiver.url });
  const tokens = tenants.map(({ token }) => token);
  let offset = 0;
  return {
    tenants,
    async measure(samples) {
      await bench.receiver.reset({ remember: true });
      const first = offset;
      offset += 1_000_000;
      const health = watchHealth(platform);
      const load = { url: platform.url, token: "", tokens, kind: "event" as const, perCall: 1, types: DEFINITIONS };
      const { starts } = await bench.load({ ...load, perSecond: PER_SECOND, offset: first, count: samples });
      await bench.receiver.has(samples, 120_000);
      const healthz = await health.stop();
      const arrivals = await bench.receiver.arrivals();
      const times = starts.map((start, i) => Math.max(0, (arrivals.get(first + i) ?? Number.NaN) - start));
      const all = createHistogram(times);
      const third = Math.ceil(samples / PARTS);
      const thirds = Array.from({ length: PARTS }, (_, i) => createHistogram(times.slice(i * third, (i + 1) * third)).percentile(0.99));
      return { p50: all.percentile(0.5), p99: all.percentile(0.99), thirds, healthz };
    },
  };
}

function watchHealth(platform: Platform): { stop(): Promise<number> } {
  const histogram = createHistogram();
  let over = false;
  const loop = async () => {
    while (!over) {
      const began = performance.now();
      await (await fetch(`${platform.url}/healthz`)).text();
      histogram.record(performance.now() - began);
      await sleep(50);
    }
  };
  const running = loop();
  return {
    async stop() {
      over = true;
      await running;
      return histogram.percentile(0.99);
    },
  };
}
