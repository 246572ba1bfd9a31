/** All deliveries of an organization paused and resumed: one row, however many lanes. */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { pauseAllDeliveries, resumeAllDeliveries } from "../../src/definitions/deliveries.ts";
import { resend } from "../../src/delivery/control.ts";
import { listLanes } from "../../src/requests/lanes.ts";
import { type Receiver, startReceiver } from "../helpers/receiver.ts";
import { type Delivery, openDelivery } from "./delivery-setup.ts";

let d: Delivery;
let receiver: Receiver;
beforeAll(async () => {
  d = await openDelivery({ retryScale: 0.1 });
  receiver = await startReceiver();
});
beforeEach(() => {
  receiver.calls.splice(0);
  receiver.respond(200);
});
afterAll(async () => {
  await d?.close();
  await receiver?.close();
});

let serial = 0;
async function definition(more: Record<string, unknown> = {}) {
  const type = `pause${++serial}.made`;
  const path = `/pause/${serial}`;
  return { type, path, id: await d.definition({ targetUrl: receiver.url + path, eventTypes: [type], retrySchedule: [], ...more }) };
}
const numbers = (path: string) => receiver.calls.filter((call) => call.path === path).map((call) => call.json().data.n as number);
const emit = (type: string, n: number, entityId = "1") => d.emit(type, { payload: JSON.stringify({ n }), entity: "thing", entityId });
const pause = () => pauseAllDeliveries(d.t.core, d.t.admin, "maintenance");
const resume = () => resumeAllDeliveries(d.t.core, d.t.admin);
const PAGE = { limit: 50, fromBack: false, after: undefined, before: undefined };

test.each([{}, { ordering: "KEY" }, { ordering: "NONE", concurrency: 4 }])(
  "what comes in while all is paused waits, also in lanes held open, and goes out in order afterwards: %j",
  async (more) => {
    const { id, type, path } = await definition(more);
    await emit(type, 0);
    await receiver.waitFor(() => numbers(path).length === 1);
    await pause();
    for (let n = 1; n <= 20; n++) await emit(type, n, String(n % 3));
    // Somebody else's organization goes on: once its event is there, ours had time enough.
    const other = await d.t.organization();
    const { createDefinition } = await import("../../src/definitions/definitions.ts");
    const input = { name: "other", targetUrl: `${receiver.url}/other/${serial}`, eventTypes: ["other.*"] };
    await createDefinition(d.t.core, other.admin, input as never, d.engine.engine);
    for (let n = 0; n < 20; n++) await d.engine.engine.ingest.emit(other.id, [{ type: "other.made", payload: "{}" }]);
    await receiver.waitFor(() => receiver.calls.filter((call) => call.path === `/other/${serial}`).length === 20);
    expect(numbers(path)).toEqual([0]);
    const lanes = await listLanes(d.t.core, d.t.organizationId, { webhookDefinitionId: id, state: ["PAUSED"] }, PAGE);
    expect(lanes.rows.length).toBeGreaterThan(0);
    expect(lanes.rows[0]).toMatchObject({ state: "PAUSED", reason: "ALL_PAUSED", since: expect.any(Date) });
    await resume();
    await receiver.waitFor(() => numbers(path).length === 21);
    const sent = numbers(path).slice(1);
    if ("ordering" in more) expect([...sent].sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
    else expect(sent).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
    if (more.ordering === "KEY")
      for (const key of [0, 1, 2]) {
        const own = sent.filter((n) => n % 3 === key);
        expect(own).toEqual([...own].sort((a, b) => a - b));
      }
  },
);

test("what is in flight ends; retries and resends wait too; a paused lane and a stopped definition stay so", async () => {
  const waits = await definition({ retrySchedule: [20] });
  const again = await definition();
  receiver.respond((call) => (call.path === waits.path || call.path === again.path ? 500 : 200));
  await emit(waits.type, 1);
  await d.request(waits.id, "WAITING");
  await emit(again.type, 1);
  const rejected = await d.request(again.id, "REJECTED");
  await pause();
  await resend(d.t.core, d.t.organizationId, rejected);
  receiver.respond(200);
  const marker = await d.t.organization();
  const { createDefinition } = await import("../../src/definitions/definitions.ts");
  const input = { name: "m", targetUrl: `${receiver.url}/marker`, eventTypes: ["marker.*"] };
  await createDefinition(d.t.core, marker.admin, input as never, d.engine.engine);
  for (let n = 0; n < 30; n++) {
    await d.engine.engine.ingest.emit(marker.id, [{ type: "marker.made", payload: "{}" }]);
    await receiver.waitFor(() => receiver.calls.filter((call) => call.path === "/marker").length === n + 1);
  }
  expect([numbers(waits.path), numbers(again.path)]).toEqual([[1], [1]]);
  await resume();
  await d.request(waits.id, "DELIVERED");
  await d.request(again.id, "DELIVERED");
});

test("both are idempotent and audited once; a viewer may not", async () => {
  const first = await pause();
  expect(first.deliveriesPausedAt).toBeInstanceOf(Date);
  expect((await pause()).deliveriesPausedAt).toEqual(first.deliveriesPausedAt);
  expect((await resume()).deliveriesPausedAt).toBeNull();
  await resume();
  const { rows } = await d.t.core.db.pool.query(
    "SELECT action, after FROM audit_entry WHERE subject_id = $1 AND action LIKE 'organization.%AllDeliveries' ORDER BY id DESC LIMIT 2",
    [d.t.organizationId],
  );
  expect(rows).toEqual([
    { action: "organization.resumeAllDeliveries", after: { deliveriesPaused: false } },
    { action: "organization.pauseAllDeliveries", after: { deliveriesPaused: true, reason: "maintenance" } },
  ]);
  await expect(pauseAllDeliveries(d.t.core, await d.t.caller("VIEWER"))).rejects.toMatchObject({ code: "FORBIDDEN" });
});

test("the mark of a resume outlives the process that was to set its lanes going", async () => {
  const { id, type, path } = await definition();
  await pause();
  await emit(type, 1);
  // As if a look had parked the lane already.
  await d.t.core.db.pool.query("UPDATE lane_due SET due_at = 'infinity' WHERE definition_id = $1", [id]);
  await d.t.core.db.pool.query("UPDATE organization SET deliveries_paused_at = NULL, deliveries_go_on_since = now() WHERE id = $1", [
    d.t.organizationId,
  ]);
  const { createDefinitionChores, doMarks } = await import("../../src/delivery/lane-chores.ts");
  expect(await doMarks(d.t.core, createDefinitionChores(d.t.core), new AbortController().signal)).toBe(true);
  await receiver.waitFor(() => numbers(path).length === 1);
  const { rows } = await d.t.core.db.pool.query("SELECT deliveries_go_on_since FROM organization WHERE id = $1", [d.t.organizationId]);
  expect(rows).toEqual([{ deliveries_go_on_since: null }]);
});
