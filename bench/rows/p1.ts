/** P1: the pipeline through REST, 100 definitions, ordered, signed, logged, against the naive way and the limits. */
import { type Bench, cpuOf, type Figure, lineOf } from "../harness/bench.ts";
import { pipelineRun } from "../harness/pipeline.ts";
import { makeDefinitions, startPlatform } from "../harness/platform.ts";
import type { Check, Row } from "../harness/row.ts";
import { hundreds, ofRuns } from "../harness/stats.ts";

const DEFINITIONS = 100;
const LEAST = 10_000;

interface Figures {
  http: Figure[];
  db: Figure[];
  door: Figure[];
  rate: Figure[];
  naive: Figure[];
  single: Figure[];
  batched: Figure[];
}

async function baselines(bench: Bench, i: number): Promise<Omit<Record<keyof Figures, Figure>, "single" | "batched">> {
  // Each is warmed for as long as it is measured, or nearly: code is still compiled after the first ten thousand calls.
  const own = async (name: "http" | "db" | "naive", least: number, width: number): Promise<Figure> => {
    await bench.receiver.reset();
    const program = await bench.baseline(name);
    const run = (count: number, offset: number) =>
      bench.measured([program.pid], count, async () => void (await program.run({ count, width, offset })));
    const warm = await run(hundreds(bench.scaled(least)), 0);
    const figure = await run(bench.lasting(warm, least), (i + 1) * 1_000_000);
    await program.stop();
    return figure;
  };
  const http = await own("http", 20_000, 50);
  const db = await own("db", 10_000, 1);
  const naive = await own("naive", 1_000, 50);
  const posted = async (name: "door" | "rate"): Promise<Figure> => {
    const program = await bench.baseline(name);
    const load = { url: program.url, token: "", kind: "event" as const, perCall: 1, types: DEFINITIONS, width: 50 };
    const run = async (count: number, offset: number) => {
      await bench.receiver.reset();
      return bench.measured([program.pid], count, async () => {
        await bench.load({ ...load, count, offset });
        if (name === "rate") await bench.receiver.has(count);
      });
    };
    const warm = await run(hundreds(bench.scaled(LEAST)), 0);
    const figure = await run(bench.lasting(warm, LEAST), 1_000_000);
    await program.stop();
    return figure;
  };
  const door = await posted("door");
  const rate = await posted("rate");
  return { http, db, naive, door, rate };
}

export const p1: Row = {
  name: "P1",
  title: "pipeline through REST, 100 definitions",
  long: false,
  async run(bench) {
    const all: Figures = { http: [], db: [], door: [], rate: [], naive: [], single: [], batched: [] };
    const platform = await startPlatform(await bench.postgres.database());
    await makeDefinitions(platform, { count: DEFINITIONS, targetUrl: bench.receiver.url });
    const run = (offset: number, count: number, perCall: number) =>
      pipelineRun(bench, platform, { count, types: DEFINITIONS, perCall, offset });
    const single = bench.lasting(await run(0, bench.scaled(LEAST), 1), LEAST);
    const batched = bench.lasting(await run(500_000, bench.scaled(2 * LEAST), 20), 2 * LEAST);
    // In turns, so that a change of the machine's mood meets both sides of a ratio.
    for (let i = 0; i < bench.runs; i++) {
      const base = await baselines(bench, i);
      for (const name of ["http", "db", "door", "rate", "naive"] as const) all[name].push(base[name]);
      all.single.push(await run(1_000_000 * (i + 1), single, 1));
      all.batched.push(await run(1_000_000 * (i + 1) + 500_000, batched, 20));
    }
    await platform.stop();
    const names = { http: "limit.http", db: "limit.db", door: "limit.door", rate: "limit.rate", naive: "naive" } as const;
    for (const [key, name] of Object.entries(names)) bench.say(lineOf(name, all[key as keyof typeof names]));
    bench.say(lineOf("pipeline, single events", all.single));
    bench.say(lineOf("pipeline, 20 events a call", all.batched));

    const ratio = (above: Figure[], below: Figure[]) => ofRuns(above.map((f, i) => f.perSecond / (below[i] as Figure).perSecond));
    // Of those without a database their own CPU counts: what Postgres does then is left over from the row before.
    const limit = (i: number) => cpuOf(all.db[i] as Figure) + (all.http[i] as Figure).serverMicros + (all.door[i] as Figure).serverMicros;
    const cost = (figures: Figure[]) => ofRuns(figures.map((f, i) => cpuOf(f) / limit(i)));
    const rates = (a: Figure[], b: Figure[]) => {
      const [over, under] = [a, b].map((figures) => Math.round(ofRuns(figures.map((f) => f.perSecond)).value));
      return `${over}/s against ${under}/s`;
    };
    const micros = (figures: Figure[]) => Math.round(ofRuns(figures.map(cpuOf)).value);
    const limits = `limits together ${Math.round(ofRuns(all.http.map((_, i) => limit(i))).value)} µs`;
    const checks: Check[] = [
      { name: "single events ÷ naive", ...ratio(all.single, all.naive), bar: 8, atLeast: true, detail: rates(all.single, all.naive) },
      { name: "single events ÷ limit.rate", ...ratio(all.single, all.rate), bar: 0.75, atLeast: true, detail: rates(all.single, all.rate) },
      { name: "20 a call ÷ naive", ...ratio(all.batched, all.naive), bar: 18, atLeast: true, detail: rates(all.batched, all.naive) },
      {
        name: "CPU of single events ÷ limits",
        ...cost(all.single),
        bar: 1.5,
        atLeast: false,
        detail: `${micros(all.single)} µs; ${limits}`,
      },
    ];
    return checks;
  },
};
