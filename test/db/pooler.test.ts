/** PgBouncer before Postgres, and TLS to it. In CI PgBouncer has to be there; elsewhere its tests run where it is installed. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { chmodSync, chownSync, existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test } from "vitest";
import { freePort } from "../helpers/free-port.ts";
import { mainPath } from "../helpers/main-path.ts";
import { type Receiver, startReceiver } from "../helpers/receiver.ts";
import { startOnDatabase } from "./start-on-database.ts";

const PGBOUNCER = "/usr/sbin/pgbouncer";
const inCi = process.env["CI"] !== undefined;
const isRoot = process.getuid?.() === 0;
const TOKEN = "pooler-0123456789abcdefghijklmnopqrstuvwxyz";
const folder = mkdtempSync(path.join(tmpdir(), "hookline pooler-"));
const undo: (() => Promise<unknown>)[] = [];
const server = new URL(inject("serverUrl"));
let receiver: Receiver;
let admin: pg.Client;
let database: string;

beforeAll(async () => {
  chmodSync(folder, 0o755);
  receiver = await startReceiver();
  admin = new pg.Client({ connectionString: server.href });
  await admin.connect();
});
afterAll(async () => {
  await receiver?.close();
  await admin?.end();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  database = `hookline_pooler_${process.pid}_${Math.random().toString(36).slice(2)}`;
  await admin.query(`CREATE DATABASE ${database}`);
});
afterEach(async () => {
  for (const each of undo.splice(0).reverse()) await each();
  await admin.query(`DROP DATABASE ${database} WITH (FORCE)`);
});

const start = (url: string, env: Record<string, string> = {}) => startOnDatabase(url, { token: TOKEN, folder, undo, env });
const directUrl = () => Object.assign(new URL(server), { pathname: `/${database}` }).href;

/** @returns the URL through it */
async function startBouncer(mode: "session" | "transaction" | "statement"): Promise<string> {
  const port = await freePort();
  const [user, password] = [decodeURIComponent(server.username), decodeURIComponent(server.password)];
  writeFileSync(path.join(folder, "users.txt"), `"${user}" "${password}"\n`);
  writeFileSync(
    path.join(folder, "pgbouncer.ini"),
    `[databases]\n* = host=127.0.0.1 port=${server.port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = ${port}\nunix_socket_dir =\nauth_type = plain\nauth_file = ${folder}/users.txt\npool_mode = ${mode}\ndefault_pool_size = 40\n`,
  );
  const as = isRoot ? { uid: 65534, gid: 65534 } : {};
  const bouncer: ChildProcess = spawn(PGBOUNCER, [path.join(folder, "pgbouncer.ini")], { stdio: "ignore", ...as });
  const ended = new Promise((resolve) => bouncer.once("close", resolve));
  undo.push(() => {
    bouncer.kill("SIGKILL");
    return ended;
  });
  const url = new URL(server);
  [url.port, url.pathname] = [String(port), `/${database}`];
  for (const deadline = Date.now() + 10_000; ; await sleep(50)) {
    const client = new pg.Client({ connectionString: url.href });
    const up = await client.connect().then(
      () => true,
      () => false,
    );
    if (up) return client.end().then(() => url.href);
    if (Date.now() > deadline) throw new Error(`PgBouncer is not up (${bouncer.exitCode})`);
  }
}

async function tables(): Promise<number> {
  const client = new pg.Client({ connectionString: directUrl() });
  await client.connect();
  const { rows } = await client.query<{ n: number }>(
    "SELECT count(*)::int AS n FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema'",
  );
  await client.end();
  return rows[0]?.n ?? -1;
}

describe.runIf(existsSync(PGBOUNCER) || inCi)("B12 PgBouncer", { timeout: 60_000 }, () => {
  test("B12 in session mode the main path works", async () => {
    const program = start(await startBouncer("session"));
    const statuses = await mainPath({ url: await program.up(), token: TOKEN }, receiver, "pooled");
    expect(statuses.filter((status) => status !== 202)).toEqual([]);
    expect(program.err()).toBe("");
  });

  test("B12 in transaction mode it works beside the pooler, where HOOKLINE_DATABASE_DIRECT_URL names Postgres itself", async () => {
    const program = start(await startBouncer("transaction"), { HOOKLINE_DATABASE_DIRECT_URL: directUrl() });
    const statuses = await mainPath({ url: await program.up(), token: TOKEN }, receiver, "direct");
    expect(statuses.filter((status) => status !== 202)).toEqual([]);
    expect(program.err()).toBe("");
  });

  test.each(["transaction", "statement"] as const)("B12 %s mode is refused at the start, and nothing is written", async (mode) => {
    const program = start(await startBouncer(mode));
    expect((await program.ended).code).toBe(1);
    expect(program.out() + program.err()).toMatch(/DATABASE_URL leads to a connection pooler .* in HOOKLINE_DATABASE_DIRECT_URL/);
    expect(await tables()).toBe(0);
  });
});

// Its key has to be owned by the user that Postgres runs as: only root can give it away.
const canSign = existsSync("/usr/bin/openssl") || inCi;
describe.runIf(isRoot && canSign && process.env["TEST_DATABASE_URL"] === undefined)("B15 TLS", { timeout: 150_000 }, () => {
  const openssl = (...args: string[]) => execFileSync("openssl", args, { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });

  test("B15 require, verify-ca and verify-full against a server with a certificate of its own CA", async () => {
    const { rows } = await admin.query<{ folder: string }>("SELECT current_setting('data_directory') AS folder");
    const home = rows[0]?.folder as string;
    const { uid, gid } = statSync(home);
    const [certificate, key] = [path.join(home, "test-server.crt"), path.join(home, "test-server.key")];
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=Test CA", "-keyout", "ca.key", "-out", "ca.crt");
    openssl(
      "req",
      "-newkey",
      "rsa:2048",
      "-nodes",
      "-subj",
      "/CN=localhost",
      "-addext",
      "subjectAltName=DNS:localhost",
      "-keyout",
      key,
      "-out",
      "server.csr",
    );
    openssl(
      "x509",
      "-req",
      "-in",
      "server.csr",
      "-CA",
      "ca.crt",
      "-CAkey",
      "ca.key",
      "-CAcreateserial",
      "-days",
      "1",
      "-copy_extensions",
      "copy",
      "-out",
      certificate,
    );
    for (const file of [certificate, key]) chownSync(file, uid, gid);
    chmodSync(key, 0o600);
    undo.push(async () => {
      for (const setting of ["ssl", "ssl_cert_file", "ssl_key_file"]) await admin.query(`ALTER SYSTEM RESET ${setting}`);
      await admin.query("SELECT pg_reload_conf()");
    });
    await admin.query(`ALTER SYSTEM SET ssl_cert_file = '${certificate}'`);
    await admin.query(`ALTER SYSTEM SET ssl_key_file = '${key}'`);
    await admin.query("ALTER SYSTEM SET ssl = on");
    await admin.query("SELECT pg_reload_conf()");
    await expect.poll(async () => (await admin.query("SHOW ssl")).rows[0]).toEqual({ ssl: "on" });

    const url = (host: string, parameters: string) => {
      const whole = new URL(server);
      [whole.hostname, whole.pathname, whole.search] = [host, `/${database}`, parameters];
      return whole.href;
    };
    const ca = `sslrootcert=${encodeURIComponent(path.join(folder, "ca.crt"))}`;
    for (const [host, parameters] of [
      ["127.0.0.1", "sslmode=require"],
      ["127.0.0.1", `sslmode=require&${ca}`],
      ["127.0.0.1", `sslmode=verify-ca&${ca}`],
      ["localhost", `sslmode=verify-full&${ca}`],
    ] as const) {
      const program = start(url(host, parameters));
      await program.up();
      const sessions = await admin.query<{ ssl: boolean }>(
        "SELECT s.ssl FROM pg_stat_ssl s JOIN pg_stat_activity a ON a.pid = s.pid WHERE a.datname = $1",
        [database],
      );
      expect(sessions.rows.length).toBeGreaterThan(0);
      expect(sessions.rows.every(({ ssl }) => ssl)).toBe(true);
      expect(await program.stop()).toBe(0);
    }
    // Neither a name that the certificate does not have, nor a CA that nobody named.
    for (const [host, parameters] of [
      ["127.0.0.1", `sslmode=verify-full&${ca}`],
      ["localhost", "sslmode=verify-full"],
      ["localhost", "sslmode=prefer"],
    ] as const) {
      const program = start(url(host, parameters));
      await program.until(() => /certificate|altname|sslmode/i.test(program.err()) || program.child.exitCode !== null);
      program.child.kill("SIGTERM");
      await program.ended;
      expect(program.out()).not.toMatch(/GraphQL/);
      expect(program.err()).toMatch(/certificate|altname|sslmode/i);
      expect(program.err()).not.toContain(decodeURIComponent(server.password));
    }
  });
});
