/** The bars of SPEED.md that one machine can show in a few minutes, each as a ratio measured in one run. */
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import fastify from "fastify";
import pg from "pg";
import { Pool } from "undici";
import { type Figure, limitDb, limitHttp, naive } from "./limits.ts";
import { inFlight, measured, median, quantile, start, waitUntil } from "./machine.ts";
import { event, HEADERS, makeDefinitions, type Platform, post, startPlatform, TOKEN, type World } from "./world.ts";

export interface Row {
  bar: string;
  what: string;
  /** The ratio (or figure) and what it must be. */
  value: number;
  limit: number;
  /** True: at least `limit`; false: at most. */
  atLeast: boolean;
  detail: string;
}

const round = (value: number) => Math.round(value);
const RUNS = 3;

/** Events through REST to so many definitions until the receiver has them all. */
async function pipeline(world: World, platform: Platform, count: number, types: number, perCall: number, offset: number): Promise<Figure> {
  await world.receiver.reset();
  return measured([platform.pid, world.postgres], count, async () => {
    await inFlight(50, count / perCall, (call) => {
      const events = Array.from({ length: perCall }, (_, k) =>
        event(offset + call * perCall + k, `bench.t${(call * perCall + k) % types}`),
      );
      return post(platform, perCall === 1 ? (events[0] as string) : `[${events.join(",")}]`);
    });
    await waitUntil(async () => (await world.receiver.count()) >= count, 120_000, "the last delivery");
  });
}

async function medians(run: (i: number) => Promise<Figure>): Promise<Figure> {
  const figures: Figure[] = [];
  for (let i = 0; i < RUNS; i++) figures.push(await run(i));
  return { perSecond: median(figures.map((f) => f.perSecond)), cpuMicros: median(figures.map((f) => f.cpuMicros)) };
}

const say = (name: string, figure: Figure) => {
  console.log(
    `  ${name.padEnd(34)} ${String(round(figure.perSecond)).padStart(7)} /s   ${String(round(figure.cpuMicros)).padStart(6)} µs CPU each`,
  );
  return figure;
};

export async function p1(world: World): Promise<Row[]> {
  const http = say("limit.http", await medians(() => limitHttp(world, 20_000)));
  const db = say("limit.db", await medians(() => limitDb(world, 10_000)));
  const simple = say("naive", await medians(() => naive(world, 1_000)));
  const platform = await startPlatform(await world.databaseUrl());
  await makeDefinitions(platform, 100, world.receiver.url);
  await pipeline(world, platform, 2_000, 100, 1, 0);
  const single = say("pipeline", await medians((i) => pipeline(world, platform, 10_000, 100, 1, i * 10_000)));
  const batched = say("pipeline, 20 events per call", await medians((i) => pipeline(world, platform, 20_000, 100, 20, i * 20_000)));
  await platform.stop();
  const detail = `${round(single.perSecond)}/s (${round(batched.perSecond)}/s with 20 events per call) against ${round(simple.perSecond)}/s`;
  const limit = http.cpuMicros + db.cpuMicros;
  return [
    { bar: "P1", what: "pipeline ÷ naive", value: single.perSecond / simple.perSecond, limit: 12, atLeast: true, detail },
    {
      bar: "P1",
      what: "CPU ÷ (limit.http + limit.db)",
      value: single.cpuMicros / limit,
      limit: 3,
      atLeast: false,
      detail: `${round(single.cpuMicros)} µs against ${round(limit)} µs`,
    },
  ];
}

const sleepUntil = (at: number) => new Promise<void>((resolve) => setTimeout(resolve, Math.max(0, at - performance.now())));

/** `send` at 100 per second; milliseconds from its answer ("accepted") until the receiver had it. */
async function latencies(world: World, count: number, send: (i: number) => Promise<void>): Promise<number[]> {
  await world.receiver.reset({ remember: true });
  const accepted: number[] = [];
  const began = performance.now();
  const calls: Promise<void>[] = [];
  for (let i = 0; i < count; i++) {
    await sleepUntil(began + i * 10);
    calls.push(
      send(i).then(() => {
        accepted[i] = performance.timeOrigin + performance.now();
      }),
    );
  }
  await Promise.all(calls);
  await waitUntil(async () => (await world.receiver.count()) >= count, 30_000, "the last delivery");
  const { arrivals } = await world.receiver.ask<{ arrivals: [number, number][] }>({ arrivals: true });
  const first = new Map<number, number>();
  for (const [n, at] of arrivals) if (!first.has(n)) first.set(n, at);
  return accepted.map((at, i) => Math.max(0, (first.get(i) ?? Number.NaN) - at));
}

export async function p2(world: World): Promise<Row[]> {
  const platform = await startPlatform(await world.databaseUrl());
  await makeDefinitions(platform, 20, world.receiver.url);
  const run = () => latencies(world, 1_000, (i) => post(platform, event(i, `bench.t${i % 20}`)));
  await run();
  const times = await run();
  await platform.stop();
  // What nobody can do without: a durable insert, then the call.
  const client = new pg.Pool({ connectionString: await world.databaseUrl(), max: 10 });
  await client.query("CREATE TABLE bare (id int, payload text)");
  const pool = new Pool(world.receiver.url, { connections: 20, pipelining: 1 });
  const totals: number[] = [];
  const bare = await latencies(world, 1_000, async (i) => {
    const began = performance.now();
    await client.query("INSERT INTO bare VALUES ($1, $2)", [i, event(i, "bench")]);
    const { body } = await pool.request({ path: "/", method: "POST", body: event(i, "bench") });
    await body.dump();
    totals.push(performance.now() - began);
  });
  if (bare.length !== 1_000) throw new Error("the bare calls did not arrive");
  await pool.close();
  await client.end();
  const [p50, p99] = [quantile(times, 0.5), quantile(times, 0.99)];
  const [b50, b99] = [quantile(totals, 0.5), quantile(totals, 0.99)];
  const ms = (value: number) => `${value.toFixed(1)} ms`;
  console.log(`  accepted → received at 100/s: p50 ${ms(p50)}, p99 ${ms(p99)}; bare insert + POST: p50 ${ms(b50)}, p99 ${ms(b99)}`);
  return [
    {
      bar: "P2",
      what: "accepted → received p50, ms",
      value: p50,
      limit: 6,
      atLeast: false,
      detail: `${(p50 / b50).toFixed(2)} × a bare durable insert + POST (${ms(b50)})`,
    },
    {
      bar: "P2",
      what: "accepted → received p99, ms",
      value: p99,
      limit: 25,
      atLeast: false,
      detail: `${(p99 / b99).toFixed(2)} × a bare durable insert + POST (${ms(b99)})`,
    },
  ];
}

export async function p3(world: World): Promise<Row[]> {
  const count = 3_000;
  const pool = new Pool(world.receiver.url, { connections: 1, pipelining: 1 });
  const body = Buffer.from(event(1, "bench.t0"));
  const loop = async (): Promise<Figure> => {
    await world.receiver.reset({ delayMs: 1 });
    return measured([process.pid], count, () =>
      inFlight(1, count, async () => (await pool.request({ path: "/", method: "POST", body })).body.dump()),
    );
  };
  const bare = say("bare sequential loop, 1 ms", await medians(loop));
  await pool.close();
  const platform = await startPlatform(await world.databaseUrl());
  await makeDefinitions(platform, 1, world.receiver.url);
  const lane = say(
    "one strict lane, 1 ms",
    await medians(async (i) => {
      await world.receiver.reset({ delayMs: 1 });
      // Queued behind a stop, so that what is measured is the lane and not the producer.
      const { webhookDefinitions } = await platform.graphql<{ webhookDefinitions: { edges: { node: { id: string } }[] } }>(
        "{ webhookDefinitions { edges { node { id } } } }",
      );
      const id = webhookDefinitions.edges[0]?.node.id;
      const { lanes } = await platform.graphql<{ lanes: { edges: { node: { id: string } }[] } }>("{ lanes { edges { node { id } } } }");
      const laneId = lanes.edges[0]?.node.id;
      if (laneId) await platform.graphql("mutation ($id: ID!) { pauseLane(input: {id: $id}) { __typename } }", { id: laneId });
      else await post(platform, event(0, "bench.t0"));
      await inFlight(20, count / 100, (k) =>
        post(platform, `[${Array.from({ length: 100 }, (_, n) => event(i * count + k * 100 + n, "bench.t0")).join(",")}]`),
      );
      const already = await world.receiver.count();
      return measured([platform.pid, world.postgres], count - already, async () => {
        if (laneId) await platform.graphql("mutation ($id: ID!) { resumeLane(input: {id: $id}) { __typename } }", { id: laneId });
        if (id === undefined) throw new Error("no definition");
        await waitUntil(async () => (await world.receiver.count()) >= count, 120_000, "the last delivery");
      });
    }),
  );
  await platform.stop();
  return [
    {
      bar: "P3",
      what: "one strict lane ÷ bare loop",
      value: lane.perSecond / bare.perSecond,
      limit: 0.8,
      atLeast: true,
      detail: `${round(lane.perSecond)}/s against ${round(bare.perSecond)}/s`,
    },
  ];
}

export async function p5(world: World): Promise<Row[]> {
  const rates: number[] = [];
  for (const definitions of [100, 10_000]) {
    const platform = await startPlatform(await world.databaseUrl());
    await makeDefinitions(platform, definitions, world.receiver.url);
    await pipeline(world, platform, 5_000, definitions, 1, 0);
    rates.push(
      say(`${definitions} definitions`, await medians((i) => pipeline(world, platform, 10_000, definitions, 1, i * 10_000))).perSecond,
    );
    await platform.stop();
  }
  const [few = 0, many = 0] = rates;
  return [
    {
      bar: "P5",
      what: "10 000 ÷ 100 definitions",
      value: many / few,
      limit: 0.8,
      atLeast: true,
      detail: `${round(many)}/s against ${round(few)}/s`,
    },
  ];
}

export async function p8(world: World): Promise<Row[]> {
  const platform = await startPlatform(await world.databaseUrl(), { HOOKLINE_ROLES: "api" });
  const app = fastify();
  app.post("/echo", async (request) => request.body);
  await app.listen({ host: "127.0.0.1", port: 0 });
  const echoPool = new Pool(`http://127.0.0.1:${(app.server.address() as { port: number }).port}`, { connections: 50, pipelining: 1 });
  const body = event(1, "bench.none");
  const echo = say(
    "plain JSON echo",
    await medians(() =>
      measured([process.pid], 10_000, () =>
        inFlight(50, 10_000, async () =>
          (await echoPool.request({ path: "/echo", method: "POST", headers: { "content-type": "application/json" }, body })).body.dump(),
        ),
      ),
    ),
  );
  const rest = say(
    "POST /v1/events",
    await medians(() => measured([platform.pid], 10_000, () => inFlight(50, 10_000, (i) => post(platform, event(i, "bench.none"))))),
  );
  const emit = (count: number, name: string, document: string, variables: (i: number) => object, per: number) =>
    medians(() =>
      measured([platform.pid], count * per, () =>
        inFlight(20, count, async (i) => {
          const { statusCode, body: answer } = await platform.pool.request({
            path: "/graphql",
            method: "POST",
            headers: HEADERS,
            body: JSON.stringify({ query: document, variables: variables(i) }),
          });
          const text = await answer.text();
          if (statusCode !== 200 || text.includes('"errors"')) throw new Error(`${name}: ${text}`);
        }),
      ),
    );
  const input = (i: number) => ({ type: "bench.none", entity: "order", entityId: String(i), payload: { n: i, filler: "x".repeat(900) } });
  const single = say(
    "emitEvent",
    await emit(
      2_000,
      "emitEvent",
      "mutation ($input: EmitEventInput!) { emitEvent(input: $input) { __typename } }",
      (i) => ({ input: input(i) }),
      1,
    ),
  );
  const many = say(
    "emitEvents of 100",
    await emit(
      100,
      "emitEvents",
      "mutation ($input: EmitEventsInput!) { emitEvents(input: $input) { __typename } }",
      () => ({ input: { events: Array.from({ length: 100 }, (_, k) => input(k)) } }),
      100,
    ),
  );
  await echoPool.close();
  await app.close();
  await platform.stop();
  return [
    {
      bar: "P8",
      what: "POST /v1/events ÷ plain echo",
      value: rest.perSecond / echo.perSecond,
      limit: 0.4,
      atLeast: true,
      detail: `${round(rest.perSecond)}/s against ${round(echo.perSecond)}/s`,
    },
    {
      bar: "P8",
      what: "emitEvents(100) ÷ emitEvent",
      value: many.perSecond / single.perSecond,
      limit: 10,
      atLeast: true,
      detail: `${round(many.perSecond)} events/s against ${round(single.perSecond)}/s`,
    },
  ];
}

export async function p10(): Promise<Row[]> {
  const folder = await mkdtemp(path.join(tmpdir(), "hookline-start-"));
  const seconds: number[] = [];
  for (let i = 0; i < 4; i++) {
    const probe = createServer().listen(0, "127.0.0.1");
    await once(probe, "listening");
    const { port } = probe.address() as { port: number };
    probe.close();
    const began = performance.now();
    const env = { PORT: String(port), HOOKLINE_DATA_DIR: folder, HOOKLINE_ADMIN_TOKEN: TOKEN, HOOKLINE_LOG_LEVEL: "warn" };
    const program = await start("src/main.ts", env, () =>
      waitUntil(
        () =>
          fetch(`http://127.0.0.1:${port}/readyz`).then(
            (r) => r.ok,
            () => false,
          ),
        60_000,
        "ready",
      ),
    );
    seconds.push((performance.now() - began) / 1000);
    await program.stop();
  }
  await rm(folder, { recursive: true, force: true });
  const [cold = Number.NaN, ...warm] = seconds;
  console.log(`  ready: cold ${cold.toFixed(2)} s, warm ${median(warm).toFixed(2)} s`);
  return [
    {
      bar: "P10",
      what: "ready from a cold start, s",
      value: cold,
      limit: 5,
      atLeast: false,
      detail: "embedded Postgres made, started, migrated",
    },
    { bar: "P10", what: "ready from a warm start, s", value: median(warm), limit: 2.5, atLeast: false, detail: "median of three" },
  ];
}
