/** P11: a millisecond of network between the platform and Postgres: one organization against eight, one process against four. */
import { type Bench, type Figure, lineOf } from "../harness/bench.ts";
import { type Network, openNetwork, watchLocks } from "../harness/network.ts";
import { makeDefinitions, type Platform, startPlatform } from "../harness/platform.ts";
import type { Check, Row } from "../harness/row.ts";
import { ofRuns } from "../harness/stats.ts";
import { makeTenants } from "../harness/tenants.ts";
import { workersAgainstOne } from "../harness/workers.ts";

const [DELAY_MS, DEFINITIONS, KEYS, ORGANIZATIONS, PROCESSES] = [1, 96, 10_000, 8, 4];

type Shape = "one" | "eight" | "keys";

interface Outcome {
  figures: Figure[];
  /** Share of active backends that waited for a Lock. */
  waiting: number;
  outOfOrder: number;
}

/** The same definitions in all, of one organization or of eight; the same load, over as many processes as there are. */
async function outcomeOf(bench: Bench, network: Network, shape: Shape, processes: number): Promise<Outcome> {
  const database = await bench.postgres.database();
  // The first one migrates, straight; then each reaches the database the long way.
  await (await startPlatform(database)).stop();
  const platforms: Platform[] = [];
  for (let i = 0; i < processes; i++) platforms.push(await startPlatform(network.through(database)));
  const first = platforms[0] as Platform;
  const targetUrl = bench.receiver.url;
  const tokens =
    shape === "eight"
      ? (await makeTenants(first, ORGANIZATIONS, { count: DEFINITIONS / ORGANIZATIONS, targetUrl })).map(({ token }) => token)
      : [first.token];
  if (shape === "one") await makeDefinitions(first, { count: DEFINITIONS, targetUrl });
  if (shape === "keys") await makeDefinitions(first, { count: 1, targetUrl, ordering: "KEY" });
  const types = shape === "keys" ? 1 : DEFINITIONS / tokens.length;
  // A process and a token for each load: 48 calls in flight in all, however many loads there are.
  const loads = tokens.flatMap((token, t) =>
    (processes === 1 ? [0] : [0, 1, 2, 3]).map((p) => ({ token, t, platform: platforms[p] as Platform, p })),
  );
  const used = shape === "eight" && processes > 1 ? loads.filter(({ t, p }) => t % processes === p) : loads;
  const run = async (offset: number, count: number): Promise<Figure> => {
    await bench.receiver.reset();
    const each = Math.ceil(count / used.length);
    return bench.measured(
      platforms.map(({ pid }) => pid),
      each * used.length,
      async () => {
        await Promise.all(
          used.map(({ platform, token }, i) =>
            bench.load({
              url: platform.url,
              token,
              kind: "event",
              perCall: 1,
              types,
              width: Math.max(1, Math.floor(48 / used.length)),
              offset: offset + i * each,
              count: each,
              ...(shape === "keys" ? { keys: KEYS } : {}),
            }),
          ),
        );
        await bench.receiver.has(each * used.length);
      },
    );
  };
  // As much for each process: code is still compiled after the first thousands of calls.
  const warm = await run(0, bench.scaled(5_000) * processes);
  const locks = watchLocks(bench);
  const figures: Figure[] = [];
  let outOfOrder = 0;
  for (let i = 0; i < bench.runs; i++) {
    figures.push(await run(1_000_000 * (i + 1), bench.lasting(warm, 4_000)));
    // Two producers of one lane have no order between them; a single one has.
    if (shape === "one" && processes === 1) outOfOrder += (await bench.receiver.received()).outOfOrder;
  }
  await locks.stop();
  for (const platform of platforms) await platform.stop();
  return { figures, waiting: (100 * locks.waiting) / Math.max(1, locks.active), outOfOrder };
}

export const p11: Row = {
  name: "P11",
  title: "a millisecond of network to Postgres",
  long: false,
  async run(bench) {
    const network = await openNetwork(bench, DELAY_MS);
    const trip = await network.roundTrip(await bench.postgres.database());
    bench.say(`a round trip through the proxy takes ${trip.toFixed(2)} ms`);
    const found = new Map<string, Outcome>();
    for (const processes of [1, PROCESSES]) {
      for (const shape of ["one", "eight", "keys"] as const) {
        const outcome = await outcomeOf(bench, network, shape, processes);
        found.set(`${shape} ${processes}`, outcome);
        const name = `${{ one: "one organization", eight: "eight organizations", keys: "one KEY definition" }[shape]}, ${processes} process${processes > 1 ? "es" : ""}`;
        bench.say(`${lineOf(name, outcome.figures)}; ${outcome.waiting.toFixed(1)} % wait for a Lock`);
      }
    }
    await network.stop();
    const at = (key: string) => found.get(key) as Outcome;
    const ratio = (name: string, above: string, below: string, bar: number): Check => ({
      name,
      ...ofRuns(at(above).figures.map((f, i) => f.perSecond / (at(below).figures[i] as Figure).perSecond)),
      bar,
      atLeast: true,
      detail: `${[above, below].map((key) => Math.round(ofRuns(at(key).figures.map((f) => f.perSecond)).value)).join("/s against ")}/s`,
    });
    const waits = [...found.values()].map(({ waiting }) => waiting);
    return [
      ratio("one organization ÷ eight, 1 process", "one 1", "eight 1", 0.9),
      ratio("one KEY definition ÷ eight, 1 process", "keys 1", "eight 1", 0.9),
      ratio("one organization ÷ eight, 4 processes", "one 4", "eight 4", 0.9),
      ratio("one KEY definition ÷ eight, 4 processes", "keys 4", "eight 4", 0.9),
      ratio("4 processes ÷ 1, one organization", "one 4", "one 1", 0.95),
      {
        name: "active backends that wait for a Lock",
        value: Math.max(...waits),
        bar: 5,
        atLeast: false,
        spread: 0,
        unit: "%",
        detail: "the worst of the six set-ups, 50 looks a second",
      },
      {
        name: "calls out of order",
        value: at("one 1").outOfOrder,
        bar: 0,
        atLeast: false,
        spread: 0,
        detail: "one organization, 1 process",
      },
      ...(await workersAgainstOne(bench)),
    ];
  },
};
