/**
 * What the probe of the start makes of PgBouncer, however busy or small it is. In CI PgBouncer has to be there; elsewhere
 * the tests run where it is installed. The whole program behind one: pooler.test.ts.
 */
import { spawn } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { checkSessions } from "../../src/db/probe.ts";
import { DatabaseRefusal } from "../../src/db/refusal.ts";
import { isUnavailable } from "../../src/db/unavailable.ts";
import { createTestDatabase, type TestDatabase } from "../helpers/database.ts";
import { freePort } from "../helpers/free-port.ts";

const PGBOUNCER = "/usr/sbin/pgbouncer";
const folder = mkdtempSync(path.join(tmpdir(), "hookline poolers-"));
const undo: (() => Promise<unknown>)[] = [];
let database: TestDatabase;

beforeAll(async () => {
  chmodSync(folder, 0o755);
  database = await createTestDatabase();
});
afterEach(async () => {
  for (const each of undo.splice(0).reverse()) await each();
});
afterAll(async () => {
  await database?.drop();
  rmSync(folder, { recursive: true, force: true });
});

async function connected(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => undefined);
  await client.connect();
  return client;
}

/** @returns the database's URL through a PgBouncer of its own */
async function startBouncer(settings: string): Promise<string> {
  const url = new URL(database.url);
  const target = url.port;
  url.port = String(await freePort());
  const at = (name: string) => path.join(folder, name);
  writeFileSync(at("users.txt"), `"${decodeURIComponent(url.username)}" "${decodeURIComponent(url.password)}"\n`);
  const listens = `listen_addr = 127.0.0.1\nlisten_port = ${url.port}\nunix_socket_dir =\nauth_type = plain\nauth_file = ${at("users.txt")}`;
  writeFileSync(at("bouncer.ini"), `[databases]\n* = host=127.0.0.1 port=${target}\n[pgbouncer]\n${listens}\n${settings}\n`);
  // It refuses to run as root.
  const bouncer = spawn(PGBOUNCER, [at("bouncer.ini")], {
    stdio: "ignore",
    ...(process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {}),
  });
  const ended = new Promise((resolve) => bouncer.once("close", resolve));
  undo.push(() => {
    bouncer.kill("SIGKILL");
    return ended;
  });
  const isUp = async () => {
    const client = await connected(url.href);
    await client.end();
    return true;
  };
  await expect.poll(() => isUp().catch(() => false), { timeout: 10_000 }).toBe(true);
  return url.href;
}

/** Others of the same pooler, who begin a transaction, listen and notify, one after the other. */
async function crowd(url: string, size: number): Promise<void> {
  let busy = true;
  const clients = await Promise.all(Array.from({ length: size }, () => connected(url)));
  const loops = clients.map(async (client) => {
    while (busy) {
      for (const text of ["BEGIN", "SELECT pg_sleep(0.005)", "COMMIT", "LISTEN others", "NOTIFY others"])
        await client.query(text).catch(() => undefined);
    }
    await client.end();
  });
  undo.push(() => {
    busy = false;
    return Promise.all(loops);
  });
}

const refusalOf = (url: string) =>
  checkSessions(url).then(
    () => undefined,
    (error: unknown) => error as Error,
  );

describe.runIf(existsSync(PGBOUNCER) || process.env["CI"] !== undefined)("B12 the probe", () => {
  test("B12 takes Postgres itself, and PgBouncer in session mode with its defaults", async () => {
    expect(await refusalOf(database.url)).toBeUndefined();
    expect(await refusalOf(await startBouncer("pool_mode = session"))).toBeUndefined();
  });

  test.each([
    ["transaction", 20, 0],
    ["transaction", 1, 0],
    ["transaction", 1, 4],
    ["transaction", 20, 8],
    ["statement", 20, 0],
    ["statement", 1, 0],
  ])("B12 refuses %s mode with %i connections and %i others", async (mode, size, others) => {
    const url = await startBouncer(`pool_mode = ${mode}\ndefault_pool_size = ${size}`);
    await crowd(url, others);
    // More than once: it must not be a matter of luck whom a notification reaches.
    for (const refusal of await Promise.all(Array.from({ length: 3 }, () => refusalOf(url)))) {
      expect(refusal).toBeInstanceOf(DatabaseRefusal);
      expect(refusal?.message).toMatch(/^DATABASE_URL leads to a connection pooler that shares sessions .*\(pool_mode = session\)/);
    }
  });

  test("B12 a pooler that has one session for us is told by name, and waited for", async () => {
    const refusal = await refusalOf(await startBouncer("pool_mode = session\ndefault_pool_size = 1"));
    expect(refusal?.message).toMatch(/gave one connection, and none to the next: .*\(default_pool_size/);
    expect(isUnavailable(refusal)).toBe(true);
  });
});
