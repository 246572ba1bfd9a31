/** `ifUnchangedSince`: of two who change one thing the second is told by whom, and nothing of the first's is lost. */
import { type ExecutionResult, execute, parse } from "graphql";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Doors } from "../../../src/api/doors.ts";
import { schema } from "../../../src/api/graphql/schema.ts";
import { createSandbox, type Sandbox } from "../../../src/delivery/sandbox/sandbox.ts";
import { type TestCore, testCore } from "../../helpers/database.ts";
import { testDoors } from "../../helpers/doors.ts";

let t: TestCore;
let sandbox: Sandbox;
let doors: Doors;

beforeAll(async () => {
  t = await testCore();
  sandbox = createSandbox();
  doors = testDoors(t, sandbox);
});
afterAll(async () => {
  await sandbox.close();
  await t.close();
});

// biome-ignore lint/suspicious/noExplicitAny: tests read what they expect to find
async function change(name: string, type: string, input: object, fields = "id updatedAt"): Promise<any> {
  const title = name.slice(0, 1).toUpperCase() + name.slice(1);
  const source = `mutation ($input: ${title}Input!) { ${name}(input: $input) { __typename ... on ${type} { ${fields} } ... on Error { code message } } }`;
  const contextValue = { doors, caller: t.admin, address: "127.0.0.1", cookies: undefined };
  const { data, errors } = (await execute({
    schema,
    document: parse(source),
    variableValues: { input },
    contextValue,
  })) as ExecutionResult;
  if (errors) throw errors[0];
  // As the doors write it: a moment as text.
  return JSON.parse(JSON.stringify(data))[name];
}

const definition = { name: "Orders", targetUrl: "https://shop.example/hooks", eventTypes: ["order.*"] };
const makeDefinition = async () =>
  (await change("createWebhookDefinition", "CreatedWebhookDefinition", definition, "definition { id updatedAt stoppedAt }")).definition;

const NOUNS = [
  { type: "WebhookDefinition", make: makeDefinition },
  { type: "Script", make: () => change("createScript", "Script", { name: `s${Math.random()}`, source: "1" }) },
  { type: "Connection", make: () => change("createConnection", "Connection", { name: "shared" }) },
  {
    type: "WorkflowRule",
    make: async () =>
      change("createWorkflowRule", "WorkflowRule", {
        name: `r${Math.random()}`,
        entity: "order",
        webhookDefinitionIds: [(await makeDefinition()).id],
      }),
  },
  { type: "Goal", make: () => change("createGoal", "Goal", { name: "revenue", direction: "MAXIMIZE" }) },
];

for (const { type, make } of NOUNS) {
  test(`B93 update${type}: the second is told, the first's change stays`, async () => {
    const update = (input: object) => change(`update${type}`, type, input, "id name updatedAt");
    const { id, updatedAt } = await make();
    const first = await update({ id, name: `first ${id}`, ifUnchangedSince: updatedAt });
    expect(first).toMatchObject({ __typename: type, name: `first ${id}` });
    expect(first.updatedAt > updatedAt).toBe(true);
    const second = await update({ id, name: `second ${id}`, ifUnchangedSince: updatedAt });
    expect(second).toMatchObject({ __typename: "ConflictError", code: "CHANGED_MEANWHILE" });
    expect(second.message).toContain(first.updatedAt);
    // Read anew it goes, and so does an update of a client of 0.1, which says nothing.
    expect(await update({ id, name: `third ${id}`, ifUnchangedSince: first.updatedAt })).toMatchObject({ name: `third ${id}` });
    expect(await update({ id, name: `fourth ${id}` })).toMatchObject({ name: `fourth ${id}` });
  });

  test(`B93 update${type}: of many who saw the same one wins`, async () => {
    const { id, updatedAt } = await make();
    const results = await Promise.all(
      Array.from({ length: 6 }, (_, n) => change(`update${type}`, type, { id, name: `n${n} ${id}`, ifUnchangedSince: updatedAt })),
    );
    expect(results.filter((result) => result.__typename === type).length).toBe(1);
    expect(results.filter((result) => result.code === "CHANGED_MEANWHILE").length).toBe(5);
  });
}

test("B96 stoppedAt is the moment of the stop, whatever is set later, and goes with the activation", async () => {
  const { id, stoppedAt } = await makeDefinition();
  expect(stoppedAt).toBeNull();
  const LIST = "webhookDefinitions { stoppedAt }";
  const stopped = (await change("stopWebhookDefinitions", "WebhookDefinitionList", { ids: [id] }, LIST)).webhookDefinitions[0].stoppedAt;
  expect(Math.abs(Date.parse(stopped) - Date.now())).toBeLessThan(60_000);
  const later = await change("updateWebhookDefinition", "WebhookDefinition", { id, description: "later" }, "stoppedAt");
  expect(later.stoppedAt).toBe(stopped);
  const again = await change("stopWebhookDefinitions", "WebhookDefinitionList", { ids: [id] }, LIST);
  expect(again.webhookDefinitions[0].stoppedAt).toBe(stopped);
  // The engine's own stop, by another statement.
  const active = await change("activateWebhookDefinitions", "WebhookDefinitionList", { ids: [id] }, LIST);
  expect(active.webhookDefinitions[0].stoppedAt).toBeNull();
  const { rows } = await t.core.db.pool.query(
    "UPDATE webhook_definition SET state = 'TOO_MANY_ERRORS' WHERE code = 'orders' OR name = 'Orders' RETURNING stopped_at",
  );
  expect(rows.every((row) => row.stopped_at instanceof Date)).toBe(true);
});
