/** RESULTS.com's face behind the whole server, with a worker: from a posted value to a delivered webhook and a live update. */
import { connect } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type TestApp, testApp } from "../../helpers/app.ts";
import { data } from "../../helpers/graphql.ts";
import { type Receiver, startReceiver } from "../../helpers/receiver.ts";
import { call, post } from "./results-server.ts";

let app: TestApp;
let receiver: Receiver;
let goalId: string;
let targetUrl: string;

const ask = (query: string, variables?: Record<string, unknown>) => data(app, app.adminToken, query, variables);

beforeAll(async () => {
  app = await testApp({ inboundAddressLimit: { count: 1000, seconds: 60 } }, { worker: true });
  receiver = await startReceiver();
  const made = await ask(
    'mutation { createGoal(input: { name: "Revenue", direction: MAXIMIZE, goodThreshold: "450000" }) { ... on Goal { id } } }',
  );
  goalId = made.createGoal.id;
  const webhook = await ask(
    "mutation ($id: ID!) { createInboundWebhook(input: { goalId: $id }) { ... on CreatedInboundWebhook { targetUrl } } }",
    { id: goalId },
  );
  targetUrl = webhook.createInboundWebhook.targetUrl;
});
afterAll(async () => {
  await app.close();
  await receiver.close();
});

test("R1 R10 R21 a value posted to the URL goes out as events to a webhook, and is seen over GraphQL", async () => {
  expect(targetUrl).toMatch(new RegExp(`^${app.url}/inbound/goals/${goalId}/`));
  await ask(
    "mutation ($input: CreateWebhookDefinitionInput!) { createWebhookDefinition(input: $input) { __typename ... on Error { message } } }",
    { input: { name: "Goals", targetUrl: `${receiver.url}/hook`, eventTypes: ["goal.*"] } },
  );
  expect((await post(targetUrl, '{"date":"2017-03-16","value":500000.10}')).status).toBe(201);
  await receiver.waitFor(2);
  const [recorded, turned] = receiver.calls.map((each) => each.json());
  expect(recorded).toMatchObject({
    type: "goal.value_recorded",
    data: { goalId, date: "2017-03-16", value: "500000.1", goodThreshold: null, badThreshold: null, status: "GREEN", replaced: false },
  });
  expect(turned).toMatchObject({ type: "goal.turned_green", data: { goalId, status: "GREEN", previousStatus: null } });
  const { goal } = await ask("query ($id: ID!) { goal(id: $id) { status values(first: 1) { edges { node { date value } } } } }", {
    id: goalId,
  });
  expect(goal).toEqual({ status: "GREEN", values: { edges: [{ node: { date: "2017-03-16", value: "500000.1" } }] } });
});

test("R19 R22 R23 R25 R26 the rows of the table, as the whole server answers them", async () => {
  const base = `${app.url}/inbound/goals`;
  const rows = [
    [await post(targetUrl, "{"), 400],
    [await post(`${targetUrl}x`, {}), 401],
    [await post(`${base}/${goalId}/${"x".repeat(3000)}`, {}), 401],
    [await post(`${base}/unknown/key`, {}), 404],
    [await post(`${base}/%zz/%ff`, {}), 404],
    [await post(`${base}/${goalId}/%ff`, {}), 401],
    [await post(`${app.url}/inbound/elsewhere`, {}), 404],
    [await call("GET", targetUrl), 405],
    [await call("OPTIONS", targetUrl), 405],
    [await call("PROPFIND", targetUrl), 405],
    [await post(targetUrl, "x", { "content-type": "text/plain" }), 415],
    [await post(targetUrl, "x".repeat(300_000)), 413],
  ] as const;
  for (const [answer, status] of rows) {
    expect(answer.status).toBe(status);
    expect(answer.body).toMatchObject({ status, error: expect.any(String), message: expect.any(String), errors: expect.any(Array) });
    expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
  }
  expect(rows[7][0].headers.get("allow")).toBe("POST");
  expect((await call("PUT", `${app.url}/api/inbound-webhooks`, {})).body).toMatchObject({ status: 405, error: "METHOD NOT ALLOWED" });
});

test("R27 a body that stands still is 408 within the server's time, in this face's form", { timeout: 60_000 }, async () => {
  const { pathname } = new URL(targetUrl);
  const text = await new Promise<string>((resolve) => {
    let heard = "";
    const socket = connect(app.port, "127.0.0.1", () =>
      socket.write(`POST ${pathname} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 40\r\n\r\n{"date":`),
    );
    socket.on("data", (chunk) => (heard += chunk.toString()));
    socket.on("close", () => resolve(heard));
    socket.on("error", () => undefined);
  });
  expect(text).toMatch(/^HTTP\/1\.1 408 /);
  expect(text).toContain('"error":"REQUEST TIMEOUT"');
});
