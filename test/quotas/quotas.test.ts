/** Quotas over the real doors, in one process and in two. */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import { Agent, type IncomingMessage, request } from "node:http";
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { createClient } from "graphql-ws";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import WebSocket from "ws";
import { newId } from "../../src/clock.ts";
import { createDefinition } from "../../src/definitions/definitions.ts";
import { globalId } from "../../src/wire/ids.ts";
import { type TestApp, testApp } from "../helpers/app.ts";
import { data, graphql } from "../helpers/graphql.ts";

let app: TestApp;
beforeAll(async () => {
  app = await testApp({
    quotas: { eventsPerSecond: 1_000, definitions: 100, queuedRequests: 1_000, storedBytes: 1e9, subscriptions: 100 },
  });
});
afterAll(() => app?.close());

interface Tenant {
  id: string;
  token: string;
}

/** An organization of its own, so that no test is in another's way. */
async function tenant(quotas: Record<string, number | null> = {}): Promise<Tenant> {
  const id = newId();
  await app.t.core.db.unscoped.organization.create({ data: { id, name: `quota ${id}` } });
  await set(id, quotas);
  return { id, token: await app.token({ organizationId: id }) };
}

const SET = `mutation ($input: SetOrganizationQuotasInput!) { setOrganizationQuotas(input: $input) { __typename ... on Error { message }
  ... on Organization { quotas { eventsPerSecond definitions queuedRequests storedBytes subscriptions } } } }`;

let operator: string;
async function set(organizationId: string, quotas: Record<string, number | null>) {
  operator ??= await operatorToken();
  const input = { organizationId: globalId("Organization", organizationId), ...quotas };
  return (await data(app, operator, SET, { input })).setOrganizationQuotas;
}

async function operatorToken(): Promise<string> {
  const token = await app.token();
  await app.t.core.db.pool.query(
    "UPDATE api_token SET operator = true WHERE id = (SELECT id FROM api_token ORDER BY created_at DESC, id DESC LIMIT 1)",
  );
  return token;
}

const emit = (server: { url: string }, { token }: Tenant, body: unknown = { type: "order.created" }) =>
  fetch(`${server.url}/v1/events`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });

const USAGE =
  "{ organization { quotas { eventsPerSecond definitions queuedRequests storedBytes subscriptions } usage { eventsPerSecond definitions queuedRequests storedBytes subscriptions } } }";

async function definition(t: Tenant, eventTypes: string[] = ["order.*"]) {
  const CREATE = `mutation ($input: CreateWebhookDefinitionInput!) { createWebhookDefinition(input: $input) { __typename
    ... on CreatedWebhookDefinition { definition { id } } ... on Error { message code } ... on RateLimitedError { retryAfterSeconds } } }`;
  const input = { name: "Quota", targetUrl: "http://127.0.0.1:9/x", eventTypes };
  return (await data(app, t.token, CREATE, { input })).createWebhookDefinition;
}

async function statusesOf(calls: readonly Promise<Response>[]): Promise<number[]> {
  const answers = await Promise.all(calls);
  await Promise.all(answers.map((answer) => answer.text()));
  return answers.map((answer) => answer.status);
}

describe("B57 events a second", () => {
  test("over it REST answers 429 with Retry-After and RateLimit headers, GraphQL RateLimitedError; a second later there is room", async () => {
    const t = await tenant({ eventsPerSecond: 5 });
    const statuses: number[] = [];
    for (let i = 0; i < 5; i++) statuses.push((await emit(app, t)).status);
    expect(statuses).toEqual([202, 202, 202, 202, 202]);
    let refused = await emit(app, t);
    while (refused.status === 202) refused = await emit(app, t);
    expect(refused.status).toBe(429);
    expect(refused.headers.get("content-type")).toContain("application/problem+json");
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
    expect(refused.headers.get("ratelimit-limit")).toBe("5");
    expect(refused.headers.get("ratelimit-remaining")).toBe("0");
    expect(await refused.json()).toMatchObject({ code: "RATE_LIMITED", detail: expect.stringContaining("5 events a second") });
    const { body } = await graphql(
      app,
      'mutation { emitEvents(input: { events: [{ type: "a" }, { type: "a" }, { type: "a" }, { type: "a" }, { type: "a" }] }) { __typename ... on RateLimitedError { code retryAfterSeconds } } }',
      { token: t.token },
    );
    expect(body.data.emitEvents).toEqual({ __typename: "RateLimitedError", code: "RATE_LIMITED", retryAfterSeconds: expect.any(Number) });
    await sleep(1_000 * Number(refused.headers.get("retry-after")));
    expect((await emit(app, t)).status).toBe(202);
  });

  test("a call that is refused writes nothing; what was accepted is all there", async () => {
    const t = await tenant({ eventsPerSecond: 20 });
    const statuses = await statusesOf(Array.from({ length: 60 }, () => emit(app, t)));
    const accepted = statuses.filter((status) => status === 202).length;
    expect(new Set(statuses)).toEqual(new Set([202, 429]));
    const { rows } = await app.t.core.db.pool.query(
      "SELECT count(*)::int AS n FROM event WHERE organization_id = $1 AND type = 'order.created'",
      [t.id],
    );
    expect(rows[0].n).toBe(accepted);
  });

  test("right across two processes: what both took too much at first is a debt", { timeout: 30_000 }, async () => {
    const other = await app.another();
    const t = await tenant({ eventsPerSecond: 30 });
    const began = performance.now();
    let accepted = 0;
    const work = async (server: { url: string }) => {
      while (performance.now() - began < 4_000) {
        const { status } = await emit(server, t);
        if (status === 202) accepted += 1;
        else await sleep(5);
      }
    };
    await Promise.all([work(app), work(other), work(app), work(other)]);
    const seconds = (performance.now() - began) / 1_000;
    expect(accepted).toBeGreaterThan(30 * (seconds - 1));
    // docs/quotas.md: rate × (seconds + processes), and what each need not tell.
    expect(accepted).toBeLessThanOrEqual(30 * (seconds + 2) + 5);
  });

  test("an API token has a rate of its own", async () => {
    const t = await tenant();
    const CREATE = `mutation { createApiToken(input: { name: "slow", eventsPerSecond: 2 }) { ... on CreatedApiToken { token apiToken { eventsPerSecond } } ... on Error { message } } }`;
    const made = (await data(app, t.token, CREATE)).createApiToken;
    expect(made.apiToken).toEqual({ eventsPerSecond: 2 });
    const slow = { ...t, token: made.token };
    const statuses = await statusesOf(Array.from({ length: 8 }, () => emit(app, slow)));
    expect(statuses.filter((status) => status === 202).length).toBeLessThanOrEqual(3);
    expect(statuses).toContain(429);
    expect((await emit(app, t)).status).toBe(202);
    const refused = (await data(app, t.token, CREATE.replace("eventsPerSecond: 2", "eventsPerSecond: 0"))).createApiToken;
    expect(refused.message).toContain("eventsPerSecond");
  });

  test("no statement for an event: what is taken is told now and then", async () => {
    const t = await tenant({ eventsPerSecond: 500 });
    await emit(app, t);
    const told = async () => {
      const { rows } = await app.t.core.db.pool.query(
        "SELECT told_at AS at, level FROM event_bucket WHERE organization_id = $1 AND id = $1",
        [t.id],
      );
      return rows[0];
    };
    for (let i = 0; i < 60; i++) await emit(app, t);
    let seen = await told();
    while (!seen) {
      await sleep(20);
      seen = await told();
    }
    expect(seen.level).toBeLessThan(500);
  });

  test("Hookline's own events are exempt", async () => {
    const t = await tenant({ eventsPerSecond: 1 });
    for (let i = 0; i < 4; i++) await app.doors.ingest.emit(t.id, [{ type: "hookline.definition.stopped", payload: "{}" }]);
    await app.doors.ingest.emit(t.id, [{ type: "definition.stopped", payload: "{}" }], { exempt: true });
    expect((await emit(app, t)).status).toBe(202);
  });
});

test("B57 definitions: the quota's last is made, the next is refused; a deleted one makes room", async () => {
  const t = await tenant({ definitions: 2 });
  const [first, second, third] = [await definition(t), await definition(t), await definition(t)];
  expect([first.__typename, second.__typename]).toEqual(["CreatedWebhookDefinition", "CreatedWebhookDefinition"]);
  expect(third).toMatchObject({
    __typename: "RateLimitedError",
    code: "RATE_LIMITED",
    message: expect.stringContaining("2 webhook definitions"),
  });
  await data(app, t.token, "mutation ($id: ID!) { deleteWebhookDefinition(input: { id: $id }) { __typename } }", {
    id: first.definition.id,
  });
  expect((await definition(t)).__typename).toBe("CreatedWebhookDefinition");
  const together = await tenant({ definitions: 3 });
  const made = await Promise.all(Array.from({ length: 8 }, () => definition(together)));
  expect(made.filter(({ __typename }) => __typename === "CreatedWebhookDefinition")).toHaveLength(3);
});

test("B57 queued requests: counted anew before they say no, over every process", async () => {
  const t = await tenant({ queuedRequests: 3 });
  await definition(t);
  const statuses: number[] = [];
  for (let i = 0; i < 3; i++) statuses.push((await emit(app, t)).status);
  expect(statuses).toEqual([202, 202, 202]);
  const refused = await emit(app, t);
  expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "5"]);
  // What makes no request is taken.
  expect((await emit(app, t, { type: "nobody.cares" })).status).toBe(202);
  await app.t.core.db.pool.query("DELETE FROM lane_entry WHERE organization_id = $1", [t.id]);
  await expect.poll(async () => (await emit(app, t)).status).toBe(202);
});

test("B57 queued requests: calls whose transaction still runs are in no count, and are not forgotten", async () => {
  const t = await tenant({ queuedRequests: 10 });
  await definition(t);
  const taken = (statuses: number[]) => statuses.filter((status) => status === 202).length;
  let accepted = 0;
  for (let round = 0; round < 3; round++) accepted += taken(await statusesOf(Array.from({ length: 40 }, () => emit(app, t))));
  expect(accepted).toBe(10);
});

test("B57 queued requests: what was there before a process began, and what others add, is heard of without being asked", async () => {
  const t = await tenant({ queuedRequests: 10 });
  await definition(t);
  const other = await app.another();
  expect((await emit(other, t)).status).toBe(202);
  expect(await statusesOf(Array.from({ length: 9 }, () => emit(app, t)))).toEqual(Array(9).fill(202));
  expect((await emit(app, t)).status).toBe(429);
  // The other process knew of one. In the end it hears of the others, though it never had a reason to ask.
  await expect.poll(async () => (await emit(other, t)).status, { timeout: 20_000, interval: 1_500 }).toBe(429);
  const { rows } = await app.t.core.db.pool.query("SELECT count(*)::int AS n FROM lane_entry WHERE organization_id = $1", [t.id]);
  expect(rows[0].n).toBeLessThan(18);
}, 40_000);

test("B57 stored bytes: what came in counts until its day is too old", async () => {
  const t = await tenant({ storedBytes: 20_000 });
  const payload = { text: "x".repeat(9_000) };
  expect((await emit(app, t, { type: "big", payload })).status).toBe(202);
  expect((await emit(app, t, { type: "big", payload })).status).toBe(202);
  const refused = await emit(app, t, { type: "big", payload });
  expect(refused.status).toBe(429);
  expect(await refused.json()).toMatchObject({ detail: expect.stringContaining("20000 stored bytes") });
  const { organization } = await data(app, t.token, USAGE);
  expect(organization.usage.storedBytes).toBeGreaterThan(18_000);
  await set(t.id, { storedBytes: null });
  expect((await emit(app, t, { type: "big", payload })).status).toBe(202);
});

test("B57 subscriptions: over the quota one is refused with RATE_LIMITED, and one that ends makes room", async () => {
  const t = await tenant({ subscriptions: 1 });
  const open = async () => {
    const ended = new AbortController();
    const response = await fetch(`${app.url}/graphql`, {
      method: "POST",
      headers: { authorization: `Bearer ${t.token}`, "content-type": "application/json", accept: "text/event-stream" },
      body: JSON.stringify({ query: "subscription { webhookRequestUpdated { cursor } }" }),
      signal: ended.signal,
    });
    return { response, end: () => ended.abort() };
  };
  const first = await open();
  expect(first.response.status).toBe(200);
  const second = await open();
  expect(second.response.status).toBe(429);
  expect(Object.fromEntries(second.response.headers)).toMatchObject({
    ...{ "retry-after": "5", "ratelimit-limit": "1", "ratelimit-remaining": "0", "ratelimit-reset": "5" },
  });
  first.end();
  second.end();
  let third = await open();
  for (let i = 0; third.response.status === 429 && i < 100; i++) {
    await sleep(20);
    third = await open();
  }
  expect(third.response.status).toBe(200);
  third.end();
});

test("subscriptions: one that is refused leaves nothing on its connection", async () => {
  const t = await tenant({ subscriptions: 0 });
  const sockets: Socket[] = [];
  const accepted = (message: unknown) => {
    const { socket } = message as { socket: Socket };
    if (socket.localPort === app.port) sockets.push(socket);
  };
  subscribe("net.server.socket", accepted);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const ask = async (accept: string) => {
    const headers = { authorization: `Bearer ${t.token}`, "content-type": "application/json", accept };
    const asked = request(`${app.url}/graphql`, { method: "POST", agent, headers });
    asked.end(JSON.stringify({ query: "subscription { webhookRequestUpdated { cursor } }" }));
    const [answer] = (await once(asked, "response")) as [IncomingMessage];
    answer.resume();
    await once(answer, "end");
    return answer.statusCode;
  };
  try {
    expect(await ask("application/json")).toBe(406);
    const before = sockets[0]?.listenerCount("close");
    for (let i = 0; i < 12; i++) expect(await ask(i % 2 === 0 ? "text/event-stream" : "*/*")).toBe(429);
    expect(sockets).toHaveLength(1);
    expect(sockets[0]?.listenerCount("close")).toBe(before);
  } finally {
    agent.destroy();
    unsubscribe("net.server.socket", accepted);
  }
});

test("subscriptions: the first one after a change of the quota is judged by the new one, over WebSockets and SSE", async () => {
  const t = await tenant({ subscriptions: 0 });
  const query = "subscription { webhookRequestUpdated { cursor } }";
  const overSse = (text = query) =>
    fetch(`${app.url}/graphql`, {
      method: "POST",
      headers: { authorization: `Bearer ${t.token}`, "content-type": "application/json", accept: "text/event-stream, application/json" },
      body: JSON.stringify({ query: text }),
    });
  const over = await overSse();
  expect([over.status, (await over.json()).errors[0].extensions]).toEqual([429, { code: "RATE_LIMITED", retryAfterSeconds: 5 }]);
  // A client that would take a stream asks for something else.
  expect((await overSse("{ viewer { role } }")).status).toBe(200);
  const authorization = `Bearer ${t.token}`;
  const client = createClient({ url: `ws://127.0.0.1:${app.port}/graphql`, webSocketImpl: WebSocket, connectionParams: { authorization } });
  const refusal = () =>
    new Promise((resolve, reject) =>
      client.subscribe({ query }, { next: resolve, error: reject, complete: () => reject(new Error("ended")) }),
    );
  const refused = { errors: [{ extensions: { code: "RATE_LIMITED", retryAfterSeconds: 5 } }] };
  expect(await refusal()).toMatchObject(refused);
  await set(t.id, { subscriptions: 1 });
  const both = await Promise.all([overSse(), overSse()]);
  expect(both.map(({ status }) => status).sort()).toEqual([200, 429]);
  await set(t.id, { subscriptions: 0 });
  expect(await refusal()).toMatchObject(refused);
  await Promise.all([client.dispose(), ...both.map(({ body }) => body?.cancel())]);
});

test("B57 quotas and usage are seen, set by the operator alone, audited, and shown as metrics", async () => {
  const t = await tenant({ eventsPerSecond: 7, queuedRequests: 9_007_199_254_740_991 });
  await emit(app, t);
  const { organization } = await data(app, t.token, USAGE);
  expect(organization.quotas).toEqual({
    ...{ eventsPerSecond: 7, definitions: 100, queuedRequests: 9_007_199_254_740_991, storedBytes: 1_000_000_000, subscriptions: 100 },
  });
  expect(organization.usage).toEqual({
    eventsPerSecond: 1,
    definitions: 0,
    queuedRequests: 0,
    storedBytes: expect.any(Number),
    subscriptions: 0,
  });
  expect((await set(t.id, { eventsPerSecond: null })).quotas.eventsPerSecond).toBe(1_000);
  expect(await set(t.id, { eventsPerSecond: 0 })).toMatchObject({
    __typename: "ValidationError",
    message: expect.stringContaining("eventsPerSecond"),
  });
  const input = { organizationId: globalId("Organization", newId()), definitions: 1 };
  expect((await data(app, operator, SET, { input })).setOrganizationQuotas.__typename).toBe("NotFoundError");
  expect((await data(app, t.token, SET, { input })).setOrganizationQuotas.__typename).toBe("ForbiddenError");
  const { rows } = await app.t.core.db.pool.query(
    "SELECT before, after FROM audit_entry WHERE action = 'organization.setQuotas' AND subject_id = $1 ORDER BY id",
    [t.id],
  );
  expect(rows.at(-1)).toMatchObject({ before: { eventsPerSecond: 7 }, after: { eventsPerSecond: null } });
  const text = await app.t.core.metrics.text();
  expect(text).toMatch(/hookline_quota_refusals_total\{quota="eventsPerSecond"\} \d/);
  expect(text).toMatch(/hookline_quota_used_ratio\{quota="queuedRequests"\} /);
});

test("B57 an inbound URL and a face answer in their own form", async () => {
  const t = await tenant({ eventsPerSecond: 1 });
  await emit(app, t);
  const signal = await fetch(`${app.url}/api/v1/Agents/Webhook/SignalEvent`, {
    method: "POST",
    headers: { authorization: `Bearer ${t.token}`, "content-type": "application/json", accept: "application/json" },
    body: JSON.stringify({ EventName: "contact.created", PrimaryKey: 1, Data: {} }),
  });
  expect([signal.status, Number(signal.headers.get("retry-after")) >= 1]).toEqual([429, true]);
  expect(signal.headers.get("ratelimit-limit")).toBe("1");
  expect(JSON.stringify(await signal.json())).toContain("events a second");
  await app.t.core.db.pool.query("UPDATE organization SET features = '{INBOUND_WEBHOOKS}' WHERE id = $1", [t.id]);
  const goal = (await data(app, t.token, 'mutation { createGoal(input: { name: "G", direction: MAXIMIZE }) { ... on Goal { id } } }'))
    .createGoal;
  const made = await data(
    app,
    t.token,
    "mutation ($id: ID!) { createInboundWebhook(input: { goalId: $id }) { ... on CreatedInboundWebhook { targetUrl } ... on Error { message } } }",
    { id: goal.id },
  );
  const url = new URL(made.createInboundWebhook.targetUrl);
  const post = () =>
    fetch(app.url + url.pathname, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: '{"date":"2026-11-01","value":1}',
    });
  const answers = [await post(), await post(), await post()];
  expect(answers.map(({ status }) => status)).toContain(429);
  const limited = answers.find(({ status }) => status === 429);
  expect(limited?.headers.get("retry-after")).not.toBeNull();
  expect(await limited?.json()).toMatchObject({
    status: 429,
    error: "TOO MANY REQUESTS",
    message: expect.stringContaining("events a second"),
  });
});

test("a definition made in a transaction of a face counts too", async () => {
  const t = await tenant({ definitions: 1 });
  const caller = { ...app.t.admin, organizationId: t.id };
  const { userId } = await app.t.caller("ADMIN", undefined as never, t.id);
  const make = () =>
    createDefinition(app.t.core, { ...caller, userId }, { name: "A", targetUrl: "http://127.0.0.1:9/", eventTypes: ["a"] }, app.doors);
  await make();
  await expect(make()).rejects.toMatchObject({ code: "RATE_LIMITED", left: { limit: 1, remaining: 0 } });
});

describe("what was accepted before is told again, over any quota", () => {
  const post = (path: string, token: string | undefined, key: string, body: object) =>
    fetch(app.url + path, {
      method: "POST",
      headers: { "content-type": "application/json", "idempotency-key": key, ...(token && { authorization: `Bearer ${token}` }) },
      body: JSON.stringify(body),
    });
  const answerOf = async (response: Response) => [response.status, await response.text()];

  test("a call, a batch and one of several calls by its events' own keys; another body is 422, a new one 429", async () => {
    const { id, token } = await tenant();
    const first = await answerOf(await post("/v1/events", token, "one", { type: "n.n" }));
    const batch = [
      { type: "n.n", idempotencyKey: "a" },
      { type: "n.m", idempotencyKey: "b" },
    ];
    const many = await answerOf(await emit(app, { id, token }, batch));
    expect([first[0], many[0]]).toEqual([202, 202]);
    await set(id, { storedBytes: 1 });
    await expect.poll(async () => (await emit(app, { id, token })).status).toBe(429);
    expect(await answerOf(await post("/v1/events", token, "one", { type: "n.n" }))).toEqual(first);
    expect(await answerOf(await emit(app, { id, token }, batch))).toEqual(many);
    const EMIT = `mutation ($key: String!) { emitEvent(input: { type: "n.n", idempotencyKey: $key }) { __typename ... on Event { type } } }`;
    expect((await data(app, token, EMIT, { key: "a" })).emitEvent).toEqual({ __typename: "Event", type: "n.n" });
    expect((await data(app, token, EMIT, { key: "c" })).emitEvent).toEqual({ __typename: "RateLimitedError" });
    expect((await post("/v1/events", token, "one", { type: "n.other" })).status).toBe(422);
    expect((await post("/v1/events", token, "two", { type: "n.n" })).status).toBe(429);
    expect((await emit(app, { id, token }, [...batch, { type: "n.o", idempotencyKey: "c" }])).status).toBe(429);
  });

  test("a value that an inbound webhook recorded", async () => {
    const { id, token } = await tenant();
    await app.t.core.db.unscoped.organization.update({ where: { id }, data: { features: ["INBOUND_WEBHOOKS"] } });
    const goal = (await data(app, token, `mutation { createGoal(input: { name: "g", direction: MAXIMIZE }) { ... on Goal { id } } }`))
      .createGoal.id;
    const MAKE = `mutation ($goal: ID!) { createInboundWebhook(input: { goalId: $goal, name: "w" }) { ... on CreatedInboundWebhook { targetUrl } ... on Error { message } } }`;
    const { pathname } = new URL((await data(app, token, MAKE, { goal })).createInboundWebhook.targetUrl);
    const body = { date: "2026-11-01", value: 3 };
    const first = await answerOf(await post(pathname, undefined, "v", body));
    expect(first[0]).toBe(201);
    await set(id, { storedBytes: 1 });
    await expect.poll(async () => (await post(pathname, undefined, `v${Math.random()}`, body)).status).toBe(429);
    expect(await answerOf(await post(pathname, undefined, "v", body))).toEqual(first);
    expect((await post(pathname, undefined, "v", { ...body, value: 4 })).status).toBe(422);
  });
});
