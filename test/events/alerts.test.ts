/** Alerts: once an episode in any number of processes, as events and as mail, never about those who are told. */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { updateOrganization } from "../../src/accounts/organizations.ts";
import { newId } from "../../src/clock.ts";
import type { Core } from "../../src/core.ts";
import { resend } from "../../src/delivery/control.ts";
import { lookForAlerts } from "../../src/events/alerts.ts";
import { announceStopped } from "../../src/events/stopped.ts";
import { testAlert } from "../../src/events/test-alert.ts";
import { readFigures } from "../../src/requests/figures.ts";
import { type TestCore, testCore } from "../helpers/database.ts";
import { type TestEngine, testEngine } from "../helpers/engine.ts";
import { addDefinition, addPast, addRequest } from "../helpers/log.ts";
import { type Mailbox, startMailbox } from "../helpers/mailbox.ts";

let t: TestCore;
let other: Core;
let mailbox: Mailbox;
let engine: TestEngine;
let there: TestEngine;
let org: Awaited<ReturnType<TestCore["organization"]>>;
beforeAll(async () => {
  mailbox = await startMailbox();
  t = await testCore({ smtpUrl: mailbox.url });
  other = await t.another();
  engine = await testEngine(t.core);
  there = await testEngine(other, { worker: false });
});
afterAll(async () => {
  await there?.close();
  await engine?.close();
  await t?.close();
  await mailbox?.close();
});
beforeEach(async () => {
  org = await t.organization();
});

const attempts = async (definitionId: string, delivered: number, rejected: number, minutesAgo = 3) =>
  t.core.db.pool.query(
    `INSERT INTO delivery_minute (organization_id, definition_id, minute, process, delivered, rejected, last_attempt_at)
     VALUES ($1, $2, date_trunc('minute', now()) - $6::int * interval '1 minute', $3, $4, $5, now())`,
    [org.admin.organizationId, definitionId, newId(), delivered, rejected, minutesAgo],
  );
/** Two processes look at the same moment, and once more. */
const look = async () => {
  await Promise.all([lookForAlerts(t.core, engine.engine.ingest, engine.queue), lookForAlerts(other, there.engine.ingest, there.queue)]);
  await lookForAlerts(t.core, engine.engine.ingest, engine.queue);
};
const told = async () =>
  (
    await t.core.db.pool.query("SELECT type, payload FROM event WHERE organization_id = $1 AND type LIKE 'hookline.%' ORDER BY id", [
      org.admin.organizationId,
    ])
  ).rows.map(({ type, payload }) => ({ type, ...JSON.parse(payload) }));
const types = async () => (await told()).map(({ type }) => type);

test("a failing definition is told once, recovers once, and fails anew as another episode", async () => {
  const { id } = await addDefinition(t.core, org.admin.organizationId);
  await attempts(id, 5, 4);
  await look();
  expect(await types()).toEqual([]);
  await attempts(id, 0, 1);
  await look();
  expect(await told()).toEqual([expect.objectContaining({ type: "hookline.definition.failing", attempts: 10, failed: 5, minutes: 10 })]);
  await attempts(id, 20, 0, 1);
  await look();
  expect(await types()).toEqual(["hookline.definition.failing", "hookline.definition.recovered"]);
  await attempts(id, 0, 40, 0);
  await look();
  expect(await types()).toEqual(["hookline.definition.failing", "hookline.definition.recovered", "hookline.definition.failing"]);
});

test("a stop is told once by whichever process hears of it, the next stop anew, and one that takes hookline.* is never told of", async () => {
  const { organizationId } = org.admin;
  const { id } = await addDefinition(t.core, organizationId);
  const stop = { organizationId, definitionId: id, state: "TOO_MANY_ERRORS" as const, reason: "9 errors in a row", requestId: newId() };
  const announce = (job: string) =>
    Promise.all([
      announceStopped(t.core, engine.engine.ingest, engine.queue, stop, job),
      announceStopped(other, there.engine.ingest, there.queue, stop, job),
    ]);
  await announce("first");
  await announce("first");
  const alert = { type: "hookline.definition.stopped", state: "TOO_MANY_ERRORS", reason: "9 errors in a row" };
  expect((await told()).filter(({ type }) => type === alert.type)).toEqual([expect.objectContaining(alert)]);
  await announce("second");
  expect((await types()).filter((type) => type === alert.type)).toHaveLength(2);
  await t.core.db.pool.query("UPDATE webhook_definition SET event_types = '{*,hookline.*}' WHERE id = $1", [id]);
  await announce("third");
  expect((await types()).filter((type) => type === alert.type)).toHaveLength(2);
});

test("what was delivered before a definition failed or was stopped is no recovery: somebody activates it, and no call was made since", async () => {
  const { organizationId } = org.admin;
  const { id } = await addDefinition(t.core, organizationId);
  await attempts(id, 100, 9);
  await t.core.db.pool.query("UPDATE delivery_minute SET last_attempt_at = minute WHERE definition_id = $1", [id]);
  const stop = { organizationId, definitionId: id, state: "TOO_MANY_ERRORS" as const, reason: "9 errors in a row", requestId: newId() };
  await announceStopped(t.core, engine.engine.ingest, engine.queue, stop, "job");
  await look();
  expect(await types()).toEqual(["hookline.definition.stopped"]);
  await attempts(id, 0, 3, 0);
  await look();
  expect(await types()).toEqual(["hookline.definition.stopped"]);
  await attempts(id, 1, 0, 0);
  await look();
  expect(await types()).toEqual(["hookline.definition.stopped", "hookline.definition.recovered"]);
});

test("what is older than ten minutes, and fewer than ten attempts, are no alert", async () => {
  const { id } = await addDefinition(t.core, org.admin.organizationId);
  await attempts(id, 0, 100, 12);
  await attempts(id, 0, 9);
  await look();
  expect(await types()).toEqual([]);
});

test("a definition that takes hookline.* is never told of", async () => {
  const { id } = await addDefinition(t.core, org.admin.organizationId);
  await t.core.db.pool.query("UPDATE webhook_definition SET event_types = '{*,hookline.*}' WHERE id = $1", [id]);
  await attempts(id, 0, 100);
  await look();
  expect(await types()).toEqual([]);
});

test("a blocked lane is told once a blocking request; a lane with an old head once until it moves", async () => {
  const definition = await addDefinition(t.core, org.admin.organizationId);
  const { laneId } = await addRequest(t.core, org.admin.organizationId, definition, { state: "REJECTED" });
  const block = (request: string | null) =>
    t.core.db.pool.query("UPDATE lane SET blocked_request_id = $2 WHERE id = $1", [laneId, request]);
  await block(newId());
  await look();
  await look();
  expect(await types()).toEqual(["hookline.lane.blocked"]);
  await block(newId());
  await look();
  expect(await types()).toHaveLength(2);
  await block(null);
  await look();
  const old = "01900000-0000-7000-8000-000000000001";
  await t.core.db.pool.query("UPDATE lane SET paused_at = now() WHERE id = $1", [laneId]);
  await t.core.db.pool.query("INSERT INTO lane_entry (organization_id, lane_id, position, request_id) VALUES ($1, $2, 1000000, $3)", [
    org.admin.organizationId,
    laneId,
    old,
  ]);
  await t.core.db.pool.query(
    `INSERT INTO lane_due (organization_id, lane_id, definition_id, due_at) VALUES ($1, $2, $3, now() + interval '1 day')
     ON CONFLICT (organization_id, lane_id) DO UPDATE SET due_at = EXCLUDED.due_at`,
    [org.admin.organizationId, laneId, definition.id],
  );
  await look();
  expect((await types()).slice(2)).toEqual(["hookline.lane.lagging"]);
});

test("an old request that is sent again is no lag of its lane, nor of the platform; what waits behind it is", async () => {
  const { organizationId } = org.admin;
  const definition = await addDefinition(t.core, organizationId);
  await addPast(t.core, 3);
  const daysAgo = (days: number) => new Date(Date.now() - days * 86_400_000);
  const old = await addRequest(t.core, organizationId, definition, { state: "REJECTED", createdAt: daysAgo(2) });
  // As its lane's holder wrote it.
  await t.core.db.pool.query("UPDATE lane SET settled_number = last_number WHERE id = $1", [old.laneId]);
  await t.core.db.pool.query("UPDATE webhook_definition SET state = 'ACTIVE' WHERE id = $1", [definition.id]);
  await resend(t.core, organizationId, old.id);
  await t.core.db.pool.query("UPDATE lane SET retry_at = now() + interval '1 day' WHERE id = $1", [old.laneId]);
  const due = `INSERT INTO lane_due (organization_id, lane_id, definition_id, due_at) VALUES ($1, $2, $3, now() + interval '1 day')
    ON CONFLICT (organization_id, lane_id) DO UPDATE SET due_at = EXCLUDED.due_at`;
  await t.core.db.pool.query(due, [organizationId, old.laneId, definition.id]);
  await look();
  expect(await types()).toEqual([]);
  const before = (await readFigures(t.core.db)).oldestSeconds;
  expect(before).toBeLessThan(86_400);
  await addRequest(t.core, organizationId, definition, { createdAt: daysAgo(1) });
  await look();
  expect(await types()).toEqual(["hookline.lane.lagging"]);
  expect((await readFigures(t.core.db)).oldestSeconds).toBeCloseTo(86_400, -2);
});

test("a mail goes to alertEmail, with everything of one look", async () => {
  await updateOrganization(t.core, org.admin, { alertEmail: "ops@example.com" });
  const ids = [await addDefinition(t.core, org.admin.organizationId), await addDefinition(t.core, org.admin.organizationId)];
  for (const { id } of ids) await attempts(id, 0, 10);
  await look();
  const [mail] = await mailbox.waitFor(1);
  expect(mail).toMatchObject({ to: ["ops@example.com"], subject: expect.stringContaining("definition.failing and 1 more") });
  expect(mail?.text.match(/hookline\.definition\.failing/g)).toHaveLength(2);
  // The next episode is another mail, also for servers that show each id once.
  for (const { id } of ids) await attempts(id, 40, 0, 1);
  await look();
  for (const { id } of ids) await attempts(id, 0, 100, 0);
  await look();
  const again = () => mailbox.mails.filter(({ subject }) => subject === mail?.subject);
  await expect.poll(() => again().length).toBe(2);
  expect(new Set(mailbox.mails.map(({ headers }) => headers["message-id"])).size).toBe(mailbox.mails.length);
  await expect(updateOrganization(t.core, org.admin, { alertEmail: "no, address" })).rejects.toThrow("alertEmail");
});

test("a test alert is an event and a mail, at most ten an hour, and in the audit log", async () => {
  await updateOrganization(t.core, org.admin, { alertEmail: "try@example.com" });
  const before = mailbox.mails.length;
  for (let i = 0; i < 10; i++) await testAlert(t.core, engine.engine.ingest, engine.queue, org.admin);
  await expect(testAlert(t.core, engine.engine.ingest, engine.queue, org.admin)).rejects.toThrow("try again");
  expect(await types()).toEqual(Array(10).fill("hookline.test"));
  await mailbox.waitFor(before + 1);
  expect(mailbox.mails.at(-1)).toMatchObject({ to: ["try@example.com"], subject: expect.stringContaining(": test") });
  const entries = { organizationId: org.admin.organizationId, action: "organization.testAlert" };
  expect(await t.core.db.prisma.auditEntry.count({ where: entries })).toBe(10);
});
