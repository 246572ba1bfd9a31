/** B11: 40001, 40P01 and 55P03 are tried again, then they are a 503; nothing is written twice, nothing is lost. */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type Database, openDatabase, type PoolClient } from "../../src/db/client.ts";
import { transactionUntil } from "../../src/db/deadline.ts";
import { isConflict, retried } from "../../src/db/retry.ts";
import { isUnavailable } from "../../src/db/unavailable.ts";
import { UnavailableError } from "../../src/errors.ts";
import { createTestDatabase, type TestDatabase } from "../helpers/database.ts";

let database: TestDatabase;
let db: Database;

beforeAll(async () => {
  database = await createTestDatabase();
  db = openDatabase(database.url, { poolSize: 6 });
  await db.pool.query("CREATE TABLE account (id int PRIMARY KEY, balance int NOT NULL)");
});
afterAll(async () => {
  await db?.close();
  await database?.drop();
});
beforeEach(() => db.pool.query("INSERT INTO account VALUES (1, 0), (2, 0) ON CONFLICT (id) DO UPDATE SET balance = 0"));

const add = (client: PoolClient, id: number) => client.query("UPDATE account SET balance = balance + 1 WHERE id = $1", [id]);
const balances = async () => (await db.pool.query("SELECT balance FROM account ORDER BY id")).rows.map((row) => row.balance);
const failure = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  );

test("B11 transactions that read, then write, under serializable all go through, each exactly once", async () => {
  await Promise.all(
    Array.from({ length: 6 }, () =>
      db.transaction(async (client) => {
        await client.query("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE");
        const { rows } = await client.query<{ balance: number }>("SELECT balance FROM account WHERE id = 1");
        await client.query("UPDATE account SET balance = $1 WHERE id = 1", [(rows[0]?.balance ?? 0) + 1]);
      }),
    ),
  );
  expect((await balances())[0]).toBe(6);
});

/** Two transactions that lock the same two rows the other way round; they wait for each other when both hold one. */
async function deadlock(run: (work: (client: PoolClient) => Promise<void>) => Promise<unknown>): Promise<number> {
  let tries = 0;
  const bothHoldOne = [Promise.withResolvers<void>(), Promise.withResolvers<void>()] as const;
  const cross = (mine: 0 | 1) => async (client: PoolClient) => {
    tries += 1;
    await add(client, mine + 1);
    bothHoldOne[mine].resolve();
    await bothHoldOne[mine === 0 ? 1 : 0].promise;
    await add(client, 2 - mine);
  };
  await Promise.all([run(cross(0)), run(cross(1))]);
  return tries;
}

test("B11 the victim of a deadlock begins anew", async () => {
  expect(await deadlock((work) => db.transaction(work))).toBe(3);
  expect(await balances()).toEqual([2, 2]);
});

test("B11 the victim of a deadlock begins anew while its deadline allows", async () => {
  expect(await deadlock((work) => transactionUntil(db, 10_000, work))).toBe(3);
  expect(await balances()).toEqual([2, 2]);
});

test("B11 a lock that is kept: tried again, then unavailable; given back in time, nobody notices", { timeout: 40_000 }, async () => {
  const holder = await db.pool.connect();
  await holder.query("BEGIN; SET LOCAL idle_in_transaction_session_timeout = 0; UPDATE account SET balance = 10 WHERE id = 1");
  const [bare, whole, worker] = [
    failure(db.pool.query("UPDATE account SET balance = balance + 1 WHERE id = 1")),
    failure(db.transaction((client) => add(client, 1))),
    failure(db.transaction((client) => add(client, 1), "collisions")),
  ];
  expect(await worker).toMatchObject({ code: "55P03" });
  expect(await bare).toBeInstanceOf(UnavailableError);
  expect(await whole).toBeInstanceOf(UnavailableError);
  const patient = db.transaction((client) => add(client, 1));
  // Longer than one wait for a lock, shorter than two.
  const released = holder.query("SELECT pg_sleep(3.5)").then(() => holder.query("COMMIT"));
  await patient;
  await released;
  holder.release();
  expect((await balances())[0]).toBe(11);
});

test("B11 through Prisma a collision is told as one, and ends as unavailable", async () => {
  const collide = (code: string) =>
    failure(db.unscoped.$executeRawUnsafe(`DO $$ BEGIN RAISE EXCEPTION 'in the way' USING ERRCODE = '${code}'; END $$`));
  for (const code of ["40001", "40P01", "55P03"]) expect(isUnavailable(await collide(code)), code).toBe(true);
  const within = failure(
    db.unscoped.$transaction((tx) => tx.$executeRawUnsafe("DO $$ BEGIN RAISE EXCEPTION 'in the way' USING ERRCODE = '40001'; END $$")),
  );
  expect(isConflict(await within)).toBe(true);
});

test("B11 retried is bounded, waits ever longer, and passes everything else on at once", async () => {
  const run = async (error: unknown) => {
    let tries = 0;
    const thrown = await failure(
      retried(
        () => {
          tries += 1;
          return Promise.reject(error);
        },
        { random: () => 0 },
      ),
    );
    return { tries, thrown };
  };
  const conflict = Object.assign(new Error("could not serialize access"), { code: "40001" });
  const given = await run(conflict);
  expect(given.tries).toBe(5);
  expect(given.thrown).toBeInstanceOf(UnavailableError);
  expect((given.thrown as Error).cause).toBe(conflict);
  const other = Object.assign(new Error("duplicate key"), { code: "23505" });
  expect(await run(other)).toEqual({ tries: 1, thrown: other });
  const spent = new UnavailableError({ cause: conflict });
  expect(await run(spent)).toEqual({ tries: 1, thrown: spent });
});
