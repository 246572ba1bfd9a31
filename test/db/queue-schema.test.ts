/** pg-boss of Hookline beside a pg-boss of somebody else's, in one database. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import pg from "pg";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { checkQueues, findQueueSchema } from "../../src/db/queue-schema.ts";
import { MASTER_KEY_TEXT } from "../helpers/database.ts";
import { startProgram } from "../helpers/program.ts";

const name = `hookline_queues_${process.pid}`;
const folder = mkdtempSync(path.join(tmpdir(), "hookline queues-"));
const url = new URL(inject("serverUrl"));
url.pathname = `/${name}`;
let admin: pg.Client;
let client: pg.Client;

beforeAll(async () => {
  admin = new pg.Client({ connectionString: inject("serverUrl") });
  await admin.connect();
  await admin.query(`CREATE DATABASE ${name}`);
  client = new pg.Client({ connectionString: url.href });
  await client.connect();
});
afterAll(async () => {
  await client?.end();
  await admin?.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  await admin?.end();
  rmSync(folder, { recursive: true, force: true });
});

const dump = async () =>
  (
    await client.query(
      "SELECT (SELECT array_agg(v.*::text) FROM pgboss.version v) AS version, (SELECT array_agg(q.*::text) FROM pgboss.queue q) AS queues",
    )
  ).rows[0];

test("B16 a pgboss of another program, of another version, is left alone; ours stands beside it", { timeout: 60_000 }, async () => {
  await client.query("CREATE SCHEMA pgboss");
  await client.query("CREATE TABLE pgboss.version (version int PRIMARY KEY); INSERT INTO pgboss.version VALUES (9)");
  await client.query("CREATE TABLE pgboss.queue (name text PRIMARY KEY); INSERT INTO pgboss.queue VALUES ('mails')");
  const before = await dump();
  const program = startProgram({ DATABASE_URL: url.href, HOOKLINE_MASTER_KEY: MASTER_KEY_TEXT, HOOKLINE_DATA_DIR: folder });
  const address = await program.up();
  expect((await fetch(`${address}/readyz`)).status).toBe(200);
  expect(await program.stop()).toBe(0);
  expect(await dump()).toEqual(before);
  const { rows } = await client.query("SELECT count(*)::int AS n FROM hookline_queue.queue");
  expect(rows[0]?.n).toBeGreaterThan(0);
});

test("B16 a pgboss that holds 0.1's queues is gone on with, until there is one of our own", async () => {
  await client.query("DROP SCHEMA hookline_queue CASCADE");
  expect(await findQueueSchema(client, "public")).toBe("hookline_queue");
  await client.query("INSERT INTO pgboss.queue VALUES ('definition-stopped')");
  expect(await findQueueSchema(client, "public")).toBe("pgboss");
  // A Hookline in a schema of its own never shares.
  expect(await findQueueSchema(client, "hooks")).toBe("hooks_queue");
  await client.query("CREATE SCHEMA hookline_queue");
  expect(await findQueueSchema(client, "public")).toBe("hookline_queue");
});

test("B16 jobs' schema of a first start that was killed while it made its queues is gone on with", async () => {
  await client.query("CREATE TABLE hookline_queue.version (version int PRIMARY KEY); INSERT INTO hookline_queue.version VALUES (20)");
  await client.query("CREATE TABLE hookline_queue.queue (name text PRIMARY KEY)");
  for (const made of ["__pgboss__send-it", "lane", "announce"]) {
    await client.query("INSERT INTO hookline_queue.queue VALUES ($1)", [made]);
    await checkQueues(client, "hookline_queue", "public");
  }
  await client.query("DELETE FROM hookline_queue.queue WHERE name = 'lane'");
  await expect(checkQueues(client, "hookline_queue", "public")).rejects.toThrow(/another program's pg-boss \(its queues: announce\)/);
});
