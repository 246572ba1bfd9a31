/** Statements that another transaction stands in the way of, on a real Postgres: tried again, then 503, never 500. */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { problemOf } from "../../src/api/problem.ts";
import { isUnavailable } from "../../src/db/unavailable.ts";
import { createLog } from "../../src/observe/log.ts";
import { type TestCore, testCore } from "../helpers/database.ts";

let t: TestCore;

beforeAll(async () => {
  t = await testCore();
  // A sequence is not rolled back: it counts the tries.
  await t.asServer("CREATE SEQUENCE tries; GRANT ALL ON SEQUENCE tries TO PUBLIC");
  await t.asServer(
    `CREATE FUNCTION in_the_way(tries_in_vain int, code text) RETURNS bigint LANGUAGE plpgsql AS $$
     DECLARE try bigint := nextval('tries');
     BEGIN
       IF try <= tries_in_vain THEN RAISE EXCEPTION 'another transaction is in the way' USING ERRCODE = code; END IF;
       RETURN try;
     END $$`,
  );
});
beforeEach(async () => {
  await t.asServer("ALTER SEQUENCE tries RESTART");
});
afterAll(() => t.close());

const tries = async () => (await t.core.db.pool.query<{ n: number }>("SELECT last_value AS n FROM tries")).rows[0]?.n;

const ways: [name: string, run: (inVain: number, code: string) => Promise<unknown>][] = [
  ["the hot pool", (inVain, code) => t.core.db.pool.query("SELECT in_the_way($1, $2)", [inVain, code])],
  ["Prisma", (inVain, code) => t.core.db.unscoped.$queryRawUnsafe("SELECT in_the_way($1::int, $2::text)", inVain, code)],
];
const cases = ways.flatMap(([name, run]) => ["40001", "40P01", "55P03"].map((code) => [name, code, run] as const));

test.each(cases)("B11 %s: %s is tried again until it is gone", async (_name, code, run) => {
  await run(3, code);
  expect(await tries()).toBe(4);
});

test.each(cases)("B11 %s: %s that stays is told as 503 with Retry-After", async (_name, code, run) => {
  const error: unknown = await run(1_000, code).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(await tries()).toBe(5);
  expect(problemOf(error, createLog(t.core.config))).toMatchObject({ status: 503, headers: { "retry-after": expect.any(String) } });
});

test("B11 a deadlock of two transactions fails one of them, as 503 and not as 500", async () => {
  const { transaction } = t.core.db;
  await t.asServer("CREATE TABLE pair (id int PRIMARY KEY, n int); GRANT ALL ON pair TO PUBLIC; INSERT INTO pair VALUES (1, 0), (2, 0)");
  const both = Promise.withResolvers<void>();
  let holding = 0;
  const lockInTurn = (first: number, second: number) =>
    transaction(async (client) => {
      await client.query("UPDATE pair SET n = n + 1 WHERE id = $1", [first]);
      if (++holding === 2) both.resolve();
      await both.promise;
      await client.query("UPDATE pair SET n = n + 1 WHERE id = $1", [second]);
    });
  const ended = await Promise.allSettled([lockInTurn(1, 2), lockInTurn(2, 1)]);
  const failed = ended.filter((each) => each.status === "rejected");
  expect(failed).toHaveLength(1);
  expect(failed[0]?.reason).toMatchObject({ code: "40P01" });
  expect(isUnavailable(failed[0]?.reason)).toBe(true);
  expect((await t.core.db.pool.query("SELECT n FROM pair ORDER BY id")).rows).toEqual([{ n: 1 }, { n: 1 }]);
});
