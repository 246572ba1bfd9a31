/** Single histories that the property over all of them hardly meets. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createPayloadQuery } from "../../src/api/graphql/payload-query.ts";
import { createQueue, type Queue } from "../../src/db/queue.ts";
import { createDefinition, deleteDefinition } from "../../src/definitions/definitions.ts";
import { activateDefinitions, stopDefinitions } from "../../src/definitions/state.ts";
import { correctLanes } from "../../src/delivery/due.ts";
import { laneRef } from "../../src/delivery/lane-id.ts";
import { pauseLane, resumeLane } from "../../src/delivery/lane-pause.ts";
import { pauseAll, resumeAll } from "../../src/delivery/pause-all.ts";
import { createSandbox, type Sandbox } from "../../src/delivery/sandbox/sandbox.ts";
import { type TestCore, testCore } from "../helpers/database.ts";
import { startNode, type TestNode } from "../helpers/node.ts";
import { type Receiver, startReceiver } from "../helpers/receiver.ts";

const LEASE_MS = 600;
let t: TestCore;
let receiver: Receiver;
let queue: Queue;
let sandbox: Sandbox;

beforeAll(async () => {
  t = await testCore();
  receiver = await startReceiver();
  queue = createQueue(t.url, t.core.log, { worker: true });
  await queue.start([]);
  sandbox = createSandbox();
});

afterAll(async () => {
  await sandbox?.close();
  await queue?.stop();
  await receiver?.close();
  await t?.close();
});

const node = (name: string, leaseMs = LEASE_MS): TestNode => startNode({ core: t.core, queue, sandbox }, name, { leaseMs });

async function definition(path: string, settings: object = {}): Promise<string> {
  const input = { name: path, targetUrl: `${receiver.url}/${path}`, eventTypes: [path], ...settings };
  const made = await createDefinition(t.core, t.admin, input, { sandbox, payloadQuery: createPayloadQuery() });
  return made.definition.id;
}

const event = (type: string, n: number) => ({ type, payload: `{"n":${n}}` });
const arrived = (path: string) => receiver.calls.filter((call) => call.path === `/${path}`).map((call) => call.json().data.n as number);

test("what a strict lane gave up is on disk before the next is sent: a kill in between turns nothing round", async () => {
  await definition("gives-up", { retrySchedule: [] });
  const first = node("first");
  let killed: Promise<void> | undefined;
  const succeeded: number[] = [];
  receiver.respond(async (call) => {
    const { n } = call.json().data;
    if (n === 100 && !killed) {
      // Dies when it wants to write down what became of it.
      killed = first.kill("AT_BEGIN");
      return 500;
    }
    succeeded.push(n);
    return 200;
  });
  for (let n = 0; n < 10; n++) await first.ingest.emit(t.organizationId, [event("gives-up", n)]);
  await receiver.waitFor((calls) => calls.length >= 10);
  await sleep(100);
  await first.ingest.emit(t.organizationId, [event("gives-up", 100), event("gives-up", 101), event("gives-up", 102)]);
  await receiver.waitFor(() => killed !== undefined);
  await killed;
  const second = node("second");
  await receiver.waitFor(() => succeeded.includes(102));
  expect(succeeded).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 100, 101, 102]);
  await second.stop();
  await Promise.all([first.close(), second.close()]);
});

test("a lane that stays empty is given back, once", async () => {
  const id = await definition("idles");
  receiver.respond(200);
  const holder = node("holder");
  await holder.ingest.emit(t.organizationId, [event("idles", 1)]);
  await receiver.waitFor(() => arrived("idles").length === 1);
  const lane = async () => {
    const { rows } = await t.core.db.pool.query<{ lease_token: string | null; version: string }>(
      "SELECT lease_token, xmin::text AS version FROM lane WHERE definition_id = $1",
      [id],
    );
    return rows[0];
  };
  for (const deadline = Date.now() + 10_000; (await lane())?.lease_token !== null && Date.now() < deadline; await sleep(20));
  const released = await lane();
  expect(released?.lease_token).toBeNull();
  await sleep(LEASE_MS * 1.5);
  expect(await lane()).toEqual(released);
  await holder.ingest.emit(t.organizationId, [event("idles", 2)]);
  await receiver.waitFor(() => arrived("idles").length === 2);
  await holder.stop();
  await holder.close();
});

test("what a killed worker had in flight of a definition that is deleted then ends as CANCELLED, with its attempt as INTERRUPTED", async () => {
  const id = await definition("is-deleted");
  receiver.hold();
  const holder = node("held-it");
  await holder.ingest.emit(t.organizationId, [event("is-deleted", 1), event("is-deleted", 2)]);
  await receiver.waitFor(() => arrived("is-deleted").length === 1);
  await holder.kill();
  await deleteDefinition(t.core, t.admin, id);
  const other = node("other");
  const requests = async () => {
    const { rows } = await t.core.db.pool.query<{ state: string; error_code: string; outcomes: string[] }>(
      `SELECT r.state, r.error_code, ARRAY(SELECT a.outcome::text FROM attempt a WHERE a.request_id = r.id) AS outcomes
       FROM webhook_request r WHERE r.definition_id = $1 ORDER BY r.lane_number`,
      [id],
    );
    return rows;
  };
  await expect.poll(requests, { timeout: 20_000 }).toMatchObject([
    { state: "CANCELLED", error_code: "DEFINITION_DELETED", outcomes: ["INTERRUPTED"] },
    { state: "CANCELLED", error_code: "DEFINITION_DELETED" },
  ]);
  receiver.release();
  await other.stop();
  await Promise.all([holder.close(), other.close()]);
});

/** What keeps a lane from being claimed, and what ends that. */
const HALTS = [
  {
    which: "whose webhook is stopped",
    ordering: "DEFINITION",
    halt: (id: string) => stopDefinitions(t.core, t.admin, [id]),
    goOn: (id: string) => activateDefinitions(t.core, t.admin, [id]),
  },
  {
    which: "that is paused",
    ordering: "NONE",
    halt: (_: string, lane: string) => pauseLane(t.core, t.organizationId, lane),
    goOn: (_: string, lane: string) => resumeLane(t.core, t.organizationId, lane),
  },
  {
    which: "whose organization is paused",
    ordering: "KEY",
    halt: () => t.core.db.transaction((client) => pauseAll(client, t.organizationId)),
    async goOn() {
      await t.core.db.transaction((client) => resumeAll(client, t.organizationId));
      await t.core.db.pool.query(t.core.notify.statement("definition", [t.organizationId]));
    },
  },
] as const;

const laneOf = async (definitionId: string) =>
  (
    await t.core.db.pool.query<{ id: string; lease_token: string | null; leased_until: Date | null }>(
      "SELECT id, lease_token, leased_until FROM lane WHERE definition_id = $1",
      [definitionId],
    )
  ).rows[0];
const requestsOf = async (definitionId: string) =>
  (
    await t.core.db.pool.query<{ state: string; outcomes: string[] }>(
      `SELECT r.state, ARRAY(SELECT a.outcome::text FROM attempt a WHERE a.request_id = r.id ORDER BY a.number) AS outcomes
       FROM webhook_request r WHERE r.definition_id = $1 ORDER BY r.lane_number`,
      [definitionId],
    )
  ).rows;
/** Transactions that the live feed tells of it, numbered or not. */
const toldOf = async (definitionId: string) =>
  (
    await t.core.db.pool.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM (SELECT body FROM feed_unsequenced UNION ALL SELECT body FROM feed_entry) f
       WHERE f.body LIKE '%' || $1 || '%'`,
      [definitionId],
    )
  ).rows[0]?.n ?? 0;

test.each(HALTS)(
  "what a dead worker had in flight of a lane $which is in flight no longer",
  { timeout: 90_000 },
  async ({ halt, goOn, ordering, which }) => {
    const path = `dead-${which.replaceAll(" ", "-")}`;
    const id = await definition(path, { ordering });
    receiver.hold();
    const [holder, other] = [node("holder"), node("looks")];
    try {
      await holder.ingest.emit(t.organizationId, [event(path, 1)]);
      await receiver.waitFor(() => arrived(path).length === 1);
      const lane = (await laneOf(id))?.id as string;
      await halt(id, lane);
      await holder.kill();
      const told = await toldOf(id);
      await expect.poll(() => requestsOf(id), { timeout: 20_000 }).toEqual([{ state: "PENDING", outcomes: ["INTERRUPTED"] }]);
      expect(await laneOf(id)).toMatchObject({ lease_token: null, leased_until: null });
      expect(await toldOf(id)).toBeGreaterThan(told);
      receiver.release();
      receiver.respond(200);
      await goOn(id, lane);
      await expect.poll(async () => (await requestsOf(id))[0]?.state, { timeout: 20_000 }).toBe("DELIVERED");
    } finally {
      receiver.release();
      await other.stop();
      await Promise.all([holder.close(), other.close()]);
    }
  },
);

test("what a living worker has in flight of a lane that nobody may claim ends there", { timeout: 90_000 }, async () => {
  // Longer than this lasts.
  const holder = node("holder", 120_000);
  try {
    for (const { which, ordering, halt, goOn } of HALTS) {
      const path = `alive-${which.replaceAll(" ", "-")}`;
      const id = await definition(path, { ordering });
      receiver.hold();
      await holder.ingest.emit(t.organizationId, [event(path, 1)]);
      await receiver.waitFor(() => arrived(path).length === 1);
      const before = await laneOf(id);
      const lane = before?.id as string;
      await halt(id, lane);
      await correctLanes(t.core, [laneRef(t.organizationId, lane)]);
      expect(await laneOf(id)).toMatchObject({ lease_token: before?.lease_token });
      expect(await requestsOf(id)).toEqual([{ state: "SENDING", outcomes: [] }]);
      receiver.release();
      await expect.poll(() => requestsOf(id), { timeout: 20_000 }).toEqual([{ state: "DELIVERED", outcomes: ["DELIVERED"] }]);
      await goOn(id, lane);
    }
  } finally {
    receiver.release();
    await holder.stop();
    await holder.close();
  }
});
