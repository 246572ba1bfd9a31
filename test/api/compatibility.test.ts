/** A client that was written for 0.1 goes on working: what may break stands here by name, and members gained in the CHANGELOG. */
import { readFileSync } from "node:fs";
import { buildSchema, DangerousChangeType, findBreakingChanges, findDangerousChanges, type GraphQLSchema } from "graphql";
import { expect, test } from "vitest";
import { schema } from "../../src/api/graphql/schema.ts";

const text = (path: string) => readFileSync(new URL(path, import.meta.url), "utf8");
const released = buildSchema(text("../fixtures/schema-0.1.graphql"));

/** 64 bits wide now. A SafeInt is written as an Int is, and where it is asked for an Int is taken. */
const NUMBERS = [
  ...["Lane.lastNumber", "Lane.pendingCount", "Lane.settledNumber"],
  ...["WebhookRequest.laneNumber", "WebhookRequest.number"],
]
  .map((name) => `Field ${name} changed type from Int! to SafeInt!.`)
  .concat(["totalCalls", "totalErrors"].map((name) => `Field WebhookDefinition.${name} changed type from Float! to SafeInt!.`));
const NUMBER_ARGUMENT = "Argument Query.webhookRequest(number:) has changed type from Int to SafeInt.";
/** An inbound webhook that makes events has no goal. Only whoever asks for all target types is shown one. */
const GOAL = "Field InboundWebhook.goal changed type from Goal! to Goal.";

const broken = (now: GraphQLSchema) => findBreakingChanges(released, now).map(({ description }) => description);

test("nothing breaks but the numbers' scalar, and the goal of an inbound webhook", () => {
  expect(broken(schema).filter((change) => change !== GOAL)).toEqual(expect.arrayContaining([...NUMBERS, NUMBER_ARGUMENT]));
  expect(broken(schema).filter((change) => ![...NUMBERS, NUMBER_ARGUMENT, GOAL].includes(change))).toEqual([]);
});

test("no default changed", () => {
  const changed = findDangerousChanges(released, schema).filter(({ type }) => type === DangerousChangeType.ARG_DEFAULT_VALUE_CHANGE);
  expect(changed).toEqual([]);
});

test("members that enums and unions gained stand in the CHANGELOG", () => {
  const changelog = text("../../CHANGELOG.md");
  const gained = findDangerousChanges(released, schema)
    .filter(({ type }) => type === DangerousChangeType.VALUE_ADDED_TO_ENUM || type === DangerousChangeType.TYPE_ADDED_TO_UNION)
    .map(({ description }) => /^(?:Enum value \w+\.)?(\w+) was added/.exec(description)?.[1] ?? description);
  expect([...new Set(gained)].filter((member) => !changelog.includes(member))).toEqual([]);
});

test("a field that is gone, a new required argument and a narrower answer are found", () => {
  const now = text("../../schema.graphql");
  const without = (change: string, to: string) => {
    expect(now).toContain(change);
    return broken(buildSchema(now.replace(change, to)));
  };
  expect(without("  settledNumber: SafeInt!", "  settled: SafeInt!")).toContainEqual(expect.stringContaining("Lane.settledNumber"));
  expect(without("  emitEvent(", "  emitEvent(how: Int!, ")).toContainEqual(expect.stringContaining("emitEvent"));
  expect(without("  stateReason: String", "  stateReason: Int")).toContainEqual(expect.stringContaining("stateReason"));
});
