/** A call that emits is read in one of two ways, by what stands in it or beside it: what it does must not hang on which. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type TestApp, testApp } from "../../helpers/app.ts";

let app: TestApp;
beforeAll(async () => {
  app = await testApp();
});
afterAll(() => app?.close());

const send = async (text: string) => {
  const response = await fetch(`${app.url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${app.adminToken}` },
    body: text,
  });
  return {
    status: response.status,
    body: (await response.json()) as { data?: Record<string, Record<string, unknown>>; errors?: unknown[] },
  };
};
/** The query first: payloads are cut out as they are written. Variables first: they are parsed. */
const both = (query: string, variables: string): string[] => [
  `{"query":${JSON.stringify(query)},"variables":${variables}}`,
  `{"variables":${variables},"query":${JSON.stringify(query)}}`,
];

const EMIT =
  "mutation ($input: EmitEventsInput!) { emitEvents(input: $input) { __typename ... on EmittedEvents { events { id } } ... on Error { code message } } }";
/** A pair of surrogates as it is escaped by default in PHP and Python: such a body is parsed. */
const NEIGHBOUR = String.raw`{"type":"y.y","payload":"\ud83d\ude00"}`;

test.each([
  [String.raw`{"name":"caf\u00e9","url":"https:\/\/a\/b"}`],
  ['{"2":1,"1":[1.50, 12345678901234567890], "1":[1.50]}'],
  ['"text"'],
  ["null"],
])("an event has the same hash under its key alone and beside one that changes how the call is read: %s", async (payload) => {
  const key = `two-${payload}`.slice(0, 60).replaceAll(/["\\]/g, "_");
  const event = `{"type":"k.k","payload":${payload},"previous":${payload},"idempotencyKey":"${key}"}`;
  const ids = new Set<unknown>();
  for (const given of [event, `${event},${NEIGHBOUR}`])
    for (const text of both(EMIT, `{"input":{"events":[${given}]}}`)) {
      const { body } = await send(text);
      expect(body.data?.["emitEvents"]).toMatchObject({ __typename: "EmittedEvents", events: expect.any(Array) });
      const { events = [] } = (body.data?.["emitEvents"] ?? {}) as { events?: { id: string }[] };
      ids.add(events[0]?.id);
    }
  expect(ids.size).toBe(1);
});

test("an event's variable within JSON is checked as every value of JSON is, and nobody's events fail by it", async () => {
  const variables = '{"event":{"type":"t","payload":{"$in":1}}}';
  const create =
    'mutation ($event: EmitEventInput!) { createWebhookDefinition(input: {name: "two readers", targetUrl: "https://shop.example/h", eventTypes: ["*"], filter: {payload: {a: $event}}}) { __typename ... on Error { message } } } # emitEvent';
  for (const text of both(create, variables)) {
    const { body } = await send(text);
    expect(body.data?.["createWebhookDefinition"]).toEqual({
      __typename: "ValidationError",
      message: expect.stringContaining("filter.payload.a.payload.$in"),
    });
  }
  const scope =
    'mutation ($event: EmitEventInput!) { emitEvent(input: {type: "x.y", scope: {s: $event}}) { __typename ... on Error { message } } }';
  for (const payload of ["1e99999999999", "1e2000", `${"[".repeat(64)}${"]".repeat(64)}`])
    for (const text of both(scope, `{"event":{"type":"a.b","payload":${payload}}}`)) {
      const { status, body } = await send(text);
      expect([status, body.data?.["emitEvent"]?.["__typename"]]).toEqual([200, "ValidationError"]);
    }
});

test("variables and extensions that are a number are refused, however it is written", async () => {
  for (const number of ["1", "1.0", "1e400"])
    for (const name of ["variables", "extensions"]) {
      const { status, body } = await send(`{"query":"{ __typename }","${name}":${number}}`);
      expect([status, JSON.stringify(body.errors)]).toEqual([
        400,
        expect.stringContaining(`${name} must be an object, and is of the type number`),
      ]);
    }
});
