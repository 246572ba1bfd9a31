/** That a quota refused something: told once an episode by any number of processes, and no statement for a refused call. */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { updateOrganization } from "../../src/accounts/organizations.ts";
import { createDefinition } from "../../src/definitions/definitions.ts";
import { lookForAlerts } from "../../src/events/alerts.ts";
import { type TestCore, testCore } from "../helpers/database.ts";
import { type TestEngine, testEngine } from "../helpers/engine.ts";
import { addDefinition } from "../helpers/log.ts";
import { type Mailbox, startMailbox } from "../helpers/mailbox.ts";

let t: TestCore;
let mailbox: Mailbox;
/** Three processes on one database. */
let here: TestEngine;
let there: TestEngine;
let later: TestEngine;
let org: Awaited<ReturnType<TestCore["organization"]>>;
beforeAll(async () => {
  mailbox = await startMailbox();
  t = await testCore({ smtpUrl: mailbox.url });
  here = await testEngine(t.core);
  there = await testEngine(await t.another(), { worker: false });
  later = await testEngine(await t.another(), { worker: false });
});
afterAll(async () => {
  for (const each of [later, there, here]) await each?.close();
  await t?.close();
  await mailbox?.close();
});
beforeEach(async () => {
  org = await t.organization();
});

const COLUMNS = {
  ...{ eventsPerSecond: "events_per_second", definitions: "definitions", queuedRequests: "queued_requests" },
  ...{ storedBytes: "stored_bytes", subscriptions: "subscriptions" },
};
const limit = (quota: keyof typeof COLUMNS, value: number) =>
  t.core.db.pool.query(
    `INSERT INTO organization_quota (organization_id, ${COLUMNS[quota]}) VALUES ($1, $2)
     ON CONFLICT (organization_id) DO UPDATE SET ${COLUMNS[quota]} = excluded.${COLUMNS[quota]}`,
    [org.id, value],
  );
/** @returns how many calls were refused */
async function flood({ engine }: TestEngine, calls = 20): Promise<number> {
  const answers = Array.from({ length: calls }, () => engine.ingest.emit(org.id, [{ type: "order.created", payload: "{}" }]));
  return (await Promise.allSettled(answers)).filter(({ status }) => status === "rejected").length;
}
const told = async () =>
  (
    await t.core.db.pool.query("SELECT type, payload FROM event WHERE organization_id = $1 AND type LIKE 'hookline.%' ORDER BY id", [
      org.id,
    ])
  ).rows.map(({ type, payload }) => ({ type, ...JSON.parse(payload) }));
const episodes = async () =>
  (
    await t.core.db.pool.query<{ version: string; began: Date; seen: Date }>(
      "SELECT xmin::text AS version, began_at AS began, seen_at AS seen FROM alert WHERE organization_id = $1 AND kind = 'quota.reached'",
      [org.id],
    )
  ).rows;
const age = (minutes: number) =>
  t.core.db.pool.query("UPDATE alert SET seen_at = now() - $2::int * interval '1 minute' WHERE organization_id = $1", [org.id, minutes]);
const look = () => lookForAlerts(t.core, here.engine.ingest, here.queue);

test("two processes refuse hundreds of calls: one event, one mail, and after the first refusals no write", async () => {
  await updateOrganization(t.core, org.admin, { alertEmail: "quota@example.com" });
  await limit("eventsPerSecond", 2);
  const listener = await addDefinition(t.core, org.id);
  await t.core.db.pool.query("UPDATE webhook_definition SET event_types = '{hookline.*}' WHERE id = $1", [listener.id]);
  expect((await Promise.all([flood(here), flood(there)])).every((refused) => refused > 0)).toBe(true);
  await expect.poll(told).toEqual([{ type: "hookline.quota.reached", quota: "eventsPerSecond", limit: 2 }]);
  const [mail] = await mailbox.waitFor(1);
  expect(mail).toMatchObject({ to: ["quota@example.com"], subject: expect.stringContaining(": quota.reached") });
  expect(mail?.text).toContain("quota: eventsPerSecond");
  const requests = "SELECT event_type FROM webhook_request WHERE organization_id = $1 AND definition_id = $2";
  expect((await t.core.db.pool.query(requests, [org.id, listener.id])).rows).toEqual([{ event_type: "hookline.quota.reached" }]);
  // What both tell of their first refusal is written by now, or soon.
  await there.engine.ingest.emit(org.id, [{ type: "hookline.test", payload: "{}" }]);
  let before = await episodes();
  await expect
    .poll(async () => {
      const last = before;
      before = await episodes();
      return before[0]?.version === last[0]?.version;
    })
    .toBe(true);
  expect(await flood(here, 200)).toBeGreaterThan(100);
  await look();
  expect(await episodes()).toEqual(before);
  expect((await told()).filter(({ type }) => type === "hookline.quota.reached")).toHaveLength(1);
});

test("a process that starts meanwhile goes on with the episode; one after ten minutes without a refusal begins another", async () => {
  await limit("eventsPerSecond", 1);
  expect(await flood(here)).toBeGreaterThan(0);
  await expect.poll(told).toHaveLength(1);
  const [first] = await episodes();
  await age(9);
  await look();
  expect(await flood(there)).toBeGreaterThan(0);
  await expect.poll(async () => Number((await episodes())[0]?.seen)).toBeGreaterThanOrEqual(Number(first?.seen));
  expect((await episodes())[0]?.began).toEqual(first?.began);
  expect(await told()).toHaveLength(1);
  await age(11);
  expect(await flood(later)).toBeGreaterThan(0);
  await expect.poll(told).toHaveLength(2);
  expect((await episodes())[0]?.began).not.toEqual(first?.began);
});

test("the chore ends what refuses nothing for ten minutes, and nothing else; a kind that it does not know is left alone", async () => {
  await limit("eventsPerSecond", 1);
  await flood(here);
  await expect.poll(told).toHaveLength(1);
  await t.core.db.pool.query("INSERT INTO alert (organization_id, kind, subject_id, cause) VALUES ($1, 'of.tomorrow', $1, '')", [org.id]);
  await look();
  expect(await episodes()).toHaveLength(1);
  await age(11);
  await look();
  const { rows } = await t.core.db.pool.query("SELECT kind FROM alert WHERE organization_id = $1", [org.id]);
  expect(rows).toEqual([{ kind: "of.tomorrow" }]);
});

test("each quota is an episode of its own; an API token's own rate is none", async () => {
  const { engine } = here;
  await limit("queuedRequests", 0);
  const { id } = await addDefinition(t.core, org.id);
  await t.core.db.pool.query("UPDATE webhook_definition SET event_types = '{order.*}' WHERE id = $1", [id]);
  await expect.poll(() => flood(here, 1)).toBe(1);
  await limit("storedBytes", 10);
  await limit("definitions", 1);
  await limit("subscriptions", 0);
  await engine.quotas.prepare(org.id);
  t.core.notify.tell("quotas", [org.id]);
  await engine.quotas.prepare(org.id);
  await flood(here, 1);
  const input = { name: "Another", targetUrl: "https://example.com/", eventTypes: ["a"] };
  await expect(createDefinition(t.core, org.admin, input, engine)).rejects.toMatchObject({ code: "RATE_LIMITED" });
  expect(engine.quotas.subscribe(org.id)).toBe(0);
  const expected = [
    { quota: "definitions", limit: 1 },
    { quota: "queuedRequests", limit: 0 },
    { quota: "storedBytes", limit: 10 },
    { quota: "subscriptions", limit: 0 },
  ].map((each) => ({ type: "hookline.quota.reached", ...each }));
  await expect.poll(async () => (await told()).sort((a, b) => (a.quota < b.quota ? -1 : 1))).toEqual(expected);
  const other = await t.organization();
  const token = { id: other.id, eventsPerSecond: 1 };
  const calls = Array.from({ length: 9 }, () => engine.ingest.emit(other.id, [{ type: "a", payload: "{}" }], { token }));
  expect((await Promise.allSettled(calls)).some(({ status }) => status === "rejected")).toBe(true);
  const { rows } = await t.core.db.pool.query("SELECT 1 FROM alert WHERE organization_id = $1", [other.id]);
  expect(rows).toEqual([]);
});
