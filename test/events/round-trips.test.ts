/** What a lone event costs, counted on the wire. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createPayloadQuery } from "../../src/api/graphql/payload-query.ts";
import { createDefinition } from "../../src/definitions/definitions.ts";
import { type CountingProxy, type Counts, startCountingProxy } from "../helpers/counting-proxy.ts";
import { type TestCore, testCore } from "../helpers/database.ts";
import { type TestEngine, testEngine } from "../helpers/engine.ts";
import { type Receiver, startReceiver } from "../helpers/receiver.ts";

let proxy: CountingProxy;
let t: TestCore;
let receiver: Receiver;
let e: TestEngine;

beforeAll(async () => {
  t = await testCore({}, async (url) => {
    proxy = await startCountingProxy(url);
    return proxy.url;
  });
  receiver = await startReceiver();
  receiver.respond(200);
  // A long lease: the worker's own looks are rare, and the lane stays held.
  e = await testEngine(t.core, { leaseMs: 60_000 });
  const { sandbox } = e.engine;
  for (const ordering of ["DEFINITION", "KEY"] as const) {
    const type = ordering === "KEY" ? "keyed" : "lone";
    const input = { name: type, targetUrl: `${receiver.url}/${type}`, eventTypes: [type], ordering };
    await createDefinition(t.core, t.admin, input, { sandbox, payloadQuery: createPayloadQuery() });
  }
});
afterAll(async () => {
  await e?.close();
  await receiver?.close();
  await t?.close();
  await proxy?.close();
});

let sent = 0;
const states = async () =>
  (await t.core.db.prisma.webhookRequest.findMany({ where: { organizationId: t.organizationId } })).map((r) => r.state);

/** One event, delivered and settled. @returns what it took, by the phase */
async function lone(event: { type: string; entityId?: string } = { type: "lone" }): Promise<{ accept: Counts; rest: Counts }> {
  // So long that numbers at hand are too old to be used.
  await sleep(1_100);
  proxy.take();
  sent += 1;
  await e.engine.ingest.emit(t.organizationId, [{ payload: "{}", ...event }]);
  const accept = proxy.take();
  await receiver.waitFor((calls) => calls.length === sent);
  while ((await states()).filter((state) => state === "DELIVERED").length < sent) await sleep(10);
  await sleep(60);
  return { accept, rest: proxy.take() };
}

test("B100 a lone event to a lane held here: one round trip to accept it, one to settle it, and none to wake it", async () => {
  await lone();
  const tries = [await lone(), await lone(), await lone()];
  // A look in the background may fall into one of them.
  const least = tries.reduce((a, b) => (a.rest.trips <= b.rest.trips ? a : b));
  // The block of numbers, and the lane's lock with the event: two transactions in one message; the block waits for no disk.
  expect(least.accept).toEqual({ trips: 1, statements: 3, syncs: 2 });
  // The settlement's seven statements in one message and one transaction; live readers of other processes are told once, or
  // twice where the two are further apart than what is told is gathered for.
  const told = least.rest.trips - 1;
  expect([1, 2]).toContain(told);
  expect(least.rest).toEqual({ trips: 1 + told, statements: 7 + told, syncs: 1 + told });
});

test("B100 a lone event to a lane that nobody holds takes no trip more: it is claimed by the statement that writes it", async () => {
  await lone({ type: "keyed", entityId: "first" });
  const tries = [];
  for (const entityId of ["a", "b", "c"]) tries.push(await lone({ type: "keyed", entityId }));
  const least = tries.reduce((a, b) => (a.rest.trips <= b.rest.trips ? a : b));
  expect(least.accept).toEqual({ trips: 1, statements: 3, syncs: 2 });
  const told = least.rest.trips - 1;
  expect([1, 2]).toContain(told);
  expect(least.rest).toEqual({ trips: 1 + told, statements: 7 + told, syncs: 1 + told });
});

test("B100 events within a second of the first take no numbers anew, and those that come together share a transaction", async () => {
  await e.engine.ingest.emit(t.organizationId, [{ type: "lone", payload: "{}" }]);
  proxy.take();
  const calls = Array.from({ length: 20 }, () => e.engine.ingest.emit(t.organizationId, [{ type: "lone", payload: "{}" }]));
  await Promise.all(calls);
  const { rows } = await t.core.db.pool.query<{ transactions: number }>(
    "SELECT count(DISTINCT xmin::text)::int AS transactions FROM (SELECT xmin FROM event ORDER BY id DESC LIMIT 20) e",
  );
  // The first goes at once, the others wait for its lane.
  expect(rows[0]?.transactions).toBeLessThanOrEqual(2);
});
