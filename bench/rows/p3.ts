/** P3: one strict lane to a receiver that answers in 1 ms, against a bare sequential loop; NONE against strict. */
import { cpuOf, type Figure, lineOf } from "../harness/bench.ts";
import { makeDefinitions, type Platform, startPlatform } from "../harness/platform.ts";
import type { Row } from "../harness/row.ts";
import { ofRuns } from "../harness/stats.ts";

const DELAY_MS = 1;

async function laneOf(platform: Platform, definitionId: string): Promise<string | undefined> {
  const { lanes } = await platform.graphql<{ lanes: { edges: { node: { id: string } }[] } }>(
    "query ($id: ID!) { lanes(filter: {webhookDefinitionId: $id}) { edges { node { id } } } }",
    { id: definitionId },
  );
  return lanes.edges[0]?.node.id;
}

export const p3: Row = {
  name: "P3",
  title: "one lane to a receiver that answers in 1 ms",
  long: false,
  async run(bench) {
    const count = bench.scaled(5_000);
    const loops: Figure[] = [];
    const strict: Figure[] = [];
    const free: Figure[] = [];
    const platform = await startPlatform(await bench.postgres.database());
    const definition = async (type: number, ordering: "DEFINITION" | "NONE") => {
      const eventType = `bench.lane${type}.0`;
      return (
        await makeDefinitions(platform, { count: 1, targetUrl: bench.receiver.url, eventType, ordering, typePrefix: `lane${type}-` })
      )[0] as string;
    };
    const laneRun = async (type: number, ordering: "DEFINITION" | "NONE", offset: number, count: number): Promise<Figure> => {
      const id = await definition(type, ordering);
      const input = {
        url: platform.url,
        token: platform.token,
        kind: "event" as const,
        perCall: 1,
        types: 1,
        typePrefix: `bench.lane${type}.`,
      };
      // The lane is made by its first event, and paused before the rest are queued.
      await bench.receiver.reset();
      await bench.load({ ...input, offset, count: 1, width: 1 });
      await bench.receiver.has(1);
      const lane = await laneOf(platform, id);
      if (lane === undefined) throw new Error("the lane of the first event is not listed");
      await platform.graphql("mutation ($id: ID!) { pauseLane(input: {id: $id}) { __typename } }", { id: lane });
      await bench.receiver.reset({ delayMs: DELAY_MS });
      await bench.load({ ...input, kind: "events", perCall: 100, width: 1, offset: offset + 1, count });
      const already = await bench.receiver.count();
      const figure = await bench.measured([platform.pid], count - already, async () => {
        await platform.graphql("mutation ($id: ID!) { resumeLane(input: {id: $id}) { __typename } }", { id: lane });
        await bench.receiver.has(count);
      });
      const { outOfOrder } = await bench.receiver.received();
      if (ordering === "DEFINITION" && outOfOrder > 0) throw new Error(`${outOfOrder} calls of a strict lane came out of order`);
      return figure;
    };
    // As the row's first run would be: code is compiled still.
    for (const [i, ordering] of (["DEFINITION", "NONE"] as const).entries())
      await laneRun(2 * bench.runs + i, ordering, 100_000 * (i + 1), bench.scaled(2_000));
    for (let i = 0; i < bench.runs; i++) {
      await bench.receiver.reset({ delayMs: DELAY_MS });
      const loop = await bench.baseline("http");
      await loop.run({ count: bench.scaled(2_000), width: 1, offset: 0 });
      loops.push(await bench.measured([loop.pid], count, async () => void (await loop.run({ count, width: 1, offset: 1_000 }))));
      await loop.stop();
      strict.push(await laneRun(2 * i, "DEFINITION", 1_000_000 * (i + 1), count));
      free.push(await laneRun(2 * i + 1, "NONE", 1_000_000 * (i + 1) + 500_000, count));
    }
    await platform.stop();
    bench.say(lineOf("bare sequential loop, 1 ms", loops));
    bench.say(lineOf("one strict lane, 1 ms", strict));
    bench.say(lineOf("one lane of NONE, default settings", free));
    const each = (of: (i: number) => number) => ofRuns(loops.map((_, i) => of(i)));
    const at = (figures: Figure[], i: number) => figures[i] as Figure;
    const rate = (figures: Figure[]) => `${Math.round(ofRuns(figures.map((f) => f.perSecond)).value)}/s`;
    const cpu = (figures: Figure[]) => `${Math.round(ofRuns(figures.map(cpuOf)).value)} µs`;
    return [
      {
        name: "one strict lane ÷ bare loop",
        ...each((i) => at(strict, i).perSecond / at(loops, i).perSecond),
        bar: 0.9,
        atLeast: true,
        detail: `${rate(strict)} against ${rate(loops)}`,
      },
      {
        name: "CPU of a strict lane ÷ bare loop",
        // The loop's own: Postgres works for nobody then, and its ticks are noise.
        ...each((i) => cpuOf(at(strict, i)) / at(loops, i).serverMicros),
        bar: 3,
        atLeast: false,
        detail: `${cpu(strict)} against ${Math.round(ofRuns(loops.map((f) => f.serverMicros)).value)} µs`,
      },
      {
        name: "NONE ÷ strict",
        ...each((i) => at(free, i).perSecond / at(strict, i).perSecond),
        bar: 3,
        atLeast: true,
        detail: `${rate(free)} against ${rate(strict)}`,
      },
    ];
  },
};
