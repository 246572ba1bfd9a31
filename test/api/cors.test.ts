/** Pages of other origins: what their browsers are told, on every door, for answers and refusals alike. */
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import WebSocket from "ws";
import { createSession } from "../../src/accounts/sessions.ts";
import { createServer, type Server } from "../../src/api/server.ts";
import { type TestApp, testApp } from "../helpers/app.ts";

const PAGE = "https://app.example.com";
const OTHER = "https://evil.example";

type Served = Pick<TestApp, "url">;

let app: TestApp;
let open: Served;
let closed: Served;
const servers: Server[] = [];
/** The same installation with another setting. */
async function serve(corsOrigins: string[]): Promise<Served> {
  const { core } = app.doors;
  const server = await createServer({ ...app.doors, core: { ...core, config: { ...core.config, corsOrigins } } });
  servers.push(server);
  return { url: `http://127.0.0.1:${(await server.listen()).port}` };
}
beforeAll(async () => {
  app = await testApp({ corsOrigins: [PAGE, "http://localhost:5173"], openCalls: 20 });
  open = await serve(["*"]);
  closed = await serve([]);
});
afterAll(async () => {
  for (const server of servers) await server.close();
  await app?.close();
});

const preflight = (server: Served, path: string, origin: string, headers: Record<string, string> = {}) =>
  fetch(server.url + path, {
    method: "OPTIONS",
    headers: {
      origin,
      "access-control-request-method": "POST",
      "access-control-request-headers": "authorization,content-type",
      ...headers,
    },
  });

/** Fetch knows what an origin may send; a socket sends it anyway. */
const json = (token: string, origin = PAGE) => ({ authorization: `Bearer ${token}`, "content-type": "application/json", origin });
const allowed = (response: Response) => response.headers.get("access-control-allow-origin");

const PATHS = [
  "/graphql",
  "/v1/events",
  "/v1/nothing",
  "/openapi.json",
  "/healthz",
  "/api/v2/connections",
  "/crmapi/rest/v2/webhook_requests/list",
  "/auth/local",
  "/inbound/goals/x/y",
];

describe("B74 a preflight", () => {
  test.each(PATHS)("to %s lets a named origin send its token, and never cookies", async (path) => {
    const response = await preflight(app, path, PAGE);
    expect([response.status, await response.text()]).toEqual([204, ""]);
    expect(allowed(response)).toBe(PAGE);
    expect(response.headers.get("access-control-allow-methods")?.split(", ")).toEqual(expect.arrayContaining(["GET", "POST", "DELETE"]));
    expect(response.headers.get("access-control-allow-headers")?.split(", ")).toEqual(["authorization", "content-type"]);
    expect(response.headers.get("access-control-max-age")).toMatch(/^\d+$/);
    expect(response.headers.get("access-control-allow-credentials")).toBeNull();
    expect(response.headers.get("vary")).toMatch(/\bOrigin\b/);
  });

  test("names the headers that were asked for, but for those that proxies and browsers write", async () => {
    const asked = "authorization, Idempotency-Key, last-event-id, ce-id, traceparent, x-forwarded-host, cookie, no good, sec-fetch-site";
    const response = await preflight(app, "/v1/events", PAGE, { "access-control-request-headers": asked });
    expect(response.headers.get("access-control-allow-headers")).toBe("authorization, idempotency-key, last-event-id, ce-id, traceparent");
  });

  test("of another origin is refused, and the refusal names the setting", async () => {
    const response = await preflight(app, "/graphql", OTHER);
    expect([response.status, allowed(response)]).toEqual([403, null]);
    expect(await response.json()).toMatchObject({
      errors: [{ message: expect.stringContaining("HOOKLINE_CORS_ORIGINS does not name https://evil.example") }],
    });
    for (const near of [`${PAGE}:444`, "http://app.example.com", `${PAGE}.evil.example`, "https://sub.app.example.com", "null"])
      expect(allowed(await preflight(app, "/graphql", near))).toBeNull();
  });

  test("is 405 where nothing is set, and names the setting", async () => {
    const response = await preflight(closed, "/graphql", PAGE);
    expect([response.status, response.headers.get("allow"), allowed(response)]).toEqual([405, "GET, POST", null]);
    expect(await response.text()).toContain("HOOKLINE_CORS_ORIGINS");
    expect((await preflight(closed, "/v1/events", PAGE)).status).toBe(405);
  });

  test("with * is answered to every origin, without naming it", async () => {
    const response = await preflight(open, "/v1/events", OTHER);
    expect([response.status, allowed(response), response.headers.get("access-control-allow-credentials")]).toEqual([204, "*", null]);
  });

  test("is never answered for the dashboard's sign-in and /metrics", async () => {
    for (const path of ["/sign-in-token", "/metrics"]) {
      const response = await preflight(open, path, OTHER);
      expect([path, response.status, allowed(response)]).toEqual([path, 405, null]);
    }
  });
});

describe("B74 an answer", () => {
  test("may be read by a named origin, on every door", async () => {
    const token = app.adminToken;
    const query = '{"query":"{ viewer { role } }"}';
    const answers = [
      await fetch(`${app.url}/graphql`, { method: "POST", headers: json(token), body: query }),
      await fetch(`${app.url}/v1/events`, { method: "POST", headers: json(token), body: '{"type":"a.b"}' }),
      await fetch(`${app.url}/api/v2/connections`, { headers: json(token) }),
      await fetch(`${app.url}/openapi.json`, { headers: { origin: PAGE } }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([200, 202, 200, 200]);
    for (const each of answers) {
      expect(allowed(each)).toBe(PAGE);
      expect(each.headers.get("vary")).toMatch(/\bOrigin\b/);
      expect(each.headers.get("access-control-allow-credentials")).toBeNull();
      expect(each.headers.get("access-control-expose-headers")?.toLowerCase()).toMatch(/retry-after, ratelimit/);
    }
  });

  test("depends on the Origin also for those that are not let in: caches are told", async () => {
    for (const headers of [{}, { origin: OTHER }]) {
      const response = await fetch(`${app.url}/openapi.json`, { headers });
      expect([allowed(response), response.headers.get("vary")?.includes("Origin")]).toEqual([null, true]);
    }
    expect((await fetch(`${closed.url}/healthz`, { headers: { origin: PAGE } })).headers.get("vary")).toBeNull();
  });

  test("is marked when it is a refusal: 400, 401, 403, 404, 405, 413, 415, 431 of the path, 503", async () => {
    const token = app.adminToken;
    const post = (path: string, headers: Record<string, string>, body: string) => fetch(app.url + path, { method: "POST", headers, body });
    const refusals = [
      [400, await post("/graphql", json(token), "{")],
      [400, await post("/v1/events", json(token), "[")],
      [401, await post("/graphql", { ...json("hkl_wrong") }, '{"query":"{ viewer { role } }"}')],
      [401, await post("/v1/events", { ...json("hkl_wrong") }, "{}")],
      [403, await post("/v1/events", json(await app.token({ scopes: ["goals:read"] })), '{"type":"a.b"}')],
      [404, await fetch(`${app.url}/v1/nothing`, { headers: { origin: PAGE } })],
      [405, await fetch(`${app.url}/v1/events`, { headers: { origin: PAGE } })],
      [413, await post("/graphql", json(token), " ".repeat(2 ** 20 + 1))],
      [413, await post("/v1/events", json(token), " ".repeat(6 * 2 ** 20))],
      [415, await post("/graphql", { ...json(token), "content-type": "text/plain" }, "{}")],
      [400, await fetch(`${app.url}/v1/%zz`, { headers: { origin: PAGE } })],
    ] as const;
    for (const [status, response] of refusals)
      expect([response.url, response.status, allowed(response)]).toEqual([response.url, status, PAGE]);
  });

  test("is marked when too much is open at once, before a route is asked", async () => {
    let refused = 0;
    const waiting = Array.from({ length: 25 }, () => {
      const socket = connect(app.port, "127.0.0.1");
      socket.on("error", () => undefined);
      socket.once("data", () => refused++);
      socket.write(
        `POST /v1/events HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${app.adminToken}\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n`,
      );
      return socket;
    });
    try {
      // The others hold all there is; a call of ours any earlier might be one of them.
      await expect.poll(() => refused).toBe(5);
      const full = await fetch(`${app.url}/v1/events`, { method: "POST", headers: json(app.adminToken), body: '{"type":"a.b"}' });
      expect([full.status, allowed(full), full.headers.get("retry-after")]).toEqual([503, PAGE, "1"]);
    } finally {
      for (const socket of waiting) socket.destroy();
      await expect.poll(async () => (await fetch(`${app.url}/openapi.json`)).status, { timeout: 10_000 }).toBe(200);
    }
  });

  test("as a stream of events may be read, too", async () => {
    const query = encodeURIComponent("subscription { webhookRequestUpdated { cursor } }");
    const end = new AbortController();
    const response = await fetch(`${app.url}/graphql?query=${query}`, {
      headers: { accept: "text/event-stream", authorization: `Bearer ${app.adminToken}`, origin: PAGE },
      signal: end.signal,
    });
    expect([response.status, response.headers.get("content-type"), allowed(response)]).toEqual([200, "text/event-stream", PAGE]);
    expect(response.headers.get("access-control-allow-credentials")).toBeNull();
    end.abort();
  });
});

describe("B74 cookies", () => {
  const session = async () => {
    const { organizationId, userId } = app.t.admin;
    return `hookline_session=${(await createSession(app.t.core, { organizationId, userId, kind: "BROWSER", ttlSeconds: 60 })).token}`;
  };

  test.each(["named", "*"])("never count across origins, when those are %s", async (how) => {
    const server = how === "*" ? open : app;
    const cookie = await session();
    for (const method of ["GET", "POST"]) {
      const response = await fetch(`${server.url}/graphql${method === "GET" ? "?query={viewer{role}}" : ""}`, {
        method,
        headers: { cookie, origin: PAGE, "content-type": "application/json", "sec-fetch-site": "cross-site" },
        ...(method === "POST" ? { body: '{"query":"{ viewer { role } }"}' } : {}),
      });
      expect([method, response.status]).toEqual([method, 403]);
    }
  });

  test("of a page that may call with a token are passed over on a WebSocket, and refused from all others", async () => {
    const cookie = await session();
    const url = `ws://127.0.0.1:${app.port}/graphql`;
    const refused = await new Promise<{ status: number; text: string }>((resolve) => {
      const socket = new WebSocket(url, "graphql-transport-ws", { headers: { cookie, origin: OTHER } });
      socket.on("error", () => undefined);
      socket.once("unexpected-response", (_request, response) => {
        let text = "";
        response.on("data", (chunk: Buffer) => (text += chunk.toString()));
        response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
      });
    });
    expect(refused.status).toBe(403);
    expect(JSON.parse(refused.text).errors[0]).toMatchObject({
      message: expect.stringContaining("HOOKLINE_PUBLIC_URL"),
      extensions: { code: "FORBIDDEN" },
    });

    const first = (payload: object | undefined) =>
      new Promise((resolve) => {
        const socket = new WebSocket(url, "graphql-transport-ws", { headers: { cookie, origin: PAGE } });
        socket.once("open", () => socket.send(JSON.stringify({ type: "connection_init", ...(payload ? { payload } : {}) })));
        socket.once("message", (data) => {
          resolve(JSON.parse(String(data)).type);
          socket.terminate();
        });
        socket.once("close", resolve);
      });
    expect(await first(undefined)).toBe(4403);
    expect(await first({ Authorization: `Bearer ${app.adminToken}` })).toBe("connection_ack");
  });

  test("count for reads of the own origin without an Origin, when the browser says they are", async () => {
    const cookie = await session();
    const read = async (headers: Record<string, string>, query = "{viewer{role}}", method = "GET") =>
      (await fetch(`${closed.url}/graphql?query=${encodeURIComponent(query)}`, { method, headers: { cookie, ...headers } })).status;
    const own = { "sec-fetch-site": "same-origin" };
    expect(await read(own)).toBe(200);
    expect(await read({})).toBe(403);
    for (const site of ["same-site", "cross-site", "none"]) expect([site, await read({ "sec-fetch-site": site })]).toEqual([site, 403]);
    expect(await read({ ...own, origin: OTHER })).toBe(403);
    // Reads only.
    expect(await read(own, "mutation { signOut { __typename } }")).toBe(405);
    expect(await read(own, "{viewer{role}}", "POST")).toBe(403);
    const stream = await fetch(`${closed.url}/graphql?query=${encodeURIComponent("subscription { webhookRequestUpdated { cursor } }")}`, {
      headers: { cookie, ...own, accept: "text/event-stream" },
    });
    expect(stream.status).toBe(200);
    await stream.body?.cancel();
    expect((await fetch(`${closed.url}/api/inbound-webhooks`, { headers: { cookie, ...own } })).status).toBe(200);
  });
});
