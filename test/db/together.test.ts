/** Transactions that travel in one message. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { statement } from "../../src/db/statement.ts";
import { type TestCore, testCore } from "../helpers/database.ts";

const LOCK = 2_718_281;
const ahead = statement({ name: "test-together-ahead", text: "SELECT $1::int4 AS n", row: { n: "int4" } });
const broken = statement({ name: "test-together-broken", text: "SELECT 1 / $1::int4 AS n", row: { n: "int4" } });
const waits = statement({
  name: "test-together-waits",
  text: "SELECT 2 AS n FROM (SELECT pg_advisory_xact_lock($1::int8)) AS held",
  row: { n: "int4" },
});

let t: TestCore;
beforeAll(async () => {
  t = await testCore();
});
afterAll(() => t?.close());

test.each([
  ["with what it came to", ahead, [{ n: 7 }]],
  ["also when it failed", broken, undefined],
] as const)("what goes ahead is told of %s while the other one still waits", async (_, first, rows) => {
  const holder = await t.core.db.pool.connect();
  await holder.query(`SELECT pg_advisory_lock(${LOCK})`);
  const told = Promise.withResolvers<unknown>();
  const came = t.core.db.together(() => [{ statement: waits, values: [LOCK] }], {
    statement: { statement: first, values: [first === broken ? 0 : 7] },
    came: (result) => told.resolve(result?.rows),
  });
  try {
    expect(await told.promise).toEqual(rows);
  } finally {
    await holder.query(`SELECT pg_advisory_unlock(${LOCK})`);
    holder.release();
  }
  expect((await came)[0]?.rows).toEqual([{ n: 2 }]);
});

test("what cannot be sent is told of, too, and a teller that fails fails the call", async () => {
  const told: unknown[] = [];
  const unsent = t.core.db.together(
    () => {
      throw new Error("not made");
    },
    { statement: { statement: ahead, values: [1] }, came: (result) => told.push(result) },
  );
  await expect(unsent).rejects.toThrow("not made");
  expect(told).toEqual([undefined]);
  const failing = t.core.db.together(() => [{ statement: ahead, values: [2] }], {
    statement: { statement: ahead, values: [1] },
    came: () => {
      throw new Error("skewed");
    },
  });
  await expect(failing).rejects.toThrow("skewed");
});
