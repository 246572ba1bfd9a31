/**
 * Writes src/web/graphql/graphql-env.d.ts, the types gql.tada infers the dashboard's documents from, out of schema.graphql.
 * `node scripts/web-types.ts --check` only compares, for CI.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { minifyIntrospection, outputIntrospectionFile } from "@gql.tada/internal";
import { buildSchema, introspectionFromSchema } from "graphql";

const TARGET = new URL("../src/web/graphql/graphql-env.d.ts", import.meta.url);
const source = process.argv.slice(2).find((argument) => !argument.startsWith("--")) ?? new URL("../schema.graphql", import.meta.url);

const introspection = introspectionFromSchema(buildSchema(readFileSync(source, "utf8")), { descriptions: false });
const minified = minifyIntrospection({ ...introspection, name: undefined } as Parameters<typeof minifyIntrospection>[0]);
const text = await outputIntrospectionFile(minified, { fileType: ".d.ts", shouldPreprocess: true });

if (process.argv.includes("--check")) {
  if (readFileSync(TARGET, "utf8") !== text) {
    console.error("src/web/graphql/graphql-env.d.ts is not what schema.graphql says: run `node scripts/web-types.ts`");
    process.exitCode = 1;
  }
} else {
  writeFileSync(TARGET, text);
}
