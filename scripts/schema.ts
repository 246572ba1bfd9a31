/** `npm run schema` writes schema.graphql as the builder says; `npm run schema:check` fails when the two differ. */
import { readFile, writeFile } from "node:fs/promises";
import { lexicographicSortSchema, printSchema } from "graphql";
import { schema } from "../src/api/graphql/schema.ts";

const TARGET = new URL("../schema.graphql", import.meta.url);
const text = `${printSchema(lexicographicSortSchema(schema))}\n`;

if (!process.argv.includes("--check")) await writeFile(TARGET, text);
else if ((await readFile(TARGET, "utf8").catch(() => "")) !== text) {
  console.error("schema.graphql is not what the builder says: run `npm run schema` and commit the result");
  process.exitCode = 1;
}
