/** Two Hooklines in one database: jobs name no installation, so neither may take the other's. */
import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, expect, inject, test } from "vitest";
import { withSchema } from "../../src/database-url.ts";
import { migrate, wallStatus } from "../../src/db/migrate.ts";
import { findQueueSchema } from "../../src/db/queue-schema.ts";

const name = `hookline_sharing_${process.pid}`;
const url = Object.assign(new URL(inject("serverUrl")), { pathname: `/${name}` }).href;
const of = (schema: string) => withSchema(url, schema);
const admin = new pg.Client({ connectionString: inject("serverUrl") });
let client: pg.Client;

beforeAll(() => admin.connect());
afterAll(() => admin.end());
beforeEach(async () => {
  await admin.query(`CREATE DATABASE ${name}`);
  client = new pg.Client({ connectionString: url });
  await client.connect();
});
afterEach(async () => {
  await client.end();
  await admin.query(`DROP DATABASE ${name} WITH (FORCE)`);
});

const both = async () => [await findQueueSchema(client, "public"), await findQueueSchema(client, "hookline")];
const isInstalled = async (schema: string) => (await client.query("SELECT FROM pg_namespace WHERE nspname = $1", [schema])).rowCount === 1;
/** As a version before this one left it. */
const forgetNotes = () => client.query("COMMENT ON TABLE hookline_queue.version IS NULL");

test("the schemas public and hookline have queues of their own, whichever was first, and keep them", { timeout: 120_000 }, async () => {
  await migrate(of("public"));
  await migrate(of("hookline"));
  expect(await both()).toEqual(["hookline_queue", "queue_of_hookline"]);
  expect(await isInstalled("queue_of_hookline")).toBe(true);
  for (const schema of ["public", "hookline"]) expect(await migrate(of(schema))).toEqual([]);
  await client.query("DROP SCHEMA public CASCADE");
  expect(await findQueueSchema(client, "hookline")).toBe("queue_of_hookline");
  // The one that is gone keeps nobody out.
  await client.query("CREATE SCHEMA public");
  expect(await findQueueSchema(client, "public")).toBe("hookline_queue");
});

test("an installation of before keeps its queues; of two that shared them the one that starts later has others from then on", {
  timeout: 120_000,
}, async () => {
  await migrate(of("hookline"));
  await forgetNotes();
  expect(await migrate(of("hookline"))).toEqual([]);
  expect(await both()).toEqual(["queue_of_public", "hookline_queue"]);
  await wallStatus(of("public"));
  await forgetNotes();
  await migrate(of("public"), { queueSchema: "hookline_queue" });
  await forgetNotes();
  await migrate(of("hookline"));
  await migrate(of("public"));
  expect(await both()).toEqual(["queue_of_public", "hookline_queue"]);
});

test("0.1's queues of the schema public are gone on with beside a Hookline in the schema hookline", { timeout: 120_000 }, async () => {
  await client.query("CREATE SCHEMA pgboss");
  await client.query("CREATE TABLE pgboss.version (version int); CREATE TABLE pgboss.queue (name text)");
  await client.query("INSERT INTO pgboss.queue VALUES ('definition-stopped')");
  await migrate(of("hookline"));
  expect(await both()).toEqual(["pgboss", "hookline_queue"]);
});

test("two that name one HOOKLINE_QUEUE_SCHEMA: the second is refused, with nothing written", { timeout: 120_000 }, async () => {
  await migrate(of("public"), { queueSchema: "jobs" });
  await expect(migrate(of("second"), { queueSchema: "jobs" })).rejects.toThrow(
    /schema jobs, .* of the Hookline in the schema public .*: name a schema of its own in HOOKLINE_QUEUE_SCHEMA/,
  );
  expect(await isInstalled("second")).toBe(false);
  await migrate(of("second"), { queueSchema: "other_jobs" });
  expect(await migrate(of("public"), { queueSchema: "jobs" })).toEqual([]);
});

test("a login that owns neither the database nor the schema of its jobs notes them, too", { timeout: 120_000 }, async () => {
  const role = `hookline_sharing_${process.pid}`;
  await admin.query(`CREATE ROLE ${role} LOGIN PASSWORD 'guest'`);
  try {
    await client.query(`CREATE SCHEMA jobs; GRANT CREATE, USAGE ON SCHEMA public, jobs TO ${role}`);
    const guest = Object.assign(new URL(url), { username: role, password: "guest" }).href;
    for (let start = 1; start <= 2; start++) await migrate(guest, { queueSchema: "jobs" });
    await expect(migrate(of("second"), { queueSchema: "jobs" })).rejects.toThrow(/schema jobs, .* of the Hookline in the schema public /);
    expect(await migrate(guest, { queueSchema: "jobs" })).toEqual([]);
  } finally {
    await client.query(`DROP OWNED BY ${role} CASCADE`);
    await admin.query(`DROP ROLE ${role}`);
  }
});
