/** B25: a resend and retention at the same moment: the request is sent again or is gone, never half of each. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Core } from "../../src/core.ts";
import { resend } from "../../src/delivery/control.ts";
import { NotFoundError } from "../../src/errors.ts";
import { close, type Partition, partitionsOf } from "../../src/requests/partitions.ts";
import { deleteOld } from "../../src/requests/retention.ts";
import { type TestCore, testCore } from "../helpers/database.ts";
import { addDefinition, addPast, addRequest, type LoggedRequest, settle, tellingOfOwners } from "../helpers/log.ts";
import { startReceiver } from "../helpers/receiver.ts";
import { openDelivery } from "./delivery-setup.ts";

let t: TestCore;
beforeAll(async () => {
  t = await testCore({ retentionDays: 1 });
});
afterAll(() => t.close());

const old = () => Date.now() - 3 * 86_400_000;

/** Whether rows of that time have a place. */
async function covered(): Promise<boolean> {
  for (const parent of ["event", "webhook_request", "attempt"] as const) {
    const partitions = await partitionsOf(t.core, parent);
    if (!partitions.some(({ since, until }) => since && since.getTime() < old() - 60_000 && old() < until.getTime())) return false;
  }
  return true;
}

test("B25 resend beside retention: answered OK and queued, or NotFound and gone; no orphans either way", { timeout: 60_000 }, async () => {
  const definition = await addDefinition(t.core, t.organizationId);
  const outcomes = { resent: 0, gone: 0 };
  for (let round = 0; round < 12; round++) {
    // A round after which nothing is left takes the partitions along, some of them later.
    await expect
      .poll(async () => {
        await deleteOld(t.core);
        await addPast(t.core, 5);
        return covered();
      })
      .toBe(true);
    const requests = [];
    for (let i = 0; i < 8; i++) {
      const request = await addRequest(t.core, t.organizationId, definition, {
        createdAt: new Date(old() - i * 1_000),
      });
      await settle(t.core, t.organizationId, [{ request, state: "REJECTED", attempt: { outcome: "REJECTED" } }]);
      requests.push(request);
    }
    await t.core.db.pool.query("UPDATE webhook_request SET settled_at = created_at WHERE settled_at IS NOT NULL");
    const [, ...answers] = await Promise.all([
      deleteOld(t.core),
      ...requests.map((request) =>
        resend(t.core, t.organizationId, request.id).then(
          () => "resent" as const,
          (error: unknown) => (error instanceof NotFoundError ? ("gone" as const) : Promise.reject(error)),
        ),
      ),
    ]);
    for (const [i, answer] of answers.entries()) {
      outcomes[answer] += 1;
      const { rows } = await t.core.db.pool.query<{ there: boolean; queued: boolean }>(
        `SELECT EXISTS (SELECT 1 FROM webhook_request WHERE id = $1) AS there, EXISTS (SELECT 1 FROM lane_entry WHERE request_id = $1) AS queued`,
        [requests[i]?.id],
      );
      expect({ answer, ...rows[0] }).toEqual({ answer, there: answer === "resent", queued: answer === "resent" });
    }
  }
  const orphans = await t.core.db.pool.query(
    `SELECT 1 FROM lane_entry e WHERE NOT EXISTS (SELECT 1 FROM webhook_request r WHERE r.organization_id = e.organization_id AND r.id = e.request_id)
     UNION ALL SELECT 1 FROM attempt a WHERE NOT EXISTS (SELECT 1 FROM webhook_request r WHERE r.organization_id = a.organization_id AND r.id = a.request_id)
     UNION ALL SELECT 1 FROM webhook_request r WHERE NOT EXISTS (SELECT 1 FROM event e WHERE e.organization_id = r.organization_id AND e.id = r.event_id)`,
  );
  expect(orphans.rowCount).toBe(0);
  expect(outcomes.resent + outcomes.gone).toBe(96);
});

/** One that was given up, older than retention, in a partition of its own; and that partition's name. */
async function addRejected(core: Core, organizationId: string, definition: { id: string; laneId: string }, days: number) {
  await addPast(core, days + 2);
  const createdAt = new Date(Date.now() - days * 86_400_000);
  const request = await addRequest(core, organizationId, definition, { createdAt });
  await settle(core, organizationId, [{ request, state: "REJECTED", attempt: { outcome: "REJECTED" } }]);
  await core.db.pool.query("UPDATE webhook_request SET settled_at = created_at WHERE id = $1", [request.id]);
  const partitions = await partitionsOf(core, "webhook_request");
  const partition = partitions.find(({ since, until }) => since && since <= createdAt && createdAt < until);
  return { request, partition: partition?.name as string };
}

async function stateOf(core: Core, request: LoggedRequest): Promise<{ state: string; queued: boolean } | undefined> {
  const { rows } = await core.db.pool.query<{ state: string; queued: boolean }>(
    "SELECT state, EXISTS (SELECT 1 FROM lane_entry WHERE request_id = r.id) AS queued FROM webhook_request r WHERE id = $1",
    [request.id],
  );
  return rows[0];
}

test("B25 what is sent again after retention's first look is in its table all the while: its attempt settles it", async () => {
  const d = await openDelivery({ retentionDays: 1 });
  const receiver = await startReceiver();
  receiver.hold();
  try {
    const { core, organizationId } = d.t;
    const definition = await addDefinition(core, organizationId);
    await core.db.pool.query("UPDATE webhook_definition SET target_url = $2 WHERE id = $1", [definition.id, receiver.url]);
    const { request, partition } = await addRejected(core, organizationId, definition, 4);
    let resent = false;
    const seen: unknown[] = [];
    const retention = tellingOfOwners(core, async (statement) => {
      if (!statement.includes(partition)) return;
      if (!resent) {
        resent = true;
        await resend(core, organizationId, request.id);
        await receiver.waitFor(1);
      }
      seen.push(await stateOf(core, request));
      if (!statement.includes("ATTACH")) return;
      receiver.release();
      await expect.poll(async () => (await d.attempts(request.id)).length).toBe(2);
    });
    await deleteOld(retention);
    expect(resent).toBe(true);
    receiver.release();
    await expect.poll(() => stateOf(core, request)).toEqual({ state: "DELIVERED", queued: false });
    for (const state of seen) expect(state).toEqual({ state: "SENDING", queued: true });
  } finally {
    await d.close();
    await receiver.close();
  }
});

test("B25 what is sent again then, and waits for its retry, keeps its place at the head of its lane", async () => {
  const d = await openDelivery({ retentionDays: 1 });
  const receiver = await startReceiver();
  receiver.respond([200, 500, 200]);
  try {
    const { core, organizationId } = d.t;
    const id = await d.definition({ targetUrl: receiver.url, eventTypes: ["race.made"], ordering: "DEFINITION", retrySchedule: [1_000] });
    await d.emit("race.made");
    await d.request(id, "DELIVERED");
    const { rows } = await core.db.pool.query<{ id: string }>("SELECT id FROM lane WHERE definition_id = $1", [id]);
    const { request, partition } = await addRejected(core, organizationId, { id, laneId: rows[0]?.id as string }, 4);
    let resent = false;
    const retention = tellingOfOwners(core, async (statement) => {
      if (statement.includes(partition) && !resent) {
        resent = true;
        await resend(core, organizationId, request.id);
        await expect.poll(() => stateOf(core, request)).toEqual({ state: "WAITING", queued: true });
        await d.emit("race.made");
      } else if (statement.includes(partition) && statement.includes("ATTACH")) await receiver.waitFor(3);
    });
    await deleteOld(retention);
    expect(resent).toBe(true);
    const [, first, retry, behind] = (await receiver.waitFor(4)).map(({ headers }) => headers["webhook-id"]);
    expect(retry).toBe(first);
    expect(behind).not.toBe(first);
    await expect.poll(() => stateOf(core, request)).toEqual({ state: "DELIVERED", queued: false });
  } finally {
    await d.close();
    await receiver.close();
  }
});

test("B25 nothing of a partition that had its last look is sent again, and it goes", async () => {
  const definition = await addDefinition(t.core, t.organizationId);
  const { request, partition } = await addRejected(t.core, t.organizationId, definition, 6);
  let asked = 0;
  const retention = tellingOfOwners(t.core, async (statement) => {
    if (!statement.includes(partition) || !statement.includes("DETACH")) return;
    asked++;
    await expect(resend(t.core, t.organizationId, request.id)).rejects.toThrow(NotFoundError);
  });
  await deleteOld(retention);
  expect(asked).toBe(1);
  // The end of that resend's transaction may have been in the way.
  await expect
    .poll(async () => {
      await deleteOld(t.core);
      return (await partitionsOf(t.core, "webhook_request")).map(({ name }) => name);
    })
    .not.toContain(partition);
  expect(await stateOf(t.core, request)).toBeUndefined();
});

test("B25 a partition that a round closed and left is open again once it is needed, or young enough", async () => {
  const definition = await addDefinition(t.core, t.organizationId);
  const { request, partition } = await addRejected(t.core, t.organizationId, definition, 8);
  const closed = async () => (await partitionsOf(t.core, "webhook_request")).find(({ name }) => name === partition)?.closed;
  const closeIt = async () => {
    const found = (await partitionsOf(t.core, "webhook_request")).find(({ name }) => name === partition);
    expect(await close(t.core, found as Partition)).toBe(true);
    await expect(resend(t.core, t.organizationId, request.id)).rejects.toThrow(NotFoundError);
    expect(await closed()).toBe(true);
  };
  await closeIt();
  await deleteOld({ ...t.core, config: { ...t.core.config, retentionDays: 100 } });
  expect(await closed()).toBe(false);
  await closeIt();
  await t.core.db.pool.query("UPDATE webhook_request SET settled_at = now() WHERE id = $1", [request.id]);
  await deleteOld(t.core);
  expect(await closed()).toBe(false);
  // A resend that is under way keeps it open.
  const [found] = (await partitionsOf(t.core, "webhook_request")).filter(({ name }) => name === partition);
  let closedMeanwhile: boolean | undefined;
  const tryToClose = async () => {
    closedMeanwhile = await close(t.core, found as Partition);
  };
  await resend(t.core, t.organizationId, request.id, { with: tryToClose });
  expect(closedMeanwhile).toBe(false);
  expect(await stateOf(t.core, request)).toEqual({ state: "PENDING", queued: true });
});
