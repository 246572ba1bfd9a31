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
  "a binary CloudEvent": async (type) => {
    const headers = {
      ...{ "content-type": "application/json", authorization: `Bearer ${app.adminToken}` },
      ...{ "ce-specversion": "1.0", "ce-id": "2", "ce-source": "s", "ce-type": type },
    };
    expect((await fetch(`${app.url}/v1/events`, { method: "POST", headers, body: PAYLOAD })).status).toBe(202);
  },
  "a batch of CloudEvents": (type) =>
    send(
      "/v1/events",
      `[{"specversion":"1.0","id":"3","source":"s","type":"${type}","data":${PAYLOAD}}]`,
      "application/cloudevents-batch+json",
    ),
  "a CloudEvent's data_base64": (type) =>
    send(
      "/v1/events",
      `{"specversion":"1.0","id":"4","source":"s","type":"${type}","data_base64":"${Buffer.from(PAYLOAD).toString("base64")}"}`,
      "application/cloudevents+json",
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

  test("back through a resend, and through a payload query with its paths", async () => {
    receiver.respond((call) =>
      call.path === "/numbers.again" && receiver.calls.filter((c) => c.path === call.path).length === 1 ? 500 : 200,
    );
    await define("numbers.again", ',"retrySchedule":[]');
    await define(
      "numbers.query",
      ',"payloadQuery":"{ event { all: payload one: payload(path: \\"n11\\") list: payload(path: \\"list\\") scope } }"',
    );
    await send("/v1/events", `{"type":"numbers.query","payload":${PAYLOAD},"scope":{"n":12345678901234567890}}`);
    const token = tokens[11];
    expect(await received("numbers.query")).toBe(
      `{"event":{"all":${PAYLOAD},"one":${token},"list":[${tokens.join(",")}],"scope":{"n":12345678901234567890}}}`,
    );
    await send("/v1/events", `{"type":"numbers.again","payload":${PAYLOAD}}`);
    await received("numbers.again");
    const rejected = '{ webhookRequests(filter: { eventType: "numbers.again", state: [REJECTED] }) { edges { node { id } } } }';
    await expect.poll(() => graphql(rejected).then(idIn), { timeout: 10_000 }).toBeTruthy();
    await graphql(`mutation { resendWebhookRequest(input: { id: "${idIn(await graphql(rejected))}" }) { ... on Error { message } } }`);
    const calls = await receiver.waitFor((all) => all.filter((call) => call.path === "/numbers.again").length === 2);
    for (const call of calls.filter(({ path }) => path === "/numbers.again")) expect(call.body.toString()).toContain(PAYLOAD);
    receiver.respond(200);
  });

  test("in JavaScript a number that no double holds is at hand as a BigInt or a text; the dry run names those that did not survive", async () => {
    const event = `{"type":"numbers.js","payload":{"id":9007199254740993,"sum":0.1000000000000000055511151231257827,"far":[1e400],"fine":[1.0,0.10,1e3,-0]}}`;
    const dryRun = (source: string) =>
      graphql(
        "mutation ($input: DryRunTransformationInput!) { dryRunTransformation(input: $input) { ... on TransformationResult { body warnings error } ... on Error { message } } }",
        `{"input":{"transformation":${JSON.stringify(source)},"event":${event}}}`,
      );
    const rounded = JSON.parse(await dryRun("function transform(e) { return { body: e.payload } }")).data.dryRunTransformation;
    expect(rounded.warnings).toEqual([
      "event.payload.id is 9007199254740993, and 9007199254740992 in JavaScript; event.exact.payload.id has it as a BigInt",
      expect.stringContaining("event.payload.sum is 0.1000000000000000055511151231257827"),
      expect.stringContaining("event.payload.far[0] is 1e400"),
    ]);
    const exact = await dryRun(
      "function transform(e) { const { id, sum, far } = e.exact.payload; return { body: { id, more: id + 1n, sum, far: far[0], keys: Object.keys(e).length } } }",
    );
    expect(exact).toContain(
      '"body":{"id":9007199254740993,"more":9007199254740994,"sum":"0.1000000000000000055511151231257827","far":"1e400","keys":9}',
    );
    expect(exact).toContain('"warnings":[]');
    expect(await dryRun("function transform(e) { e.exact = 1; return { body: [e.exact, 10n ** 30n, '9n'] } }")).toContain(
      '"body":[1,1000000000000000000000000000000,"9n"]',
    );
    await define("numbers.js", `,"transformation":"function transform(e) { return { body: { data: e.exact.payload.id } } }"`);
    await send("/v1/events", event);
    expect(await received("numbers.js")).toBe('{"data":9007199254740993}');
  });

  test("in a rule's condition, in an updated filter, and in what a VIEWER of the list reads", async () => {
    const answer = await graphql(
      "mutation ($input: CreateWorkflowRuleInput!) { createWorkflowRule(input: $input) { ... on WorkflowRule { condition } ... on Error { message } } }",
      '{"input":{"name":"n","entity":"thing","condition":{"payload":{"id":{"$gte":9007199254740993}}},"webhookDefinitionIds":[]}}',
    );
    expect(answer).toContain('"$gte":9007199254740993');
    const id = idIn(await define("numbers.updated"));
    const updated = await graphql(
      "mutation ($input: UpdateWebhookDefinitionInput!) { updateWebhookDefinition(input: $input) { ... on WebhookDefinition { filter properties } ... on Error { message } } }",
      `{"input":{"id":"${id}","filter":{"payload":{"a":{"$gt":1.50,"$lt":12345678901234567890}}},"properties":{"p":9007199254740993}}}`,
    );
    expect(updated).toContain('"$gt":1.50');
    expect(updated).toContain("12345678901234567890");
    expect(updated).toContain('"p":9007199254740993');
    const list = await graphql("{ webhookDefinitions(first: 1) { edges { node { filter properties } } } }");
    expect(list).toContain('"p":9007199254740993');
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
    ['{"$gte":9007199254740993}', ["9007199254740993", "9007199254740994"], ["9007199254740992", "9007199254740992.9"]],
    ['{"$lt":1.50}', ["1.49999999999999999999", "1.4"], ["1.5", "1.50", "1.5000000000000000000001"]],
    ['{"$nin":[9007199254740993]}', ["9007199254740992"], ["9007199254740993"]],
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
