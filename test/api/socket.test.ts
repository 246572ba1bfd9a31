/** GraphQL over WebSocket: every close code of the protocol and ours, with a real client and with raw messages. */
import { setTimeout as sleep } from "node:timers/promises";
import { createClient } from "graphql-ws";
import { afterAll, describe, expect, test } from "vitest";
import WebSocket from "ws";
import { createSession } from "../../src/accounts/sessions.ts";
import { revokeApiToken } from "../../src/accounts/tokens.ts";
import { testApp } from "../helpers/app.ts";
import { data } from "../helpers/graphql.ts";

const app = await testApp();
afterAll(app.close);
const url = `ws://127.0.0.1:${app.port}/graphql`;
const auth = (token: string) => ({ authorization: `Bearer ${token}` });

interface Raw {
  socket: WebSocket;
  send(message: unknown): void;
  /** The next message. */
  next(): Promise<{ type: string; id?: string; payload?: unknown }>;
  closed: Promise<{ code: number; reason: string }>;
}

async function raw(options: { protocol?: string; headers?: Record<string, string> } = {}): Promise<Raw> {
  const socket = new WebSocket(url, options.protocol ?? "graphql-transport-ws", { headers: options.headers ?? {} });
  const queue: string[] = [];
  const waiting: ((text: string) => void)[] = [];
  socket.on("message", (data) => {
    const next = waiting.shift();
    if (next) next(String(data));
    else queue.push(String(data));
  });
  const closed = new Promise<{ code: number; reason: string }>((resolve) =>
    socket.once("close", (code, reason) => resolve({ code, reason: String(reason) })),
  );
  await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
  return {
    socket,
    send: (message) => socket.send(typeof message === "string" ? message : JSON.stringify(message)),
    next: async () => JSON.parse(queue.shift() ?? (await new Promise<string>((resolve) => waiting.push(resolve)))),
    closed,
  };
}

async function acknowledged(token = app.adminToken): Promise<Raw> {
  const connection = await raw();
  connection.send({ type: "connection_init", payload: auth(token) });
  expect((await connection.next()).type).toBe("connection_ack");
  return connection;
}

const CREATE = `mutation ($input: CreateWebhookDefinitionInput!) { createWebhookDefinition(input: $input) { __typename } }`;
const LIVE = "subscription { webhookRequestUpdated { cursor } }";

describe("close codes", () => {
  test("4400: a message that is none, and one of an unknown type", async () => {
    for (const text of ["{", '{"type":"shout"}', "[]", "null"]) {
      const connection = await raw();
      connection.send(text);
      expect((await connection.closed).code).toBe(4400);
    }
  });

  test("4401: an operation before the acknowledgement", async () => {
    const connection = await raw();
    connection.send({ type: "subscribe", id: "1", payload: { query: "{ viewer { role } }" } });
    expect((await connection.closed).code).toBe(4401);
  });

  test("4403: no token, a wrong one, an expired one", async () => {
    const expired = await app.token({ expiresAt: new Date(Date.now() - 1000) });
    for (const payload of [undefined, {}, auth("hkl_wrong"), auth(expired), { authorization: 7 }]) {
      const connection = await raw();
      connection.send({ type: "connection_init", payload });
      expect((await connection.closed).code).toBe(4403);
    }
  });

  test("B74 the token is taken however the client spells its name", async () => {
    for (const name of ["authorization", "Authorization", "AUTHORIZATION"]) {
      for (const value of [`Bearer ${app.adminToken}`, `bearer ${app.adminToken}`, app.adminToken]) {
        const connection = await raw();
        connection.send({ type: "connection_init", payload: { [name]: value } });
        expect((await connection.next()).type).toBe("connection_ack");
        connection.socket.close();
      }
    }
  });

  test("4406: another subprotocol", async () => {
    const connection = await raw({ protocol: "graphql-ws" }).catch((error: Error) => error);
    // ws refuses on the client's side when the server picks none of its protocols.
    if (connection instanceof Error) expect(connection.message).toMatch(/subprotocol/i);
    else expect((await connection.closed).code).toBe(4406);
  });

  test("4409: an id that is in use", async () => {
    const connection = await acknowledged();
    for (let i = 0; i < 2; i++) connection.send({ type: "subscribe", id: "same", payload: { query: LIVE } });
    expect((await connection.closed).code).toBe(4409);
  });

  test("4429: initialised twice", async () => {
    const connection = await acknowledged();
    connection.send({ type: "connection_init", payload: auth(app.adminToken) });
    expect((await connection.closed).code).toBe(4429);
  });

  test("1009: a message over 1 MiB", async () => {
    const connection = await acknowledged();
    connection.send({ type: "ping", payload: { x: "a".repeat(2 ** 20) } });
    expect((await connection.closed).code).toBe(1009);
  });

  test.each([
    ["connection_init", 4403],
    ["subscribe", 4401],
    ["ping", 4403],
  ] as const)("a %s over 32 KiB before the acknowledgement: %i, also with the right token", async (type, code) => {
    const connection = await raw();
    connection.send({ type, id: "1", payload: { ...auth(app.adminToken), x: "a".repeat(33_000) } });
    expect((await connection.closed).code).toBe(code);
  });

  test("4408: no initialisation in time", async () => {
    const connection = await raw();
    expect((await connection.closed).code).toBe(4408);
  });

  test("4401 within 5 s: the token is revoked, or expires", async () => {
    const doomed = await app.token();
    const connection = await acknowledged(doomed);
    connection.send({ type: "subscribe", id: "1", payload: { query: LIVE } });
    const { rows } = await app.t.core.db.pool.query("SELECT id FROM api_token ORDER BY created_at DESC LIMIT 1");
    const start = performance.now();
    await revokeApiToken(app.t.core, app.t.admin, rows[0].id);
    expect((await connection.closed).code).toBe(4401);
    expect(performance.now() - start).toBeLessThan(5_000);

    const brief = await app.token({ expiresAt: new Date(Date.now() + 1_500) });
    const other = await acknowledged(brief);
    other.send({ type: "subscribe", id: "1", payload: { query: LIVE } });
    expect((await other.closed).code).toBe(4401);
  });
});

test("an operation that the document does not hold has a code, as over HTTP", async () => {
  for (const payload of [
    { query: "query A { viewer { role } }", operationName: "B" },
    { query: "query A { viewer { role } } query B { viewer { role } }" },
  ]) {
    const connection = await acknowledged();
    connection.send({ id: "1", type: "subscribe", payload });
    expect(await connection.next()).toMatchObject({
      ...{ id: "1", type: "error" },
      payload: [{ extensions: { code: "OPERATION_RESOLUTION_FAILURE" } }],
    });
    connection.socket.close();
  }
});

describe("before the upgrade", () => {
  const upgrade = (headers: Record<string, string>, path = "/graphql") =>
    new Promise<number>((resolve) => {
      const socket = new WebSocket(`ws://127.0.0.1:${app.port}${path}`, "graphql-transport-ws", { headers });
      socket.once("open", () => {
        socket.terminate();
        resolve(101);
      });
      socket.once("unexpected-response", (_request, response) => resolve(response.statusCode ?? 0));
      socket.once("error", () => undefined);
    });

  test("a session cookie needs an Origin of ours", async () => {
    const { organizationId, userId } = app.t.admin;
    const session = await createSession(app.t.core, { organizationId, userId, kind: "BROWSER", ttlSeconds: 60 });
    const cookie = `hookline_session=${session.token}`;
    expect(await upgrade({ cookie })).toBe(403);
    expect(await upgrade({ cookie, origin: "https://evil.example" })).toBe(403);
    expect(await upgrade({ cookie, origin: app.url })).toBe(101);
    const connection = await raw({ headers: { cookie, origin: app.url } });
    connection.send({ type: "connection_init" });
    expect((await connection.next()).type).toBe("connection_ack");
    connection.socket.close();
  });

  test("another path is refused in the form of its door", async () => {
    const body = await new Promise<{ type: string | undefined; text: string }>((resolve) => {
      const socket = new WebSocket(url.replace("/graphql", "/v1/events"), "graphql-transport-ws");
      socket.on("unexpected-response", (_request, response) => {
        let text = "";
        response.on("data", (chunk) => (text += String(chunk)));
        response.on("end", () => resolve({ type: response.headers["content-type"], text }));
      });
    });
    expect(body.type).toBe("application/problem+json; charset=utf-8");
    expect(JSON.parse(body.text)).toMatchObject({ status: 404, title: "Not Found", code: "NOT_FOUND" });
  });
  test("another path is 404", async () => expect(await upgrade({}, "/v1/events")).toBe(404));
});

describe("operations", () => {
  test("a client of graphql-ws gets queries answered and errors masked by code", async () => {
    const client = createClient({ url, webSocketImpl: WebSocket, connectionParams: auth(app.adminToken) });
    const one = (query: string) =>
      new Promise((resolve, reject) => {
        let last: unknown;
        client.subscribe({ query }, { next: (value) => (last = value), error: reject, complete: () => resolve(last) });
      });
    expect(await one("{ viewer { role } }")).toEqual({ data: { viewer: { role: "ADMIN" } } });
    await expect(one("{ users(first: 101) { totalCount } }")).resolves.toMatchObject({
      errors: [{ extensions: { code: "BAD_USER_INPUT" } }],
    });
    await expect(one("{ nonsense }")).rejects.toMatchObject([{ message: expect.stringContaining("Cannot query field") }]);
    await expect(one(`{ viewer { ${Array.from({ length: 51 }, (_, i) => `a${i}: role`).join(" ")} } }`)).rejects.toMatchObject([
      { extensions: { code: "LIMIT_EXCEEDED" } },
    ]);
    await client.dispose();
  });

  test("100 subscriptions per connection, not 101", async () => {
    const connection = await acknowledged();
    for (let i = 0; i < 101; i++) connection.send({ type: "subscribe", id: String(i), payload: { query: LIVE } });
    expect(await connection.next()).toMatchObject({ type: "error", id: "100", payload: [{ extensions: { code: "RATE_LIMITED" } }] });
    // A place given up can be taken again.
    connection.send({ type: "complete", id: "7" });
    await sleep(50);
    connection.send({ type: "subscribe", id: "again", payload: { query: "{ viewer { role } }" } });
    expect(await connection.next()).toMatchObject({ type: "next", id: "again" });
    connection.socket.close();
    await connection.closed;
  });

  const metric = async () => Number(/hookline_live_subscriptions (\d+)/.exec(await (await fetch(`${app.url}/metrics`)).text())?.[1]);

  test("an id that is used again at once is another operation, whatever the old one still does", async () => {
    await expect.poll(metric, { timeout: 10_000 }).toBe(0);
    const TARGET = { name: "Reused", targetUrl: "http://127.0.0.1:9/x", eventTypes: ["reused.*"] };
    await data(app, app.adminToken, CREATE, { input: TARGET });
    const connection = await acknowledged();
    const seen: { id?: string; type: string; payload?: unknown }[] = [];
    connection.socket.on("message", (text) => seen.push(JSON.parse(String(text))));
    const subscribe = (id: string, query: string) => connection.send({ type: "subscribe", id, payload: { query } });
    const complete = (id: string) => connection.send({ type: "complete", id });
    // A query that is given up, and a subscription that is given up before it is open.
    subscribe("1", "{ webhookRequests(first: 100) { totalCount edges { node { id } } } }");
    complete("1");
    subscribe("1", LIVE);
    subscribe("2", LIVE);
    complete("2");
    subscribe("2", LIVE);
    await expect.poll(metric, { timeout: 10_000 }).toBe(2);
    await fetch(`${app.url}/v1/events`, {
      method: "POST",
      headers: { ...auth(app.adminToken), "content-type": "application/json" },
      body: JSON.stringify({ type: "reused.now" }),
    });
    const cursorsOf = (wanted: string) =>
      seen.flatMap(({ id, payload }) =>
        id === wanted
          ? ((payload as { data?: { webhookRequestUpdated?: { cursor: string } } }).data?.webhookRequestUpdated?.cursor ?? "other")
          : [],
      );
    await expect.poll(() => [cursorsOf("1").length > 0, cursorsOf("2").length > 0]).toEqual([true, true]);
    for (const id of ["1", "2"]) expect(new Set(cursorsOf(id)).size).toBe(cursorsOf(id).length);
    expect(seen.every(({ id, type }) => type === "next" && (id === "1" || id === "2"))).toBe(true);
    expect(cursorsOf("1")).not.toContain("other");
    complete("1");
    complete("2");
    await expect.poll(metric, { timeout: 10_000 }).toBe(0);
    connection.socket.close();
  });

  test("operations that were given up count until they have ended: no more than 200 are under way", async () => {
    const connection = await acknowledged();
    const ends: string[] = [];
    connection.socket.on("message", (text) => {
      const { type, id } = JSON.parse(String(text));
      if (type !== "next") ends.push(`${id} ${type}`);
    });
    for (let i = 0; i < 250; i++) {
      connection.send({ type: "subscribe", id: "same", payload: { query: LIVE } });
      connection.send({ type: "complete", id: "same" });
    }
    connection.send({ type: "subscribe", id: "last", payload: { query: LIVE } });
    await expect.poll(() => ends, { timeout: 10_000 }).toContain("last error");
    await expect.poll(metric, { timeout: 10_000 }).toBe(0);
    const asks = async (id: string) => {
      const before = ends.length;
      connection.send({ type: "subscribe", id, payload: { query: "{ viewer { role } }" } });
      await expect.poll(() => ends.length, { timeout: 10_000, interval: 2 }).toBeGreaterThan(before);
      return ends.at(-1);
    };
    await expect.poll(() => asks("then"), { timeout: 10_000 }).toBe("then complete");
    // One after the other they may be as many as its client likes.
    for (let i = 0; i < 250; i++) {
      connection.send({ type: "subscribe", id: "one", payload: { query: LIVE } });
      if (i % 50 === 0) await expect.poll(metric, { timeout: 10_000, interval: 5 }).toBe(1);
      connection.send({ type: "complete", id: "one" });
      if (i % 50 === 49) expect(await asks(`after-${i}`)).toBe(`after-${i} complete`);
    }
    connection.socket.close();
  });

  test("what is closed is not counted any more", async () => {
    const count = metric;
    for (const deadline = Date.now() + 5_000; (await count()) > 0 && Date.now() < deadline; ) await sleep(50);
    expect(await count()).toBe(0);
    const connection = await acknowledged();
    connection.send({ type: "subscribe", id: "1", payload: { query: LIVE } });
    for (const deadline = Date.now() + 5_000; (await count()) === 0 && Date.now() < deadline; ) await sleep(20);
    expect(await count()).toBe(1);
    connection.socket.terminate();
    for (const deadline = Date.now() + 5_000; (await count()) > 0 && Date.now() < deadline; ) await sleep(50);
    expect(await count()).toBe(0);
  });

  test("one that closes while its token is looked up is not counted either", async () => {
    const connections = async () => Number(/hookline_live_connections (\d+)/.exec(await (await fetch(`${app.url}/metrics`)).text())?.[1]);
    await expect.poll(connections, { timeout: 10_000 }).toBe(0);
    const token = await app.token();
    const early = await Promise.all(Array.from({ length: 20 }, () => raw()));
    await app.t.core.db.transaction(async (client) => {
      await client.query("LOCK TABLE api_token IN ACCESS EXCLUSIVE MODE");
      for (const connection of early) connection.send({ type: "connection_init", payload: auth(token) });
      await sleep(200);
      for (const { socket } of early) socket.terminate();
      await sleep(200);
    });
    // Looked up after them.
    const late = await acknowledged(token);
    expect(await connections()).toBe(1);
    late.socket.close();
    await expect.poll(connections, { timeout: 10_000 }).toBe(0);
  });
});
