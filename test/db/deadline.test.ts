/** B34: what transactionUntil gave up is never written, whoever gets its connection next. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type Database, openDatabase, type PoolClient } from "../../src/db/client.ts";
import { transactionUntil } from "../../src/db/deadline.ts";
import { TimedOutError, UnavailableError } from "../../src/errors.ts";
import { createTestDatabase, type TestDatabase } from "../helpers/database.ts";

let database: TestDatabase;
/** One connection: whoever waits gets the one that the other gave back. */
let db: Database;

beforeAll(async () => {
  database = await createTestDatabase();
  db = openDatabase(database.url, { poolSize: 1 });
  await db.pool.query("CREATE TABLE written (name text PRIMARY KEY)");
});
afterAll(async () => {
  await db?.close();
  await database?.drop();
});
beforeEach(() => db.pool.query("TRUNCATE written"));

const write = (name: string) => (client: PoolClient) => client.query("INSERT INTO written (name) VALUES ($1)", [name]);
const written = async () => (await db.pool.query<{ name: string }>("SELECT name FROM written ORDER BY name")).rows.map((row) => row.name);

/** Holds the only connection until told. */
async function occupy(): Promise<() => void> {
  const client = await db.pool.connect();
  return () => client.release();
}

test("B34 a connection that comes after the deadline is not touched: others' commits do not write what was given up", async () => {
  const free = await occupy();
  let ran = 0;
  const late = transactionUntil(db, 200, (client) => {
    ran += 1;
    return write("late")(client);
  });
  await expect(late).rejects.toBeInstanceOf(UnavailableError);
  free();
  for (const name of ["a", "b", "c"]) await db.transaction(write(name));
  expect(await written()).toEqual(["a", "b", "c"]);
  expect(ran).toBe(0);
});

test("B34 a statement that is in flight at the deadline is rolled back, and so is what stood before it", async () => {
  const late = transactionUntil(db, 200, async (client) => {
    await write("before")(client);
    await client.query("SELECT pg_sleep(1)");
    await write("after")(client);
  });
  await expect(late).rejects.toBeInstanceOf(UnavailableError);
  await db.transaction(write("next"));
  expect(await written()).toEqual(["next"]);
});

test("B34 work of ours that goes on after the deadline reaches no connection", async () => {
  const after = Promise.withResolvers<unknown>();
  const late = transactionUntil(db, 200, async (client) => {
    await write("before")(client);
    await sleep(400);
    await write("after")(client).then(after.resolve, after.resolve);
  });
  await expect(late).rejects.toBeInstanceOf(TimedOutError);
  await db.transaction(write("next"));
  expect(await after.promise).toBeInstanceOf(Error);
  expect(await written()).toEqual(["next"]);
});

test("B34 a thread that is kept busy past the deadline commits nothing", async () => {
  const late = transactionUntil(db, 100, async (client) => {
    await write("busy")(client);
    for (const until = performance.now() + 200; performance.now() < until; );
  });
  await expect(late).rejects.toBeInstanceOf(TimedOutError);
  expect(await written()).toEqual([]);
});

test("B34 many at once on one connection: exactly those that were answered with success are there", async () => {
  const names = Array.from({ length: 40 }, (_, i) => `n${String(i).padStart(2, "0")}`);
  const results = await Promise.allSettled(
    names.map((name) =>
      transactionUntil(db, 120, async (client) => {
        await write(name)(client);
        await client.query("SELECT pg_sleep(0.015)");
      }),
    ),
  );
  await db.transaction(write("z"));
  const succeeded = names.filter((_, i) => results[i]?.status === "fulfilled");
  expect(succeeded.length).toBeGreaterThan(0);
  expect(succeeded.length).toBeLessThan(names.length);
  expect(await written()).toEqual([...succeeded, "z"]);
});

test("a statement that failed and was let pass does not end as a success", async () => {
  const swallow = async (client: PoolClient) => {
    await write("first")(client);
    await client.query("SELECT 1/0").catch(() => undefined);
  };
  await expect(db.transaction(swallow)).rejects.toBeInstanceOf(UnavailableError);
  await expect(transactionUntil(db, 2_000, swallow)).rejects.toBeInstanceOf(UnavailableError);
  expect(await written()).toEqual([]);
});
