/** What goes to Postgres in binary form means what it meant, and what has another type than its cast is Postgres's to refuse. */
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type RowShape, type Statement, statement } from "../../src/db/statement.ts";
import { type TestCore, testCore } from "../helpers/database.ts";

let t: TestCore;
beforeAll(async () => {
  t = await testCore();
});
afterAll(() => t?.close());

const ID = "0192f0c1-7f3e-7abc-8def-0123456789ab";
const MOMENT = new Date("2026-11-27T23:59:59.123Z");
const VALUES: Record<string, readonly unknown[]> = {
  "uuid[]": [ID, null, "ffffffff-ffff-ffff-ffff-ffffffffffff", "00000000-0000-0000-0000-000000000000"],
  "text[]": ["", null, 'with "quotes", {braces}, \\ and NULL', "NULL", "äöü 😀 \u0001\r\n\t", "x".repeat(70_000)],
  "bool[]": [true, null, false],
  "int4[]": [0, null, -1, 2_147_483_647, -2_147_483_648],
  "int8[]": [0, null, -1, 4_294_967_296, -4_294_967_297, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER],
  "float8[]": [0, null, -1.5, 0.1, 1e300, Number.POSITIVE_INFINITY],
  "timestamptz[]": [MOMENT, null, new Date(0), new Date("1969-12-31T23:59:59.999Z"), new Date("+010000-01-01T00:00:00.001Z")],
  "jsonb[]": ['{"a":[1,"\\u00e4",null]}', null, '"text"', "1"],
  "bytea[]": [Buffer.from([0, 255, 92, 34]), null, Buffer.alloc(0)],
};
/** How node-postgres reads what is not as it was written. */
const READ: Record<string, (value: unknown) => unknown> = {
  "jsonb[]": (value) => (value === null ? null : JSON.parse(value as string)),
  "int8[]": (value) => (value === null ? null : String(value)),
};

/** One statement for each type: the array as it came, its length, and the first that is null. */
const echoes = new Map(
  Object.keys(VALUES).map((type) => {
    const row = { back: type, length: "int4" } as unknown as RowShape;
    const text = `SELECT $1::${type} AS back, cardinality($1::${type}) AS length`;
    return [type, statement({ name: `echo-${type.replace("[]", "s")}`, text, row })];
  }),
);
type Row = { back: unknown[]; length: number };
async function bothWays(echo: Statement<RowShape>, values: readonly unknown[]): Promise<Row[]> {
  const alone = (await echo.rows(t.core.db.pool, [values])) as unknown as Row[];
  const came = await t.core.db.together(() => [{ statement: echo, values: [values] }]);
  return [...alone, ...((came[0]?.rows ?? []) as unknown as Row[])];
}

test.each(Object.entries(VALUES))("%s: each value comes back, alone and together, also of an empty array", async (type, values) => {
  const echo = echoes.get(type) as Statement<RowShape>;
  const expected = values.map(READ[type] ?? ((value) => value));
  for (const row of await bothWays(echo, values)) expect(row).toEqual({ back: expected, length: values.length });
  for (const row of await bothWays(echo, [])) expect(row).toEqual({ back: [], length: 0 });
});

test("any text comes back, halves of surrogate pairs as U+FFFD", async () => {
  const echo = echoes.get("text[]") as Statement<RowShape>;
  const texts = fc.array(
    fc.string({ unit: "binary" }).map((text) => text.replaceAll("\0", "")),
    { maxLength: 20 },
  );
  await fc.assert(
    fc.asyncProperty(texts, async (values) => {
      for (const row of await bothWays(echo, values)) expect(row.back).toEqual(values.map((value) => value.toWellFormed()));
    }),
    { numRuns: 30 },
  );
});

test("values of an enum go by their names", async () => {
  const states = statement({
    name: "echo-states",
    text: "SELECT s AS state FROM unnest($1::webhook_request_state[]) AS s",
    row: { state: "enum:webhook_request_state?" },
  });
  const values = ["PENDING", null, "DELIVERED"];
  const came = await t.core.db.together(() => [{ statement: states as unknown as Statement<RowShape>, values: [values] }]);
  expect(came[0]?.rows.map((row) => row["state"])).toEqual(values);
});

test.each([
  ["int4[]", [1.5], "22P02"],
  ["int4[]", [2_147_483_648], "22003"],
  ["int8[]", ["9223372036854775808"], "22003"],
  ["uuid[]", ["no-uuid"], "22P02"],
  ["text[]", ["with \0"], "22021"],
  ["jsonb[]", ["{"], "22P02"],
  ["timestamptz[]", [new Date(Number.NaN)], "22007"],
])("%s of %j is refused by Postgres", async (type, values, code) => {
  const echo = echoes.get(type) as Statement<RowShape>;
  await expect(echo.rows(t.core.db.pool, [values])).rejects.toMatchObject({ code });
  await expect(t.core.db.together(() => [{ statement: echo, values: [values] }])).rejects.toMatchObject({ code });
});

test("when one of several fails nothing of them is kept, and the connection goes on", async () => {
  const made = statement({
    name: "make-rate-bucket",
    text: "INSERT INTO rate_bucket (key, window_ends_at) VALUES ($1::text, now()) RETURNING key",
    row: { key: "text" },
  }) as unknown as Statement<RowShape>;
  const failing = statement({
    name: "fail-on-purpose",
    text: "SELECT ($1::text)::int4 AS n",
    row: { n: "int4" },
  }) as unknown as Statement<RowShape>;
  const both = () => [
    { statement: made, values: ["kept"] },
    { statement: failing, values: ["no number"] },
  ];
  for (const _ of [1, 2]) await expect(t.core.db.together(both)).rejects.toMatchObject({ code: "22P02" });
  expect(await t.core.db.unscoped.rateBucket.count({ where: { key: "kept" } })).toBe(0);
  const came = await t.core.db.together(() => [
    { statement: made, values: ["kept"] },
    { statement: failing, values: ["7"] },
  ]);
  expect(came).toEqual([
    { rows: [{ key: "kept" }], count: 1 },
    { rows: [{ n: 7 }], count: 1 },
  ]);
});
