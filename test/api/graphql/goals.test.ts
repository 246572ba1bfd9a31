/** Goals, their values and inbound webhooks over GraphQL, with a real feed for the live part. */
import { type ExecutionResult, execute, parse, subscribe } from "graphql";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Caller } from "../../../src/accounts/caller.ts";
import type { Doors } from "../../../src/api/doors.ts";
import { schema } from "../../../src/api/graphql/schema.ts";
import { createQueue } from "../../../src/db/queue.ts";
import { createCatalogs } from "../../../src/definitions/catalog.ts";
import { createNumbers } from "../../../src/delivery/numbers.ts";
import { createIngest } from "../../../src/events/ingest.ts";
import { createFeed, type Feed } from "../../../src/live/feed.ts";
import { type TestCore, testCore } from "../../helpers/database.ts";

let t: TestCore;
let feed: Feed;
let doors: Doors;

beforeAll(async () => {
  t = await testCore();
  feed = createFeed(t.core);
  await feed.start();
  const ingest = createIngest(t.core, {
    lanes: undefined,
    catalogs: createCatalogs(),
    numbers: createNumbers(t.core.db, t.core.clock),
    queue: createQueue(t.url, t.core.log, { worker: false }),
  });
  doors = { core: t.core, ingest, feed, publicUrl: () => "https://hooks.example" } as unknown as Doors;
});
afterAll(async () => {
  await feed.stop();
  await t.close();
});

const contextOf = (caller: Caller, signal = new AbortController().signal) => ({
  doors,
  caller,
  address: "127.0.0.1",
  cookies: undefined,
  signal,
  closeSlow: () => undefined,
  blocked: () => false,
});

// biome-ignore lint/suspicious/noExplicitAny: tests read what they expect to find
async function ask(source: string, variables: Record<string, unknown> = {}, caller: Caller = t.admin): Promise<any> {
  const result = (await execute({
    schema,
    document: parse(source),
    variableValues: variables,
    contextValue: contextOf(caller),
  })) as ExecutionResult;
  if (result.errors) throw Object.assign(new Error(result.errors[0]?.message), { errors: result.errors });
  return result.data;
}

const CREATE = `mutation ($input: CreateGoalInput!) { createGoal(input: $input) { __typename ... on Goal { id name unit direction goodThreshold badThreshold status deletedAt }
  ... on ValidationError { issues { path } } ... on Error { code message } } }`;
const RECORD = `mutation ($input: RecordGoalValueInput!) { recordGoalValue(input: $input) { __typename
  ... on GoalValue { id date value goodThreshold badThreshold status goal { id status } } ... on ValidationError { issues { path message } } ... on Error { code } } }`;

const makeGoal = async (input: object = {}): Promise<string> =>
  (await ask(CREATE, { input: { name: "Revenue", direction: "MAXIMIZE", ...input } })).createGoal.id;
const record = async (goalId: string, date: string, value: string, more: object = {}) =>
  (await ask(RECORD, { input: { goalId, date, value, ...more } })).recordGoalValue;

describe("goals", () => {
  test("a mistake does not say its property twice, and of thresholds says what holds for the one that was sent", async () => {
    const input = { name: "Costs", direction: "MINIMIZE", goodThreshold: "5", badThreshold: "10" };
    const { id } = (await ask(CREATE, { input })).createGoal;
    const issues = async (more: object) => (await record(id, "2026-05-02", "1", more)).issues;
    const because = "because this goal is minimized";
    expect(await issues({ goodThreshold: "11" })).toEqual([
      { path: "goodThreshold", message: `must be less than or equal to badThreshold, ${because}` },
    ]);
    expect(await issues({ badThreshold: "3" })).toEqual([
      { path: "badThreshold", message: `must be greater than or equal to goodThreshold, ${because}` },
    ]);
  });

  test("are made, changed (null clears), listed newest first, deleted", async () => {
    const made = (
      await ask(CREATE, { input: { name: " Revenue ", direction: "MAXIMIZE", unit: "EUR", goodThreshold: "450000.50", badThreshold: "1" } })
    ).createGoal;
    expect(made).toMatchObject({
      __typename: "Goal",
      name: "Revenue",
      unit: "EUR",
      goodThreshold: "450000.5",
      badThreshold: "1",
      status: null,
    });
    const UPDATE = `mutation ($input: UpdateGoalInput!) { updateGoal(input: $input) { __typename ... on Goal { name unit goodThreshold badThreshold direction }
      ... on ValidationError { issues { path } } ... on Error { code } } }`;
    const update = async (input: object) => (await ask(UPDATE, { input: { id: made.id, ...input } })).updateGoal;
    expect(await update({ unit: null, badThreshold: null })).toMatchObject({
      name: "Revenue",
      unit: null,
      goodThreshold: "450000.5",
      badThreshold: null,
    });
    expect(await update({ badThreshold: "450001" })).toMatchObject({ __typename: "ValidationError", issues: [{ path: "goodThreshold" }] });
    expect(await update({ badThreshold: "450001", direction: "MINIMIZE" })).toMatchObject({ direction: "MINIMIZE" });
    expect((await update({ name: null })).issues).toEqual([{ path: "name" }]);
    expect((await update({ name: " ", direction: null })).issues).toEqual([{ path: "name" }, { path: "direction" }]);

    const second = await makeGoal({ name: "Second" });
    const LIST = "query { goals(first: 2) { totalCount edges { cursor node { id } } pageInfo { hasNextPage endCursor } } }";
    expect((await ask(LIST)).goals.edges.map((e: { node: { id: string } }) => e.node.id)).toEqual([second, made.id]);
    const DELETE =
      "mutation ($id: ID!) { deleteGoal(input: { id: $id }) { __typename ... on Goal { id deletedAt } ... on Error { code } } }";
    expect((await ask(DELETE, { id: made.id })).deleteGoal).toMatchObject({ id: made.id, deletedAt: expect.stringMatching(/^20.*Z$/) });
    expect((await ask(LIST)).goals.edges.map((e: { node: { id: string } }) => e.node.id)).not.toContain(made.id);
    expect((await ask("query ($id: ID!) { goal(id: $id) { deletedAt } node(id: $id) { id } }", { id: made.id })).node.id).toBe(made.id);
    for (const answer of [
      (await ask(DELETE, { id: made.id })).deleteGoal,
      await update({ name: "x" }),
      await record(made.id, "2017-03-16", "1"),
    ]) {
      expect(answer.code).toBe("NOT_FOUND");
    }
  });

  test.each([
    [{ name: "" }, ["name"]],
    [{ goodThreshold: "1", badThreshold: "2" }, ["goodThreshold"]],
    [{ direction: "MINIMIZE", goodThreshold: "2", badThreshold: "1" }, ["goodThreshold"]],
    [{ goodThreshold: `1${"0".repeat(40)}` }, ["goodThreshold"]],
    [{ unit: "x".repeat(65) }, ["unit"]],
  ])("R17 R18 wrong input %j is a ValidationError", async (input, paths) => {
    const answer = (await ask(CREATE, { input: { name: "x", direction: "MAXIMIZE", ...input } })).createGoal;
    expect([answer.__typename, answer.code, answer.issues.map((i: { path: string }) => i.path)]).toEqual([
      "ValidationError",
      "VALIDATION_FAILED",
      paths,
    ]);
  });

  test("another organization's goal is as unknown as none", async () => {
    const id = await makeGoal();
    const other = await t.organization();
    const found = await ask("query ($id: ID!) { goal(id: $id) { id } node(id: $id) { id } goals { totalCount } }", { id }, other.admin);
    expect(found).toEqual({ goal: null, node: null, goals: { totalCount: 0 } });
    const input = { goalId: id, date: "2017-03-16", value: "1" };
    expect((await ask(RECORD, { input }, other.admin)).recordGoalValue.code).toBe("NOT_FOUND");
  });

  test("a viewer reads and changes nothing; a token without goals:read reads nothing", async () => {
    const id = await makeGoal();
    const viewer = await t.caller("VIEWER");
    expect((await ask("query ($id: ID!) { goal(id: $id) { name } }", { id }, viewer)).goal).toEqual({ name: "Revenue" });
    expect((await ask(RECORD, { input: { goalId: id, date: "2017-03-16", value: "1" } }, viewer)).recordGoalValue.code).toBe("FORBIDDEN");
    const blind = await t.caller("MEMBER", ["webhooks:read"]);
    for (const query of ["goals { totalCount }", `goal(id: "${id}") { id }`, `node(id: "${id}") { id }`]) {
      await expect(ask(`query { ${query} }`, {}, blind)).rejects.toThrow();
    }
  });
});

describe("values", () => {
  test("R16 are exact, replaced per date, and give the goal its status", async () => {
    const id = await makeGoal({ goodThreshold: "100", badThreshold: "50" });
    expect(await record(id, "2017-03-16", "0.12345678901234567890")).toMatchObject({
      value: "0.1234567890123456789",
      status: "RED",
      goal: { id, status: "RED" },
    });
    expect(await record(id, "2017-03-16", "100.00")).toMatchObject({ value: "100", status: "GREEN", goal: { status: "GREEN" } });
    expect(await record(id, "2017-03-15", "-10", { goodThreshold: "-10" })).toMatchObject({
      code: "VALIDATION_FAILED",
      issues: [{ path: "goodThreshold" }],
    });
    expect(await record(id, "2017-03-15", "-10", { badThreshold: "-20" })).toMatchObject({
      value: "-10",
      badThreshold: "-20",
      status: "AMBER",
      goal: { status: "GREEN" },
    });
  });

  test("one is deleted for good: the goal has the status of the latest left, and turns", async () => {
    const id = await makeGoal({ goodThreshold: "100", badThreshold: "50" });
    await record(id, "2017-03-15", "10");
    const latest = await record(id, "2017-03-16", "100");
    const DELETE = `mutation ($id: ID!) { deleteGoalValue(input: { id: $id }) { __typename ... on GoalValue { id date value goal { status } } ... on Error { code } } }`;
    const remove = async (value: string, caller?: Caller) => (await ask(DELETE, { id: value }, caller)).deleteGoalValue;
    expect((await remove(latest.id, (await t.organization()).admin)).code).toBe("NOT_FOUND");
    expect((await remove(latest.id, await t.caller("VIEWER"))).code).toBe("FORBIDDEN");
    expect(await remove(latest.id)).toEqual({
      __typename: "GoalValue",
      ...{ id: latest.id, date: "2017-03-16", value: "100", goal: { status: "RED" } },
    });
    expect((await remove(latest.id)).code).toBe("NOT_FOUND");
    const { goal } = await ask("query ($id: ID!) { goal(id: $id) { status values { edges { node { date } } } } }", { id });
    expect(goal).toEqual({ status: "RED", values: { edges: [{ node: { date: "2017-03-15" } }] } });
    const { rows } = await t.core.db.pool.query("SELECT type FROM event WHERE entity_id = $1 ORDER BY id DESC LIMIT 1", [id]);
    expect(rows[0].type).toBe("goal.turned_red");
    // Recorded again, as whoever changes their mind does.
    expect(await record(id, "2017-03-16", "100")).toMatchObject({ status: "GREEN", goal: { status: "GREEN" } });
  });

  test("are paged by date, newest first, within a range whose both ends count", async () => {
    const id = await makeGoal();
    for (const day of ["03", "01", "05", "02", "04"]) await record(id, `2017-03-${day}`, day);
    const query = `query ($id: ID!, $from: Date, $to: Date, $first: Int, $after: String, $last: Int, $before: String) { goal(id: $id) {
      values(from: $from, to: $to, first: $first, after: $after, last: $last, before: $before) { totalCount edges { cursor node { date } } pageInfo { hasNextPage hasPreviousPage endCursor } } } }`;
    const page = async (variables: object) => {
      const { values } = (await ask(query, { id, ...variables })).goal;
      return { ...values, days: values.edges.map((edge: { node: { date: string } }) => Number(edge.node.date.slice(-2))) };
    };
    expect((await page({})).days).toEqual([5, 4, 3, 2, 1]);
    const range = await page({ from: "2017-03-02", to: "2017-03-04" });
    expect([range.days, range.totalCount]).toEqual([[4, 3, 2], 3]);
    const first = await page({ first: 2 });
    expect([first.days, first.pageInfo.hasNextPage]).toEqual([[5, 4], true]);
    // Stable: a newer value in between moves nothing.
    await record(id, "2017-03-06", "6");
    const second = await page({ first: 2, after: first.pageInfo.endCursor });
    expect([second.days, second.pageInfo.hasPreviousPage]).toEqual([[3, 2], true]);
    expect((await page({ first: 2, after: second.pageInfo.endCursor })).days).toEqual([1]);
    expect((await page({ last: 2 })).days).toEqual([2, 1]);
    expect((await page({ last: 2, before: second.edges[0].cursor })).days).toEqual([5, 4]);
    expect((await page({ from: "0000-01-01", to: "9999-12-31" })).days).toHaveLength(6);
    expect((await page({ to: "0000-12-31" })).days).toEqual([]);
    const forged = Buffer.from(`goalValues:${id}:2017-99-99`).toString("base64url");
    await expect(page({ after: forged })).rejects.toThrow();
    await expect(page({ first: 101 })).rejects.toThrow();
    await expect(page({ after: "x" })).rejects.toThrow();
  });

  test("are recorded one by one however many come at once: one value per date, one event each", async () => {
    const id = await makeGoal({ goodThreshold: "10" });
    await Promise.all(Array.from({ length: 20 }, (_, i) => record(id, "2017-03-16", String(i))));
    const { goal } = await ask("query ($id: ID!) { goal(id: $id) { status values { totalCount edges { node { value status } } } } }", {
      id,
    });
    expect(goal.values.totalCount).toBe(1);
    expect(goal.status).toBe(goal.values.edges[0].node.status);
    const { rows } = await t.core.db.pool.query("SELECT payload FROM event WHERE entity_id = $1 AND type = 'goal.value_recorded'", [id]);
    expect(rows.filter((row) => JSON.parse(row.payload).replaced === false)).toHaveLength(1);
    expect(rows).toHaveLength(20);
  });
});

describe("goalValueRecorded", () => {
  type Update = { cursor: string; goalValue: { value: string; goal: { id: string } } };
  async function watch(args: string, signal?: AbortSignal, caller: Caller = t.admin): Promise<AsyncIterator<Update>> {
    const document = parse(`subscription { goalValueRecorded${args} { cursor goalValue { id date value status goal { id } } } }`);
    const stream = await subscribe({ schema, document, contextValue: contextOf(caller, signal) });
    if (!(Symbol.asyncIterator in stream)) throw Object.assign(new Error("refused"), { errors: stream.errors });
    const iterator = stream[Symbol.asyncIterator]();
    return {
      async next() {
        const { value, done } = await iterator.next();
        if (done) return { done: true, value: undefined };
        if (value.errors) throw value.errors[0];
        return { done: false, value: (value.data as { goalValueRecorded: Update }).goalValueRecorded };
      },
    };
  }

  test("shows values as they are recorded, of one goal or of all, and resumes from a cursor without a gap", async () => {
    const [one, two] = [await makeGoal(), await makeGoal()];
    const ofOne = await watch(`(goalId: "${one}")`);
    const ofAll = await watch("");
    await record(two, "2017-03-16", "1");
    await record(one, "2017-03-16", "2");
    await record(one, "2017-03-16", "3");
    expect((await ofOne.next()).value.goalValue).toMatchObject({ value: "2", goal: { id: one } });
    expect((await ofOne.next()).value.goalValue.value).toBe("3");
    const all = [await ofAll.next(), await ofAll.next(), await ofAll.next()].map((update) => update.value as Update);
    expect(all.map((update) => update.goalValue.value)).toEqual(["1", "2", "3"]);
    const resumed = await watch(`(after: "${all[0]?.cursor}")`);
    expect([(await resumed.next()).value.goalValue.value, (await resumed.next()).value.goalValue.value]).toEqual(["2", "3"]);
    await record(two, "2017-03-17", "4");
    expect((await resumed.next()).value.goalValue.value).toBe("4");
  });

  test("an unknown or foreign goal, and a bad cursor, are errors at once", async () => {
    const id = await makeGoal();
    const other = await t.organization();
    const blind = await t.caller("MEMBER", ["webhooks:read"]);
    for (const [refused, code] of [
      [() => watch(`(goalId: "goa_${"0".repeat(32)}")`), "NOT_FOUND"],
      [() => watch(`(goalId: "x")`), "NOT_FOUND"],
      [() => watch(`(goalId: "${id}")`, undefined, other.admin), "NOT_FOUND"],
      [() => watch('(after: "x")'), "BAD_CURSOR"],
      [() => watch("", undefined, blind), "FORBIDDEN"],
    ] as const) {
      const error = await refused().then(
        () => undefined,
        (e) => e.errors[0].originalError,
      );
      expect(error).toMatchObject({ code });
    }
  });
});

describe("inbound webhooks", () => {
  const MAKE = `mutation ($input: CreateInboundWebhookInput!) { createInboundWebhook(input: $input) { __typename
    ... on CreatedInboundWebhook { inboundWebhook { id targetType name description enabled goal { id } lastErrors { status } } targetUrl } ... on Error { code } } }`;

  test("R5 R8 R10 R11 are made, changed, rotated, deleted by admins; the URL is shown once", async () => {
    const goalId = await makeGoal({ name: "Churn" });
    const made = (await ask(MAKE, { input: { goalId } })).createInboundWebhook;
    expect(made.inboundWebhook).toMatchObject({
      targetType: "GOAL",
      name: "Churn",
      description: null,
      enabled: true,
      goal: { id: goalId },
    });
    expect(made.targetUrl).toMatch(new RegExp(`^https://hooks.example/inbound/goals/${goalId}/hki_`));
    const { id } = made.inboundWebhook;
    const changed = await ask(
      `mutation { updateInboundWebhook(input: { id: "${id}", enabled: false, description: "ERP" }) { ... on InboundWebhook { name enabled description } } }`,
    );
    expect(changed.updateInboundWebhook).toEqual({ name: "Churn", enabled: false, description: "ERP" });
    const rotated = await ask(
      `mutation { rotateInboundWebhookKey(input: { id: "${id}" }) { ... on RotatedInboundWebhookKey { targetUrl inboundWebhook { id } } } }`,
    );
    expect(rotated.rotateInboundWebhookKey.inboundWebhook.id).toBe(id);
    expect(rotated.rotateInboundWebhookKey.targetUrl).not.toBe(made.targetUrl);
    const list = await ask("query { inboundWebhooks(first: 1) { totalCount edges { node { id name } } } }");
    expect(list.inboundWebhooks.edges[0].node).toEqual({ id, name: "Churn" });
    expect((await ask(`query { node(id: "${id}") { __typename } }`)).node.__typename).toBe("InboundWebhook");
    const DELETE = `mutation { deleteInboundWebhook(input: { id: "${id}" }) { ... on InboundWebhook { id } ... on Error { code } } }`;
    expect((await ask(DELETE)).deleteInboundWebhook).toEqual({ id });
    expect((await ask(DELETE)).deleteInboundWebhook).toEqual({ code: "NOT_FOUND" });
  });

  test("R4 R5 a member, and an organization without the feature, get ForbiddenError; reads are refused", async () => {
    const goalId = await makeGoal();
    const member = await t.caller("MEMBER");
    expect((await ask(MAKE, { input: { goalId } }, member)).createInboundWebhook.code).toBe("FORBIDDEN");
    await expect(ask("query { inboundWebhooks { totalCount } }", {}, member)).rejects.toThrow();
    const other = await t.organization();
    const theirs = (await ask(CREATE, { input: { name: "x", direction: "MAXIMIZE" } }, other.admin)).createGoal.id;
    expect((await ask(MAKE, { input: { goalId: theirs } }, other.admin)).createInboundWebhook.code).toBe("FORBIDDEN");
    expect((await ask(MAKE, { input: { goalId: theirs } })).createInboundWebhook.code).toBe("NOT_FOUND");
  });
});
