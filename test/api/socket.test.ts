/** GraphQL over WebSocket: every close code of the protocol and ours, with a real client and with raw messages. */
import { setTimeout as sleep } from "node:timers/promises";
import { createClient } from "graphql-ws";
import { afterAll, describe, expect, test } from "vitest";
import WebSocket from "ws";
import { createSession } from "../../src/accounts/sessions.ts";
import { revokeApiToken } from "../../src/accounts/tokens.ts";
import { testApp } from "../helpers/app.ts";

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

  test("what is closed is not counted any more", async () => {
    const count = async () => Number(/hookline_live_subscriptions (\d+)/.exec(await (await fetch(`${app.url}/metrics`)).text())?.[1]);
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
});
