/** W3C Trace Context from each door to the receiver, without OpenTelemetry: as it came, and never made up. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type TestApp, testApp } from "../helpers/app.ts";
import { startReceiver } from "../helpers/receiver.ts";

const given = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const own = "00-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-bbbbbbbbbbbbbbbb-00";
const STATE = "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE";

const receiver = await startReceiver();
let app: TestApp;
beforeAll(async () => {
  app = await testApp({}, { worker: true });
  await gql(
    "mutation ($input: CreateWebhookDefinitionInput!) { createWebhookDefinition(input: $input) { __typename ... on Error { message } } }",
    { input: { name: "All", targetUrl: receiver.url, eventTypes: ["*"], ordering: "NONE" } },
  );
});
afterAll(async () => {
  await app.close();
  await receiver.close();
});

const bearer = () => ({ authorization: `Bearer ${app.adminToken}` });

// biome-ignore lint/suspicious/noExplicitAny: a test says what it expects by its expectations
async function gql(query: string, variables: object = {}, headers: Record<string, string> = {}): Promise<any> {
  const response = await fetch(`${app.url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", ...bearer(), ...headers },
    body: JSON.stringify({ query, variables }),
  });
  return response.json();
}

const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
  fetch(`${app.url}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...bearer(), ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });

/** What the receiver was told of the trace of an event of this type, once it came. */
async function told(type: string, count = 1): Promise<[traceparent: string | undefined, tracestate: string | undefined][]> {
  const ofType = () => receiver.calls.filter((call) => call.json().type === type);
  await receiver.waitFor(() => ofType().length >= count);
  return ofType()
    .sort((a, b) => (a.json().subject < b.json().subject ? -1 : 1))
    .map(({ headers }) => [headers["traceparent"] as string | undefined, headers["tracestate"] as string | undefined]);
}

const HEADERS = { traceparent: given, tracestate: STATE };
const EMIT =
  "mutation ($input: EmitEventInput!) { emitEvent(input: $input) { __typename ... on Event { id traceparent tracestate } ... on ValidationError { code issues { path message } } } }";

describe("by the call's header", () => {
  test("POST /v1/events, one and several", async () => {
    expect((await post("/v1/events", { type: "rest.one" }, HEADERS)).status).toBe(202);
    expect(await told("rest.one")).toEqual([[given, STATE]]);
    const several = [
      { type: "rest.many", entity: "a" },
      { type: "rest.many", entity: "b", traceparent: own },
      { type: "rest.many", entity: "c", traceparent: own, tracestate: "a=1" },
    ];
    expect((await post("/v1/events", several, HEADERS)).status).toBe(202);
    expect(await told("rest.many", 3)).toEqual([
      [given, STATE],
      [own, undefined],
      [own, "a=1"],
    ]);
  });

  test("CloudEvents: structured, batched, binary", async () => {
    const cloud = (id: string, more: object = {}) => ({ specversion: "1.0", id, source: "/shop", type: `cloud.${id}`, ...more });
    const structured = { "content-type": "application/cloudevents+json", ...HEADERS };
    await post("/v1/events", cloud("header"), structured);
    await post("/v1/events", cloud("own", { traceparent: own, tracestate: "a=1" }), structured);
    await post("/v1/events", [cloud("batched"), cloud("batched.own", { traceparent: own })], {
      ...structured,
      "content-type": "application/cloudevents-batch+json",
    });
    expect(await told("cloud.header")).toEqual([[given, STATE]]);
    expect(await told("cloud.own")).toEqual([[own, "a=1"]]);
    expect(await told("cloud.batched")).toEqual([[given, STATE]]);
    expect(await told("cloud.batched.own")).toEqual([[own, undefined]]);

    const binary = (id: string) => ({
      "ce-specversion": "1.0",
      "ce-id": id,
      "ce-source": "/shop",
      "ce-type": `cloud.${id}`,
      "idempotency-key": id,
    });
    await post("/v1/events", {}, { ...binary("binary"), ...HEADERS });
    expect(await told("cloud.binary")).toEqual([[given, STATE]]);
    const first = await post("/v1/events", {}, { ...binary("binary.own"), ...HEADERS, "ce-traceparent": own });
    expect(await told("cloud.binary.own")).toEqual([[own, undefined]]);
    // Asked again, in another span: the same call.
    const again = await post("/v1/events", {}, { ...binary("binary.own"), "ce-traceparent": given });
    expect([again.status, await again.text()]).toEqual([202, await first.text()]);
    expect((await post("/v1/events", {}, { ...binary("binary.bad"), "ce-traceparent": "x" })).status).toBe(400);
  });

  test("emitEvent and emitEvents", async () => {
    const { data } = await gql(EMIT, { input: { type: "graph.one" } }, HEADERS);
    expect(data.emitEvent).toEqual({ __typename: "Event", id: expect.any(String), traceparent: given, tracestate: STATE });
    expect(await told("graph.one")).toEqual([[given, STATE]]);
    const mine = await gql(EMIT, { input: { type: "graph.own", traceparent: own } }, HEADERS);
    expect(mine.data.emitEvent).toMatchObject({ traceparent: own, tracestate: null });
    expect(await told("graph.own")).toEqual([[own, undefined]]);
    const events = [
      { type: "graph.many", entity: "a" },
      { type: "graph.many", entity: "b", traceparent: own, tracestate: "a=1" },
    ];
    await gql("mutation ($input: EmitEventsInput!) { emitEvents(input: $input) { __typename } }", { input: { events } }, HEADERS);
    expect(await told("graph.many", 2)).toEqual([
      [given, STATE],
      [own, "a=1"],
    ]);
  });

  test("inbound sources", async () => {
    const { data } = await gql(
      'mutation { createInboundWebhook(input: { targetType: EVENT, eventType: "inbound.posted", name: "In" }) { __typename ... on CreatedInboundWebhook { targetUrl } ... on Error { message } } }',
    );
    const { pathname } = new URL(data.createInboundWebhook.targetUrl);
    expect((await post(pathname, { any: "thing" }, HEADERS)).status).toBe(202);
    expect(await told("inbound.posted")).toEqual([[given, STATE]]);
  });

  test("values of goals, by hand and posted", async () => {
    const goal = (await gql('mutation { createGoal(input: { name: "G", direction: MAXIMIZE }) { __typename ... on Goal { id } } }')).data
      .createGoal;
    await gql(
      "mutation ($input: RecordGoalValueInput!) { recordGoalValue(input: $input) { __typename } }",
      { input: { goalId: goal.id, date: "2026-11-01", value: "1" } },
      HEADERS,
    );
    expect(await told("goal.value_recorded")).toEqual([[given, STATE]]);
    const made = await gql(
      "mutation ($input: CreateInboundWebhookInput!) { createInboundWebhook(input: $input) { __typename ... on CreatedInboundWebhook { targetUrl } } }",
      { input: { goalId: goal.id } },
    );
    const { pathname } = new URL(made.data.createInboundWebhook.targetUrl);
    expect((await post(pathname, { date: "2026-11-02", value: 2 }, { traceparent: own })).status).toBe(201);
    expect((await told("goal.value_recorded", 2)).map(([traceparent]) => traceparent).sort()).toEqual([given, own]);
  });

  test("the test button, and a face's signal", async () => {
    const signal = await post("/api/v1/Webhook/order.signalled/7", {}, HEADERS);
    const { data } = await gql("{ webhookDefinitions(first: 1) { edges { node { id } } } }");
    const { id } = data.webhookDefinitions.edges[0].node;
    const query = 'mutation ($id: ID!) { testWebhookDefinition(input: { id: $id, event: { type: "tried.out" } }) { __typename } }';
    await gql(query, { id }, HEADERS);
    expect(await told("tried.out")).toEqual([[given, STATE]]);
    expect(signal.ok).toBe(true);
    expect(await told("order.signalled")).toEqual([[given, STATE]]);
  });
});

describe("what is malformed", () => {
  test.each([
    ["letters", "00-xyz"],
    ["zeros", `00-${"0".repeat(32)}-00f067aa0ba902b7-01`],
    ["version ff", given.replace(/^00/, "ff")],
    ["more than version 00 has", `${given}-00`],
  ])("a header (%s) is ignored, with its tracestate", async (what, traceparent) => {
    const type = `bad.${what.replaceAll(" ", ".")}`;
    expect((await post("/v1/events", { type }, { traceparent, tracestate: STATE })).status).toBe(202);
    expect(await told(type)).toEqual([[undefined, undefined]]);
  });

  test("a higher version goes on as version 00; a tracestate too long does not", async () => {
    await post(
      "/v1/events",
      { type: "bad.version" },
      { traceparent: `${given.replace(/^00/, "cc")}-what-comes`, tracestate: `a=${"x".repeat(511)}` },
    );
    expect(await told("bad.version")).toEqual([[given, undefined]]);
  });

  test("a field is a typed error with its path", async () => {
    const one = await post("/v1/events", { type: "bad.field", traceparent: "00-1" });
    expect([one.status, await one.json()]).toMatchObject([400, { issues: [{ path: "traceparent" }] }]);
    const many = await post("/v1/events", [{ type: "bad.field" }, { type: "bad.field", traceparent: given, tracestate: "a" }]);
    expect([many.status, await many.json()]).toMatchObject([400, { issues: [{ path: "events.1.tracestate" }] }]);
    const cloud = { specversion: "1.0", id: "bad", source: "/shop", type: "bad.field", traceparent: 7 };
    const structured = await post("/v1/events", cloud, { "content-type": "application/cloudevents+json" });
    expect([structured.status, await structured.json()]).toMatchObject([400, { issues: [{ path: "traceparent" }] }]);
    const { data } = await gql(EMIT, { input: { type: "bad.field", traceparent: "x", tracestate: "a" } });
    expect(data.emitEvent).toMatchObject({ __typename: "ValidationError", issues: [{ path: "traceparent" }, { path: "tracestate" }] });
  });
});

test("what is of no trace tells the receiver of none", async () => {
  await post("/v1/events", { type: "of.none" });
  expect(await told("of.none")).toEqual([[undefined, undefined]]);
  const { data } = await gql('{ events(first: 1, filter: { type: "of.none" }) { edges { node { traceparent tracestate } } } }');
  expect(data.events.edges[0].node).toEqual({ traceparent: null, tracestate: null });
});

test("a resend keeps it, the log shows it, and no signature says it", async () => {
  await post("/v1/events", { type: "sent.again" }, HEADERS);
  await told("sent.again");
  const query = `{ webhookRequests(first: 1, filter: { eventType: "sent.again" }) { edges { node { id state event { traceparent tracestate }
    attempts(last: 2) { edges { node { number requestHeaders } } } } } } }`;
  const read = async () => (await gql(query)).data.webhookRequests.edges[0].node;
  await expect.poll(async () => (await read()).state).toBe("DELIVERED");
  const { id } = await read();
  await gql("mutation ($id: ID!) { resendWebhookRequest(input: { id: $id, force: true }) { __typename } }", { id }, { traceparent: own });
  expect(await told("sent.again", 2)).toEqual([
    [given, STATE],
    [given, STATE],
  ]);
  await expect.poll(async () => (await read()).attempts.edges.length).toBe(2);
  const { event, attempts } = await read();
  expect(event).toEqual(HEADERS);
  for (const { node } of attempts.edges) expect(node.requestHeaders).toMatchObject(HEADERS);
  // What waits in the database is read from there.
  await gql("mutation { pauseAllDeliveries { __typename } }");
  await post("/v1/events", { type: "sent.later" }, HEADERS);
  await gql("mutation { resumeAllDeliveries { __typename } }");
  expect(await told("sent.later")).toEqual([[given, STATE]]);
  const [first, second] = receiver.calls.filter((call) => call.json().type === "sent.again");
  expect(second?.body).toEqual(first?.body);
});
