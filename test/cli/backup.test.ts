/** `hookline backup` and `restore`, as processes on real databases; and what a lost master key leaves. */
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { authenticate } from "../../src/accounts/authenticate.ts";
import { bootstrap } from "../../src/accounts/bootstrap.ts";
import { MIGRATION_LOCK, migrate, migrationStatus } from "../../src/db/migrate.ts";
import { createDefinition } from "../../src/definitions/definitions.ts";
import { createSecretKey } from "../../src/definitions/secret-keys.ts";
import { createGoal } from "../../src/goals/goals.ts";
import { type TestApp, testApp } from "../helpers/app.ts";
import { MASTER_KEY_TEXT } from "../helpers/database.ts";
import { data } from "../helpers/graphql.ts";
import { type Result, run, start } from "./run.ts";

const TOKEN = "backup-0123456789abcdefghijklmnopqrstuvwxyz";
const checks = { sandbox: { check: async () => [] }, payloadQuery: { check: () => [] } };
const folder = mkdtempSync(path.join(tmpdir(), "hookline backup-"));
const file = path.join(folder, "all of it.hookline");
const OLD = { HOOKLINE_MASTER_KEY: `1:${MASTER_KEY_TEXT}` };
let app: TestApp;
const admin = new pg.Client({ connectionString: inject("serverUrl") });
const databases: string[] = [];

/** An empty one. */
async function emptyDatabase(): Promise<string> {
  const name = `hookline_restore_${randomBytes(6).toString("hex")}`;
  await admin.query(`CREATE DATABASE ${name}`);
  databases.push(name);
  const url = new URL(inject("serverUrl"));
  url.pathname = `/${name}`;
  return url.href;
}

/** A command that does not end by itself is killed. */
function runBounded(args: readonly string[], env: Record<string, string>): Promise<Result> {
  const command = start(args, env);
  const timer = setTimeout(() => command.child.kill("SIGKILL"), 30_000);
  return command.ended.finally(() => clearTimeout(timer));
}

/** Every row of every table of ours, but the records of migrations. */
async function contents(url: string): Promise<Record<string, string[]>> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const tables = await client.query<{ name: string }>(
    "SELECT relname AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition AND relname !~ '^_' ORDER BY 1",
  );
  const all: Record<string, string[]> = {};
  for (const { name } of tables.rows) {
    all[name] = (await client.query<{ row: string }>(`SELECT to_jsonb(t)::text AS row FROM "${name}" t ORDER BY 1`)).rows.map(
      ({ row }) => row,
    );
  }
  await client.end();
  return all;
}

beforeAll(async () => {
  await admin.connect();
  app = await testApp({ adminToken: TOKEN });
  const { core, admin: caller } = app.t;
  await bootstrap(core);
  await createDefinition(
    core,
    caller,
    { name: "Signed", targetUrl: "https://example.com/", eventTypes: ["*"], headers: { Authorization: "Bearer kept" } },
    checks,
  );
  await createSecretKey(core, caller, { name: "preset", secret: "It's a Secret to Everybody" });
  await createGoal(core, caller, { name: "Tab\tline\nback\\slash \\N ünïcödé 😀", direction: "MAXIMIZE" });
  for (let i = 0; i < 25; i++) {
    await data(
      app,
      app.adminToken,
      `mutation { emitEvent(input: { type: "order.created", entityId: "${i}", payload: { text: "a\\\\tb" } }) { __typename } }`,
    );
  }
}, 60_000);
afterAll(async () => {
  await app?.close();
  for (const name of databases) await admin.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  await admin.end();
  rmSync(folder, { recursive: true, force: true });
});

describe("B17 backup and restore", { timeout: 120_000 }, () => {
  it("B17 a restored database holds every row, and goes on: ids, numbers, sequences, partitions, triggers", async () => {
    // What is stored is told a moment after the events.
    let told: unknown;
    const isTold = async () => {
      const former = told;
      told = (await app.t.core.db.pool.query("SELECT sum(bytes)::text AS bytes FROM stored_day")).rows[0].bytes;
      return told !== null && told === former;
    };
    await expect.poll(isTold, { timeout: 20_000, interval: 1_000 }).toBe(true);
    const made = await run(["backup", file, "--json"], { DATABASE_URL: app.t.url, ...OLD });
    expect(made.code).toBe(0);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const { tables } = JSON.parse(made.out.join("")) as { tables: { table: string; rows: number }[] };
    expect(tables.find(({ table }) => table === "event")?.rows).toBe(25);

    const url = await emptyDatabase();
    const restored = await run(["restore", file], { DATABASE_URL: url, ...OLD });
    // A slow machine is told how far it is, on standard error.
    expect(restored).toMatchObject({ code: 0, out: [expect.stringMatching(/^restored \d+ rows of \d+ tables$/)] });
    const [before, after] = [await contents(app.t.url), await contents(url)];
    expect(after).toEqual(before);
    expect(after["webhook_request"]).toHaveLength(25);

    // Its epoch is made anew by the first server that looks; audit rows cannot be changed; numbers go on.
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    expect((await client.query("SELECT 1 FROM epoch WHERE fingerprint = database_fingerprint()")).rowCount).toBe(0);
    await expect(client.query("TRUNCATE audit_entry")).rejects.toThrow();
    const triggers = await client.query("SELECT 1 FROM pg_trigger WHERE tgenabled = 'D'");
    expect(triggers.rowCount).toBe(0);
    await client.end();
  });

  it("B17 servers on the copy work, and its secrets and tokens are good", async () => {
    const url = await emptyDatabase();
    expect((await run(["restore", file], { DATABASE_URL: url, ...OLD })).code).toBe(0);
    const copy = await testApp({ adminToken: TOKEN }, { reach: async () => url });
    expect((await authenticate(copy.t.core, TOKEN))?.caller.operator).toBe(true);
    await copy.close();
  });

  it("B17 restore writes into an empty schema only, with the right key, and what is damaged changes nothing", async () => {
    const taken = await run(["restore", file], { DATABASE_URL: app.t.url, ...OLD });
    expect(taken).toMatchObject({ code: 1, err: [expect.stringMatching(/the schema public is not empty/)] });

    const url = await emptyDatabase();
    const other = await run(["restore", file], { DATABASE_URL: url, HOOKLINE_MASTER_KEY: Buffer.alloc(32, 9).toString("base64") });
    expect(other).toMatchObject({ code: 1, err: [expect.stringMatching(/made with another master key than HOOKLINE_MASTER_KEY/)] });

    const bytes = readFileSync(file);
    const plain = gunzipSync(bytes);
    const flipped = Buffer.from(plain);
    flipped[Math.floor(plain.length / 2)] = (flipped[Math.floor(plain.length / 2)] as number) ^ 1;
    const damaged: [string, Buffer][] = [
      ["cut", bytes.subarray(0, bytes.length - 20)],
      ["half", bytes.subarray(0, bytes.length / 2)],
      ["flipped", gzipSync(flipped)],
      ["without its end", gzipSync(plain.subarray(0, plain.length - 37))],
      ["with more", gzipSync(Buffer.concat([plain, Buffer.from("D\0\0\0\x01x")]))],
      ["text", Buffer.from("-- PostgreSQL database dump")],
      ["empty", Buffer.alloc(0)],
      ["gzip of text", gzipSync("hello")],
    ];
    for (const [name, content] of damaged) {
      writeFileSync(path.join(folder, name), content);
      const { code, err } = await run(["restore", path.join(folder, name)], { DATABASE_URL: url, ...OLD });
      expect({ name, code, err }).toEqual({ name, code: 1, err: [expect.stringMatching(/is damaged|is no backup of Hookline/)] });
    }
    expect(await contents(url)).toEqual({});
    expect((await run(["restore", "--verify", file], {})).out).toEqual([
      expect.stringMatching(/: whole, of 20\d\d-.* rows of \d+ tables, by Hookline/),
    ]);
  });

  it("B17 a server that began to serve while a restore waited for its turn loses nothing", async () => {
    const url = await emptyDatabase();
    expect((await run(["migrate"], { DATABASE_URL: url, ...OLD })).code).toBe(0);
    const holder = new pg.Client({ connectionString: url });
    await holder.connect();
    await holder.query("SELECT pg_advisory_lock($1)", [MIGRATION_LOCK]);
    const restoring = run(["restore", file], { DATABASE_URL: url, ...OLD });
    const waits = () => holder.query("SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted");
    await expect.poll(async () => (await waits()).rowCount, { timeout: 30_000 }).toBeGreaterThan(0);
    await holder.query("INSERT INTO organization (id, name) VALUES (gen_random_uuid(), 'came between')");
    await holder.query("SELECT pg_advisory_unlock($1)", [MIGRATION_LOCK]);
    expect(await restoring).toMatchObject({ code: 1, err: [expect.stringMatching(/the schema public is not empty/)] });
    expect((await holder.query("SELECT name FROM organization")).rows).toEqual([{ name: "came between" }]);
    await holder.end();
  });

  it("B17 a restore that was ended amid a migration that wants to be alone is gone on with; of two at once, one restores", async () => {
    const url = await emptyDatabase();
    const ended = new AbortController();
    const onProgress = ({ migration }: { migration: string }) => migration.startsWith("0002_") && ended.abort();
    await expect(migrate(url, { onProgress, signal: ended.signal })).rejects.toThrow();
    expect((await migrationStatus(url)).find(({ name }) => name.startsWith("0002_"))?.state).toBe("BEGUN");
    const both = await Promise.all([1, 2].map(() => run(["restore", file], { DATABASE_URL: url, ...OLD })));
    expect(both.toSorted((a, b) => Number(a.code) - Number(b.code))).toEqual([
      { code: 0, out: [expect.stringMatching(/^restored/)], err: expect.any(Array) },
      { code: 1, out: [], err: [expect.stringMatching(/the schema public is not empty/)] },
    ]);
    expect((await contents(url))["webhook_request"]).toHaveLength(25);
  });

  it("B17 two backups to one file at once, as of a cron job that takes long: it is whole, and none is made of both", async () => {
    const both = await Promise.all([1, 2].map(() => run(["backup", file, "--force"], { DATABASE_URL: app.t.url, ...OLD })));
    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    expect((await run(["restore", "--verify", file], {})).code).toBe(0);
    expect(readdirSync(folder).filter((name) => name.endsWith(".partial"))).toEqual([]);
  });

  it("B17 backup replaces no file unasked, and says when there is nothing to back up", async () => {
    const env = { DATABASE_URL: app.t.url, ...OLD };
    expect((await run(["backup", file], env)).err).toEqual([expect.stringMatching(/exists: name another file, or say --force/)]);
    expect((await run(["backup", file, "--force"], env)).code).toBe(0);
    expect((await run(["backup", path.join(folder, "no/such/folder")], env)).err).toEqual([expect.stringMatching(/does not exist/)]);
    const empty = await run(["backup", path.join(folder, "empty.hookline")], { DATABASE_URL: await emptyDatabase(), ...OLD });
    expect(empty.err).toEqual([expect.stringMatching(/holds no Hookline: there is nothing to back up/)]);
    expect(statSync(path.join(folder, "empty.hookline"), { throwIfNoEntry: false })).toBeUndefined();
  });

  it("B17 backup ends, too, where the folder is none, or holds a leftover that cannot be removed", async () => {
    const env = { DATABASE_URL: app.t.url, ...OLD };
    const plain = path.join(folder, "plain");
    writeFileSync(plain, "");
    expect(await runBounded(["backup", path.join(plain, "x")], env)).toEqual({
      ...{ code: 1, out: [] },
      err: [expect.stringMatching(/^hookline: the folder of .*plain\/x does not exist$/)],
    });
    // As another user's in a sticky folder.
    const leftover = path.join(folder, "beside.0123abcd.partial");
    mkdirSync(leftover);
    utimesSync(leftover, 1, 1);
    expect(await runBounded(["backup", path.join(folder, "beside")], env)).toMatchObject({ code: 0, err: [] });
    rmSync(leftover, { recursive: true });
  });

  it("B17 restore keeps jobs where HOOKLINE_QUEUE_SCHEMA says", async () => {
    const url = await emptyDatabase();
    expect(await run(["restore", file], { DATABASE_URL: url, HOOKLINE_QUEUE_SCHEMA: "jobs", ...OLD })).toMatchObject({ code: 0 });
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    const { rows } = await client
      .query("SELECT nspname FROM pg_namespace WHERE nspname IN ('jobs', 'hookline_queue')")
      .finally(() => client.end());
    expect(rows).toEqual([{ nspname: "jobs" }]);
  });

  it("B17 a backup taken with another key at hand says so, and asks at its restore for no key that opens nothing", async () => {
    const made = path.join(folder, "other key.hookline");
    const other = Buffer.alloc(32, 9).toString("base64");
    const taken = await run(["backup", made], { DATABASE_URL: app.t.url, HOOKLINE_MASTER_KEY: other });
    expect(taken).toMatchObject({ code: 0, err: [expect.stringMatching(/HOOKLINE_MASTER_KEY opens none of the stored secrets/)] });
    expect(await run(["restore", made], { DATABASE_URL: await emptyDatabase(), ...OLD })).toMatchObject({ code: 0 });
  });

  it("B17 into a new data folder: the embedded Postgres is made, and wants the key", async () => {
    const dataDir = path.join(folder, "new data");
    const env = { HOOKLINE_DATA_DIR: dataDir };
    const without = await run(["restore", file], env);
    expect(without).toMatchObject({ code: 1, err: [expect.stringMatching(/another master key than .*new data\/master\.key/)] });
    rmSync(dataDir, { recursive: true, force: true });
    expect((await run(["restore", file], { ...env, ...OLD })).code).toBe(0);
    const again = await run(["restore", file], { ...env, ...OLD });
    expect(again.err).toEqual([expect.stringMatching(/not empty.*new HOOKLINE_DATA_DIR/)]);
    const users = await run(["user", "list", "--json"], { ...env, ...OLD });
    expect(users.out.join("")).toContain("admin@hookline.invalid");
    // Its key was lost: none is made up for the file.
    const lost = path.join(folder, "lost key.hookline");
    expect(await run(["backup", lost], env)).toMatchObject({
      code: 0,
      err: expect.arrayContaining([expect.stringMatching(/master\.key is missing/)]),
    });
    expect(await run(["restore", lost], { DATABASE_URL: await emptyDatabase(), ...OLD })).toMatchObject({ code: 0 });
  });
});

it("B9 after a lost master key everything goes on but the secrets: forget-secrets", { timeout: 150_000 }, async () => {
  const url = await emptyDatabase();
  await run(["restore", file], { DATABASE_URL: url, ...OLD });
  const env = { DATABASE_URL: url, HOOKLINE_MASTER_KEY: Buffer.alloc(32, 5).toString("base64"), HOOKLINE_DATA_DIR: folder, PORT: "0" };
  const refused = await run(["serve"], env);
  expect(refused).toMatchObject({
    code: 1,
    err: expect.arrayContaining([expect.stringMatching(/HOOKLINE_MASTER_KEY opens none of the stored secrets/)]),
  });
  expect((await run(["forget-secrets"], env)).code).toBe(1);
  const forgotten = await run(["forget-secrets", "--yes", "--json"], env);
  expect(JSON.parse(forgotten.out.join(""))).toEqual({
    signing: [{ id: expect.any(String), code: "signed", secret: expect.stringMatching(/^whsec_/) }],
    secretKeys: ["preset"],
    headers: ["Signed"],
  });
  const nothing = JSON.parse((await run(["forget-secrets", "--yes", "--json"], env)).out.join("")) as object;
  expect(nothing).toEqual({ signing: [], secretKeys: [], headers: [] });
});
