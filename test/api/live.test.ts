import { randomUUID } from "node:crypto";
/** Live updates as clients see them, over graphql-ws and SSE. */
import type { createConnection } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import WebSocket from "ws";
import { issueToken, revokeApiToken } from "../../src/accounts/tokens.ts";
import { feedCursor } from "../../src/live/cursor.ts";
import { globalId } from "../../src/wire/ids.ts";
import { type TestApp, type TestServer, testApp } from "../helpers/app.ts";
import { data } from "../helpers/graphql.ts";
import { overSocket, overSse, socketClient, type Update } from "../helpers/live.ts";
import { addDefinition, addRequest, settle } from "../helpers/log.ts";

let app: TestApp;
let second: TestServer;
let organizationId: string;
beforeAll(async () => {
  app = await testApp();
  second = await app.another();
  organizationId = app.t.organizationId;
});
afterAll(() => app?.close());

const SUBSCRIBE = `subscription ($filter: WebhookRequestFilter, $after: String) { webhookRequestUpdated(filter: $filter, after: $after) {
  cursor request { id number state lifeCycleState laneNumber nextAttemptAt event { type entityId } webhookDefinition { id }
    attempts(last: 1) { edges { node { number outcome statusCode durationMs errorCode } } } } } }`;
const TRANSPORTS = [
  ["graphql-ws", overSocket],
  ["SSE", overSse],
] as const;

const told = (updates: Update[]) =>
  updates.map(({ data: d }) => {
    const { number, state, attempts } = d.webhookRequestUpdated.request;
    return [
      number,
      state,
      ...attempts.edges.map((e: { node: { number: number; outcome: string } }) => `${e.node.number} ${e.node.outcome}`),
    ].join(" ");
  });

async function story(definition: { id: string; laneId: string }): Promise<number> {
  const request = await addRequest(app.t.core, organizationId, definition);
  await settle(app.t.core, organizationId, [{ request, state: "WAITING", attempt: { outcome: "TIMED_OUT" }, errorCode: "TIMEOUT" }]);
  await settle(app.t.core, organizationId, [{ request, state: "DELIVERED", attempt: { outcome: "DELIVERED", statusCode: 200 } }]);
  return request.number;
}

/** From a cursor, so that a test need not know when its subscription began. */
const now = async () => (await data(app, app.adminToken, "{ liveCursor }")).liveCursor as string;

describe.each(TRANSPORTS)("over %s", (_name, open) => {
  test("each change comes once, with the request as of it; a reconnect at another process goes on without a gap", async () => {
    const definition = await addDefinition(app.t.core, organizationId);
    const filter = { webhookDefinitionId: globalId("WebhookDefinition", definition.id) };
    const first = open(app, app.adminToken, SUBSCRIBE, { filter, after: await now() });
    const a = await story(definition);
    const seen = await first.take(2);
    expect(told(seen)).toEqual([`${a} PENDING`, `${a} WAITING 1 TIMED_OUT`]);
    expect(seen[0]?.data.webhookRequestUpdated.request).toMatchObject({
      lifeCycleState: "PENDING",
      event: { type: "order.created", entityId: "18" },
      webhookDefinition: { id: filter.webhookDefinitionId },
    });
    first.close();
    const b = await story(definition);
    const resumed = open(second, app.adminToken, SUBSCRIBE, { filter, after: seen[1]?.data.webhookRequestUpdated.cursor });
    expect(told(await resumed.take(4))).toEqual([
      `${a} DELIVERED 2 DELIVERED`,
      `${b} PENDING`,
      `${b} WAITING 1 TIMED_OUT`,
      `${b} DELIVERED 2 DELIVERED`,
    ]);
    resumed.close();
  });

  test("a bad cursor, an unknown id and another organization's cursor are told at once", async () => {
    const code = async (variables: Record<string, unknown>) => {
      const subscription = open(app, app.adminToken, SUBSCRIBE, variables);
      const reason = await Promise.race([subscription.ended, subscription.take(1)]);
      subscription.close();
      const errors = (Array.isArray(reason) && "errors" in (reason[0] ?? {}) ? reason[0].errors : reason) as {
        extensions?: { code: string };
      }[];
      return errors?.[0]?.extensions?.code;
    };
    expect(await code({ after: "nonsense" })).toBe("BAD_CURSOR");
    expect(await code({ after: "" })).toBe("BAD_CURSOR");
    expect(await code({ after: feedCursor((await app.t.organization()).id, randomUUID(), 0) })).toBe("BAD_USER_INPUT");
    const foreign = await addDefinition(app.t.core, (await app.t.organization()).id);
    for (const id of ["whd_x", globalId("WebhookDefinition", foreign.id), globalId("Goal", foreign.id)]) {
      expect(await code({ filter: { webhookDefinitionId: id } })).toBe("NOT_FOUND");
      expect(await code({ filter: { workflowRuleId: id } })).toBe("NOT_FOUND");
    }
  });

  test("a token without the scope is refused", async () => {
    const token = await app.token({ scopes: ["goals:read"] });
    const subscription = open(app, token, SUBSCRIBE);
    const reason = await Promise.race([subscription.ended, subscription.take(1)]);
    expect(JSON.stringify(reason)).toContain("FORBIDDEN");
    subscription.close();
  });
});

test.each(TRANSPORTS)(
  "B80 over %s a filter of SENDING alone is refused, and says why; beside others it is passed over",
  async (_name, open) => {
    const subscription = open(app, app.adminToken, SUBSCRIBE, { filter: { state: ["SENDING"] } });
    const reason = JSON.stringify(await Promise.race([subscription.ended, subscription.take(1)]));
    expect(reason).toContain("BAD_USER_INPUT");
    expect(reason).toContain("SENDING is seen in queries only");
    subscription.close();
    const definition = await addDefinition(app.t.core, organizationId);
    const filter = { webhookDefinitionId: globalId("WebhookDefinition", definition.id), state: ["SENDING", "DELIVERED"] };
    const both = open(app, app.adminToken, SUBSCRIBE, { filter, after: await now() });
    const number = await story(definition);
    expect(told(await both.take(1))).toEqual([`${number} DELIVERED 2 DELIVERED`]);
    both.close();
  },
);

test("without a cursor: from now on", async () => {
  const definition = await addDefinition(app.t.core, organizationId);
  await story(definition);
  const client = socketClient(app, app.adminToken);
  const before = app.doors.feed.subscribers;
  const stream = client.iterate({
    query: SUBSCRIBE,
    variables: { filter: { webhookDefinitionId: globalId("WebhookDefinition", definition.id) } },
  });
  const next = stream.next();
  while (app.doors.feed.subscribers === before) await new Promise((resolve) => setTimeout(resolve, 5));
  const number = await story(definition);
  expect(told([(await next).value as Update])).toEqual([`${number} PENDING`]);
  await client.dispose();
});

test("many subscriptions share a connection, each with its own filter; ending one leaves the others", async () => {
  const definitions = [await addDefinition(app.t.core, organizationId), await addDefinition(app.t.core, organizationId)];
  const client = socketClient(app, app.adminToken);
  const after = await now();
  const streams = definitions.map(({ id }) =>
    client.iterate({
      query: SUBSCRIBE,
      variables: { after, filter: { webhookDefinitionId: globalId("WebhookDefinition", id), state: ["DELIVERED"] } },
    }),
  );
  const [a, b] = [await story(definitions[0] as never), await story(definitions[1] as never)];
  expect(told([(await streams[0]?.next())?.value as Update])).toEqual([`${a} DELIVERED 2 DELIVERED`]);
  await streams[0]?.return?.();
  expect(told([(await streams[1]?.next())?.value as Update])).toEqual([`${b} DELIVERED 2 DELIVERED`]);
  const c = await story(definitions[1] as never);
  expect(told([(await streams[1]?.next())?.value as Update])).toEqual([`${c} DELIVERED 2 DELIVERED`]);
  await client.dispose();
  for (const deadline = Date.now() + 5_000; app.doors.feed.subscribers > 0; ) {
    if (Date.now() > deadline) throw new Error(`${app.doors.feed.subscribers} subscriptions are left`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
});

test("a definition is told of when it changes, and its stream ends when it is deleted", async () => {
  const definition = await addDefinition(app.t.core, organizationId);
  const id = globalId("WebhookDefinition", definition.id);
  const before = JSON.stringify(await data(app, app.adminToken, "query ($id: ID!) { webhookDefinition(id: $id) { name } }", { id }));
  expect(before).toContain("Orders");
  const client = socketClient(app, app.adminToken);
  const stream = client.iterate({ query: "subscription ($id: ID!) { webhookDefinitionUpdated(id: $id) { id name } }", variables: { id } });
  const next = stream.next();
  // The subscription says nothing when it is ready, so change until it tells.
  let names = 0;
  let first: unknown;
  void next.then(({ value }) => (first = value));
  const rename = "mutation ($input: UpdateWebhookDefinitionInput!) { updateWebhookDefinition(input: $input) { __typename } }";
  while (first === undefined) {
    expect(await data(app, app.adminToken, rename, { input: { id, name: `Name ${++names}` } })).toEqual({
      updateWebhookDefinition: { __typename: "WebhookDefinition" },
    });
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  expect(first).toMatchObject({ data: { webhookDefinitionUpdated: { id, name: expect.stringMatching(/^Name \d+$/) } } });
  await data(
    app,
    app.adminToken,
    "mutation ($input: DeleteWebhookDefinitionInput!) { deleteWebhookDefinition(input: $input) { __typename } }",
    { input: { id } },
  );
  for (;;) {
    const { done } = await stream.next();
    if (done) break;
  }
  await client.dispose();
});

test("a slow client is closed, and a quick one beside it gets everything", async () => {
  const definition = await addDefinition(app.t.core, organizationId);
  const filter = { webhookDefinitionId: globalId("WebhookDefinition", definition.id) };
  const query = `subscription ($filter: WebhookRequestFilter, $after: String) { webhookRequestUpdated(filter: $filter, after: $after) { request { number event { payload } } } }`;
  const after = await now();
  const quick = overSocket(app, app.adminToken, query, { filter, after });
  const slow = new WebSocket(`${app.url.replace("http", "ws")}/graphql`, "graphql-transport-ws");
  const closed = new Promise((resolve) => slow.once("close", resolve));
  await new Promise((resolve) => slow.once("open", resolve));
  slow.send(JSON.stringify({ type: "connection_init", payload: { authorization: `Bearer ${app.adminToken}` } }));
  await new Promise((resolve) => slow.once("message", resolve));
  slow.send(JSON.stringify({ id: "1", type: "subscribe", payload: { query, variables: { filter, after: null } } }));
  for (const before = app.doors.feed.subscribers; app.doors.feed.subscribers === before; )
    await new Promise((resolve) => setTimeout(resolve, 5));
  // It reads nothing more: neither messages nor pings.
  (slow as unknown as { _socket: ReturnType<typeof createConnection> })._socket.pause();
  const payload = JSON.stringify({ text: "x".repeat(20_000) });
  const count = 1_400;
  for (let i = 0; i < count; i += 100) {
    await Promise.all(Array.from({ length: 100 }, () => addRequest(app.t.core, organizationId, definition, { payload })));
    await quick.take(i + 100);
  }
  (slow as unknown as { _socket: ReturnType<typeof createConnection> })._socket.resume();
  await closed;
  const numbers = quick.updates.map((u) => u.data.webhookRequestUpdated.request.number);
  expect(new Set(numbers).size).toBe(count);
  quick.close();
});

test("a stream that was asked for with Accept: */* ends with its token too", async () => {
  const owner = { organizationId, userId: app.t.admin.userId as string };
  const { apiToken, token } = await issueToken(app.t.core, { ...owner, name: "curl", role: "ADMIN", scopes: ["webhooks:read"] });
  const response = await fetch(`${app.url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
    body: JSON.stringify({ query: "subscription { webhookRequestUpdated { cursor } }" }),
  });
  expect(response.headers.get("content-type")).toContain("text/event-stream");
  await revokeApiToken(app.t.core, app.t.admin, apiToken.id);
  expect(await response.text()).not.toContain("cursor");
});
