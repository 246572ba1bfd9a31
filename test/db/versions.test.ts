/** PostgreSQL 15 to 18, and no other. In CI Debian's 15 has to be there; elsewhere its test runs where it is installed. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createConnection, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from "vitest";
import { mainPath } from "../helpers/main-path.ts";
import { type Receiver, startReceiver } from "../helpers/receiver.ts";
import { startOwnServer } from "./own-server.ts";
import { startOnDatabase } from "./start-on-database.ts";

const DEBIAN_15 = "/usr/lib/postgresql/15/bin";
const inCi = process.env["CI"] !== undefined;
const TOKEN = "versions-0123456789abcdefghijklmnopqrstuvwxyz";
const folder = mkdtempSync(path.join(tmpdir(), "hookline versions-"));
const undo: (() => Promise<unknown>)[] = [];
let receiver: Receiver;

beforeAll(async () => {
  receiver = await startReceiver();
});
afterEach(async () => {
  for (const each of undo.splice(0).reverse()) await each();
});
afterAll(async () => {
  await receiver?.close();
  rmSync(folder, { recursive: true, force: true });
});

const start = (url: URL) => startOnDatabase(url.href, { token: TOKEN, folder, undo });

/** An empty database on the server; @returns its URL */
async function makeDatabase(server: URL): Promise<URL> {
  const name = `hookline_version_${process.pid}_${Math.random().toString(36).slice(2)}`;
  await query(server, `CREATE DATABASE ${name}`);
  undo.push(() => query(server, `DROP DATABASE ${name} WITH (FORCE)`));
  const url = new URL(server);
  url.pathname = `/${name}`;
  return url;
}

async function query(url: URL, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url.href });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text)).rows;
  } finally {
    await client.end();
  }
}

const major = async (url: URL) => Math.floor(Number((await query(url, "SHOW server_version_num"))[0]?.["server_version_num"]) / 10_000);

async function worksOn(server: URL, name: string): Promise<void> {
  const program = start(await makeDatabase(server));
  const statuses = await mainPath({ url: await program.up(), token: TOKEN }, receiver, name);
  expect(statuses.filter((status) => status !== 202)).toEqual([]);
  expect(program.err()).toBe("");
  expect(await program.stop()).toBe(0);
}

describe.runIf(existsSync(DEBIAN_15) || inCi)("Debian's", () => {
  test("PostgreSQL 15: the main path works on an empty database", { timeout: 120_000 }, async () => {
    const server = await startOwnServer({ programs: { initdb: `${DEBIAN_15}/initdb`, postgres: `${DEBIAN_15}/postgres` } });
    undo.push(server.stop);
    expect(await major(server.url)).toBe(15);
    await worksOn(server.url, "fifteen");
  });
});

test("PostgreSQL 18: the main path works on an empty database", { timeout: 120_000 }, async () => {
  const server = await startOwnServer();
  undo.push(server.stop);
  expect(await major(server.url)).toBe(18);
  await worksOn(server.url, "eighteen");
});

/** The real server, but for the number that it says its version has: of the same length, so that no message changes its size. */
async function pretending(target: URL, version: number): Promise<URL> {
  const actual = String((await query(target, "SHOW server_version_num"))[0]?.["server_version_num"]);
  const sockets = new Set<Socket>();
  const proxy = createServer((client) => {
    const upstream = createConnection(Number(target.port), target.hostname);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => undefined);
      socket.once("close", () => sockets.delete(socket));
    }
    client.pipe(upstream);
    upstream.on("data", (chunk: Buffer) => client.write(chunk.toString("latin1").replaceAll(actual, String(version)), "latin1"));
    client.once("close", () => upstream.destroy());
    upstream.once("close", () => client.destroy());
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  undo.push(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => proxy.close(resolve));
  });
  const url = new URL(target);
  url.port = String((proxy.address() as { port: number }).port);
  return url;
}

test.each([
  [140_022, 14],
  [190_000, 19],
])("a server of version %i is refused in one sentence, and nothing is written", async (version, named) => {
  const database = await makeDatabase(new URL(inject("serverUrl")));
  const program = start(await pretending(database, version));
  expect((await program.ended).code).toBe(1);
  expect(program.err().trim()).toBe(`Hookline could not start: PostgreSQL ${named} is not supported: Hookline runs on PostgreSQL 15 to 18`);
  const tables = "SELECT count(*)::int AS n FROM pg_class WHERE relnamespace = 'public'::regnamespace";
  const schemas = "SELECT count(*)::int AS n FROM pg_namespace WHERE nspname ~ '^(hookline|pgboss)'";
  expect([await query(database, tables), await query(database, schemas)]).toEqual([[{ n: 0 }], [{ n: 0 }]]);
});
