/** P5: 10 000 definitions against 100, and 100 000 events each with a key of its own on one KEY definition. */
import { type Bench, type Figure, lineOf } from "../harness/bench.ts";
import { pipelineRun } from "../harness/pipeline.ts";
import { makeDefinitions, startPlatform } from "../harness/platform.ts";
import type { Row } from "../harness/row.ts";
import { ofRuns } from "../harness/stats.ts";

interface Side {
  figures: Figure[];
  run(i: number): Promise<void>;
  stop(): Promise<void>;
}

/** @param count of a run; else as many as last some seconds */
async function side(bench: Bench, definitions: number, ordering?: "KEY", count?: number): Promise<Side> {
  const platform = await startPlatform(await bench.postgres.database());
  await makeDefinitions(platform, { count: definitions, targetUrl: bench.receiver.url, ...(ordering ? { ordering } : {}) });
  const events = (offset: number, number: number) =>
    pipelineRun(bench, platform, { count: number, types: definitions, perCall: 1, offset });
  const warm = await events(0, bench.scaled(10_000));
  const figures: Figure[] = [];
  return {
    figures,
    async run(i) {
      figures.push(await events(1_000_000 * (i + 1), count === undefined ? bench.lasting(warm, 10_000) : bench.scaled(count)));
    },
    stop: () => platform.stop(),
  };
}

export const p5: Row = {
  name: "P5",
  title: "many definitions, many keys",
  long: false,
  async run(bench) {
    // 100 000 keys over the runs.
    const sides = [
      await side(bench, 100),
      await side(bench, bench.scaled(10_000)),
      await side(bench, 1, "KEY", Math.ceil(100_000 / bench.runs)),
    ] as const;
    for (let i = 0; i < bench.runs; i++) for (const each of sides) await each.run(i);
    for (const each of sides) await each.stop();
    const [few, many, keys] = sides.map(({ figures }) => figures) as [Figure[], Figure[], Figure[]];
    bench.say(lineOf("100 definitions", few));
    bench.say(lineOf("10 000 definitions", many));
    bench.say(lineOf("a key each, one KEY definition", keys));
    const ratio = (figures: Figure[]) => ofRuns(figures.map((f, i) => f.perSecond / (few[i] as Figure).perSecond));
    const rate = (figures: Figure[]) => `${Math.round(ofRuns(figures.map((f) => f.perSecond)).value)}/s`;
    const detail = (figures: Figure[]) => `${rate(figures)} against ${rate(few)}`;
    return [
      { name: "10 000 ÷ 100 definitions", ...ratio(many), bar: 0.9, atLeast: true, detail: detail(many) },
      { name: "100 000 keys ÷ 100 definitions", ...ratio(keys), bar: 0.8, atLeast: true, detail: detail(keys) },
    ];
  },
};
