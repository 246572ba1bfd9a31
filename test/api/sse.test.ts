/** GraphQL over SSE, as the client graphql-sse speaks it (distinct connections), and what ends a stream. */
import { once } from "node:events";
import { request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { createClient } from "graphql-sse";
import { afterAll, expect, test } from "vitest";
import { createSession } from "../../src/accounts/sessions.ts";
import { revokeApiToken } from "../../src/accounts/tokens.ts";
import { testApp } from "../helpers/app.ts";
import { data } from "../helpers/graphql.ts";

const app = await testApp();
afterAll(app.close);
const EVENT = 'mutation { emitEvent(input: { type: "a.b" }) { __typename } }';
const DEFINITION =
  'mutation { createWebhookDefinition(input: { name: "All", targetUrl: "http://127.0.0.1:9/", eventTypes: ["*"] }) { __typename ... on Error { message } } }';
const LIVE = "subscription { webhookRequestUpdated { cursor request { number state } } }";

function open(token: string) {
  return fetch(`${app.url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "text/event-stream", authorization: `Bearer ${token}` },
    body: JSON.stringify({ query: LIVE }),
  });
}

async function subscriptions(): Promise<number> {
  return Number(/hookline_live_subscriptions (\d+)/.exec(await (await fetch(`${app.url}/metrics`)).text())?.[1]);
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 10_000; !(await condition()); await sleep(20))
    if (Date.now() > deadline) throw new Error("waited 10 s");
}

test("a client of graphql-sse gets queries, updates and errors", async () => {
  const client = createClient({ url: `${app.url}/graphql`, headers: { authorization: `Bearer ${app.adminToken}` } });
  expect((await client.iterate({ query: "{ viewer { role } }" }).next()).value).toEqual({ data: { viewer: { role: "ADMIN" } } });
  await data(app, app.adminToken, DEFINITION);
  const updates = client.iterate({ query: LIVE });
  const first = updates.next();
  await until(async () => (await subscriptions()) > 0);
  await data(app, app.adminToken, EVENT);
  expect((await first).value).toMatchObject({ data: { webhookRequestUpdated: { request: { number: 1, state: "PENDING" } } } });
  await updates.return?.(undefined);
  const bad = await client.iterate({ query: 'subscription { webhookRequestUpdated(after: "junk") { cursor } }' }).next();
  expect(bad.value).toMatchObject({ errors: [{ extensions: { code: "BAD_CURSOR" } }] });
  await client.dispose();
  await until(async () => (await subscriptions()) === 0);
});

test("without a token the stream never starts", async () => {
  const response = await fetch(`${app.url}/graphql?query=${encodeURIComponent(LIVE)}`, { headers: { accept: "text/event-stream" } });
  expect(response.status).toBe(401);
  await response.body?.cancel();
});

test("a session cookie needs an Origin of ours", async () => {
  const { organizationId, userId } = app.t.admin;
  const { token } = await createSession(app.t.core, { organizationId, userId, kind: "BROWSER", ttlSeconds: 60 });
  const status = async (origin: string | undefined) => {
    const response = await fetch(`${app.url}/graphql`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        accept: "text/event-stream",
        cookie: `hookline_session=${token}`,
        ...(origin ? { origin } : {}),
      },
      body: JSON.stringify({ query: LIVE }),
    });
    await response.body?.cancel();
    return response.status;
  };
  expect(await status(undefined)).toBe(403);
  expect(await status("https://evil.example")).toBe(403);
  expect(await status(app.url)).toBe(200);
});

test("a revoked token ends its streams within 5 s, on another process too", async () => {
  const other = await app.another();
  const token = await app.token();
  const { rows } = await app.t.core.db.pool.query("SELECT id FROM api_token ORDER BY created_at DESC LIMIT 1");
  const streams = [
    await open(token),
    await fetch(`${other.url}/graphql?query=${encodeURIComponent(LIVE)}`, {
      headers: { accept: "text/event-stream", authorization: `Bearer ${token}` },
    }),
  ];
  expect(streams.map((response) => response.status)).toEqual([200, 200]);
  const start = performance.now();
  await revokeApiToken(app.t.core, app.t.admin, rows[0].id);
  await Promise.all(streams.map((response) => response.text()));
  expect(performance.now() - start).toBeLessThan(5_000);
  expect((await open(token)).status).toBe(401);
});

test("a client that goes away is not counted any more", async () => {
  await until(async () => (await subscriptions()) === 0);
  const socket = request(`${app.url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "text/event-stream", authorization: `Bearer ${app.adminToken}` },
  });
  socket.on("error", () => undefined);
  socket.end(JSON.stringify({ query: LIVE }));
  await once(socket, "response");
  expect(await subscriptions()).toBe(1);
  socket.destroy();
  await until(async () => (await subscriptions()) === 0);
});

test("signing out is answered, although it ends the session that asks, and browsers take streams for every operation", async () => {
  const { organizationId, userId } = app.t.admin;
  for (let i = 0; i < 15; i++) {
    const session = await createSession(app.t.core, { organizationId, userId, kind: "BROWSER", ttlSeconds: 60 });
    const response = await fetch(`${app.url}/graphql`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        accept: "application/graphql-response+json, application/json, text/event-stream, multipart/mixed",
        origin: app.url,
        cookie: `hookline_session=${session.token}`,
      },
      body: JSON.stringify({ query: "mutation { signOut { __typename } }" }),
      signal: AbortSignal.timeout(5_000),
    });
    expect(response.status).toBe(200);
    expect(await response.text()).toContain('"signOut":{"__typename":"Viewer"}');
  }
});
