/** P8: the doors: REST and GraphQL against an echo of the same body, and against the doors of 357844b measured beside them. */
import { type Bench, type Figure, lineOf } from "../harness/bench.ts";
import type { Load } from "../harness/generator.ts";
import { type Platform, startPlatform } from "../harness/platform.ts";
import { releasedTree } from "../harness/released.ts";
import type { Check, Row } from "../harness/row.ts";
import { hundreds, ofRuns } from "../harness/stats.ts";

type Door = "event" | "emitEvent" | "emitEvents";
/** As the counts below: of the run that warms it, and at least so many in those that are measured. */
const ECHOED = 60_000;
const DOORS: Record<Door, { perCall: number; count: number; width: number; name: string }> = {
  event: { perCall: 1, count: 40_000, width: 50, name: "POST /v1/events" },
  emitEvent: { perCall: 1, count: 16_000, width: 50, name: "emitEvent" },
  emitEvents: { perCall: 100, count: 100_000, width: 20, name: "emitEvents of 100" },
};

/** Nothing matches: what is measured is the door and the event's own row. */
async function doorRun(bench: Bench, platform: Platform, door: Door, offset: number, events: number): Promise<Figure> {
  const { perCall, width } = DOORS[door];
  const load: Load = {
    url: platform.url,
    token: platform.token,
    kind: door,
    perCall,
    width,
    types: 1,
    typePrefix: "bench.none",
    offset,
    count: events,
  };
  return bench.measured([platform.pid], events, async () => void (await bench.load(load)));
}

export const p8: Row = {
  name: "P8",
  title: "the doors against an echo",
  long: false,
  async run(bench) {
    const env = { HOOKLINE_ROLES: "api" };
    const ours = await startPlatform(await bench.postgres.database(), { env });
    const tree = await releasedTree();
    const released = tree === undefined ? undefined : await startPlatform(await bench.postgres.database(), { env, cwd: tree });
    const echo = await bench.baseline("echo");
    const echoRun = (count: number) =>
      bench.measured([echo.pid], count, async () => {
        await bench.load({ url: echo.url, token: "", kind: "echo", perCall: 1, width: 50, types: 1, offset: 0, count });
      });
    const doors = Object.keys(DOORS) as Door[];
    // As long as a run, or nearly: a door's code is still compiled after the first ten thousand calls.
    const echoed = bench.lasting(await echoRun(bench.scaled(ECHOED)), ECHOED);
    const warmed = async (platform: Platform, door: Door) => {
      const { count } = DOORS[door];
      return bench.lasting(await doorRun(bench, platform, door, 0, hundreds(bench.scaled(count))), count);
    };
    const [nowCounts, thenCounts] = [{}, {}] as [Record<Door, number>, Record<Door, number>];
    for (const door of doors) {
      nowCounts[door] = await warmed(ours, door);
      if (released) thenCounts[door] = await warmed(released, door);
    }
    const echoes: Figure[] = [];
    const now: Record<Door, Figure[]> = { event: [], emitEvent: [], emitEvents: [] };
    const then: Record<Door, Figure[]> = { event: [], emitEvent: [], emitEvents: [] };
    for (let i = 0; i < bench.runs; i++) {
      echoes.push(await echoRun(echoed));
      for (const door of doors) {
        now[door].push(await doorRun(bench, ours, door, 1_000_000 * (i + 1), nowCounts[door]));
        if (released) then[door].push(await doorRun(bench, released, door, 1_000_000 * (i + 1), thenCounts[door]));
      }
    }
    for (const program of [ours, released, echo]) await program?.stop();
    bench.say(lineOf("echo", echoes));
    for (const door of doors) {
      bench.say(lineOf(DOORS[door].name, now[door]));
      if (released) bench.say(lineOf(`${DOORS[door].name} at 357844b`, then[door]));
    }
    const rate = (figures: Figure[]) => `${Math.round(ofRuns(figures.map((f) => f.perSecond)).value)}/s`;
    const better = (door: Door, bar: number): Check => ({
      name: `${DOORS[door].name} ÷ echo, ÷ 357844b's`,
      ...ofRuns(now[door].map((f, i) => f.perSecond / (then[door][i]?.perSecond ?? Number.NaN))),
      bar,
      atLeast: true,
      detail: `${rate(now[door])} against ${rate(then[door])}; echo ${rate(echoes)}`,
      ...(released ? {} : { notShown: "the history of 357844b is not in this clone" }),
    });
    return [
      better("event", 1.3),
      better("emitEvent", 2),
      {
        name: "emitEvents of 100 ÷ echo, events",
        ...ofRuns(now.emitEvents.map((f, i) => f.perSecond / (echoes[i] as Figure).perSecond)),
        bar: 1.5,
        atLeast: true,
        detail: `${rate(now.emitEvents)} against ${rate(echoes)}`,
      },
    ];
  },
};
