/** B20: what one tenant's receiver does costs no other tenant a delivery. Real receivers; counted, not timed. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { createPayloadQuery } from "../../../src/api/graphql/payload-query.ts";
import { createDefinition } from "../../../src/definitions/definitions.ts";
import { createPlaces } from "../../../src/delivery/fairness/places.ts";
import { createSandbox, type Sandbox } from "../../../src/delivery/sandbox/sandbox.ts";
import { type TestCore, type TestOrganization, testCore } from "../../helpers/database.ts";
import { type TestEngine, testEngine } from "../../helpers/engine.ts";
import { type Receiver, startReceiver } from "../../helpers/receiver.ts";

/** As of a process, but small enough to be full. */
const LIMITS = { places: 256, connections: 64 };
/** Against the 150 s and more that it took: generous on a busy machine. */
const SOON_MS = 30_000;

let t: TestCore;
let sandbox: Sandbox;
let engine: TestEngine;
/** Hangs on /hung, takes 200 ms on /slow, answers everything else at once. */
let receiver: Receiver;
let open: () => void;
let names = 0;

beforeAll(async () => {
  t = await testCore();
  sandbox = createSandbox();
});
afterAll(async () => {
  await sandbox?.close();
  await t?.close();
});
beforeEach(async () => {
  receiver = await startReceiver();
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  receiver.respond(async (call) => {
    if (call.path.startsWith("/hung")) await opened;
    return call.path.startsWith("/slow") ? { delayMs: 200 } : 200;
  });
  engine = await testEngine(t.core, { sandbox, places: createPlaces(LIMITS) });
});
afterEach(async () => {
  open();
  await receiver.close();
  await engine.close();
});

async function definition(owner: TestOrganization, path: string, settings: object = {}): Promise<{ type: string; path: string }> {
  const type = `t${++names}`;
  const input = { name: type, targetUrl: `${receiver.url}${path}/${type}`, eventTypes: [type], timeoutMs: 60_000, ...settings };
  await createDefinition(t.core, owner.admin, input, { sandbox, payloadQuery: createPayloadQuery() });
  return { type, path: `${path}/${type}` };
}

async function emit(owner: TestOrganization, type: string, count: number, keys = count): Promise<void> {
  for (let at = 0; at < count; at += 500) {
    const size = Math.min(500, count - at);
    const events = Array.from({ length: size }, (_, i) => ({ type, entity: "e", entityId: `k${(at + i) % keys}`, payload: "{}" }));
    await engine.engine.ingest.emit(owner.id, events);
  }
}

const got = (path: string, count = 1) => receiver.waitFor((calls) => calls.filter((call) => call.path === path).length >= count, SOON_MS);
const hanging = (path: string) => receiver.waitFor((calls) => calls.filter((call) => call.path.startsWith(path)).length >= 16, SOON_MS);

test("B20 3 000 keys to a receiver that hangs: another tenant's new lane, and the same tenant's other definition, are delivered meanwhile", {
  timeout: 120_000,
}, async () => {
  const [bad, good] = [await t.organization(), await t.organization()];
  const hung = await definition(bad, "/hung", { ordering: "KEY" });
  await emit(bad, hung.type, 3_000);
  await hanging("/hung");
  const other = await definition(good, "/well");
  await emit(good, other.type, 1);
  await got(other.path);
  const own = await definition(bad, "/well", { ordering: "KEY" });
  await emit(bad, own.type, 20);
  await got(own.path, 20);
  // Those that wait for a connection hold nothing: neither a place nor a lease.
  const { rows } = await t.core.db.pool.query<{ leased: number }>(
    "SELECT count(*)::int AS leased FROM lane WHERE organization_id = $1 AND lease_token IS NOT NULL AND last_number > settled_number",
    [bad.id],
  );
  expect(rows[0]?.leased).toBeLessThanOrEqual(LIMITS.connections);
  expect(receiver.calls.filter((call) => call.path.startsWith("/hung")).length).toBeLessThanOrEqual(LIMITS.connections);
});

test("B20 thirty organizations that hang, and one that does not", { timeout: 120_000 }, async () => {
  for (let i = 0; i < 30; i++) {
    const bad = await t.organization();
    const hung = await definition(bad, "/hung", { ordering: "KEY" });
    await emit(bad, hung.type, 60);
  }
  await hanging("/hung");
  const good = await t.organization();
  const well = await definition(good, "/well", { ordering: "KEY" });
  await emit(good, well.type, 5);
  await got(well.path, 5);
});

test("B20 a tenant with many definitions on one host that hangs", { timeout: 120_000 }, async () => {
  const [bad, good] = [await t.organization(), await t.organization()];
  for (let i = 0; i < 60; i++) {
    const hung = await definition(bad, "/hung", { ordering: "KEY" });
    await emit(bad, hung.type, 5);
  }
  await hanging("/hung");
  const well = await definition(good, "/well");
  await emit(good, well.type, 3);
  await got(well.path, 3);
});

test("B20 a slow receiver, and a NONE definition with a large backlog, beside a new lane", { timeout: 120_000 }, async () => {
  const [bad, good] = [await t.organization(), await t.organization()];
  const slow = await definition(bad, "/slow", { ordering: "KEY" });
  const free = await definition(bad, "/slow", { ordering: "NONE", concurrency: 100 });
  await emit(bad, slow.type, 2_000);
  await emit(bad, free.type, 3_000);
  await hanging("/slow");
  const well = await definition(good, "/well");
  await emit(good, well.type, 1);
  await got(well.path);
  const left = receiver.calls.filter((call) => call.path.startsWith("/slow")).length;
  expect(left).toBeLessThan(5_000);
});
