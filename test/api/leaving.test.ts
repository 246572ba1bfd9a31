/** What becomes of the calls and connections that a server has when it closes. */
import { once } from "node:events";
import { Agent, type IncomingMessage, request } from "node:http";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { type TestApp, type TestServer, testApp } from "../helpers/app.ts";
import { data } from "../helpers/graphql.ts";
import { type Receiver, startReceiver } from "../helpers/receiver.ts";

let app: TestApp;
let receiver: Receiver;
let definition: string;
let agent: Agent;
let closing: TestServer;

beforeAll(async () => {
  receiver = await startReceiver();
  app = await testApp({ egressAllow: ["127.0.0.0/8"] });
  const made = await data(
    app,
    app.adminToken,
    `mutation ($url: String!) { createWebhookDefinition(input: { name: "Slow", targetUrl: $url, eventTypes: ["*"] }) {
      ... on CreatedWebhookDefinition { definition { id } } } }`,
    { url: receiver.url },
  );
  definition = made.createWebhookDefinition.definition.id;
}, 120_000);
afterAll(async () => {
  await app?.close();
  await receiver?.close();
});
beforeEach(async () => {
  agent = new Agent({ keepAlive: true });
  closing = await app.another();
});
afterEach(() => agent.destroy());

/** A call that takes as long as the receiver does, on a connection that its client keeps. */
async function callFor(ms: number): Promise<IncomingMessage> {
  receiver.respond({ status: 200, delayMs: ms });
  const outgoing = request(`${closing.url}/graphql`, {
    method: "POST",
    agent,
    headers: { authorization: `Bearer ${app.adminToken}`, "content-type": "application/json" },
  });
  const query = `mutation { testWebhookDefinition(input: { id: "${definition}" }) { ... on WebhookRequest { state } } }`;
  outgoing.end(JSON.stringify({ query }));
  const [reply] = (await once(outgoing, "response")) as [IncomingMessage];
  return reply;
}

test("a call that is being answered gets its answer, however long that takes", { timeout: 60_000 }, async () => {
  const answered = callFor(7_000);
  await sleep(500);
  const closed = closing.server.close();
  const reply = await answered;
  expect(JSON.parse(await text(reply))).toEqual({ data: { testWebhookDefinition: { state: "DELIVERED" } } });
  await closed;
});

test("the connection of the last answer is closed with it", { timeout: 60_000 }, async () => {
  const answered = callFor(1_500);
  await sleep(500);
  const closed = closing.server.close();
  const reply = await answered;
  expect(reply.headers.connection).toBe("close");
  await text(reply);
  const since = performance.now();
  await closed;
  expect(performance.now() - since).toBeLessThan(2_500);
});

test("a client that does not go on with its request holds nothing up", { timeout: 60_000 }, async () => {
  const socket = connect(closing.port, "127.0.0.1");
  socket.on("error", () => undefined);
  await once(socket, "connect");
  socket.write("POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{");
  await sleep(500);
  const since = performance.now();
  await closing.server.close();
  expect(performance.now() - since).toBeLessThan(9_000);
});
