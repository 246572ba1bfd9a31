/** A statement that the server does not answer in time ends with its connection; on a real Postgres. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { SessionPool } from "../../src/db/pool.ts";
import { isUnavailable } from "../../src/db/unavailable.ts";
import { createTestDatabase, type TestDatabase } from "../helpers/database.ts";

const TIMEOUT_MS = 800;
let database: TestDatabase;
let pool: SessionPool;

beforeAll(async () => {
  database = await createTestDatabase();
  pool = new SessionPool({ url: database.url, purpose: "test", max: 1, answerMs: TIMEOUT_MS });
});
afterAll(async () => {
  await pool?.end();
  await database?.drop();
});

const backend = async (): Promise<number> => (await pool.query("SELECT pg_backend_pid() AS pid")).rows[0].pid;

test("B10 a statement without an answer is given up, as unavailable, and the next one has a new connection", async () => {
  const before = await backend();
  const began = performance.now();
  const error: unknown = await pool.query("SELECT pg_sleep(5)").catch((each: unknown) => each);
  expect(String(error)).toContain("Query read timeout");
  expect(isUnavailable(error)).toBe(true);
  expect(performance.now() - began).toBeGreaterThanOrEqual(TIMEOUT_MS);
  expect(performance.now() - began).toBeLessThan(4_000);
  expect(await backend()).not.toBe(before);
});

test("B10 in a transaction too: whoever holds the connection is told", async () => {
  const client = await pool.connect();
  await client.query("BEGIN");
  const error = await client.query("SELECT pg_sleep(5)").catch((each: Error) => each);
  client.release(error as Error);
  expect(String(error)).toContain("Query read timeout");
  expect(await backend()).toBeGreaterThan(0);
});

test("many statements on one connection, each answered soon, and a pause in a transaction cost it nothing", async () => {
  const client = await pool.connect();
  const { pid } = (await client.query("SELECT pg_backend_pid() AS pid")).rows[0];
  for (const until = performance.now() + 2 * TIMEOUT_MS; performance.now() < until; ) await client.query("SELECT pg_sleep(0.1)");
  await client.query("BEGIN");
  await sleep(2 * TIMEOUT_MS);
  await client.query("COMMIT");
  client.release();
  expect(await backend()).toBe(pid);
});
