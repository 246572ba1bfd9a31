/** Every statement of the hot path is prepared on the real tables: what it takes and gives is what its declaration says. */
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { statement } from "../../src/db/statement.ts";
import { createTestDatabase, type TestDatabase } from "../helpers/database.ts";
import { type AnyStatement as Any, allStatements } from "./all-statements.ts";

let database: TestDatabase;
let client: pg.Client;
let found: { file: string; statement: Any }[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
  found = await allStatements();
});
afterAll(async () => {
  await client?.end();
  await database?.drop();
});

/** What Postgres calls the types that statements name. */
const OIDS: Record<string, string> = {
  ...{ uuid: "uuid", text: "text", bool: "boolean", int4: "integer", int8: "bigint", float8: "double precision" },
  ...{ timestamptz: "timestamp with time zone", jsonb: "jsonb", bytea: "bytea" },
};

/** What a text that casts each parameter says they are; a parameter that is used twice is cast alike. */
function declaredParameters(text: string): Map<number, Set<string>> {
  const casts = new Map<number, Set<string>>();
  for (const [, number, type] of text.matchAll(/\$(\d+)::([a-z_0-9]+(?:\[\])?)/g)) {
    const bare = (type as string).replace("[]", "");
    const name = (OIDS[bare] ?? ALIASES[bare] ?? bare) + ((type as string).endsWith("[]") ? "[]" : "");
    casts.set(Number(number), (casts.get(Number(number)) ?? new Set()).add(name));
  }
  return casts;
}
/** Short names of types in casts. */
const ALIASES: Record<string, string> = { int: "integer", bigint: "bigint", float: "double precision", boolean: "boolean", json: "json" };

/** Differences between what is declared and what Postgres says. */
async function differences({ name, text, row }: Any): Promise<string[]> {
  const prepared = `check_${name.replaceAll("-", "_")}`;
  await client.query(`PREPARE ${prepared} AS ${text}`);
  const { rows } = await client.query<{ parameters: string[]; results: string[] | null }>(
    "SELECT parameter_types::text[] AS parameters, result_types::text[] AS results FROM pg_prepared_statements WHERE name = $1",
    [prepared],
  );
  await client.query(`DEALLOCATE ${prepared}`);
  const results = rows[0]?.results ?? [];
  const declared = Object.entries(row);
  const wrong: string[] = [];
  const casts = declaredParameters(text);
  for (const [i, type] of (rows[0]?.parameters ?? []).entries()) {
    const said = [...(casts.get(i + 1) ?? [])];
    if (said.length !== 1 || said[0] !== type)
      wrong.push(`${name} $${i + 1} is ${type}, its text casts it to ${said.join(" and ") || "nothing"}`);
  }
  if (declared.length === 0) return wrong;
  if (results.length !== declared.length) wrong.push(`${name} gives ${results.length} columns, ${declared.length} are declared`);
  for (const [i, [column, type]] of declared.entries()) {
    const bare = type.replace(/\?$/, "");
    const expected = bare.startsWith("enum:")
      ? bare.slice("enum:".length)
      : bare.endsWith("[]")
        ? `${OIDS[bare.slice(0, -2)]}[]`
        : OIDS[bare];
    if (results[i] !== expected) wrong.push(`${name}.${column} is ${results[i]}, declared as ${type}`);
  }
  return wrong;
}

test("each is prepared, and its parameters and columns have the declared types", async () => {
  expect(found.length).toBeGreaterThan(40);
  const wrong: string[] = [];
  for (const { file, statement: one } of found) {
    wrong.push(...(await differences(one).catch((error: Error) => [`${file} ${one.name}: ${error.message}`])));
  }
  expect(wrong).toEqual([]);
});

test("names are unique: Postgres keeps a prepared statement under its name", () => {
  const names = found.map(({ statement: one }) => one.name);
  expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
});

test("the check can fail", async () => {
  expect(
    await differences(statement({ name: "wrong-type", text: "SELECT 1::int8 AS n", row: { n: "int4" } }) as unknown as Any),
  ).toHaveLength(1);
  expect(
    await differences(statement({ name: "no-cast", text: "SELECT id FROM lane WHERE id = $1", row: { id: "uuid" } }) as unknown as Any),
  ).toEqual(["no-cast $1 is uuid, its text casts it to nothing"]);
  await expect(differences(statement({ name: "no-table", text: "SELECT 1 FROM nowhere", row: {} }) as unknown as Any)).rejects.toThrow(
    /nowhere/,
  );
});
