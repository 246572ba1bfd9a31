/** Connections that stay open and bring nothing any more, while new ones work: a real Postgres behind a proxy. */
import { setImmediate } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { openDatabase } from "../../src/db/client.ts";
import { SessionPool } from "../../src/db/pool.ts";
import { createQueue, type JobKind } from "../../src/db/queue.ts";
import { LONG_PROFILE, POOL_PROFILE } from "../../src/db/session.ts";
import { clientConfig, SessionClient } from "../../src/db/session-client.ts";
import { type TestCore, testCore } from "../helpers/database.ts";
import { type DatabaseProxy, startProxy } from "../helpers/proxy.ts";

let t: TestCore;
let proxy: DatabaseProxy;
beforeAll(async () => {
  t = await testCore();
});
afterAll(() => t?.close());
beforeEach(async () => {
  proxy = await startProxy(t.url);
});
afterEach(() => proxy.close());

test("a statement of a pool has an answer a little after its own limit, or none; a pool without that limit is none", async () => {
  const pool = new SessionPool({ url: proxy.url, purpose: "test", max: 1, profile: { ...POOL_PROFILE, statementTimeout: 100 } });
  await pool.query("SELECT 1");
  proxy.hole();
  await expect(pool.query("SELECT 1")).rejects.toThrow("Query read timeout");
  expect((await pool.query("SELECT 2 AS two")).rows).toEqual([{ two: 2 }]);
  await pool.end();
  expect(() => new SessionPool({ url: proxy.url, purpose: "test", max: 1, profile: LONG_PROFILE })).toThrow("have a limit");
});

test("the owner's pool is whole again, though it has one connection", async () => {
  const db = openDatabase(proxy.url);
  const asked = () => db.asOwner(async (client) => (await client.query("SELECT 1 AS one")).rows);
  await asked();
  proxy.hole();
  await expect(asked()).rejects.toThrow("Query read timeout");
  expect(await asked()).toEqual([{ one: 1 }]);
  await db.close();
});

test("what is in use when connections are dropped is given up long before its limit, unless it is answered", async () => {
  const profile = { ...POOL_PROFILE, statementTimeout: 600_000 };
  const pool = new SessionPool({ url: proxy.url, purpose: "test", max: 2, profile });
  // By a server that answers others it is waited for, however long it takes.
  const slow = pool.query("SELECT pg_sleep(7), 7 AS seven");
  await pool.query("SELECT 1");
  pool.dropAll();
  // What is cut is out of the pool at once.
  expect((await pool.query("SELECT 1 AS one")).rows).toEqual([{ one: 1 }]);
  expect((await slow).rows[0]).toMatchObject({ seven: 7 });
  const answered = pool.query("SELECT pg_sleep(3), 3 AS three");
  pool.dropAll(true);
  expect((await answered).rows[0]).toMatchObject({ three: 3 });
  await pool.query("SELECT 1");
  proxy.hole();
  const lost = pool.query("SELECT 1");
  lost.catch(() => undefined);
  await setImmediate();
  pool.dropAll(true);
  await expect(lost).rejects.toThrow("Query read timeout");
  // One that ends does not wait for an answer that never comes.
  const client = await pool.connect();
  proxy.hole();
  const never = client.query("SELECT 1").finally(() => client.release(true));
  const ended = pool.end();
  await expect(never).rejects.toThrow("Query read timeout");
  await ended;
});

test("a session that ends, or is asked by itself, waits for no server that never answers", async () => {
  const client = new SessionClient(clientConfig({ url: proxy.url, purpose: "test", profile: { ...POOL_PROFILE, statementTimeout: 100 } }));
  await client.connect();
  proxy.hole();
  await expect(client.query("SELECT 1")).rejects.toThrow("Query read timeout");
  const idle = new SessionClient(clientConfig({ url: proxy.url, purpose: "test" }));
  await idle.connect();
  proxy.hole();
  await Promise.all([client.end(), idle.end()]);
});

test("what a server that shuts down says to a session that has ended is no warning", async () => {
  const heard: unknown[] = [];
  const session = async () => {
    const client = new SessionClient(clientConfig({ url: proxy.url, purpose: "test", heard: (error) => heard.push(error.code) }));
    await client.connect();
    return { client, pid: (await client.query("SELECT pg_backend_pid() AS pid")).rows[0].pid };
  };
  const [used, ended] = [await session(), await session()];
  proxy.mute();
  const end = ended.client.end();
  const closed = Promise.all([used, ended].map(({ client }) => new Promise((resolve) => client.once("end", resolve))));
  for (const { pid } of [ended, used]) await t.asServer(`SELECT pg_terminate_backend(${pid})`);
  await Promise.all([closed, end]);
  expect(heard).toEqual(["57P01"]);
});

test("jobs go on: the queue's connections are replaced as LISTEN's is", async () => {
  const kind: JobKind<{ n: number }> = { name: "half-open", payload: z.object({ n: z.number() }) };
  const queue = createQueue(proxy.url, t.core.log, { worker: true });
  await queue.start([kind]);
  const done: number[] = [];
  await queue.work(kind, async ({ n }) => done.push(n), 3);
  await queue.send(t.core.db.pool, kind, { n: 1 });
  await expect.poll(() => done).toEqual([1]);
  // All three connections are in use, and none brings its answer.
  const lost = await t.core.db.transaction(async (client) => {
    await client.query("LOCK TABLE hookline_queue.job IN ACCESS EXCLUSIVE MODE");
    const looks = Promise.allSettled([1, 2, 3].map(() => queue.takeWakes()));
    const waiting = "SELECT count(*)::int AS count FROM pg_locks WHERE NOT granted AND relation::regclass::text LIKE 'hookline_queue.job%'";
    await expect.poll(async () => (await client.query(waiting)).rows[0].count).toBeGreaterThanOrEqual(3);
    proxy.hole();
    return { looks };
  });
  // A look that is still on its way would take the job with it: that one is taken over when its process counts as dead.
  const looking =
    "SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE '% queue %' AND state <> 'idle'";
  await expect.poll(async () => (await t.asServer(looking)).rowCount).toBe(0);
  await queue.send(t.core.db.pool, kind, { n: 2 });
  // Long before the look that comes by itself, which is the next one of whoever failed just before the connections were replaced.
  await expect.poll(() => done, { timeout: 32_000 }).toEqual([1, 2]);
  expect(await lost.looks).toEqual(Array(3).fill(expect.objectContaining({ status: "rejected" })));
  // Whoever stops just then does not wait for an answer either.
  proxy.hole();
  const never = queue.takeWakes();
  never.catch(() => undefined);
  // It is on its way.
  await setImmediate();
  await queue.stop();
  await expect(never).rejects.toThrow();
});
