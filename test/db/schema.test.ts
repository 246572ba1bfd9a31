/** The catalog is what schema.prisma says: columns, types, nullability, keys. Partitions are left out: they are their tables'. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type TestCore, testCore } from "../helpers/database.ts";

interface Column {
  type: string;
  nullable: boolean;
}
interface Table {
  columns: Record<string, Column>;
  /** The primary key, then each unique one: names of columns, joined by commas. */
  primary: string;
  unique: string[];
}

const schema = readFileSync(path.resolve(import.meta.dirname, "../../prisma/schema.prisma"), "utf8");

/** What Postgres calls a type of Prisma's, unless an attribute says more. */
const TYPES: Record<string, string> = {
  ...{ String: "text", Int: "integer", BigInt: "bigint", Boolean: "boolean", Float: "double precision", Bytes: "bytea", Json: "jsonb" },
  ...{ Decimal: "numeric", DateTime: "timestamp(3) without time zone" },
};
const NATIVE: [attribute: RegExp, type: (match: RegExpExecArray) => string][] = [
  [/@db\.Uuid\b/, () => "uuid"],
  [/@db\.Timestamptz\((\d)\)/, (match) => `timestamp(${match[1]}) with time zone`],
  [/@db\.Date\b/, () => "date"],
  [/@db\.Decimal\((\d+), ?(\d+)\)/, (match) => `numeric(${match[1]},${match[2]})`],
  [/@db\.SmallInt\b/, () => "smallint"],
  [/@db\.Json\b/, () => "json"],
];

const blocks = (kind: string) =>
  [...schema.matchAll(new RegExp(`^${kind} (\\w+) \\{\\n([\\s\\S]*?)^\\}`, "gm"))].map(([, name, body]) => ({
    name: name as string,
    body: body as string,
  }));
const mapped = (body: string, name: string) => /^\s*@@map\("(\w+)"\)/m.exec(body)?.[1] ?? name;
const enums = new Map(blocks("enum").map(({ name, body }) => [name, mapped(body, name)]));

function typeOf(type: string, attributes: string): string | undefined {
  const list = type.endsWith("[]") ? "[]" : "";
  const bare = type.replace(/[?[\]]+$/, "");
  for (const [attribute, named] of NATIVE) {
    const match = attribute.exec(attributes);
    if (match) return named(match) + list;
  }
  const found = TYPES[bare] ?? enums.get(bare);
  return found === undefined ? undefined : found + list;
}

function tableOf(body: string): Table {
  const columns: Record<string, Column> = {};
  const columnOf = new Map<string, string>();
  let primary = "";
  const unique: string[] = [];
  for (const line of body.split("\n").map((each) => each.replace(/\/\/.*$/, "").trim())) {
    const field = /^(\w+)\s+(\w+(?:\[\]|\?)?)(.*)$/.exec(line);
    if (!field) continue;
    const [, name = "", type = "", attributes = ""] = field;
    const sql = typeOf(type, attributes);
    // A relation is no column.
    if (sql === undefined) continue;
    const column = /@map\("(\w+)"\)/.exec(attributes)?.[1] ?? name;
    columnOf.set(name, column);
    columns[column] = { type: sql, nullable: type.endsWith("?") };
    if (/@id\b/.test(attributes)) primary = column;
    if (/@unique\b/.test(attributes)) unique.push(column);
  }
  const names = (list: string) =>
    list
      .split(",")
      .map((each) => columnOf.get(each.trim().replace(/\(.*$/, "")))
      .join(",");
  for (const [, kind, list] of body.matchAll(/^\s*@@(id|unique)\(\[([^\]]*)\]/gm)) {
    if (kind === "id") primary = names(list as string);
    else unique.push(names(list as string));
  }
  return { columns, primary, unique: unique.sort() };
}

const declared = Object.fromEntries(blocks("model").map(({ name, body }) => [mapped(body, name), tableOf(body)]));

const CATALOG = `
  SELECT c.relname::text AS name,
    (SELECT json_object_agg(a.attname, json_build_object('type', format_type(a.atttypid, a.atttypmod), 'nullable', NOT a.attnotnull))
     FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns,
    COALESCE((SELECT json_agg(json_build_object('primary', i.indisprimary, 'columns',
        (SELECT string_agg(a.attname, ',' ORDER BY k.place) FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k (number, place)
         JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.number)))
      FROM pg_index i WHERE i.indrelid = c.oid AND i.indisunique AND i.indpred IS NULL), '[]') AS keys
  FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relname NOT LIKE '\\_%'`;

let t: TestCore;
let found: Record<string, Table>;
beforeAll(async () => {
  t = await testCore();
  const { rows } = await t.asServer(CATALOG);
  found = Object.fromEntries(
    (rows as { name: string; columns: Table["columns"]; keys: { primary: boolean; columns: string }[] }[]).map(
      ({ name, columns, keys }) => [
        name,
        {
          columns,
          primary: keys.find((key) => key.primary)?.columns ?? "",
          unique: keys
            .filter((key) => !key.primary)
            .map((key) => key.columns)
            .sort(),
        },
      ],
    ),
  );
});
afterAll(() => t.close());

test("the tables are those of the models", () => {
  expect(Object.keys(declared).length).toBeGreaterThan(30);
  expect(Object.keys(found).sort()).toEqual(Object.keys(declared).sort());
});

test.each(Object.keys(declared))("%s: columns, types, nullability and keys", (name) => {
  expect(found[name]).toEqual(declared[name]);
});

test("the reader of the schema sees what it should: a difference fails", () => {
  expect(declared["users"]?.columns["organization_id"]).toEqual({ type: "uuid", nullable: false });
  expect(declared["users"]).toMatchObject({
    primary: "id",
    unique: ["number", "organization_id,email", "organization_id,oidc_issuer,oidc_subject", "username"],
  });
  expect(declared["webhook_definition"]?.columns["retry_schedule"]).toEqual({ type: "double precision[]", nullable: false });
  expect(declared["attempt"]).toMatchObject({ primary: "organization_id,request_id,number" });
});
