/** Variables are read once; what an operation does with them is that of the executor's own reading. */
import { parse } from "graphql";
import { describe, expect, test } from "vitest";
import { type Executed, readVariables } from "../../../src/api/graphql/read-variables.ts";
import { schema } from "../../../src/api/graphql/schema.ts";

const AT = "2026-11-30T08:00:00.000Z";

function reading(query: string, variableValues: Record<string, unknown>): Executed & { before: Executed["document"] } {
  const before = parse(query);
  const args = { schema, document: before, variableValues, before };
  const problem = readVariables(args);
  if (problem) throw problem;
  return args;
}

describe("variables of a mutation", () => {
  const WHOLE =
    'mutation ($input: EmitEventInput! = { type: "a.b" }, $with: Boolean! = true) { emitEvent(input: $input) { __typename @include(if: $with) } }';

  test("that stand for whole arguments are handed on as they were read, defaults included", () => {
    const { document, before, variableValues } = reading(WHOLE, { input: { type: "c.d", occurredAt: AT } });
    expect(document).not.toBe(before);
    expect(variableValues).toEqual({ input: { type: "c.d", occurredAt: new Date(AT) }, with: true });
    expect(reading(WHOLE, {}).variableValues).toEqual({ input: { type: "a.b" }, with: true });
  });

  test("make one document for all calls of it", () => {
    const document = parse(WHOLE);
    const made = [1, 2].map(() => {
      const args = { schema, document, variableValues: {} };
      readVariables(args);
      return args.document;
    });
    expect(made[0]).toBe(made[1]);
  });

  test("within a value stay as they came: there they are written out by their types", () => {
    const query =
      'mutation ($input: EmitEventInput!, $at: DateTime) { a: emitEvent(input: $input) { __typename } b: emitEvent(input: { type: "a.b", payload: { at: $at } }) { __typename } }';
    const { document, before, variableValues } = reading(query, { input: { type: "a.b" }, at: AT });
    expect(document).toBe(before);
    expect(variableValues).toEqual({ input: { type: "a.b" }, at: AT });
  });

  test.each([
    { variables: { input: { type: 1 } }, said: "String" },
    { variables: { input: null }, said: "null" },
    { variables: { input: { type: "a.b", occurredAt: "yesterday" } }, said: "occurredAt" },
    { variables: { input: { type: "a.b", other: 1 } }, said: "other" },
    { variables: { with: "yes" }, said: "Boolean" },
  ])("that do not fit are told: $said", ({ variables, said }) => {
    expect(() => reading(WHOLE, variables)).toThrow(said);
  });
});

test("a query's stay as they came", () => {
  const query = "query ($filter: WebhookRequestFilter) { webhookRequests(filter: $filter) { edges { cursor } } }";
  const { document, before, variableValues } = reading(query, { filter: { eventType: "a.b" } });
  expect(document).toBe(before);
  expect(variableValues).toEqual({ filter: { eventType: "a.b" } });
});
