/** A mail that was given up, over a real SMTP server: an event, once an address, and never a mail about it. */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { updateOrganization } from "../../src/accounts/organizations.ts";
import { newId } from "../../src/clock.ts";
import { MAIL_JOB } from "../../src/delivery/mail.ts";
import { lookForAlerts } from "../../src/events/alerts.ts";
import { createWarnings, type Warnings } from "../../src/observe/warnings.ts";
import { type TestCore, testCore } from "../helpers/database.ts";
import { type TestEngine, testEngine } from "../helpers/engine.ts";
import { collectLines } from "../helpers/lines.ts";
import { addDefinition } from "../helpers/log.ts";
import { type Mailbox, startMailbox } from "../helpers/mailbox.ts";

let t: TestCore;
let mailbox: Mailbox;
let here: TestEngine;
let there: TestEngine;
let org: Awaited<ReturnType<TestCore["organization"]>>;
const { log, lines } = collectLines();
beforeAll(async () => {
  mailbox = await startMailbox();
  t = await testCore({ smtpUrl: mailbox.url });
  const other = await t.another();
  for (const core of [t.core, other]) (core as { warnings: Warnings }).warnings = createWarnings(log);
  here = await testEngine(t.core);
  there = await testEngine(other);
  await tries(1);
});
afterAll(async () => {
  await there?.close();
  await here?.close();
  await t?.close();
  await mailbox?.close();
});
/** As kept, the last of nine tries comes after minutes. */
const tries = (count: number) =>
  t.asServer(`UPDATE hookline_queue.queue SET retry_limit = ${count - 1}, retry_delay = 0, retry_backoff = false WHERE name = 'mail'`);
beforeEach(async () => {
  org = await t.organization();
  mailbox.refuse(0);
  lines.length = 0;
});

const mail = (to: string, definitionId?: string) =>
  here.queue.send(t.core.db.pool, MAIL_JOB, {
    ...{ to, subject: `About ${to}`, text: "Text\n", messageId: `<${newId()}@hookline>`, organizationId: org.id, definitionId },
  });
const told = async () =>
  (
    await t.core.db.pool.query("SELECT type, payload FROM event WHERE organization_id = $1 AND type LIKE 'hookline.%' ORDER BY id", [
      org.id,
    ])
  ).rows.map(({ type, payload }) => ({ type, ...JSON.parse(payload) }));
const failed = (address: string) => ({
  ...{ type: "hookline.mail.failed", address, subject: `About ${address}`, error: expect.any(String), status: 451 },
});
/** Jobs of this organization's mails that failed for good and were told of. */
const givenUp = async () =>
  (
    await t.asServer(
      `SELECT count(*)::int AS n FROM hookline_queue.job WHERE name = 'mail-failed' AND state = 'completed' AND data->>'organizationId' = '${org.id}'`,
    )
  ).rows[0].n as number;
const WAIT = { timeout: 30_000, interval: 50 };

test("a mail that goes out at a later try is no event; one that was given up is, once an address, in any process", async () => {
  await updateOrganization(t.core, org.admin, { alertEmail: "ops@example.com" });
  const before = mailbox.mails.length;
  await tries(2);
  mailbox.refuse(1);
  await mail("late@example.com");
  await mailbox.waitFor(before + 1, 30_000);
  await tries(1);
  mailbox.refuse(1_000);
  for (const to of ["a@example.com", "a@example.com", "b@example.com", "a@example.com"]) await mail(to);
  await expect.poll(givenUp, WAIT).toBe(4);
  expect((await told()).sort((a, b) => (a.address < b.address ? -1 : 1))).toEqual([failed("a@example.com"), failed("b@example.com")]);
  await lookForAlerts(t.core, here.engine.ingest, here.queue);
  // No mail says that a mail failed.
  const mails = await t.asServer(
    `SELECT 1 FROM hookline_queue.job WHERE name = 'mail' AND data->>'organizationId' = '${org.id}' AND data->>'subject' NOT LIKE 'About %'`,
  );
  expect(mails.rows).toEqual([]);
  // Until one goes out to that address.
  mailbox.refuse(0);
  const sent = mailbox.mails.length;
  await mail("a@example.com");
  await mailbox.waitFor(sent + 1, 30_000);
  const open = async () =>
    (await t.core.db.pool.query("SELECT 1 FROM alert WHERE organization_id = $1 AND kind = 'mail.failed'", [org.id])).rows.length;
  await expect.poll(open, WAIT).toBe(1);
  mailbox.refuse(1_000);
  await mail("a@example.com");
  await expect.poll(async () => (await told()).slice(2), WAIT).toEqual([failed("a@example.com")]);
}, 90_000);

test("an episode is over after a day, not before", async () => {
  mailbox.refuse(1_000);
  await mail("c@example.com");
  await expect.poll(told, WAIT).toHaveLength(1);
  const age = (hours: number) =>
    t.core.db.pool.query("UPDATE alert SET began_at = now() - $2::int * interval '1 hour' WHERE organization_id = $1", [org.id, hours]);
  await age(23);
  await lookForAlerts(t.core, here.engine.ingest, here.queue);
  await mail("c@example.com");
  await expect.poll(givenUp, WAIT).toBe(2);
  expect(await told()).toHaveLength(1);
  await age(25);
  await lookForAlerts(t.core, here.engine.ingest, here.queue);
  await mail("c@example.com");
  await expect.poll(told, WAIT).toHaveLength(2);
}, 90_000);

test("a mail about a webhook that takes hookline.* is not told of; lines say which mail and whose, one an organization", async () => {
  const { id } = await addDefinition(t.core, org.id);
  await t.core.db.pool.query("UPDATE webhook_definition SET event_types = '{hookline.*}' WHERE id = $1", [id]);
  mailbox.refuse(1_000);
  await mail("own@example.com", id);
  await mail("d@example.com");
  const first = org;
  org = await t.organization();
  const second = org;
  await mail("d@example.com");
  for (org of [first, second]) await expect.poll(givenUp, WAIT).toBe(org === first ? 2 : 1);
  for (org of [first, second]) expect(await told()).toEqual([failed("d@example.com")]);
  const name = async (organizationId: string) =>
    (await t.core.db.pool.query("SELECT name FROM organization WHERE id = $1", [organizationId])).rows[0].name;
  const alerts = lines.filter(({ msg }) => String(msg).startsWith("a mail with alerts was not taken"));
  expect(alerts.map(({ organization }) => organization)).toEqual(expect.arrayContaining([await name(first.id), await name(org.id)]));
  const stopped = lines.filter(({ msg }) => String(msg).startsWith("a mail about a stopped webhook was not taken"));
  expect(stopped[0]).toMatchObject({ warning: "mail-failed", organization: await name(first.id), status: 451 });
  expect(JSON.stringify(lines)).not.toContain("example.com");
}, 90_000);
