/** The schema as a whole: described throughout, printed in schema.graphql, and shaped as the contract says. */
import { readFileSync } from "node:fs";
import {
  type GraphQLField,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
  isUnionType,
  lexicographicSortSchema,
  printSchema,
} from "graphql";
import { expect, test } from "vitest";
import { schema } from "../../src/api/graphql/schema.ts";

const types = Object.values(schema.getTypeMap()).filter((type) => !type.name.startsWith("__"));
const BUILT_IN = new Set(["Boolean", "Float", "ID", "Int", "String"]);

test("every type, field, argument, input field and enum value has a description", () => {
  const silent: string[] = [];
  const look = (name: string, { description }: { description?: string | null | undefined }) => {
    if (!description?.trim()) silent.push(name);
  };
  for (const type of types) {
    if (!BUILT_IN.has(type.name)) look(type.name, type);
    if (isObjectType(type) || isInterfaceType(type)) {
      for (const field of Object.values(type.getFields()) as GraphQLField<unknown, unknown>[]) {
        look(`${type.name}.${field.name}`, field);
        for (const arg of field.args) look(`${type.name}.${field.name}(${arg.name})`, arg);
      }
    } else if (isInputObjectType(type)) {
      for (const field of Object.values(type.getFields())) look(`${type.name}.${field.name}`, field);
    } else if (isEnumType(type)) {
      for (const value of type.getValues()) look(`${type.name}.${value.name}`, value);
    }
  }
  expect(silent).toEqual([]);
});

test("schema.graphql is what the builder says", () => {
  const printed = readFileSync(new URL("../../schema.graphql", import.meta.url), "utf8");
  expect(printed).toBe(`${printSchema(lexicographicSortSchema(schema))}\n`);
});

test("every mutation is name(input: NameInput!): NameResult!, a union with the typed errors", () => {
  for (const field of Object.values(schema.getMutationType()?.getFields() ?? {})) {
    const title = field.name.slice(0, 1).toUpperCase() + field.name.slice(1);
    expect(field.args.map((arg) => `${arg.name}: ${arg.type}`)).toEqual([`input: ${title}Input${field.name === "signOut" ? "" : "!"}`]);
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
