/** Whatever a database, a role or the machine sets for sessions, Hookline behaves the same. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import pg from "pg";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { openDatabase } from "../../src/db/client.ts";
import { SETTINGS } from "../../src/db/session.ts";
import { clientConfig, SessionClient } from "../../src/db/session-client.ts";
import { MASTER_KEY_TEXT } from "../helpers/database.ts";
import { ask, mainPath, type Platform } from "../helpers/main-path.ts";
import { type Program, startProgram } from "../helpers/program.ts";
import { type Receiver, startReceiver } from "../helpers/receiver.ts";

const ON_DATABASE = [
  "TimeZone = 'Asia/Tokyo'",
  "DateStyle = 'German, DMY'",
  "IntervalStyle = 'sql_standard'",
  "default_transaction_isolation = 'serializable'",
  "default_transaction_read_only = on",
  "search_path = 'pg_catalog'",
  "bytea_output = 'escape'",
  "statement_timeout = 10",
  "idle_session_timeout = 500",
  "transform_null_equals = on",
];
/** Stand above those of the database. */
const ON_ROLE = [
  "TimeZone = 'America/Los_Angeles'",
  "default_transaction_isolation = 'repeatable read'",
  "lock_timeout = 1",
  "idle_in_transaction_session_timeout = 1",
  "extra_float_digits = -15",
  "client_encoding = 'LATIN1'",
  "standard_conforming_strings = off",
  "row_security = off",
  "enable_indexscan = off",
  "plan_cache_mode = 'force_custom_plan'",
  "client_min_messages = 'debug1'",
  "synchronous_commit = off",
];
/** Of the machine: what libpq's variables would set. */
const MACHINE = {
  PGTZ: "Pacific/Kiritimati",
  PGDATESTYLE: "SQL, DMY",
  PGOPTIONS: "-c statement_timeout=10 -c TimeZone=Asia/Kolkata",
  PGSSLMODE: "disable",
};

/** What every profile sets alike; limits and plans differ by purpose. */
const WITNESSED = [...SETTINGS.map(([setting]) => setting), "search_path", "transaction_isolation", "transaction_read_only"];
/** Written to by the hot pool, Prisma and pg-boss. */
const WATCHED = ["event", "organization", "hookline_queue.job", "hookline_queue.job_common", "hookline_queue.queue"];

const POOL = 3;
const TOKEN = "sessions-0123456789abcdefghijklmnopqrstuvwxyz";
const name = `hookline_hostile_${process.pid}`;
const folder = mkdtempSync(path.join(tmpdir(), "hookline sessions-"));
const url = new URL(inject("serverUrl"));
url.pathname = `/${name}`;
[url.username, url.password] = [name, "hostile"];

let admin: pg.Client;
let receiver: Receiver;
let program: Program;
let platform: Platform;

beforeAll(async () => {
  receiver = await startReceiver();
  admin = new pg.Client({ connectionString: inject("serverUrl") });
  await admin.connect();
  await admin.query(`CREATE ROLE ${name} LOGIN PASSWORD 'hostile'`);
  await admin.query(`CREATE DATABASE ${name} OWNER ${name}`);
  for (const setting of ON_DATABASE) await admin.query(`ALTER DATABASE ${name} SET ${setting}`);
  for (const setting of ON_ROLE) await admin.query(`ALTER ROLE ${name} SET ${setting}`);
  await setWitness();
  program = startProgram({
    ...MACHINE,
    DATABASE_URL: url.href,
    HOOKLINE_DATABASE_POOL: String(POOL),
    HOOKLINE_MASTER_KEY: MASTER_KEY_TEXT,
    HOOKLINE_ADMIN_TOKEN: TOKEN,
    HOOKLINE_DATA_DIR: folder,
    HOOKLINE_EGRESS_ALLOW: "127.0.0.0/8,::1/128",
  });
  platform = { url: await program.up(), token: TOKEN };
});
/** Notes the settings of whoever changes a definition of the catalog, later also rows of `WATCHED`: the program's own sessions. */
async function setWitness(): Promise<void> {
  await asOwner(`CREATE SCHEMA witness; CREATE TABLE witness.seen (purpose text, settings jsonb)`);
  const settings = `(SELECT jsonb_object_agg(name, current_setting(name)) FROM unnest('{${WITNESSED.join(",")}}'::text[]) AS name)`;
  const insert = `INSERT INTO witness.seen SELECT split_part(current_setting('application_name'), ' ', 3), ${settings}`;
  const define = (kind: string, end: string) =>
    `CREATE FUNCTION witness.${kind}() RETURNS ${kind} LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN ${insert}; ${end} END $$`;
  await asOwner(define("trigger", "RETURN NULL;"));
  await asOwner(define("event_trigger", ""));
  await asOwner("CREATE EVENT TRIGGER witness ON ddl_command_end EXECUTE FUNCTION witness.event_trigger()");
}

/** As the server's own role in that database. */
async function asOwner<T extends pg.QueryResultRow>(text: string): Promise<T[]> {
  const own = new URL(inject("serverUrl"));
  own.pathname = `/${name}`;
  const client = new SessionClient(clientConfig({ url: own.href, purpose: "test" }));
  await client.connect();
  try {
    return ((await client.query(text)) as pg.QueryResult<T>).rows;
  } finally {
    await client.end();
  }
}

afterAll(async () => {
  await program?.stop();
  await receiver?.close();
  await admin?.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  await admin?.query(`DROP ROLE IF EXISTS ${name}`);
  await admin?.end();
  rmSync(folder, { recursive: true, force: true });
});

test("B10 B11 the main path on a database, a role and a machine with hostile settings; no emit fails", { timeout: 90_000 }, async () => {
  const statuses = await mainPath(platform, receiver, "hostile", 20, 60);
  expect(statuses.filter((status) => status !== 202)).toEqual([]);
  expect(program.err()).toBe("");
});

test("B10 the program's own sessions are set alike: migration, hot pool, tenants' pool and queue", async () => {
  for (const table of WATCHED)
    await asOwner(
      `CREATE TRIGGER witness AFTER INSERT OR UPDATE OR DELETE ON ${table} FOR EACH STATEMENT EXECUTE FUNCTION witness.trigger()`,
    );
  await mainPath(platform, receiver, "witnessed", 2, 2);
  await ask(platform, `mutation { updateOrganization(input: {name: "Witnessed"}) { __typename } }`);
  // A job for the queue to fetch.
  await ask(platform, `mutation { erasePayloads(input: {filter: {entity: "nobody"}}) { __typename } }`);
  const purposes = "SELECT array_agg(DISTINCT purpose ORDER BY purpose) AS seen FROM witness.seen WHERE purpose <> 'test'";
  await expect.poll(() => asOwner(purposes), { timeout: 20_000 }).toEqual([{ seen: ["hot", "migrate", "queue", "tenant"] }]);
  const seen = await asOwner<{ settings: Record<string, string> }>("SELECT DISTINCT settings FROM witness.seen WHERE purpose <> 'test'");
  expect(seen).toHaveLength(1);
  expect(seen[0]?.settings).toMatchObject({
    TimeZone: "UTC",
    DateStyle: "ISO, MDY",
    transaction_isolation: "read committed",
    transaction_read_only: "off",
    search_path: "public, pg_temp",
    synchronous_commit: "on",
  });
});

test("B10 a token that ends in an hour holds now, and one that ended a minute ago does not", async () => {
  const issue = async (expiresAt: Date) => {
    const { createApiToken } = await ask<{ createApiToken: { token: string; apiToken: { id: string } } }>(
      platform,
      `mutation ($input: CreateApiTokenInput!) { createApiToken(input: $input) { ... on CreatedApiToken { token apiToken { id } } } }`,
      { input: { name: "for an hour", expiresAt } },
    );
    return createApiToken;
  };
  const use = async (token: string) =>
    (
      await fetch(`${platform.url}/v1/events`, {
        method: "POST",
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        body: '{"type":"a.b"}',
      })
    ).status;
  const held = await issue(new Date(Date.now() + 3_600_000));
  const short = await issue(new Date(Date.now() + 1_500));
  expect(await use(held.token)).toBe(202);
  await expect.poll(() => use(short.token), { timeout: 10_000 }).toBe(401);
  expect(await use(held.token)).toBe(202);
});

test("B10 each of our sessions reads back what it was set to, on every pool", async () => {
  const db = openDatabase(url.href, { poolSize: 1 });
  try {
    const show = `SELECT ${SETTINGS.map(([setting]) => `current_setting('${setting}') AS "${setting}"`).join(", ")}, current_setting('search_path') AS path, current_setting('enable_indexscan') AS scan`;
    const [hot] = (await db.pool.query(show)).rows;
    const [prisma] = await db.unscoped.$queryRawUnsafe<Record<string, string>[]>(show);
    const single = new SessionClient(clientConfig({ url: url.href, purpose: "test" }));
    await single.connect();
    const [listener] = ((await single.query(show)) as pg.QueryResult).rows;
    await single.end();
    for (const row of [hot, prisma, listener]) {
      expect(row).toMatchObject({
        path: "public, pg_temp",
        scan: "on",
        TimeZone: "UTC",
        default_transaction_isolation: "read committed",
        bytea_output: "hex",
      });
    }
    expect(prisma).toEqual(hot);
    expect(listener).toEqual(hot);
  } finally {
    await db.close();
  }
});

test("B15 a process keeps to the connections that docs/database.md promises, whatever the load", { timeout: 60_000 }, async () => {
  const counted: number[] = [];
  let busy = true;
  const count = (async () => {
    while (busy) {
      const { rows } = await admin.query<{ n: number }>("SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = $1", [name]);
      counted.push(rows[0]?.n ?? 0);
    }
  })();
  try {
    await mainPath(platform, receiver, "crowded", 5, 80);
  } finally {
    busy = false;
    await count;
  }
  expect(Math.max(...counted)).toBeGreaterThan(POOL);
  expect(Math.max(...counted)).toBeLessThanOrEqual(2 * POOL + 8);
  const { rows } = await admin.query<{ name: string }>("SELECT application_name AS name FROM pg_stat_activity WHERE datname = $1", [name]);
  for (const each of rows) expect(each.name).toMatch(/^hookline \d+\.\d+\.\d+ \w+ pid \d+$/);
});

test("B15 no piece of an unencoded password in what the program prints", async () => {
  for (const password of ["qua@yak/zeb", "qua#yak:zeb", "qua%zzyak@zeb", "qua yak", "qua?yak"]) {
    const wrong = startProgram({
      DATABASE_URL: `postgres://${name}:${password}@127.0.0.1:${url.port}/${name}`,
      HOOKLINE_MASTER_KEY: MASTER_KEY_TEXT,
      HOOKLINE_DATA_DIR: folder,
    });
    const timer = setTimeout(() => wrong.child.kill("SIGTERM"), 6_000);
    const { code } = await wrong.ended;
    clearTimeout(timer);
    const printed = wrong.out() + wrong.err();
    expect(printed).toMatch(/DATABASE_URL/);
    for (const piece of ["qua", "yak", "zeb"]) expect(printed).not.toContain(piece);
    expect(code).toBe(1);
  }
});
