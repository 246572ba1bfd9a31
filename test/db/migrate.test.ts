/** The runner on migrations of its own: what comes after 0.2, other programs' databases, signals, waiting. */
import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import pg from "pg";
import { afterAll, afterEach, beforeEach, expect, inject, test } from "vitest";
import { migrate, migrationStatus } from "../../src/db/migrate.ts";
import { MIGRATIONS } from "../../src/db/migrations/folder.ts";
import { run } from "../cli/run.ts";
import { MASTER_KEY_TEXT } from "../helpers/database.ts";
import { mainPath } from "../helpers/main-path.ts";
import { startProgram } from "../helpers/program.ts";
import { startReceiver } from "../helpers/receiver.ts";

const TOKEN = "migrate-0123456789abcdefghijklmnopqrstuvwxyz";
const admin = new pg.Client({ connectionString: inject("serverUrl") });
const connected = admin.connect();
let name: string;
let url: string;
let folder: string;
let client: pg.Client;

beforeEach(async () => {
  await connected;
  name = `hookline_runner_${Math.random().toString(36).slice(2)}`;
  await admin.query(`CREATE DATABASE ${name}`);
  const whole = new URL(inject("serverUrl"));
  whole.pathname = `/${name}`;
  url = whole.href;
  client = new pg.Client({ connectionString: url });
  await client.connect();
  folder = await mkdtemp(path.join(tmpdir(), "hookline-migrations-"));
});
afterEach(async () => {
  await client.end();
  await admin.query(`DROP DATABASE ${name} WITH (FORCE)`);
  await rm(folder, { recursive: true, force: true });
});
afterAll(() => admin.end());

async function add(migration: string, file: string, text: string): Promise<void> {
  await mkdir(path.join(folder, migration), { recursive: true });
  await writeFile(path.join(folder, migration, file), text);
}
const one = async <T>(sql: string) => (await client.query(sql)).rows[0] as T;
const exists = async (table: string) => (await one<{ found: boolean }>(`SELECT to_regclass('${table}') IS NOT NULL AS found`)).found;
const relations = async () =>
  (await one<{ n: number }>("SELECT count(*)::int AS n FROM pg_class WHERE relnamespace = 'public'::regnamespace")).n;

test("old processes go on beside the next version's migrations: events are taken and delivered before, during and after", {
  timeout: 120_000,
}, async () => {
  const receiver = await startReceiver();
  const data = await mkdtemp(path.join(tmpdir(), "hookline-old-"));
  const old = startProgram({
    DATABASE_URL: url,
    HOOKLINE_MASTER_KEY: MASTER_KEY_TEXT,
    HOOKLINE_ADMIN_TOKEN: TOKEN,
    HOOKLINE_DATA_DIR: data,
    HOOKLINE_EGRESS_ALLOW: "127.0.0.0/8,::1/128",
  });
  try {
    const platform = { url: await old.up(), token: TOKEN };
    await mainPath(platform, receiver, "before", 5, 10);
    await cp(MIGRATIONS, folder, { recursive: true });
    // What a next version may do: columns with a default, tables and indexes of its own, a fill by and by.
    await add(
      "9001_next",
      "migration.sql",
      `ALTER TABLE webhook_definition ADD COLUMN colour text NOT NULL DEFAULT 'blue';
       ALTER TABLE webhook_request ADD COLUMN weight int;
       ALTER TABLE event ADD COLUMN weight int;
       CREATE TABLE next_thing (id uuid PRIMARY KEY, note text);`,
    );
    await add(
      "9002_fill",
      "migration.ts",
      `export const steps = [
         { name: "index", sql: "CREATE INDEX next_colour ON webhook_definition (colour)" },
         { name: "fill", async batch(client, state) {
             const n = (state?.n ?? 0) + 1;
             await client.query("INSERT INTO next_thing (id, note) VALUES (gen_random_uuid(), $1)", [String(n)]);
             await client.query("SELECT pg_sleep(0.2)");
             return { done: n === 10, state: { n }, fraction: n / 10 };
         } },
       ];`,
    );
    const fractions: number[] = [];
    const [applied] = await Promise.all([
      migrate(url, { folder, onProgress: ({ fraction }) => fraction !== undefined && fractions.push(fraction) }),
      mainPath(platform, receiver, "during", 10, 20).then((statuses) => expect(statuses.filter((status) => status !== 202)).toEqual([])),
    ]);
    expect(applied).toEqual(["9001_next", "9002_fill"]);
    expect(fractions).toEqual([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1]);
    expect((await mainPath(platform, receiver, "after", 5, 10)).every((status) => status === 202)).toBe(true);
    expect(old.err()).toBe("");
    expect(await old.stop()).toBe(0);

    // The old version does not start any more on what the next one has been at.
    const env = { DATABASE_URL: url, HOOKLINE_MASTER_KEY: MASTER_KEY_TEXT };
    const late = await run(["migrate"], env);
    expect(late.code).toBe(1);
    expect(late.err.join("\n")).toMatch(/newer Hookline than this one \(it has the migration 9001_next\)/);
    const status = await run(["migrate", "--status", "--json"], env);
    expect(status.code).toBe(1);
    const { migrations } = JSON.parse(status.out.join("\n")) as { migrations: { name: string; state: string }[] };
    const ours = (await readdir(MIGRATIONS)).filter((name) => /^\d/.test(name)).sort();
    expect(migrations.map(({ name, state }) => [name, state])).toEqual([
      ...ours.map((name) => [name, "APPLIED"]),
      ["9001_next", "UNKNOWN"],
      ["9002_fill", "UNKNOWN"],
    ]);
  } finally {
    if (old.child.exitCode === null) await old.stop();
    await receiver.close();
    await rm(data, { recursive: true, force: true });
  }
});

test("B3 a migration that fails is named with its statement, and nothing of it is kept; mended, it goes on", async () => {
  await add("0001_one", "migration.sql", "CREATE TABLE one (id int); CREATE TABLE two (id int REFERENCES nowhere (id));");
  await expect(migrate(url, { folder })).rejects.toThrow(
    /migration 0001_one was not applied.*relation "nowhere" does not exist, in: CREATE TABLE two \(id int REFERENCES nowhere \(id\)\)/,
  );
  expect(await relations()).toBe(0);
  await add("0001_one", "migration.sql", "CREATE TABLE one (id int); CREATE TABLE two (id int);");
  expect(await migrate(url, { folder })).toEqual(["0001_one"]);
});

test("B3 a signal ends the step that runs, and the next start does it anew; steps that were done stay", async () => {
  await add(
    "0001_slow",
    "migration.ts",
    `export const steps = [
       { name: "first", sql: "CREATE TABLE first (seconds int); INSERT INTO first VALUES (60)" },
       { name: "slow", sql: "CREATE TABLE slow (id int); SELECT pg_sleep(seconds) FROM first" },
     ];`,
  );
  const abort = new AbortController();
  const began = performance.now();
  const ended = migrate(url, { folder, signal: abort.signal });
  ended.catch(() => undefined);
  const sleeping =
    "SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()";
  await expect.poll(async () => (await one<{ n: number }>(sleeping)).n, { timeout: 10_000 }).toBe(1);
  abort.abort();
  await expect(ended).rejects.toThrow();
  expect(performance.now() - began).toBeLessThan(20_000);
  expect(await exists("first")).toBe(true);
  expect(await exists("slow")).toBe(false);
  const [status] = await migrationStatus(url, { folder });
  expect(status).toMatchObject({ state: "BEGUN", steps: { done: 1, of: 2 } });
  await client.query("UPDATE first SET seconds = 0");
  expect(await migrate(url, { folder })).toEqual(["0001_slow"]);
  expect(await exists("slow")).toBe(true);
});

test("B3 a process that comes while another one migrates says so, waits, and finds nothing to do", async () => {
  await add("0001_one", "migration.sql", "CREATE TABLE one (id int); SELECT pg_sleep(1);");
  let waits = 0;
  const both = await Promise.all([1, 2, 3].map(() => migrate(url, { folder, onWait: () => (waits += 1) })));
  expect(both.flat()).toEqual(["0001_one"]);
  expect(waits).toBe(2);
});

test("B5 another program's database is refused, also one with Prisma migrations; nothing is written", async () => {
  await client.query(
    `CREATE TABLE _prisma_migrations (id varchar(36) PRIMARY KEY, checksum varchar(64) NOT NULL, finished_at timestamptz, migration_name varchar(255) NOT NULL,
       logs text, rolled_back_at timestamptz, started_at timestamptz NOT NULL DEFAULT now(), applied_steps_count integer NOT NULL DEFAULT 0)`,
  );
  const record =
    "INSERT INTO _prisma_migrations (id, checksum, migration_name, finished_at) VALUES (gen_random_uuid()::text, 'x', $1, now())";
  for (const migration of ["20240101000000_shop", "0001_init"]) {
    await client.query(record, [migration]);
    const before = await relations();
    await expect(migrate(url)).rejects.toThrow(/not empty \(it holds another program's tables, with its Prisma migration/);
    expect(await relations()).toBe(before);
    await client.query("TRUNCATE _prisma_migrations");
  }
  await client.query("DROP TABLE _prisma_migrations");
  // Not only tables: a type or a function of theirs would collide with ours half way.
  for (const [make, drop, holds] of [
    ["CREATE TYPE ordering AS ENUM ('a')", "DROP TYPE ordering", "ordering"],
    ["CREATE FUNCTION lane_id() RETURNS int LANGUAGE sql AS 'SELECT 1'", "DROP FUNCTION lane_id()", "lane_id\\(\\)"],
    ["CREATE VIEW customers AS SELECT 1 AS id", "DROP VIEW customers", "customers"],
  ] as const) {
    await client.query(make);
    await expect(migrate(url)).rejects.toThrow(new RegExp(`not empty \\(it holds ${holds}\\)`));
    expect(await exists("_prisma_migrations")).toBe(false);
    await client.query(drop);
  }
});

test("B4 tables that belong to another role: Postgres's sentence, and whose right is needed", async () => {
  await migrate(url);
  const role = `hookline_guest_${Math.random().toString(36).slice(2)}`;
  await admin.query(`CREATE ROLE ${role} LOGIN PASSWORD 'guest'`);
  await client.query(`GRANT CREATE, USAGE ON SCHEMA public TO ${role}; GRANT CREATE, USAGE ON SCHEMA hookline_queue TO ${role}`);
  const guest = new URL(url);
  [guest.username, guest.password] = [role, "guest"];
  try {
    const owner = "hookline_owner";
    await expect(migrate(guest.href)).rejects.toThrow(
      new RegExp(`permission denied for table _prisma_migrations; the tables belong to ${owner}.*GRANT "${owner}" TO "${role}"`),
    );
    await admin.query(`GRANT ${owner} TO ${role}`);
    expect(await migrate(guest.href)).toEqual([]);
  } finally {
    await client.query(`DROP OWNED BY ${role} CASCADE`);
    await admin.query(`DROP ROLE ${role}`);
  }
});

test("B16 jobs' schema: made and used where the setting says; another program's, or a newer one's, is refused with nothing written", async () => {
  await client.query(
    `CREATE SCHEMA hookline_queue; CREATE TABLE hookline_queue.version (version int); CREATE TABLE hookline_queue.queue (name text);
     INSERT INTO hookline_queue.queue VALUES ('mails'); INSERT INTO hookline_queue.version VALUES (20)`,
  );
  await expect(migrate(url)).rejects.toThrow(
    /schema hookline_queue.*another program's pg-boss \(its queues: mails\).*HOOKLINE_QUEUE_SCHEMA/,
  );
  await client.query("INSERT INTO hookline_queue.queue VALUES ('definition-stopped'); UPDATE hookline_queue.version SET version = 9999");
  await expect(migrate(url)).rejects.toThrow(/schema hookline_queue are of a newer pg-boss \(tables of version 9999/);
  await client.query("DROP TABLE hookline_queue.version");
  await expect(migrate(url)).rejects.toThrow(/schema hookline_queue.*holds other tables than pg-boss's/);
  await expect(migrate(url, { queueSchema: "public" })).rejects.toThrow(/HOOKLINE_QUEUE_SCHEMA is public, where our own tables are/);
  expect(await relations()).toBe(0);

  const data = await mkdtemp(path.join(tmpdir(), "hookline-queue-"));
  const env = { DATABASE_URL: url, HOOKLINE_QUEUE_SCHEMA: "jobs", HOOKLINE_MASTER_KEY: MASTER_KEY_TEXT, HOOKLINE_DATA_DIR: data };
  const program = startProgram(env);
  try {
    await program.up();
    expect((await one<{ n: number }>("SELECT count(*)::int AS n FROM jobs.queue WHERE name = 'definition-stopped'")).n).toBe(1);
  } finally {
    await program.stop();
    await rm(data, { recursive: true, force: true });
  }
});
