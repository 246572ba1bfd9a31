/** HOOKLINE_WORKERS as real processes: what a start needs, what ends it, and that nothing outlives it. */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { processesIn } from "../../src/embedded/processes.ts";
import { createTestDatabase, MASTER_KEY_TEXT, type TestDatabase } from "../helpers/database.ts";
import { startProgram } from "../helpers/program.ts";
import { startReceiver } from "../helpers/receiver.ts";
import { type Cluster, call, isRunning, makeDefinition, startCluster, until, workersOf } from "./program.ts";

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});
function newFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), "hookline cluster-"));
  folders.push(folder);
  return folder;
}

const running: Cluster[] = [];
afterEach(async () => {
  for (const cluster of running.splice(0)) if (isRunning(cluster.pid)) await cluster.stop();
});
async function start(env: Record<string, string>): Promise<Cluster> {
  const cluster = await startCluster(env);
  running.push(cluster);
  return cluster;
}
const gone = (pids: readonly number[]) => until("the end of all processes", () => !pids.some(isRunning));

describe("HOOKLINE_WORKERS with the embedded Postgres", { timeout: 300_000 }, () => {
  test("two workers serve behind one port; SIGTERM ends all of them, and the next start finds everything", async () => {
    const folder = newFolder();
    const cluster = await start({ HOOKLINE_DATA_DIR: folder, HOOKLINE_WORKERS: "2" });
    expect(cluster.out()).toContain("Hookline is up (api + worker, 2 processes)");
    expect(cluster.workers()).toHaveLength(2);
    for (let i = 0; i < 4; i++) expect((await cluster.get("/readyz")).status).toBe(200);
    expect((await cluster.emit({ type: "order.created" })).status).toBe(202);
    const pids = cluster.workers();
    expect(await cluster.stop()).toBe(0);
    expect(cluster.err()).toBe("");
    await gone(pids);
    expect(processesIn(path.join(folder, "postgres/data"))).toEqual([]);

    const again = await start({ HOOKLINE_DATA_DIR: folder, HOOKLINE_WORKERS: "3" });
    expect(again.workers()).toHaveLength(3);
    expect(await again.metric("hookline_workers")).toBe(3);
  });

  test("kill -9 of the primary takes its workers with it, and the next start has the Postgres that was left", async () => {
    const folder = newFolder();
    const cluster = await start({ HOOKLINE_DATA_DIR: folder, HOOKLINE_WORKERS: "2" });
    const pids = cluster.workers();
    await cluster.kill();
    await gone(pids);
    const again = await start({ HOOKLINE_DATA_DIR: folder, HOOKLINE_WORKERS: "2" });
    expect((await again.get("/readyz")).status).toBe(200);
    expect(await again.stop()).toBe(0);
    expect(processesIn(path.join(folder, "postgres/data"))).toEqual([]);
  });

  test("SIGTERM and kill -9 at any moment of a start leave no process behind", async () => {
    const folder = newFolder();
    for (const [i, ms] of [900, 1_500, 3_000, 5_000].entries()) {
      const program = startProgram({ HOOKLINE_DATA_DIR: folder, HOOKLINE_WORKERS: "2" });
      const pid = program.child.pid as number;
      await sleep(ms);
      const pids = workersOf(pid);
      program.child.kill(i % 2 === 0 ? "SIGTERM" : "SIGKILL");
      const { code, signal } = await program.ended;
      // A machine that is slow has not loaded its code by then, and has nothing to end either.
      const unloaded = i === 0 && signal === "SIGTERM" && pids.length === 0 && program.out() === "";
      const ended = i % 2 === 0 && !unloaded ? { code: 0, signal: null } : { code: null, signal: i === 0 ? "SIGTERM" : "SIGKILL" };
      expect({ ms, code, signal }).toEqual({ ms, ...ended });
      await gone(pids);
      if (i % 2 === 0) expect(processesIn(path.join(folder, "postgres/data")) ?? []).toEqual([]);
    }
    const cluster = await start({ HOOKLINE_DATA_DIR: folder, HOOKLINE_WORKERS: "2" });
    expect((await cluster.get("/readyz")).status).toBe(200);
  });
});

describe("HOOKLINE_WORKERS with DATABASE_URL", { timeout: 300_000 }, () => {
  let database: TestDatabase;
  let env: Record<string, string>;
  beforeEach(async () => {
    database = await createTestDatabase();
    env = {
      DATABASE_URL: database.url,
      HOOKLINE_MASTER_KEY: MASTER_KEY_TEXT,
      HOOKLINE_DATA_DIR: newFolder(),
      HOOKLINE_WORKERS: "2",
      HOOKLINE_DATABASE_POOL: "2",
    };
    return async () => {
      for (const cluster of running.splice(0)) if (isRunning(cluster.pid)) await cluster.stop();
      await database.drop();
    };
  });

  async function query<Row extends object>(text: string, values: unknown[] = []): Promise<Row[]> {
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    try {
      return (await client.query<Row>(text, values)).rows;
    } finally {
      await client.end();
    }
  }

  async function refused(changes: Record<string, string>): Promise<string> {
    const program = startProgram({ ...env, ...changes });
    const { code } = await program.ended;
    expect({ code, out: program.out() }).toEqual({ code: 1, out: "" });
    await gone(workersOf(program.child.pid as number));
    return program.err();
  }

  test("a port that is taken is refused before a worker is started", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    const { port } = taken.address() as AddressInfo;
    expect(await refused({ PORT: String(port) })).toContain(
      `Hookline could not start: listen EADDRINUSE: address already in use 127.0.0.1:${port}`,
    );
    taken.close();
  });

  test("too few connections are refused with what to set, and what is said suffices", async () => {
    const err = await refused({ HOOKLINE_WORKERS: "40", HOOKLINE_DATABASE_POOL: "10" });
    expect(err).toMatch(/Hookline could not start: HOOKLINE_WORKERS=40 with HOOKLINE_DATABASE_POOL=10 takes up to 1136 connections/);
    expect(err).toMatch(/Set HOOKLINE_WORKERS to \d+,( or HOOKLINE_DATABASE_POOL to \d+,)? or max_connections to \d+/);
  });

  test("a database that only the primary migrates: its workers find it ready", async () => {
    await query("DROP SCHEMA public CASCADE");
    await query("CREATE SCHEMA public");
    const cluster = await start({ ...env, HOOKLINE_LOG_LEVEL: "info" });
    const lines = cluster
      .err()
      .split("\n")
      .filter((line) => line.startsWith("{"))
      .map((line) => JSON.parse(line) as { msg: string; process?: string });
    expect(lines.filter(({ msg }) => /migrat/.test(msg)).map((line) => line.process)).not.toContain("worker-1");
    expect(lines.filter(({ msg }) => msg === "migrations applied")).toHaveLength(1);
    expect((await cluster.emit({ type: "order.created" })).status).toBe(202);
  });

  test("a worker that dies is replaced, and the others serve meanwhile", async () => {
    const cluster = await start(env);
    const [victim, other] = cluster.workers();
    process.kill(victim as number, "SIGKILL");
    // A connection that the victim was given and had not taken goes to the other.
    for (let i = 0; i < 10; i++) expect((await cluster.get("/readyz")).status).toBe(200);
    await until("another worker", () => cluster.workers().length === 2 && !cluster.workers().includes(victim as number));
    await until("two that serve", async () => (await cluster.metric("hookline_workers")) === 2);
    expect(cluster.workers()).toContain(other);
    expect(cluster.err()).toMatch(/"why":"it was ended by SIGKILL".*a worker died: another takes its place/);
  });

  test("one that is told to end by itself drains, and is replaced without being counted", async () => {
    const cluster = await start(env);
    for (let i = 0; i < 5; i++) {
      const before = cluster.workers();
      process.kill(before[0] as number, "SIGTERM");
      await until("two that serve", async () => !isRunning(before[0] as number) && (await cluster.metric("hookline_workers")) === 2);
    }
    expect(cluster.err()).toBe("");
  });

  test("five deaths within a minute end the primary with what the last one said", async () => {
    const receiver = await startReceiver();
    const cluster = await start(env);
    await makeDefinition(cluster, { targetUrl: receiver.url });
    // From now on no worker can start: none of the stored secrets opens.
    await query("UPDATE signing_secret SET ciphertext = '1:AAAA'");
    const pids = cluster.workers();
    process.kill(pids[0] as number, "SIGKILL");
    expect((await cluster.ended).code).toBe(1);
    expect(cluster.err()).toMatch(
      /Hookline ends: five workers died within a minute, the last one \(worker-\d\): HOOKLINE_MASTER_KEY opens none of the stored secrets/,
    );
    await gone(pids);
    await receiver.close();
  });

  test("what the first workers cannot start for is the start's own failure", async () => {
    const receiver = await startReceiver();
    const cluster = await start(env);
    await makeDefinition(cluster, { targetUrl: receiver.url });
    await cluster.stop();
    const err = await refused({ HOOKLINE_MASTER_KEY: Buffer.alloc(32, 9).toString("base64") });
    expect(err).toContain("Hookline could not start: HOOKLINE_MASTER_KEY opens none of the stored secrets");
    await receiver.close();
  });

  test("SIGTERM lets what is in flight end: /readyz says draining, the delivery is settled, exit 0", async () => {
    const slow = await startReceiver();
    slow.hold();
    const cluster = await start({ ...env, HOOKLINE_WORKERS: "3" });
    await makeDefinition(cluster, { targetUrl: slow.url, timeoutMs: 30_000 });
    await cluster.emit({ type: "order.created" });
    await slow.waitFor(1, 20_000);
    cluster.child.kill("SIGTERM");
    await sleep(100);
    slow.release();
    expect((await cluster.ended).code).toBe(0);
    expect(await query("SELECT state FROM webhook_request")).toEqual([{ state: "DELIVERED" }]);
    await slow.close();
  });

  test("a second signal ends all at once, with 1; one Ctrl-C of a terminal reaches everybody and is one", async () => {
    const slow = createHttpServer(() => undefined).listen(0, "127.0.0.1");
    await once(slow, "listening");
    const cluster = await start(env);
    await makeDefinition(cluster, { targetUrl: `http://127.0.0.1:${(slow.address() as AddressInfo).port}/`, timeoutMs: 30_000 });
    const called = once(slow, "request");
    await cluster.emit({ type: "order.created" });
    await called;
    const pids = cluster.workers();
    for (const pid of [cluster.pid, ...pids]) process.kill(pid, "SIGINT");
    await sleep(1_000);
    expect(cluster.child.exitCode).toBeNull();
    expect(pids.some(isRunning)).toBe(true);
    cluster.child.kill("SIGINT");
    expect((await cluster.ended).code).toBe(1);
    await gone(pids);
    expect(cluster.err()).toContain("SIGINT again: stopping at once");
    slow.close();
    slow.closeAllConnections();
  });

  test("a frozen worker does not keep it from ending", async () => {
    const cluster = await start({ ...env, HOOKLINE_SHUTDOWN_GRACE_MS: "1000" });
    const pids = cluster.workers();
    process.kill(pids[0] as number, "SIGSTOP");
    expect(await cluster.stop()).toBe(0);
    await gone(pids);
  });

  test("the metrics are those of all processes, and what a dead one counted stays", async () => {
    const cluster = await start({ ...env, HOOKLINE_WORKERS: "3" });
    for (let i = 0; i < 30; i++) expect((await cluster.emit({ type: "order.created" })).status).toBe(202);
    expect(await cluster.metric("hookline_http_request_seconds_count", "/v1/events")).toBe(30);
    expect(await cluster.metric("hookline_delivery")).toBe(1);
    expect(await cluster.metric("hookline_database_up")).toBe(1);
    process.kill(cluster.workers()[0] as number, "SIGKILL");
    await until("another worker", async () => (await cluster.metric("hookline_workers")) === 3);
    expect(await cluster.metric("hookline_http_request_seconds_count", "/v1/events")).toBe(30);
  });

  test("with the role worker alone all share the port of its health", async () => {
    const cluster = await start({ ...env, HOOKLINE_ROLES: "worker" });
    expect(cluster.out()).toContain("Hookline worker (2 processes): health on");
    expect((await call(cluster.url, "GET", "/readyz")).status).toBe(200);
    expect((await call(cluster.url, "POST", "/v1/events", "{}")).status).toBe(404);
  });
});
