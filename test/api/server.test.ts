/** The HTTP server itself: what is refused before any route, unknown paths, health, and stopping. */
import { connect } from "node:net";
import { afterAll, describe, expect, test } from "vitest";
import { createWorkerServer } from "../../src/api/server.ts";
import { testApp } from "../helpers/app.ts";
import { graphql } from "../helpers/graphql.ts";
import { type DatabaseProxy, startProxy } from "../helpers/proxy.ts";

const app = await testApp();
afterAll(app.close);

/** Sends bytes, and resolves with everything that comes back until the server closes. */
function raw(text: string, port = app.port): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = "";
    const socket = connect(port, "127.0.0.1", () => socket.write(text));
    socket.on("data", (chunk) => (answer += chunk.toString()));
    socket.on("error", reject);
    socket.on("close", () => resolve(answer));
  });
}
const status = (answer: string) => Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]);

describe("refused before any route", () => {
  test("two Host headers are 400", async () => {
    expect(status(await raw("GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n"))).toBe(400);
  });
  test("no Host header is 400, but HTTP/1.0 knew none", async () => {
    const answer = await raw("GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n");
    expect(status(answer)).toBe(400);
    expect(answer).toMatch(/x-content-type-options: nosniff/i);
    expect(status(await raw("GET /healthz HTTP/1.0\r\n\r\n"))).toBe(200);
  });
  test("two Host headers are 400 on a WebSocket's upgrade too", async () => {
    const upgrade =
      "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    expect(status(await raw(`GET /graphql HTTP/1.1\r\nHost: a\r\nHost: b\r\n${upgrade}\r\n`))).toBe(400);
  });
  test("an offer of another protocol is not taken, and harms nothing", async () => {
    const answer = await raw("GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, close\r\nUpgrade: h2c\r\n\r\n");
    expect(status(answer)).toBe(200);
  });
  test("a path that is no percent-encoding is 400, an unknown Expect 417; both say nosniff", async () => {
    const path = await raw("GET /%zz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    const expectation = await raw("GET /healthz HTTP/1.1\r\nHost: a\r\nExpect: much\r\nConnection: close\r\n\r\n");
    expect([status(path), status(expectation)]).toEqual([400, 417]);
    for (const answer of [path, expectation]) expect(answer).toMatch(/x-content-type-options: nosniff/i);
  });
  test("Content-Length beside Transfer-Encoding is 400", async () => {
    const head = "POST /v1/events HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n";
    expect(status(await raw(`${head}0\r\n\r\n`))).toBe(400);
  });
  test("a head over 16 KiB is 431", async () => {
    const answer = await raw(`GET /healthz HTTP/1.1\r\nHost: a\r\nX: ${"a".repeat(17_000)}\r\n\r\n`);
    expect(status(answer)).toBe(431);
    expect(answer).toMatch(/X-Content-Type-Options: nosniff/i);
  });
  test("what is no HTTP is 400", async () => expect(status(await raw("hello\r\n\r\n"))).toBe(400));
  test("a path that is not well encoded is 400", async () => {
    expect(status(await raw("GET /%zz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"))).toBe(400);
  });
  test("a socket without a complete head is closed after 10 s", async () => {
    const start = performance.now();
    const answer = await raw("GET /healthz HTTP/1.1\r\nHost: a\r\n");
    expect(performance.now() - start).toBeGreaterThan(9_000);
    expect(performance.now() - start).toBeLessThan(14_000);
    expect(status(answer)).toBe(408);
  });
});

describe("every answer", () => {
  test.each(["/healthz", "/metrics", "/openapi.json", "/graphql", "/v1/events", "/nothing"])(
    "%s says nosniff, and not what serves it",
    async (path) => {
      const { headers } = await fetch(app.url + path);
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("server")).toBeNull();
      expect(headers.get("x-powered-by")).toBeNull();
    },
  );
});

describe("unknown paths and methods", () => {
  test.each(["/v1/nothing", "/api/nothing", "/crmapi/nothing", "/auth/nothing", "/graphql/nothing", "/nothing"])(
    "%s is 404",
    async (path) => {
      const response = await fetch(app.url + path, { headers: { accept: "application/json" } });
      expect(response.status).toBe(404);
    },
  );
  test("ours as problem+json, GraphQL's as errors", async () => {
    expect((await fetch(`${app.url}/v1/nothing`)).headers.get("content-type")).toMatch(/problem\+json/);
    expect(await (await fetch(`${app.url}/graphql/nothing`)).json()).toMatchObject({ errors: [{ extensions: { code: "NOT_FOUND" } }] });
  });
  test.each([
    ["/api/v3/nothing", "/api/v3", ["message", "errors"]],
    ["/auth/nothing", "/auth", ["message", "errors"]],
    ["/api/v1/nothing", "/api/v1", ["Error", "ErrorType", "ErrorMessage", "ErrorSource"]],
    ["/api/v2/nothing", "/api/v2", ["status", "message"]],
    ["/inbound/nothing", "/api/inbound-webhooks/a/b", ["status", "error", "message", "errors"]],
    ["/crmapi/nothing", "/crmapi", ["status", "data"]],
    ["/v1/nothing", "/api", ["type", "title", "status", "detail", "code"]],
  ])("%s and %s are 404 in the form of their face", async (...[one, other, keys]) => {
    for (const path of [one, other]) {
      const response = await fetch(app.url + path);
      expect(response.status).toBe(404);
      expect(Object.keys((await response.json()) as object)).toEqual(keys);
    }
  });
  test.each([
    ["DELETE", "/api/v3/webhook/subscription", "GET, HEAD, POST", ["message", "errors"]],
    ["GET", "/auth/local", "POST", ["message", "errors"]],
    ["DELETE", "/api/v1/Webhook", "GET, POST", ["Error", "ErrorType", "ErrorMessage", "ErrorSource"]],
    ["PUT", "/api/inbound-webhooks", "GET, POST", ["status", "error", "message", "errors"]],
    ["GET", "/crmapi/rest/v2/webhook_requests/resend", "POST", ["status", "data"]],
  ])("%s %s is 405 with Allow: %s, in the form of its face", async (method, path, allow, keys) => {
    const response = await fetch(app.url + path, { method });
    expect([response.status, response.headers.get("allow")]).toEqual([405, allow]);
    expect(Object.keys((await response.json()) as object)).toEqual(keys);
  });
  test("a path that is no percent-encoding speaks its face's form as well", async () => {
    const answer = await raw("GET /api/v3/%zz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    expect(answer).toContain('{"message":"the path is not well percent-encoded","errors":[]}');
  });
  test.each(["/v1/events", "/auth/local", "/api/v2/connections", "/api/v1/Webhook", "/crmapi/rest/v2/authentication/token"])(
    "an encoded body at %s is 415",
    async (path) => {
      const answer = async (encoding: string) => {
        const headers = { authorization: `Bearer ${app.adminToken}`, "content-type": "application/json", "content-encoding": encoding };
        return (await fetch(app.url + path, { method: "POST", headers, body: "{}" })).status;
      };
      expect(await answer("gzip")).toBe(415);
      expect(await answer("Identity")).not.toBe(415);
    },
  );
  test.each([
    ["GET", "/v1/events", "POST"],
    ["DELETE", "/graphql", "GET, POST"],
    ["PUT", "/healthz", "GET, HEAD"],
    ["POST", "/openapi.json", "GET, HEAD"],
  ])("%s %s is 405 with Allow: %s", async (method, path, allow) => {
    const response = await fetch(app.url + path, { method });
    expect(response.status).toBe(405);
    expect(response.headers.get("allow")).toBe(allow);
  });
});

describe("own pages", () => {
  test("GraphiQL for a browser, without a token and without a CDN", async () => {
    const response = await fetch(`${app.url}/graphql`, { headers: { accept: "text/html,*/*" } });
    expect(response.status).toBe(200);
    const page = await response.text();
    expect(page).toContain("createWebhookDefinition");
    expect(page).not.toMatch(/<(script|link)[^>]+(src|href)="https?:/);
  });
  test("/openapi.json describes /v1/events", async () => {
    const document = (await (await fetch(`${app.url}/openapi.json`)).json()) as {
      openapi: string;
      paths: Record<string, unknown>;
      servers: unknown;
    };
    expect(document.openapi).toMatch(/^3\.1/);
    expect(document.servers).toEqual([{ url: app.url }]);
    expect(Object.keys(document.paths)).toContain("/v1/events");
  });
  test("/metrics counts requests by route, never by URL", async () => {
    await fetch(`${app.url}/sign-in-link?token=hks_secret`, { redirect: "manual" });
    const text = await (await fetch(`${app.url}/metrics`)).text();
    expect(text).toMatch(/hookline_http_request_seconds_count\{method="GET",route="\/sign-in-link",status="303"\} 1/);
    expect(text).not.toContain("hks_secret");
  });
});

test("a worker-only process serves health and metrics, and nothing else", async () => {
  const core = await app.t.another();
  const server = await createWorkerServer(core);
  const { port } = await server.listen();
  const get = async (path: string) => (await fetch(`http://127.0.0.1:${port}${path}`, { headers: { accept: "text/html" } })).status;
  expect(await Promise.all(["/healthz", "/readyz", "/metrics", "/graphql", "/", "/v1/events"].map(get))).toEqual([
    200, 200, 200, 404, 404, 404,
  ]);
  server.beginDrain();
  expect(await get("/readyz")).toBe(503);
  expect(await get("/healthz")).toBe(200);
  await server.close();
});

test("the same answers without a socket", async () => {
  const response = await app.server.fetch(new Request("http://hookline/healthz"));
  expect(response.status).toBe(200);
  expect(await response.json()).toEqual({ status: "ok" });
});

test("while the database is away: 503 with Retry-After, on every door; afterwards all is well", async () => {
  let proxy: DatabaseProxy | undefined;
  const reach = async (url: string) => {
    proxy = await startProxy(url);
    return proxy.url;
  };
  const other = await testApp({}, { reach });
  const token = await other.token();
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const emit = () => fetch(`${other.url}/v1/events`, { method: "POST", headers, body: '{"type":"a.b"}' });
  const ask = () => graphql(other, "{ organization { name } }", { token });
  try {
    expect([(await emit()).status, (await ask()).status]).toEqual([202, 200]);
    proxy?.down();
    for (const answer of [await emit(), await ask(), await fetch(`${other.url}/readyz`)]) {
      expect(answer.status).toBe(503);
      expect(answer.headers.get("retry-after")).toMatch(/^\d+$/);
    }
    expect((await ask()).body).toMatchObject({ errors: [{ extensions: { code: "UNAVAILABLE" } }] });
    expect((await fetch(`${other.url}/healthz`)).status).toBe(200);
    proxy?.up();
    for (const deadline = Date.now() + 15_000; (await emit()).status !== 202; ) {
      if (Date.now() > deadline) throw new Error("not back after 15 s");
    }
    expect((await ask()).status).toBe(200);
  } finally {
    proxy?.up();
    await other.close();
    await proxy?.close();
  }
});
