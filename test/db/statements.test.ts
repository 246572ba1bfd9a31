/** Every statement of the hot path is prepared on the real tables: what it takes and gives is what its declaration says. */
import { readdir } from "node:fs/promises";
import path from "node:path";
import { pathToFileURL } from "node:url";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { RowShape, Statement } from "../../src/db/statement.ts";
import { statement } from "../../src/db/statement.ts";
import { createTestDatabase, type TestDatabase } from "../helpers/database.ts";

const SRC = path.resolve(import.meta.dirname, "../../src");

type Any = Statement<RowShape>;
const isStatement = (value: unknown): value is Any =>
  typeof value === "object" && value !== null && "name" in value && "text" in value && "row" in value && "rows" in value;

let database: TestDatabase;
let client: pg.Client;
const found: { file: string; statement: Any }[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
  const files = (await readdir(SRC, { recursive: true })).filter(
    (file) => /(^|\/)(sql\/[a-z-]+|db\/epoch)\.ts$/.test(file) && !file.includes("generated"),
  );
  for (const file of files.sort()) {
    const module = (await import(/* @vite-ignore */ pathToFileURL(path.join(SRC, file)).href)) as Record<string, unknown>;
    for (const value of Object.values(module)) if (isStatement(value)) found.push({ file, statement: value });
  }
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
  if (declared.length === 0) return [];
  const wrong: string[] = [];
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

test("each is prepared, and its columns have the declared types", async () => {
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
  await expect(differences(statement({ name: "no-table", text: "SELECT 1 FROM nowhere", row: {} }) as unknown as Any)).rejects.toThrow(
    /nowhere/,
  );
});
