/** The delivery log and its operators over GraphQL, with real deliveries to a real receiver. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
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
type Answer = any;
const ask = (query: string, variables?: Record<string, unknown>): Promise<Answer> => data(app, app.adminToken, query, variables);

const CREATE = `mutation ($input: CreateWebhookDefinitionInput!) { createWebhookDefinition(input: $input) {
  __typename ... on CreatedWebhookDefinition { definition { id } } ... on ValidationError { issues { path message } } ... on Error { code message } } }`;
let serial = 0;

/** A definition with an event type of its own, so that tests do not meet. */
async function definition(settings: Record<string, unknown> = {}): Promise<{ id: string; type: string; path: string }> {
  const type = `thing${++serial}.happened`;
  const path = `/${serial}`;
  const input = { name: `Things ${serial}`, targetUrl: `${receiver.url}${path}`, eventTypes: [type], retrySchedule: [], ...settings };
  const { createWebhookDefinition: made } = await ask(CREATE, { input });
  if (!made.definition) throw new Error(JSON.stringify(made));
  return { id: made.definition.id, type, path };
}

const EMIT = `mutation ($input: EmitEventInput!) { emitEvent(input: $input) { __typename
  ... on Event { id type payload requests(first: 10) { totalCount edges { node { id number state webhookDefinition { id } } } } }
  ... on ValidationError { issues { path message } } ... on Error { code message } } }`;

async function emit(type: string, input: Record<string, unknown> = {}): Promise<Answer> {
  return (await ask(EMIT, { input: { type, payload: { n: 1 }, ...input } })).emitEvent;
}

const REQUEST = `query ($id: ID!) { webhookRequest(id: $id) { id number state lifeCycleState errorCode attemptCount url laneNumber isTest dialect
  request response event { id payload } attempts(last: 1) { edges { node { number outcome statusCode errorCode requestBody responseBody manual } } } lane { id state } } }`;

/** Asks until it says so: deliveries take the time they take. */
async function until(id: string, states: string[], attempts = 0): Promise<Answer> {
  for (const deadline = Date.now() + 10_000; ; ) {
    const { webhookRequest } = await ask(REQUEST, { id });
    if (webhookRequest && states.includes(webhookRequest.state) && webhookRequest.attemptCount >= attempts) return webhookRequest;
    if (Date.now() > deadline) throw new Error(`still ${JSON.stringify(webhookRequest)}`);
    await new Promise((resolve) => setTimeout(resolve, 15));
  }
}

/** Answers so on the path of one definition. */
const replies = new Map<string, number>();
const answer = (path: string, status: number) => {
  replies.set(path, status);
  receiver.respond((call) => ({ status: replies.get(call.path) ?? 200, body: { said: status } }));
};

async function act(name: string, id: string, more: Record<string, unknown> = {}): Promise<Answer> {
  const type = `${name.slice(0, 1).toUpperCase()}${name.slice(1)}Input`;
  const query = `mutation ($input: ${type}!) { act: ${name}(input: $input) { __typename ${name.endsWith("Lane") ? "... on Lane { id state }" : "... on WebhookRequest { id number state }"} ... on Error { code } } }`;
  return (await ask(query, { input: { id, ...more } })).act;
}

test("a deleted request is shown whole, once", async () => {
  const { type, path } = await definition({ retrySchedule: [0] });
  answer(path, 500);
  const { id } = (await emit(type)).requests.edges[0].node;
  const before = await until(id, ["REJECTED"], 2);
  const DELETE = `mutation ($input: DeleteWebhookRequestInput!) { deleteWebhookRequest(input: $input) { ... on WebhookRequest {
    id number state request response event { id } attempts { totalCount edges { node { number responseBody } } } } } }`;
  const { deleteWebhookRequest: deleted } = await ask(DELETE, { input: { id } });
  expect(deleted).toEqual({
    ...{ id, number: before.number, state: "REJECTED", request: before.request, response: before.response, event: { id: before.event.id } },
    attempts: { totalCount: 2, edges: [1, 2].map((number) => ({ node: { number, responseBody: '{"said":500}' } })) },
  });
  expect((await ask(REQUEST, { id })).webhookRequest).toBeNull();
});

test("a first delivery: the event, its request, what was sent and what came back", async () => {
  const { id, type, path } = await definition({ headers: { Authorization: "Bearer sesame" } });
  answer(path, 201);
  const event = await emit(type, { entity: "order", entityId: "18", payload: { total: 1.5, b: "å" } });
  expect(event).toMatchObject({ __typename: "Event", type, payload: { total: 1.5, b: "å" } });
  expect(event.requests.totalCount).toBe(1);
  const { node } = event.requests.edges[0];
  expect(node.webhookDefinition.id).toBe(id);
  const request = await until(node.id, ["DELIVERED"]);
  expect(request).toMatchObject({ lifeCycleState: "SUCCESSFUL", errorCode: null, attemptCount: 1, laneNumber: 1, isTest: false });
  expect(request.request).toMatchObject({ method: "POST", url: `${receiver.url}${path}` });
  expect(JSON.parse(request.request.body).data).toEqual({ total: 1.5, b: "å" });
  expect(JSON.stringify(request)).not.toContain("sesame");
  expect(request.response).toMatchObject({ status: 201, body: '{"said":201}' });
  expect(request.attempts.edges[0].node).toMatchObject({
    number: 1,
    outcome: "DELIVERED",
    statusCode: 201,
    requestBody: request.request.body,
  });
});

describe("operators", () => {
  test("activation sets a blocked lane going again, also of a definition that is ACTIVE; its head is tried anew", async () => {
    const { id, type, path } = await definition({ onExhausted: "BLOCK" });
    answer(path, 500);
    const a = (await emit(type)).requests.edges[0].node;
    const b = (await emit(type)).requests.edges[0].node;
    await until(a.id, ["REJECTED"]);
    const ACTIVATE = `mutation ($ids: [ID!]!) { activateWebhookDefinitions(input: { ids: $ids }) { ... on WebhookDefinitionList { webhookDefinitions { state } } } }`;
    answer(path, 200);
    expect((await ask(ACTIVATE, { ids: [id] })).activateWebhookDefinitions).toEqual({ webhookDefinitions: [{ state: "ACTIVE" }] });
    await until(a.id, ["DELIVERED"], 2);
    await until(b.id, ["DELIVERED"]);
    expect(receiver.calls.filter((call) => call.path === path)).toHaveLength(3);
  });

  test("resend: a rejected one at once, a delivered one only with force, under its old number", async () => {
    const { type, path } = await definition();
    answer(path, 500);
    const first = (await emit(type)).requests.edges[0].node;
    const rejected = await until(first.id, ["REJECTED"]);
    expect(rejected).toMatchObject({ lifeCycleState: "REJECTED", errorCode: "HTTP_STATUS" });
    answer(path, 200);
    expect(await act("resendWebhookRequest", first.id)).toMatchObject({ __typename: "WebhookRequest", id: first.id, number: first.number });
    const delivered = await until(first.id, ["DELIVERED"], 2);
    expect(delivered.attempts.edges[0].node).toMatchObject({ number: 2, manual: true, requestBody: rejected.request.body });
    expect(await act("resendWebhookRequest", first.id)).toMatchObject({ __typename: "ConflictError", code: "NOT_REJECTED" });
    expect(await act("resendWebhookRequest", first.id, { force: true })).toMatchObject({ id: first.id });
    await until(first.id, ["DELIVERED"], 3);
  });

  test("a waiting head is skipped or tried now, one behind it cancelled, a settled one deleted; the lane shows it", async () => {
    const { id, type, path } = await definition({ retrySchedule: [600_000] });
    answer(path, 503);
    const requests = [];
    for (let i = 0; i < 4; i++) requests.push((await emit(type)).requests.edges[0].node);
    const [a, b, c, d] = requests as [Answer, Answer, Answer, Answer];
    await until(a.id, ["WAITING"]);
    const LANES = `query ($filter: LaneFilter) { lanes(filter: $filter) { totalCount edges { node { id state pendingCount reason until lastNumber settledNumber key head { id } webhookDefinition { id } } } } }`;
    const { lanes } = await ask(LANES, { filter: { webhookDefinitionId: id } });
    const lane = lanes.edges[0].node;
    expect(lane).toMatchObject({ state: "WAITING", pendingCount: 3, reason: "HTTP_STATUS", lastNumber: 4, settledNumber: 0, key: null });
    expect(lane).toMatchObject({ head: { id: a.id }, webhookDefinition: { id } });
    expect(Date.parse(lane.until)).toBeGreaterThan(Date.now());
    const inState = async (state: string) => (await ask(LANES, { filter: { webhookDefinitionId: id, state: [state] } })).lanes.totalCount;
    expect([await inState("WAITING"), await inState("IDLE")]).toEqual([1, 0]);

    expect(await act("skipWebhookRequest", b.id)).toMatchObject({ __typename: "ConflictError" });
    expect(await act("cancelWebhookRequest", b.id)).toMatchObject({ id: b.id, state: "CANCELLED" });
    expect(await act("deleteWebhookRequest", a.id)).toMatchObject({ __typename: "ConflictError", code: "NOT_SETTLED" });
    expect(await act("pauseLane", lane.id)).toMatchObject({ id: lane.id, state: "PAUSED" });
    expect(await inState("PAUSED")).toBe(1);
    expect(await act("skipWebhookRequest", a.id)).toMatchObject({ id: a.id, state: "SKIPPED" });
    answer(path, 200);
    expect((await act("resumeLane", lane.id)).id).toBe(lane.id);
    await until(c.id, ["DELIVERED"]);
    await until(d.id, ["DELIVERED"]);
    expect(await act("deleteWebhookRequest", b.id)).toMatchObject({ id: b.id, state: "CANCELLED" });
    expect((await ask(REQUEST, { id: b.id })).webhookRequest).toBeNull();
    expect(await act("deleteWebhookRequest", b.id)).toMatchObject({ __typename: "NotFoundError", code: "NOT_FOUND" });

    answer(path, 503);
    const e = (await emit(type)).requests.edges[0].node;
    await until(e.id, ["WAITING"]);
    answer(path, 200);
    expect(await act("retryWebhookRequestNow", e.id)).toMatchObject({ id: e.id });
    await until(e.id, ["DELIVERED"], 2);
  });

  test("many at once: only what was rejected, lowest number first, with progress", async () => {
    const { id, type, path } = await definition();
    const { workReplays } = await import("../../src/requests/replay-run.ts");
    const { createRunMissed } = await import("../../src/events/missed.ts");
    answer(path, 200);
    const delivered = (await emit(type)).requests.edges[0].node;
    await until(delivered.id, ["DELIVERED"]);
    answer(path, 500);
    const rejected: Answer[] = [];
    for (let i = 0; i < 30; i++) rejected.push((await emit(type)).requests.edges[0].node);
    for (const { id: one } of rejected) await until(one, ["REJECTED"]);
    answer(path, 200);
    await workReplays(app.doors.core, app.queue, createRunMissed(app.doors.core, app.doors.ingest));
    const before = receiver.calls.length;
    const REPLAY = `mutation ($input: ResendWebhookRequestsInput!) { resendWebhookRequests(input: $input) { __typename ... on Replay { id total done state } ... on Error { code } } }`;
    const { resendWebhookRequests: replay } = await ask(REPLAY, { input: { filter: { webhookDefinitionId: id } } });
    expect(replay).toMatchObject({ __typename: "Replay", total: 30, done: 0, state: "RUNNING" });
    for (const { id: one } of rejected) await until(one, ["DELIVERED"], 2);
    const calls = receiver.calls.slice(before).filter((call) => call.path === path);
    expect(calls).toHaveLength(30);
    const sent = await Promise.all(rejected.map(async (r) => JSON.parse((await until(r.id, ["DELIVERED"])).request.body).id));
    expect(calls.map((call) => call.json().id)).toEqual(sent);
    const node = async () => (await ask("query ($id: ID!) { node(id: $id) { ... on Replay { done state } } }", { id: replay.id })).node;
    for (const deadline = Date.now() + 5_000; (await node()).state !== "DONE"; ) {
      if (Date.now() > deadline) throw new Error(JSON.stringify(await node()));
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(await node()).toEqual({ done: 30, state: "DONE" });
    expect((await until(delivered.id, ["DELIVERED"])).attemptCount).toBe(1);
  });

  test("act on nothing of another organization", async () => {
    const { type, path } = await definition();
    answer(path, 500);
    const request = (await emit(type)).requests.edges[0].node;
    const { lane } = await until(request.id, ["REJECTED"]);
    const foreign = await app.token({ organizationId: (await app.t.organization()).id });
    for (const name of [
      "resendWebhookRequest",
      "skipWebhookRequest",
      "cancelWebhookRequest",
      "deleteWebhookRequest",
      "retryWebhookRequestNow",
    ]) {
      const type = `${name.slice(0, 1).toUpperCase()}${name.slice(1)}Input`;
      const query = `mutation ($input: ${type}!) { ${name}(input: $input) { __typename } }`;
      expect(await data(app, foreign, query, { input: { id: request.id } })).toEqual({ [name]: { __typename: "NotFoundError" } });
    }
    for (const name of ["pauseLane", "resumeLane"]) {
      const type = name === "pauseLane" ? "PauseLaneInput" : "ResumeLaneInput";
      const query = `mutation ($input: ${type}!) { ${name}(input: $input) { __typename } }`;
      expect(await data(app, foreign, query, { input: { id: lane.id } })).toEqual({ [name]: { __typename: "NotFoundError" } });
    }
    const NODES = `query ($ids: [ID!]!, $id: ID!) { nodes(ids: $ids) { id } webhookRequest(id: $id) { id } webhookRequests { totalCount } events { totalCount } lanes { totalCount } }`;
    const { event } = await until(request.id, ["REJECTED"]);
    const seen = await data(app, foreign, NODES, { ids: [request.id, lane.id, event.id], id: request.id });
    expect(seen).toEqual({
      nodes: [null, null, null],
      webhookRequest: null,
      webhookRequests: { totalCount: 0 },
      events: { totalCount: 0 },
      lanes: { totalCount: 0 },
    });
    const viewer = await app.token({ role: "VIEWER" });
    const denied = "mutation ($input: ResendWebhookRequestInput!) { resendWebhookRequest(input: $input) { __typename } }";
    expect(await data(app, viewer, denied, { input: { id: request.id } })).toEqual({
      resendWebhookRequest: { __typename: "ForbiddenError" },
    });
  });
});

describe("the log", () => {
  test("is filtered and paged, newest first", async () => {
    const { id, type, path } = await definition();
    answer(path, 200);
    for (let i = 0; i < 5; i++) await emit(type, { entity: "order", entityId: String(i % 2) });
    const LIST = `query ($first: Int, $after: String, $last: Int, $before: String, $filter: WebhookRequestFilter) {
      webhookRequests(first: $first, after: $after, last: $last, before: $before, filter: $filter) {
        totalCount edges { cursor node { number entityId } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`;
    const list = async (variables: object) => (await ask(LIST, { filter: { webhookDefinitionId: id }, ...variables })).webhookRequests;
    const all = await list({});
    expect(all.totalCount).toBe(5);
    const numbers = all.edges.map((e: Answer) => e.node.number);
    expect(numbers).toEqual([...numbers].sort((a, b) => b - a));
    const page = await list({ first: 2 });
    expect(page.edges.map((e: Answer) => e.node.number)).toEqual(numbers.slice(0, 2));
    expect(page.pageInfo).toMatchObject({ hasNextPage: true, hasPreviousPage: false, endCursor: page.edges[1].cursor });
    const next = await list({ first: 2, after: page.pageInfo.endCursor });
    expect(next.edges.map((e: Answer) => e.node.number)).toEqual(numbers.slice(2, 4));
    const back = await list({ last: 2, before: next.pageInfo.startCursor });
    expect(back.edges.map((e: Answer) => e.node.number)).toEqual(numbers.slice(0, 2));
    const filtered = await list({ filter: { webhookDefinitionId: id, eventType: type, entity: "order", entityId: "1" } });
    expect(filtered.totalCount).toBe(2);
    expect((await list({ filter: { number: String(numbers[2]) } })).edges.map((e: Answer) => e.node.number)).toEqual([numbers[2]]);
    for (const filter of [
      { webhookDefinitionId: "whd_nothing" },
      { eventType: "nul\u0000" },
      { workflowRuleId: id },
      { state: [] },
      { ids: [] },
    ]) {
      expect((await list({ filter })).edges).toEqual([]);
    }
  });

  test("refuses what makes no sense with BAD_USER_INPUT or VALIDATION_FAILED", async () => {
    const code = async (args: string) => {
      const { status, body } = await graphql(app, `{ webhookRequests(${args}) { edges { cursor } } }`, { token: app.adminToken });
      return [status, body.errors?.[0]?.extensions?.code];
    };
    expect((await code("first: 101"))[1]).toBe("BAD_USER_INPUT");
    expect((await code("first: -1"))[1]).toBe("BAD_USER_INPUT");
    expect(await code('after: "nonsense"')).toEqual([200, "BAD_USER_INPUT"]);
    expect(await code('filter: { number: "x" }')).toEqual([200, "VALIDATION_FAILED"]);
    expect((await code("filter: { state: [WRONG] }"))[1]).toBe("GRAPHQL_VALIDATION_FAILED");
  });

  test("B22 shows a request by number, which may be beyond 32 bits, and nothing for a number that is none", async () => {
    const { type } = await definition();
    const { number, id } = (await emit(type)).requests.edges[0].node;
    const BY_NUMBER = "query ($number: SafeInt) { webhookRequest(number: $number) { id } }";
    expect((await ask(BY_NUMBER, { number })).webhookRequest).toEqual({ id });
    expect((await ask(BY_NUMBER, { number: String(number) })).webhookRequest).toEqual({ id });
    for (const none of [0, -1, 2 ** 31, Number.MAX_SAFE_INTEGER, null])
      expect((await ask(BY_NUMBER, { number: none })).webhookRequest).toBeNull();
  });
});

describe("events", () => {
  test("several at once keep their order; one mistake takes none", async () => {
    const { type } = await definition();
    const EMIT_ALL = `mutation ($input: EmitEventsInput!) { emitEvents(input: $input) { __typename ... on EmittedEvents { events { id type payload requests { edges { node { laneNumber } } } } }
      ... on ValidationError { issues { path message } } } }`;
    const all = async (events: object[]) => (await ask(EMIT_ALL, { input: { events } })).emitEvents;
    const emitted = await all([1, 2, 3].map((n) => ({ type, payload: { n } })));
    expect(emitted.events.map((e: Answer) => [e.payload.n, e.requests.edges[0].node.laneNumber])).toEqual([1, 2, 3].map((n) => [n, n]));
    const count = async () => (await ask("{ events { totalCount } }")).events.totalCount;
    const before = await count();
    const bad = await all([{ type }, { type }, { type }, { type: "no spaces please" }, { type, entity: "x".repeat(256), scope: [] }]);
    expect(bad.__typename).toBe("ValidationError");
    expect(bad.issues.map((i: Answer) => i.path)).toEqual(["events.3.type", "events.4.entity", "events.4.scope"]);
    expect((await all([])).issues[0].path).toBe("events");
    expect(await count()).toBe(before);
  });

  test("a payload that is null is null, and one that is absent an empty object, by every door", async () => {
    const { type } = await definition();
    const EMIT_BOTH = `mutation ($input: EmitEventsInput!) { emitEvents(input: $input) { ... on EmittedEvents { events { payload } } } }`;
    const events = [{ type, payload: null }, { type }];
    const wanted = [{ payload: null }, { payload: {} }];
    expect((await ask(EMIT_BOTH, { input: { events } })).emitEvents.events).toEqual(wanted);
    const keys = events.map((event, i) => ({ ...event, idempotencyKey: `${type}-${i}` }));
    expect((await ask(EMIT_BOTH, { input: { events: keys } })).emitEvents.events).toEqual(wanted);
    const literal = `mutation { emitEvents(input: { events: [{ type: "${type}", payload: null }, { type: "${type}" }] }) { ... on EmittedEvents { events { payload } } } }`;
    expect((await ask(literal)).emitEvents.events).toEqual(wanted);
    await fetch(`${app.url}/v1/events`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${app.adminToken}` },
      body: JSON.stringify(events),
    });
    const kept = await ask(`query ($type: [String!]) { events(first: 2, filter: { type: $type }) { edges { node { payload } } } }`, {
      type: [type],
    });
    expect(kept.events.edges.map((edge: Answer) => edge.node).reverse()).toEqual(wanted);
  });

  test("an idempotency key takes the same event once, and refuses another under it", async () => {
    const { type } = await definition();
    const once = await emit(type, { idempotencyKey: "o-18" });
    expect((await emit(type, { idempotencyKey: "o-18" })).id).toBe(once.id);
    expect(await emit(type, { idempotencyKey: "o-18", payload: { n: 2 } })).toMatchObject({
      __typename: "ConflictError",
      code: "IDEMPOTENCY_KEY_REUSED",
    });
  });

  test("mistakes name the field", async () => {
    const issue = async (input: Record<string, unknown>) => (await emit("a.b", input)).issues?.map((i: Answer) => i.path);
    let deep: unknown = 1;
    for (let i = 0; i < 65; i++) deep = [deep];
    expect(await issue({ payload: deep })).toEqual(["payload"]);
    expect(await issue({ payload: { text: "\0" } })).toEqual(["payload.text"]);
    expect(await issue({ entityId: "\ud800" })).toEqual(["entityId"]);
    expect(await issue({ type: "" })).toEqual(["type"]);
    expect(await issue({ scope: "x" })).toEqual(["scope"]);
    expect(await issue({ idempotencyKey: "" })).toEqual(["idempotencyKey"]);
  });

  test("that nobody wants are logged all the same", async () => {
    const event = await emit("nobody.wants.this", {
      actor: "me",
      scope: { group: "g" },
      changes: ["a"],
      previous: { a: 0 },
      occurredAt: "2026-11-01T00:00:00+01:00",
    });
    expect(event.requests).toEqual({ totalCount: 0, edges: [] });
    const { event: shown } = await ask("query ($id: ID!) { event(id: $id) { id actor scope changes previous occurredAt source } }", {
      id: event.id,
    });
    expect(shown).toEqual({
      id: event.id,
      actor: "me",
      scope: { group: "g" },
      changes: ["a"],
      previous: { a: 0 },
      occurredAt: "2026-10-31T23:00:00.000Z",
      source: null,
    });
    const { events } = await ask("{ events(first: 1) { edges { node { id } } pageInfo { hasNextPage } } }");
    expect(events).toEqual({ edges: [{ node: { id: event.id } }], pageInfo: { hasNextPage: true } });
  });
});
