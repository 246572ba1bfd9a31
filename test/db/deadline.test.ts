/** A transaction with a deadline, on a real Postgres: whatever moment the deadline passes, the answer is the truth. */
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Database, openDatabase } from "../../src/db/client.ts";
import { transactionUntil } from "../../src/db/deadline.ts";
import { TimedOutError, UnavailableError } from "../../src/errors.ts";
import { createTestDatabase, type TestDatabase } from "../helpers/database.ts";

let database: TestDatabase;
let db: Database;

beforeAll(async () => {
  database = await createTestDatabase();
  db = openDatabase(database.url, { poolSize: 1 });
  await db.pool.query("CREATE TABLE promise (id int, part int, PRIMARY KEY (id, part))");
});
afterAll(async () => {
  await db?.close();
  await database?.drop();
});

let last = 0;
const insert = "INSERT INTO promise VALUES ($1, $2)";

const written = async () => {
  const { rows } = await db.pool.query<{ id: number; parts: number }>("SELECT id, count(*)::int AS parts FROM promise GROUP BY id");
  return new Map(rows.map(({ id, parts }) => [id, parts]));
};

/** The pool's only connection is busy for so long. */
async function occupy(ms: number): Promise<void> {
  const client = await db.pool.connect();
  await sleep(ms);
  client.release();
}

const ended = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => "done",
    (error: unknown) => error,
  );

test("B34 whenever the deadline passes, what failed is never written and what is done always is", { timeout: 120_000 }, async () => {
  const delay = (max: number) => fc.integer({ min: 0, max });
  const outcomes = new Set<string>();
  await fc.assert(
    fc.asyncProperty(
      delay(30),
      fc.array(fc.record({ ms: fc.integer({ min: 1, max: 40 }), ours: delay(12), theirs: delay(12) }), { minLength: 1, maxLength: 4 }),
      async (occupied, transactions) => {
        const busy = occupy(occupied);
        const answers = await Promise.all(
          transactions.map(async ({ ms, ours, theirs }) => {
            const id = ++last;
            const answer = await ended(
              transactionUntil(db, ms, async (client) => {
                await client.query(insert, [id, 1]);
                await sleep(ours);
                await client.query("SELECT pg_sleep($1::float8 / 1000)", [theirs]);
                await client.query(insert, [id, 2]);
              }),
            );
            return { id, answer };
          }),
        );
        await busy;
        // Somebody else's, on whatever connection was left behind.
        const other = ++last;
        await db.transaction((client) => client.query(insert, [other, 1]));
        const found = await written();
        expect(found.get(other)).toBe(1);
        for (const { id, answer } of answers) {
          outcomes.add(answer === "done" ? "done" : (answer as Error).name);
          if (answer === "done") expect(found.get(id)).toBe(2);
          else {
            expect(answer).toSatisfy((error) => error instanceof TimedOutError || error instanceof UnavailableError || isCancelled(error));
            expect(found.has(id)).toBe(false);
          }
        }
      },
    ),
    { numRuns: 120 },
  );
  // The delays reach both sides of the deadline.
  expect([...outcomes].sort()).toEqual(expect.arrayContaining(["UnavailableError", "done"]));
  // Nor is anything written later, by a session that was cut.
  const before = await written();
  const others =
    "SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()";
  await expect.poll(async () => (await db.pool.query(others)).rows, { timeout: 10_000 }).toEqual([{ n: 0 }]);
  expect(await written()).toEqual(before);
});

/** The server's own clock was the first to give up. */
const isCancelled = (error: unknown) => (error as { code?: unknown }).code === "57014";

test("B34 what waits for a connection when the deadline passes never begins, and leaves the connection as it was", async () => {
  const busy = occupy(120);
  let began = false;
  const answer = await ended(
    transactionUntil(db, 20, async (client) => {
      began = true;
      await client.query(insert, [++last, 1]);
    }),
  );
  expect(answer).toBeInstanceOf(UnavailableError);
  await busy;
  const { rows } = await db.pool.query("SELECT pg_current_xact_id_if_assigned() AS id, now() = statement_timestamp() AS alone");
  expect(rows).toEqual([{ id: null, alone: true }]);
  expect(began).toBe(false);
});

test("B34 work that goes on after its deadline cannot write any more", async () => {
  const id = ++last;
  const late = Promise.withResolvers<unknown>();
  const answer = await ended(
    transactionUntil(db, 30, async (client) => {
      await sleep(80);
      late.resolve(await ended(client.query(insert, [id, 1])));
    }),
  );
  expect(answer).toBeInstanceOf(TimedOutError);
  expect(await late.promise).toBeInstanceOf(TimedOutError);
  expect((await written()).has(id)).toBe(false);
});

test("B34 a transaction that Postgres rolled back is never answered as done", async () => {
  const id = ++last;
  const answer = await ended(
    transactionUntil(db, 5_000, async (client) => {
      await client.query(insert, [id, 1]);
      // Swallowed: COMMIT then rolls back, and says so in its tag only.
      await ended(client.query("SELECT 1 / 0"));
    }),
  );
  expect(answer).toBeInstanceOf(Error);
  expect((await written()).has(id)).toBe(false);
});

test("B34 a client that was kept sends nothing after the end of its transaction", async () => {
  const id = ++last;
  let kept: { query(text: string, values: unknown[]): Promise<unknown> } | undefined;
  expect(
    await ended(
      transactionUntil(db, 5_000, async (client) => {
        kept = client as unknown as typeof kept;
        await client.query(insert, [id, 1]);
      }),
    ),
  ).toBe("done");
  expect(await ended(kept?.query(insert, [id, 2]) as Promise<unknown>)).toBeInstanceOf(Error);
  expect((await written()).get(id)).toBe(1);
});

test("B34 a thread that is kept busy past the deadline commits nothing", async () => {
  const id = ++last;
  const answer = await ended(
    transactionUntil(db, 60, async (client) => {
      await client.query(insert, [id, 1]);
      for (const until = performance.now() + 120; performance.now() < until; );
    }),
  );
  expect(answer).toBeInstanceOf(TimedOutError);
  expect((await written()).has(id)).toBe(false);
});

test("B34 nor is a transaction without a deadline that Postgres rolled back", async () => {
  const id = ++last;
  const answer = await ended(
    db.transaction(async (client) => {
      await client.query(insert, [id, 1]);
      await ended(client.query("SELECT 1 / 0"));
    }),
  );
  expect(answer).toBeInstanceOf(Error);
  expect((await written()).has(id)).toBe(false);
});
