/** Blocked lanes counted by definition, whatever page of the lanes one looks at. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type TestApp, testApp } from "../helpers/app.ts";
import { data, graphql } from "../helpers/graphql.ts";
import { type Receiver, startReceiver } from "../helpers/receiver.ts";

let app: TestApp;
let receiver: Receiver;
beforeAll(async () => {
  app = await testApp({ retryScale: 0.001 }, { worker: true });
  receiver = await startReceiver();
});
afterAll(async () => {
  await app?.close();
  await receiver?.close();
});

// biome-ignore lint/suspicious/noExplicitAny: a test says what it expects by its expectations
const ask = (query: string, variables?: Record<string, unknown>): Promise<any> => data(app, app.adminToken, query, variables);
const BLOCKED = `query ($first: Int) { blockedLanes(first: $first) { laneCount laneCountCapped definitionCount
  definitions { laneCount behindCount behindCountCapped webhookDefinition { id name } } } }`;

async function definition(name: string): Promise<string> {
  const { createWebhookDefinition: made } = await ask(
    `mutation ($input: CreateWebhookDefinitionInput!) { createWebhookDefinition(input: $input) { ... on CreatedWebhookDefinition { definition { id } } } }`,
    {
      input: {
        ...{ name, targetUrl: `${receiver.url}/${name}`, eventTypes: [`${name}.happened`] },
        ...{ retrySchedule: [], ordering: "KEY", onExhausted: "BLOCK" },
      },
    },
  );
  return made.definition.id;
}
const emit = (type: string, entityId: string) =>
  ask(`mutation ($input: EmitEventInput!) { emitEvent(input: $input) { __typename } }`, {
    input: { type, entity: "thing", entityId, payload: {} },
  });

test("B91 blocked lanes are counted by definition, with what stands behind them; the list of lanes has the same", async () => {
  receiver.respond({ status: 500, body: "\n  out of paper\nmore" });
  const [many, few] = [await definition("many"), await definition("few")];
  for (const key of ["a", "b", "c"]) for (let n = 0; n < 3; n++) await emit("many.happened", key);
  await emit("few.happened", "a");

  const blocked = async (first = 5) => (await ask(BLOCKED, { first })).blockedLanes;
  await expect
    .poll(() => blocked(), { timeout: 15_000 })
    .toEqual({
      ...{ laneCount: 4, laneCountCapped: false, definitionCount: 2 },
      definitions: [
        { laneCount: 3, behindCount: 6, behindCountCapped: false, webhookDefinition: { id: many, name: "many" } },
        { laneCount: 1, behindCount: 0, behindCountCapped: false, webhookDefinition: { id: few, name: "few" } },
      ],
    });
  const { lanes } = await ask(
    `query ($filter: LaneFilter) { lanes(filter: $filter) { totalCount edges { node { head { attempts(last: 1) { edges { node { replyLine } } } } } } } }`,
    { filter: { webhookDefinitionId: many, state: ["BLOCKED"] } },
  );
  expect(lanes.totalCount).toBe(3);
  expect(lanes.edges[0].node.head.attempts.edges[0].node.replyLine).toBe("out of paper");

  // Fewer names, the same counts.
  expect(await blocked(1)).toMatchObject({ laneCount: 4, definitionCount: 2, definitions: [{ laneCount: 3 }] });
  expect((await blocked(0)).definitions).toEqual([]);
  const { body } = await graphql(app, BLOCKED, { token: app.adminToken, variables: { first: 21 } });
  expect(body.errors[0].extensions.code).toBe("BAD_USER_INPUT");

  // A definition that is stopped pauses its lanes: they are no longer blocked, here and there.
  await ask(`mutation ($input: StopWebhookDefinitionsInput!) { stopWebhookDefinitions(input: $input) { __typename } }`, {
    input: { ids: [many] },
  });
  expect(await blocked()).toMatchObject({ laneCount: 1, definitionCount: 1, definitions: [{ webhookDefinition: { id: few } }] });

  const stranger = await app.t.organization();
  const token = await app.token({ organizationId: stranger.admin.organizationId });
  expect(await data(app, token, BLOCKED)).toMatchObject({ blockedLanes: { laneCount: 0, definitions: [] } });
});

test("B91 ten thousand blocked lanes and more are counted up to the bound, which says so, and never walk all lanes", async () => {
  const { organizationId } = (
    await app.t.core.db.pool.query<{ organizationId: string }>(
      `SELECT organization_id AS "organizationId" FROM webhook_definition WHERE name = 'few'`,
    )
  ).rows[0] as { organizationId: string };
  await app.t.core.db.pool.query(
    `INSERT INTO lane (SELECT (jsonb_populate_record(l, jsonb_build_object('id', gen_random_uuid(), 'key', 'copy ' || n))).*
       FROM lane l JOIN webhook_definition d ON d.id = l.definition_id AND d.name = 'few', generate_series(1, 10500) n)`,
  );
  const { blockedLanes: all } = await ask(BLOCKED, { first: 5 });
  expect(all).toMatchObject({ laneCount: 10_000, laneCountCapped: true, definitionCount: 1 });
  expect(all.definitions[0]).toMatchObject({ laneCount: 10_000, behindCountCapped: true });
  await app.t.core.db.pool.query("ANALYZE lane");
  const { rows } = await app.t.core.db.pool.query<{ "QUERY PLAN": string }>(
    `EXPLAIN SELECT 1 FROM lane l, webhook_definition d WHERE l.organization_id = '${organizationId}' AND l.definition_id = d.id AND l.blocked_request_id IS NOT NULL LIMIT 1`,
  );
  expect(rows.map((row) => row["QUERY PLAN"]).join("\n")).toMatch(/lane_(held_up|blocked)_idx/);
});
