/** Number tokens through every door: to the receiver, into the log, and back. What is sent and read here is text, never parsed. */
import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import tokens from "../fixtures/numbers.json" with { type: "json" };
import { type TestApp, testApp } from "../helpers/app.ts";
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

/** Every token, by name and in a list. */
const PAYLOAD = `{"list":[${tokens.join(",")}],${tokens.map((token, i) => `"n${i}":${token}`).join(",")}}`;

async function send(path: string, body: string, type = "application/json"): Promise<string> {
  const headers = { "content-type": type, authorization: `Bearer ${app.adminToken}` };
  const response = await fetch(app.url + path, { method: "POST", headers, body });
  const text = await response.text();
  if (response.status >= 300 || text.includes('"errors"')) throw new Error(`${response.status}: ${text}`);
  return text;
}

const graphql = (query: string, variables = "{}") => send("/graphql", `{"query":${JSON.stringify(query)},"variables":${variables}}`);

async function define(type: string, more = ""): Promise<string> {
  const answer = await graphql(
    "mutation ($input: CreateWebhookDefinitionInput!) { createWebhookDefinition(input: $input) { __typename ... on CreatedWebhookDefinition { definition { id filter properties } } ... on Error { message } } }",
    `{"input":{"name":"n","targetUrl":"${receiver.url}/${type}","eventTypes":["${type}"]${more}}}`,
  );
  return answer;
}

const idIn = (answer: string) => /"id":"([^"]+)"/.exec(answer)?.[1] as string;

async function received(type: string): Promise<string> {
  const calls = await receiver.waitFor((all) => all.some((call) => call.path === `/${type}`));
  return calls.find((call) => call.path === `/${type}`)?.body.toString() as string;
}

const EMIT =
  "mutation ($input: EmitEventInput!) { emitEvent(input: $input) { __typename ... on Event { id payload } ... on Error { message } } }";

async function overSocket(query: string, variables: string): Promise<string> {
  const socket = new WebSocket(`${app.url.replace("http", "ws")}/graphql`, "graphql-transport-ws");
  await once(socket, "open");
  socket.send(JSON.stringify({ type: "connection_init", payload: { authorization: `Bearer ${app.adminToken}` } }));
  await once(socket, "message");
  socket.send(`{"type":"subscribe","id":"1","payload":{"query":${JSON.stringify(query)},"variables":${variables}}}`);
  const [message] = await once(socket, "message");
  socket.terminate();
  return String(message);
}

const literal = () => PAYLOAD.replaceAll(/"(\w+)":/g, "$1:");

const DOORS: Record<string, (type: string) => Promise<unknown>> = {
  REST: (type) => send("/v1/events", `{"type":"${type}","payload":${PAYLOAD}}`),
  "REST, several": (type) => send("/v1/events", `[{"type":"${type}","payload":${PAYLOAD}}]`),
  CloudEvents: (type) =>
    send("/v1/events", `{"specversion":"1.0","id":"1","source":"s","type":"${type}","data":${PAYLOAD}}`, "application/cloudevents+json"),
  "GraphQL variables": (type) => graphql(EMIT, `{"input":{"type":"${type}","payload":${PAYLOAD}}}`),
  "a GraphQL variable of JSON": (type) =>
    graphql(
      `mutation ($p: JSON) { emitEvent(input: { type: "${type}", payload: $p }) { __typename ... on Event { id payload } } }`,
      `{"p":${PAYLOAD}}`,
    ),
  "GraphQL literals": (type) =>
    graphql(`mutation { emitEvent(input: { type: "${type}", payload: ${literal()} }) { __typename ... on Event { id payload } } }`),
  "several by GraphQL": (type) =>
    graphql(
      "mutation ($input: EmitEventsInput!) { emitEvents(input: $input) { __typename ... on EmittedEvents { events { id payload } } } }",
      `{"input":{"events":[{"type":"${type}","payload":${PAYLOAD}}]}}`,
    ),
  "a WebSocket": (type) => overSocket(EMIT, `{"input":{"type":"${type}","payload":${PAYLOAD}}}`),
};

describe("B70 number tokens stay as they are written", () => {
  test.each(Object.entries(DOORS))("by %s, to the receiver and into the log", async (name, emit) => {
    const type = `numbers.${name.replaceAll(/\W/g, "_")}`;
    await define(type);
    const answer = await emit(type);
    if (String(answer).includes('"payload"')) expect(String(answer)).toContain(PAYLOAD);
    expect(await received(type)).toContain(`"data":${PAYLOAD}`);
    expect(await graphql("{ events(first: 1) { edges { node { payload } } } }")).toContain(PAYLOAD);
  });

  test("in previous, and in the event of a test", async () => {
    const answer = await graphql(
      "mutation ($input: EmitEventInput!) { emitEvent(input: $input) { ... on Event { previous } } }",
      `{"input":{"type":"numbers.previous","previous":${PAYLOAD}}}`,
    );
    expect(answer).toContain(`"previous":${PAYLOAD}`);
    const id = idIn(await define("numbers.test"));
    await graphql(
      "mutation ($input: TestWebhookDefinitionInput!) { testWebhookDefinition(input: $input) { ... on WebhookRequest { state } ... on Error { message } } }",
      `{"input":{"id":"${id}","event":{"type":"numbers.test","payload":${PAYLOAD}}}}`,
    );
    expect(await received("numbers.test")).toContain(`"data":${PAYLOAD}`);
  });

  test("in scope, properties and filters, which Postgres keeps as decimals: every digit, though 1e3 is 1000", async () => {
    const exact = '{"a":1.0,"b":0.10,"c":12345678901234567890,"d":9007199254740993,"e":-1.50,"f":0.1000000000000000055511151231257827}';
    const answer = await define("numbers.kept", `,"properties":${exact},"filter":{"payload":{"id":9007199254740993}}`);
    expect(answer).toContain(`"properties":${exact}`);
    expect(answer).toContain('"filter":{"payload":{"id":9007199254740993}}');
    expect(await graphql(`{ node(id: "${idIn(answer)}") { ... on WebhookDefinition { properties filter } } }`)).toContain(exact);
    await send("/v1/events", `{"type":"numbers.kept","scope":${exact},"payload":{"id":9007199254740993}}`);
    expect(await received("numbers.kept")).toContain(exact.slice(1, -1));
    expect(await graphql("{ events(first: 1) { edges { node { scope } } } }")).toContain(exact);
  });

  test("a payload full of them is shown as it is, over HTTP, as an event of a stream and over a WebSocket", async () => {
    const many = `[\n${"1.0,".repeat(200_000)}0.10]`;
    const shownMany = many.replace("\n", "");
    await send("/v1/events", `{"type":"numbers.many","payload":${many}}`);
    const query = "{ events(first: 1) { edges { node { payload previous } } } }";
    const whole = `{"data":{"events":{"edges":[{"node":{"payload":${shownMany},"previous":null}}]}}}`;
    expect((await graphql(query)) === whole).toBe(true);
    const stream = await fetch(`${app.url}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json", accept: "text/event-stream", authorization: `Bearer ${app.adminToken}` },
      body: JSON.stringify({ query }),
    });
    expect((await stream.text()).includes(`data: ${whole}\n`)).toBe(true);
    expect((await overSocket(query, "{}")).endsWith(`"payload":${whole}}`)).toBe(true);
  });

  test("what cannot be kept is refused by name", async () => {
    expect(await define("numbers.far", ',"properties":{"a":1e5000}')).toContain("a number beyond 1e1000");
    const refused = await fetch(`${app.url}/v1/events`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${app.adminToken}` },
      body: '{"type":"numbers.far","scope":{"a":1e999999}}',
    });
    expect([refused.status, await refused.text()]).toEqual([400, expect.stringContaining("a number beyond 1e1000")]);
    await expect(graphql("query ($first: Int) { events(first: $first) { totalCount } }", '{"first":9007199254740993}')).rejects.toThrow(
      "BAD_USER_INPUT",
    );
    expect(await graphql("query ($first: Int) { events(first: $first) { totalCount } }", '{"first":1.0}')).toContain("totalCount");
  });
});

describe("B71 filters compare numbers as they are", () => {
  test.each([
    [
      '{"$eq":9007199254740993}',
      ["9007199254740993", "9007199254740993.0", "9.007199254740993e15"],
      ["9007199254740992", "9007199254740994"],
    ],
    ['{"$gt":9007199254740992}', ["9007199254740993", "1e400"], ["9007199254740992", "-1e400", '"9007199254740993"']],
    ['{"$in":[12345678901234567891]}', ["12345678901234567891"], ["12345678901234567890", "12345678901234567892"]],
    ['{"$ne":9007199254740993}', ["9007199254740992"], ["9007199254740993"]],
    ['{"$lte":0.1}', ["0.1", "0.10", "1e-1", "0"], ["0.1000000000000000055511151231257827021181583404541015625"]],
    ['{"$eq":1}', ["1", "1.0", "10e-1"], ["1.0000000000000000001"]],
  ])("%s", async (condition, taken, left) => {
    const matched = async (number: string) => {
      await send("/v1/events", `{"type":"preview.b71","payload":{"n":${number}}}`);
      const answer = await graphql(
        'query ($f: JSON) { filterPreview(eventTypes: ["preview.b71"], filter: $f, last: 1) { matched } }',
        `{"f":{"payload":{"n":${condition}}}}`,
      );
      return JSON.parse(answer).data.filterPreview.matched === 1;
    };
    for (const number of taken) expect([number, await matched(number)]).toEqual([number, true]);
    for (const number of left) expect([number, await matched(number)]).toEqual([number, false]);
  });
});
