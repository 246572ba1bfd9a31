/** The schema as a whole: printed in schema.graphql, and shaped as the contract says. Its texts: descriptions.test.ts. */
import { readFileSync } from "node:fs";
import { isUnionType, lexicographicSortSchema, printSchema } from "graphql";
import { expect, test } from "vitest";
import { schema } from "../../src/api/graphql/schema.ts";

const types = Object.values(schema.getTypeMap()).filter((type) => !type.name.startsWith("__"));

test("schema.graphql is what the builder says", () => {
  const printed = readFileSync(new URL("../../schema.graphql", import.meta.url), "utf8");
  expect(printed).toBe(`${printSchema(lexicographicSortSchema(schema))}\n`);
});

/** Two that are told the same. */
const SHARED: Record<string, string> = { planReplay: "ReplayInput", createReplay: "ReplayInput" };
/** Nothing need be said to these. */
const OPTIONAL = new Set(["signOut", "pauseAllDeliveries", "resumeAllDeliveries", "testAlert"]);

test("every mutation is name(input: NameInput!): NameResult!, a union with the typed errors", () => {
  for (const field of Object.values(schema.getMutationType()?.getFields() ?? {})) {
    const title = field.name.slice(0, 1).toUpperCase() + field.name.slice(1);
    const input = SHARED[field.name] ?? `${title}Input`;
    expect(field.args.map((arg) => `${arg.name}: ${arg.type}`)).toEqual([`input: ${input}${OPTIONAL.has(field.name) ? "" : "!"}`]);
    expect(String(field.type)).toBe(`${title}Result!`);
    const result = schema.getType(`${title}Result`);
    const members = isUnionType(result) ? result.getTypes().map((type) => type.name) : [];
    expect(members).toEqual(
      expect.arrayContaining([
        "ValidationError",
        "NotFoundError",
        "ConflictError",
        "ForbiddenError",
        "UnauthenticatedError",
        "RateLimitedError",
      ]),
    );
    expect(members).toHaveLength(7);
  }
});

test("fields that errors have are non-null wherever a result has them too", () => {
  for (const union of types.filter(isUnionType)) {
    for (const member of union.getTypes()) {
      for (const name of ["code", "message"]) {
        const field = member.getFields()[name];
        if (field) expect(`${member.name}.${name}: ${field.type}`).toBe(`${member.name}.${name}: String!`);
      }
    }
  }
});
