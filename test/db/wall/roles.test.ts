/** The roles on servers of their own: made by the login, given by an administrator with the SQL of docs/database.md, or none. */
import { readFileSync } from "node:fs";
import path from "node:path";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openDatabase } from "../../../src/db/client.ts";
import { migrate, wallStatus } from "../../../src/db/migrate.ts";
import { readMigrations } from "../../../src/db/migrations/folder.ts";
import { loginsOf } from "../../../src/db/wall/state.ts";
import { newFolder } from "../../embedded/folder.ts";
import { MASTER_KEY_TEXT } from "../../helpers/database.ts";
import { mainPath } from "../../helpers/main-path.ts";
import { startProgram } from "../../helpers/program.ts";
import { type Receiver, startReceiver } from "../../helpers/receiver.ts";
import { type OwnServer, startOwnServer } from "../own-server.ts";

const TOKEN = "roles-0123456789abcdefghijklmnopqrstuvwxyz";
let server: OwnServer;
let receiver: Receiver;
beforeAll(async () => {
  [server, receiver] = await Promise.all([startOwnServer(), startReceiver()]);
}, 60_000);
afterAll(async () => {
  await receiver?.close();
  await server?.stop();
});

async function run<Row extends pg.QueryResultRow>(url: string, text: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  return client
    .query<Row>(text)
    .then(({ rows }) => rows)
    .finally(() => client.end());
}
const asAdmin = (text: string, database = "postgres") => run(Object.assign(new URL(server.url), { pathname: `/${database}` }).href, text);

/** A login and its database. */
async function login(name: string, options = ""): Promise<string> {
  await asAdmin(`CREATE ROLE ${name} LOGIN PASSWORD 'x' ${options}`);
  await asAdmin(`CREATE DATABASE ${name} OWNER ${name}`);
  return Object.assign(new URL(server.url), { username: name, password: "x", pathname: `/${name}` }).href;
}

/** The copy-paste SQL of the page. */
function documented(name: string): string {
  const page = readFileSync(path.resolve(import.meta.dirname, "../../../docs/database.md"), "utf8");
  const block = /```sql\n(CREATE ROLE hookline_owner[\s\S]*?)```/.exec(page)?.[1];
  expect(block?.match(/^GRANT /gm)).toHaveLength(3);
  return (block as string).replaceAll(/ TO hookline;/g, ` TO ${name};`);
}

const OWNERS = `SELECT DISTINCT pg_get_userbyid(relowner)::text AS owner FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname IN ('public', 'hookline_queue') AND relkind IN ('r', 'p', 'v', 'S') ORDER BY 1`;

/** Starts the program on it, and sends and delivers. @returns what it logged about the wall */
async function mainPathOn(env: Record<string, string>, name: string, meanwhile?: () => Promise<void>): Promise<string[]> {
  const program = startProgram({
    HOOKLINE_LOG_LEVEL: "info",
    HOOKLINE_MASTER_KEY: MASTER_KEY_TEXT,
    HOOKLINE_ADMIN_TOKEN: TOKEN,
    HOOKLINE_DATA_DIR: newFolder(),
    HOOKLINE_EGRESS_ALLOW: "127.0.0.0/8",
    ...env,
  });
  try {
    await mainPath({ url: await program.up(), token: TOKEN }, receiver, name, 5, 5);
    await meanwhile?.();
    expect(
      program
        .err()
        .split("\n")
        .filter((line) => /permission denied|row-level security|"level":50/.test(line)),
    ).toEqual([]);
  } finally {
    await program.stop();
  }
  return program
    .err()
    .split("\n")
    .filter((line) => line.includes("second wall"));
}

test("one role: everything works, the log says so once; the documented GRANTs turn it on, tables change hands, and it works again", {
  timeout: 120_000,
}, async () => {
  const url = await login("alone");
  const off = await mainPathOn({ DATABASE_URL: url }, "off");
  expect(off).toHaveLength(1);
  expect(off[0]).toMatch(/there is no role hookline_engine, nor hookline_tenant.*second wall: off/);
  expect(await run(url, OWNERS)).toEqual([{ owner: "alone" }]);
  const unforced = `SELECT relname FROM pg_class c WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relforcerowsecurity
    AND EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'organization_id')`;
  expect(await run(url, unforced)).toEqual([]);
  // With one role too a tenants' session sees one organization.
  const one = openDatabase(loginsOf(url, await wallStatus(url)));
  const nobody = "00000000-0000-4000-8000-000000000000";
  expect((await one.tenant(nobody).query("SELECT 1 FROM webhook_request")).rows).toEqual([]);
  expect((await one.pool.query("SELECT 1 FROM webhook_request")).rows.length).toBeGreaterThan(0);
  await one.close();

  await asAdmin(documented("alone"));
  expect(await wallStatus(url)).toMatchObject({ state: "off", why: expect.stringContaining("hookline migrate") });
  const on = await mainPathOn({ DATABASE_URL: url }, "on");
  expect(on).toHaveLength(1);
  expect(on[0]).toContain("second wall: on");
  expect(await run(url, OWNERS)).toEqual([{ owner: "hookline_owner" }]);
  expect(await migrate(url)).toEqual([]);
  expect(await wallStatus(url)).toMatchObject({ state: "on", roles: { owner: "hookline_owner" } });

  // A second installation in a schema of the same database, and one in another database of the same server.
  expect(await migrate(`${url}?schema=second`)).toHaveLength((await readMigrations()).length);
  expect(await wallStatus(`${url}?schema=second`)).toMatchObject({ state: "on" });
  expect(await wallStatus(url)).toMatchObject({ state: "on" });
  const other = await login("stranger");
  expect(await migrate(other)).toHaveLength((await readMigrations()).length);
  expect(await wallStatus(other)).toMatchObject({ state: "off", why: expect.stringContaining("stranger is not granted hookline_engine") });
});

test("a login that may make roles makes them, and is no superuser; a start that is killed while the tables change hands is gone on with", {
  timeout: 60_000,
}, async () => {
  const own = await startOwnServer();
  const before = server;
  server = own;
  try {
    const url = await login("maker", "CREATEROLE");
    await migrate(url);
    expect(await wallStatus(url)).toMatchObject({ state: "on" });
    expect(await run(url, OWNERS)).toEqual([{ owner: "hookline_owner" }]);
    const roles =
      "SELECT rolname::text AS name FROM pg_roles WHERE rolname LIKE 'hookline\\_%' AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolcanlogin)";
    expect(await run(url, roles)).toEqual([]);
    // As they stand amid it, whichever went first.
    for (const left of [["_prisma_migrations"], ["_prisma_migrations", "organization", "attempt"], ["organization", "event_type"]]) {
      for (const table of left) await asAdmin(`ALTER TABLE ${table} OWNER TO maker`, "maker");
      expect(await migrate(url)).toEqual([]);
      expect(await run(url, OWNERS)).toEqual([{ owner: "hookline_owner" }]);
    }
  } finally {
    server = before;
    await own.stop();
  }
});

describe("B60 the embedded Postgres", () => {
  test("B60 serves with logins that own nothing, and are no superusers; the audit log is out of their reach", {
    timeout: 90_000,
  }, async () => {
    const folder = newFolder();
    const { borrowEmbedded } = await import("../../../src/embedded/start.ts");
    const said = await mainPathOn({ HOOKLINE_DATA_DIR: folder }, "embedded", async () => {
      const { url, logins } = await borrowEmbedded(folder, { command: "test" });
      const sessions = await run<{ who: string }>(
        url,
        "SELECT DISTINCT usename::text AS who FROM pg_stat_activity WHERE application_name ~ '^hookline [^ ]+ (hot|tenant|queue|notify) '",
      );
      expect(sessions.map(({ who }) => who).sort()).toEqual(["hookline_engine", "hookline_tenant"]);
      for (const each of [logins.engine, logins.tenant]) {
        const [rights] = await run(
          each,
          "SELECT rolsuper, rolcreaterole, rolbypassrls, (SELECT count(*)::int FROM pg_class WHERE relowner = r.oid) AS owns FROM pg_roles r WHERE rolname = session_user",
        );
        expect(rights).toEqual({ rolsuper: false, rolcreaterole: false, rolbypassrls: false, owns: 0 });
        for (const forbidden of [
          "ALTER TABLE audit_entry DISABLE TRIGGER refuse_change",
          "SET session_replication_role = replica",
          "SET ROLE hookline",
          "SET ROLE hookline_owner",
          "UPDATE audit_entry SET action = 'other'",
          "DELETE FROM audit_entry",
          "TRUNCATE audit_entry",
        ])
          await expect(run(each, forbidden), forbidden).rejects.toThrow(/permission denied|must be owner|hookline.organization_id/);
      }
    });
    expect(said).toEqual([expect.stringContaining("second wall: on")]);
  });
});
