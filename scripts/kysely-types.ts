/**
 * `npm run schema` writes src/db/kysely-types.ts, the tables as queries read them, from prisma/schema.prisma;
 * with `--check` it fails when the two differ. int8 is a number here, as src/db/client.ts reads it.
 */
import { readFile, writeFile } from "node:fs/promises";

const SOURCE = new URL("../prisma/schema.prisma", import.meta.url);
const TARGET = new URL("../src/db/kysely-types.ts", import.meta.url);

const SCALARS: Readonly<Record<string, string>> = {
  String: "string",
  Int: "number",
  BigInt: "number",
  Float: "number",
  Boolean: "boolean",
  DateTime: "Date",
  Json: "unknown",
  Bytes: "Buffer",
  Decimal: "string",
};

const source = await readFile(SOURCE, "utf8");
const blocks = [...source.matchAll(/^(enum|model) (\w+) \{\n([\s\S]*?)^\}/gm)].map(([, kind, name, body]) => ({
  kind,
  name: name as string,
  lines: (body as string).split("\n").map((line) => line.trim()),
}));
const enums = new Map(
  blocks
    .filter(({ kind }) => kind === "enum")
    .map(({ name, lines }) => [name, lines.filter((line) => /^\w+$/.test(line)).map((value) => `"${value}"`)]),
);

function columnOf(line: string): string | undefined {
  const found = /^(\w+)\s+(\w+)(\?|\[\])?(.*)$/.exec(line);
  if (!found) return undefined;
  const [, field, type, mark, rest] = found as unknown as [string, string, string, string | undefined, string];
  const base = SCALARS[type] ?? enums.get(type)?.join(" | ");
  if (base === undefined) return undefined;
  const column = /@map\("(\w+)"\)/.exec(rest)?.[1] ?? field;
  const array = enums.has(type) ? `(${base})[]` : `${base}[]`;
  return `  ${column}: ${mark === "[]" ? array : mark === "?" && base !== "unknown" ? `${base} | null` : base};`;
}

const tables = blocks
  .filter(({ kind }) => kind === "model")
  .map(({ name, lines }) => ({
    name,
    table: lines.map((line) => /^@@map\("(\w+)"\)/.exec(line)?.[1]).find(Boolean) ?? name,
    columns: lines.filter((line) => !/^(\/\/|@@)/.test(line)).flatMap((line) => columnOf(line) ?? []),
  }));

const text = `/** Made by \`npm run schema\` from prisma/schema.prisma: the tables as queries read them. */
${tables.map(({ name, columns }) => `\nexport interface ${name}Table {\n${columns.join("\n")}\n}\n`).join("")}
export interface Tables {
${tables.map(({ name, table }) => `  ${table}: ${name}Table;`).join("\n")}
}
`;

if (!process.argv.includes("--check")) await writeFile(TARGET, text);
else if ((await readFile(TARGET, "utf8").catch(() => "")) !== text) {
  console.error("src/db/kysely-types.ts is not what schema.prisma says: run `npm run schema` and commit the result");
  process.exitCode = 1;
}
