/** events(filter): what clients see of it. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { testApp } from "../../helpers/app.ts";
import { data } from "../../helpers/graphql.ts";

// biome-ignore lint/suspicious/noExplicitAny: a test says what it expects by its expectations
type Answer = any;

const app = await testApp();
afterAll(app.close);

const LIST = `query ($filter: EventFilter, $first: Int, $after: String) { events(filter: $filter, first: $first, after: $after) {
  totalCount totalCountCapped stoppedAt edges { node { id type application { uid } requests(first: 1) { edges { node { id } } } } } pageInfo { hasNextPage endCursor } } }`;
const ask = async (query: string, variables: Record<string, unknown> = {}) => (await data(app, app.adminToken, query, variables)) as Answer;
const typesOf = async (filter: object, args: object = {}) =>
  (await ask(LIST, { filter, ...args })).events.edges.map(({ node }: Answer) => node.type);

beforeAll(async () => {
  await ask('mutation { createApplication(input: { uid: "acme", name: "Acme" }) { __typename } }');
  await ask(`mutation ($input: CreateWebhookDefinitionInput!) { createWebhookDefinition(input: $input) { __typename } }`, {
    input: { name: "Orders", targetUrl: "https://shop.example/hooks", eventTypes: ["order.*"] },
  });
  const EMIT = "mutation ($input: EmitEventsInput!) { emitEvents(input: $input) { __typename } }";
  const events = [
    { type: "order.created", entity: "order", entityId: "1" },
    { type: "order.paid", entity: "order", entityId: "2", payload: { note: "Blue WHALE", total: 5 } },
    { type: "contact.created", entity: "contact", entityId: "1" },
    { type: "contact.created", application: "acme" },
  ];
  expect((await ask(EMIT, { input: { events } })).emitEvents.__typename).toBe("EmittedEvents");
});

test("events are found by pattern, entity, application and whether a definition took them", async () => {
  expect(await typesOf({ type: ["order.*"] })).toEqual(["order.paid", "order.created"]);
  expect(await typesOf({ entity: "order", entityId: "1" })).toEqual(["order.created"]);
  expect(await typesOf({ matched: false })).toEqual(["contact.created", "contact.created"]);
  expect(await typesOf({ matched: true, type: null })).toEqual(["order.paid", "order.created"]);
  expect(await typesOf({ application: "acme" })).toEqual(["contact.created"]);
  expect(await typesOf({ application: "nobody" })).toEqual([]);
  const { application } = await ask('{ application(uid: "acme") { id } }');
  expect(await typesOf({ application: application.id })).toEqual(["contact.created"]);
  expect(await typesOf({ since: "2020-01-01T00:00:00Z", until: "2020-02-01T00:00:00Z" })).toEqual([]);
});

test("pages and the total obey the filter; another organization finds nothing", async () => {
  const { events } = await ask(LIST, { filter: { matched: true }, first: 1 });
  expect([events.totalCount, events.totalCountCapped, events.pageInfo.hasNextPage]).toEqual([2, false, true]);
  expect(await typesOf({ matched: true }, { first: 1, after: events.pageInfo.endCursor })).toEqual(["order.created"]);
  const foreign = await app.t.organization();
  const token = await app.token({ organizationId: foreign.id });
  for (const filter of [{ matched: true }, { matched: false }, { application: "acme" }])
    expect(((await data(app, token, LIST, { filter })) as Answer).events.totalCount).toBe(0);
});

test("a pattern that is none is named by its place", async () => {
  const post = await fetch(`${app.url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${app.adminToken}` },
    body: JSON.stringify({ query: LIST, variables: { filter: { type: ["order.*", "or*der", "*.created"] } } }),
  });
  const [error] = ((await post.json()) as Answer).errors;
  expect(error.extensions.code).toBe("VALIDATION_FAILED");
  expect(JSON.stringify(error)).toContain("filter.type.1");
});

const refusalOf = async (payloadContains: string) => {
  const post = await fetch(`${app.url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${app.adminToken}` },
    body: JSON.stringify({ query: LIST, variables: { filter: { payloadContains } } }),
  });
  return ((await post.json()) as Answer).errors?.[0];
};

test("events are found by a text of their payload; one that is too short or too long is refused, also by exports", async () => {
  expect(await typesOf({ payloadContains: "blue whale" })).toEqual(["order.paid"]);
  expect(await typesOf({ payloadContains: '"total":5', type: ["contact.*"] })).toEqual([]);
  const { events } = await ask(LIST, { filter: { payloadContains: "whale" } });
  expect([events.totalCount, events.totalCountCapped, events.stoppedAt]).toEqual([1, false, null]);
  for (const text of ["", "ab", "x".repeat(201)]) {
    const error = await refusalOf(text);
    expect(error.extensions.code).toBe("VALIDATION_FAILED");
    expect(JSON.stringify(error)).toContain("must have 3 to 200 characters");
  }
  expect(await refusalOf("x".repeat(200))).toBeUndefined();
  const headers = { authorization: `Bearer ${app.adminToken}` };
  const lines = await fetch(`${app.url}/v1/events.ndjson?payloadContains=WHALE`, { headers });
  expect(
    (await lines.text())
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line).type),
  ).toEqual(["order.paid"]);
  expect((await fetch(`${app.url}/v1/events.csv?payloadContains=ab`, { headers })).status).toBe(400);
});

test("a page of payloads that stopped on the way says how far it has looked", async () => {
  const { id } = await app.t.organization();
  const token = await app.token({ organizationId: id });
  await app.t.core.db.pool.query(
    `INSERT INTO event (id, organization_id, type, payload, occurred_at, created_at)
     SELECT (substr(lowest_id(now() + i * interval '1 ms')::text, 1, 24) || lpad(to_hex(i), 12, '0'))::uuid, $1, 'large', '"' || repeat('x', 1000000) || '"', now(), now()
     FROM generate_series(1, 12) i`,
    [id],
  );
  const { events } = (await data(app, token, LIST, { filter: { payloadContains: "needle" } })) as Answer;
  expect([events.edges, events.pageInfo.hasNextPage, events.totalCount]).toEqual([[], true, 0]);
  expect(Math.abs(Date.parse(events.stoppedAt) - Date.now())).toBeLessThan(60_000);
  const { events: rest } = (await data(app, token, LIST, {
    filter: { payloadContains: "needle" },
    after: events.pageInfo.endCursor,
  })) as Answer;
  expect([rest.edges, rest.pageInfo.hasNextPage, rest.stoppedAt]).toEqual([[], false, null]);
});

test("a text of a filter has at most 2048 characters, in every list, replays and exports", { timeout: 60_000 }, async () => {
  const codeOf = async (query: string, variables: object) => {
    const post = await fetch(`${app.url}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${app.adminToken}` },
      body: JSON.stringify({ query, variables }),
    });
    const { data, errors } = (await post.json()) as Answer;
    return errors?.[0]?.extensions?.code ?? data.it.issues?.[0]?.path ?? data.it.__typename;
  };
  const lists = [
    ["webhookRequests", "WebhookRequestFilter", ["url", "entity", "entityId", "eventType", "errorCode"]],
    ["events", "EventFilter", ["entity", "entityId", "application"]],
    ["webhookDefinitions", "WebhookDefinitionFilter", ["search", "eventType"]],
    ["workflowRules", "WorkflowRuleFilter", ["entity"]],
  ] as const;
  for (const [list, type, fields] of lists) {
    const query = `query ($filter: ${type}) { it: ${list}(filter: $filter) { __typename edges { node { id } } } }`;
    for (const field of fields) {
      expect([field, await codeOf(query, { filter: { [field]: "x".repeat(2_049) } })]).toEqual([field, "VALIDATION_FAILED"]);
      expect([field, await codeOf(query, { filter: { [field]: "x".repeat(2_048) } })]).not.toEqual([field, "VALIDATION_FAILED"]);
    }
  }
  const replay = `mutation ($input: ResendWebhookRequestsInput!) { it: resendWebhookRequests(input: $input) { __typename ... on ValidationError { issues { path } } } }`;
  expect(await codeOf(replay, { input: { filter: { url: "x".repeat(2_049) } } })).toBe("filter.url");
  const headers = { authorization: `Bearer ${app.adminToken}` };
  expect((await fetch(`${app.url}/v1/requests.ndjson?url=${"x".repeat(2_049)}`, { headers })).status).toBe(400);
});
