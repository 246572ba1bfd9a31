/** P9: half an hour at full load, and a worker with a heap of 256 MB that drains large events of many keys. */
import { pipelineRun } from "../harness/pipeline.ts";
import { makeDefinitions, startPlatform } from "../harness/platform.ts";
import { rssMb } from "../harness/process.ts";
import type { Check, Row } from "../harness/row.ts";
import { slopeOf } from "../harness/stats.ts";

const [MINUTES, TYPES, STEP] = [30, 100, 5_000];
const [LARGE, BYTES, KEYS, HEAP_MB] = [6_000, 100_000, 200, 256];

export const p9: Row = {
  name: "P9",
  title: "half an hour at full load; large events in a small heap",
  long: true,
  async run(bench) {
    const platform = await startPlatform(await bench.postgres.database());
    await makeDefinitions(platform, { count: TYPES, targetUrl: bench.receiver.url });
    const samples: [minutes: number, mb: number][] = [];
    const began = performance.now();
    const minutes = () => (performance.now() - began) / 60_000;
    for (let done = 0; minutes() < MINUTES * bench.scale; done += STEP) {
      await pipelineRun(bench, platform, { count: STEP, types: TYPES, perCall: 1, offset: done });
      samples.push([minutes(), await rssMb(platform.pid)]);
    }
    await platform.stop();
    // The first third fills caches and the heap's generations.
    const slope = slopeOf(samples.slice(Math.floor(samples.length / 3))) * 60;
    const highest = Math.max(...samples.map(([, mb]) => mb));
    const tenths = samples.filter((_, i) => i % Math.max(1, Math.floor(samples.length / 10)) === 0);
    bench.say(`${samples.length * STEP} events in ${minutes().toFixed(1)} min, RSS ${tenths.map(([, mb]) => Math.round(mb)).join(" ")} MB`);
    const drained = await drain();
    bench.say(
      `${drained.count} events of 100 KB: ${drained.ended ? "the worker ended" : `${Math.round(drained.seconds)} s, ${Math.round(drained.mb)} MB at most`}`,
    );
    const checks: Check[] = [
      {
        name: "growth of the server's memory",
        value: slope,
        bar: 10,
        atLeast: false,
        spread: 0,
        unit: "MB/h",
        detail: `RSS over the last two thirds of ${Math.round(minutes())} min`,
      },
      { name: "RSS of the server", value: highest, bar: 300, atLeast: false, spread: 0, unit: "MB", detail: "the highest of the run" },
      {
        name: "large events that a worker of 256 MB drained",
        value: drained.delivered / drained.count,
        bar: 1,
        atLeast: true,
        spread: 0,
        detail: `${drained.delivered} of ${drained.count}, ${KEYS} keys`,
      },
    ];
    return checks;

    /** Accepted first, by a process that is api only; then a worker of its own takes them. */
    async function drain() {
      const database = await bench.postgres.database();
      const count = bench.scaled(LARGE);
      const api = await startPlatform(database, { env: { HOOKLINE_ROLES: "api" } });
      await makeDefinitions(api, { count: 1, targetUrl: bench.receiver.url, ordering: "KEY" });
      const load = {
        url: api.url,
        token: api.token,
        kind: "event" as const,
        perCall: 1,
        width: 8,
        types: 1,
        keys: KEYS,
        payloadBytes: BYTES,
      };
      await bench.receiver.reset();
      await bench.load({ ...load, offset: 0, count });
      const worker = await startPlatform(database, { env: { HOOKLINE_ROLES: "worker" }, flags: [`--max-old-space-size=${HEAP_MB}`] });
      const from = performance.now();
      let ended = false;
      let mb = 0;
      void worker.exited.then(() => {
        ended = true;
      });
      const patience = 60_000 + 60 * count;
      let delivered = 0;
      while (!ended && delivered < count && performance.now() - from < patience) {
        await new Promise((resolve) => setTimeout(resolve, 200));
        delivered = await bench.receiver.count();
        mb = Math.max(mb, await rssMb(worker.pid));
      }
      const outcome = { count, delivered: Math.min(delivered, count), ended, seconds: (performance.now() - from) / 1000, mb };
      await worker.stop();
      await api.stop();
      return outcome;
    }
  },
};
