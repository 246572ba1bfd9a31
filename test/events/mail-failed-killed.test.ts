/** A process that is killed with a mail in its hand, at the last try: another one tells of it, once. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Cluster, startCluster, until } from "../cluster/program.ts";
import { createTestDatabase, MASTER_KEY_TEXT, type TestDatabase } from "../helpers/database.ts";
import { type Mailbox, startMailbox } from "../helpers/mailbox.ts";

let mailbox: Mailbox;
let database: TestDatabase;
let server: pg.Client;
let folder: string;
const running: Cluster[] = [];

beforeAll(async () => {
  mailbox = await startMailbox();
  database = await createTestDatabase();
  server = new pg.Client({ connectionString: database.url });
  await server.connect();
  folder = mkdtempSync(path.join(tmpdir(), "hookline-mail-"));
});
afterAll(async () => {
  for (const each of running) await each.kill();
  await server?.end();
  await database?.drop();
  await mailbox?.close();
  rmSync(folder, { recursive: true, force: true });
});

async function start(): Promise<Cluster> {
  const cluster = await startCluster({
    ...{ DATABASE_URL: database.url, HOOKLINE_MASTER_KEY: MASTER_KEY_TEXT },
    ...{ HOOKLINE_DATA_DIR: folder, HOOKLINE_SMTP_URL: mailbox.url },
  });
  running.push(cluster);
  return cluster;
}

const rowsOf = async (text: string): Promise<Record<string, unknown>[]> => (await server.query(text)).rows;
const told = async () =>
  (await rowsOf("SELECT payload FROM event WHERE type = 'hookline.mail.failed'")).map(({ payload }) => JSON.parse(String(payload)));
const takenNotes = async () =>
  (await rowsOf("SELECT id FROM hookline_queue.job WHERE name = 'mail-failed' AND state = 'completed'")).length;
const sendTest = (cluster: Cluster) => cluster.mutate("testAlert", "", {});

test("its mail.failed is told by one of two others, once, and not again for the next mail to that address", {
  timeout: 240_000,
}, async () => {
  const first = await start();
  await first.mutate("updateOrganization", "", { alertEmail: "ops@example.com" });
  // As kept, the last of nine tries comes after minutes.
  await server.query("UPDATE hookline_queue.queue SET retry_limit = 0 WHERE name = 'mail'");
  mailbox.hang(true);
  await sendTest(first);
  await until("the mail in its hand", () => mailbox.hanging > 0);
  await first.kill();
  mailbox.hang(false);
  mailbox.refuse(1_000);
  expect(await rowsOf("SELECT state::text FROM hookline_queue.job WHERE name = 'mail'")).toEqual([{ state: "active" }]);
  // The two minutes after which a job of a dead process is taken over are over.
  await server.query("UPDATE hookline_queue.job SET heartbeat_on = now() - interval '3 minutes' WHERE name = 'mail'");
  await server.query("UPDATE hookline_queue.queue SET monitor_on = NULL");
  const others = await Promise.all([start(), start()]);
  await until("what is told of it", async () => (await takenNotes()) === 1, 150_000);
  const failed = { address: "ops@example.com", subject: expect.stringContaining("test"), error: "INTERRUPTED", status: null };
  expect(await told()).toEqual([failed]);

  await sendTest(others[0] as Cluster);
  await until("the next one given up", async () => (await takenNotes()) === 2);
  expect(await told()).toEqual([failed]);
  expect(mailbox.mails).toEqual([]);
});
