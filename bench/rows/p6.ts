/** P6: what one tenant does costs the others no more than the same load spread over well-behaved ones. */

import { freePort } from "../../test/helpers/free-port.ts";
import type { Bench, Receiver } from "../harness/bench.ts";
import { type Fared, makeNeighbours, type Neighbours } from "../harness/neighbours.ts";
import { type Platform, startPlatform } from "../harness/platform.ts";
import { sleep } from "../harness/process.ts";
import type { Check, Row } from "../harness/row.ts";
import { openSnapshot } from "../harness/snapshot.ts";
import { spreadOf } from "../harness/stats.ts";
import { makeTenant, type Tenant } from "../harness/tenants.ts";

const [SAMPLES, WARM, SNAPSHOT_MINUTES] = [5_000, 2_500, 10];

interface World {
  bench: Bench;
  platform: Platform;
  databaseUrl: string;
  neighbours: Neighbours;
  /** Of everybody but the neighbours, so that their arrivals are told apart. */
  other: Receiver;
  /** Nobody listens there. */
  dead: string;
}

interface Scene {
  name: string;
  /** Gets things to where they bite. @returns what to do while the neighbours are measured, and how to end it */
  set(world: World): Promise<{ during?: () => Promise<unknown>; after?: () => Promise<void> }>;
  /** The neighbours' own measure: alone, unless the load itself is what is spread. */
  spread?: Scene["set"];
}

const emit = ({ bench, platform }: World, { token }: Tenant, count: number, more: object = {}) =>
  bench.load({ url: platform.url, token, kind: "events", perCall: 500, width: 4, types: 1, offset: 0, count, ...more });

/** As long as the neighbours are measured, at least. */
const secondsOf = (bench: Bench) => bench.scaled(SAMPLES) / 100;

const queued: Scene = {
  name: "(a) 100 000 queued to a dead endpoint",
  async set(world) {
    const tenant = await makeTenant(world.platform, "dead", { count: 1, targetUrl: world.dead });
    await emit(world, tenant, world.bench.scaled(100_000));
    return {};
  },
};

const flood: Scene = {
  name: "(b) 1 000 events × 100 definitions a call, at full speed",
  async set(world) {
    const tenant = await makeTenant(world.platform, "flood", { count: 100, targetUrl: world.other.url, eventType: "bench.t0" });
    const seconds = secondsOf(world.bench);
    return { during: () => emit(world, tenant, 0, { perCall: 1_000, width: 1, seconds }) };
  },
  async spread(world) {
    const tenants: Tenant[] = [];
    for (let i = 0; i < 10; i++)
      tenants.push(await makeTenant(world.platform, `busy${i}`, { count: 10, targetUrl: world.other.url, eventType: "bench.t0" }));
    const seconds = secondsOf(world.bench);
    const tokens = tenants.map(({ token }) => token);
    return { during: () => emit(world, tenants[0] as Tenant, 0, { perCall: 100, width: 10, seconds, tokens }) };
  },
};

const hanging: Scene = {
  name: "(c) 3 000 keys to a receiver that hangs",
  async set(world) {
    const tenant = await makeTenant(world.platform, "hang", { count: 1, targetUrl: `${world.other.url}/hang`, ordering: "KEY" });
    await emit(world, tenant, world.bench.scaled(3_000));
    return {};
  },
};

const waiting: Scene = {
  name: "(d) 50 000 lanes wait",
  async set(world) {
    const tenant = await makeTenant(world.platform, "lanes", { count: 1, targetUrl: world.dead, ordering: "KEY" });
    await emit(world, tenant, world.bench.scaled(50_000));
    await sleep(20_000);
    return {};
  },
};

const activated: Scene = {
  name: "(e) 10 000 blocked lanes are activated",
  async set(world) {
    const extra = "onExhausted: BLOCK, retrySchedule: []";
    const tenant = await makeTenant(world.platform, "blocked", { count: 1, targetUrl: world.dead, ordering: "KEY", extra });
    await emit(world, tenant, world.bench.scaled(10_000), { perCall: 500 });
    await sleep(30_000 * Math.min(1, world.bench.scale * 2));
    const ids = tenant.definitions;
    return {
      async during() {
        const ask = (query: string, variables: object) =>
          fetch(`${world.platform.url}/graphql`, {
            method: "POST",
            headers: { authorization: `Bearer ${tenant.token}`, "content-type": "application/json" },
            body: JSON.stringify({ query, variables }),
          }).then((response) => response.text());
        await sleep(2_000);
        const change =
          "mutation ($id: ID!, $url: String!) { updateWebhookDefinition(input: {id: $id, targetUrl: $url}) { __typename ... on Error { message } } }";
        await ask(change, { id: ids[0], url: world.other.url });
        const answer = await ask(
          "mutation ($ids: [ID!]!) { activateWebhookDefinitions(input: {ids: $ids}) { __typename ... on Error { message } } }",
          { ids },
        );
        if (answer.includes('"message"')) throw new Error(answer);
      },
    };
  },
};

/** Dead rows gather for ten minutes under the snapshot; then the neighbours are measured, the snapshot still open. */
const dumped = (name: string, ordering: "DEFINITION" | "KEY", keys: number): Scene => ({
  name,
  async set(world) {
    const { bench, databaseUrl } = world;
    const tenant = await makeTenant(world.platform, "dumped", { count: 1, targetUrl: world.other.url, ordering });
    await emit(world, tenant, bench.scaled(Math.max(1_000, keys)), { keys });
    const snapshot = await openSnapshot(databaseUrl);
    await emit(world, tenant, 0, { kind: "event", perCall: 1, perSecond: 200, keys, seconds: SNAPSHOT_MINUTES * 60 * bench.scale });
    return { after: () => snapshot.close() };
  },
});

const SCENES = [
  queued,
  flood,
  hanging,
  waiting,
  activated,
  dumped("(f) a snapshot open for 10 minutes, 1 definition", "DEFINITION", 1),
  dumped("(f) a snapshot open for 10 minutes, 10 000 lanes", "KEY", 10_000),
];

/** A database and a platform for each scene: what one leaves behind is not the next one's. */
async function fared(bench: Bench, other: Receiver, set: Scene["set"] | undefined): Promise<Fared> {
  const databaseUrl = await bench.postgres.database();
  const platform = await startPlatform(databaseUrl);
  try {
    const neighbours = await makeNeighbours(bench, platform);
    const dead = `http://127.0.0.1:${await freePort()}`;
    // As in other rows, what is compiled and prepared at first is in no figure: it would be most of the tail of all of them.
    await neighbours.measure(bench.scaled(WARM));
    const scene = await set?.({ bench, platform, databaseUrl, neighbours, other, dead });
    const [measured] = await Promise.all([neighbours.measure(bench.scaled(SAMPLES)), scene?.during?.()]);
    await scene?.after?.();
    return measured;
  } finally {
    // What is queued would be sent for minutes; killed, it stays in a database that nobody reads again.
    await platform.stop("SIGKILL");
  }
}

export const p6: Row = {
  name: "P6",
  title: "neighbours",
  long: true,
  async run(bench) {
    const other = await bench.receiverOfItsOwn();
    const alone = await fared(bench, other, undefined);
    const line = (name: string, f: Fared) =>
      bench.say(
        `${name.padEnd(54)} p50 ${f.p50.toFixed(1)} p99 ${f.p99.toFixed(1)} ms (${f.thirds.map((ms) => ms.toFixed(0)).join(" ")}), /healthz ${f.healthz.toFixed(1)} ms`,
      );
    line("alone", alone);
    const checks: Check[] = [];
    for (const scene of SCENES) {
      const base = scene.spread ? await fared(bench, other, scene.spread) : alone;
      if (scene.spread) line("the same load, spread over ten tenants", base);
      const beside = await fared(bench, other, scene.set);
      line(scene.name, beside);
      const limit = Math.max(1.5 * base.p99, base.p99 + 25);
      checks.push(
        {
          name: `${scene.name.slice(0, 42)}: p99 ÷ allowed`,
          value: beside.p99 / limit,
          bar: 1,
          atLeast: false,
          spread: spreadOf(beside.thirds.map((ms) => ms / limit)),
          detail: `${beside.p99.toFixed(1)} ms, allowed ${limit.toFixed(1)} ms`,
        },
        {
          name: `${scene.name.slice(0, 42)}: /healthz`,
          value: beside.healthz - base.healthz,
          bar: 50,
          atLeast: false,
          spread: 0,
          unit: "ms more",
          detail: `p99 ${beside.healthz.toFixed(1)} ms against ${base.healthz.toFixed(1)} ms`,
        },
      );
    }
    return checks;
  },
};
