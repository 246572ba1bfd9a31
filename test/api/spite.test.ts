/** The worst that somebody without a token can send: it costs its sender an error, and nobody else his time. */
import http from "node:http";
import { performance } from "node:perf_hooks";
import { GraphQLError } from "graphql";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { withoutInput } from "../../src/api/graphql/errors.ts";
import { type TestApp, testApp } from "../helpers/app.ts";

/** /healthz answers within this while spite is on its way. */
const CALM_MS = 200;

let app: TestApp;
beforeAll(async () => {
  app = await testApp();
});
afterAll(() => app?.close());

/** Asks /healthz until `work` is done. @returns what it gave, and the slowest answer in milliseconds */
async function watched<T>(work: Promise<T>): Promise<{ value: T; slowest: number }> {
  let done = false;
  let slowest = 0;
  const looking = (async () => {
    do {
      const began = performance.now();
      await (await fetch(`${app.url}/healthz`)).text();
      slowest = Math.max(slowest, performance.now() - began);
    } while (!done);
  })();
  const value = await work.finally(() => {
    done = true;
  });
  await looking;
  return { value, slowest };
}

async function post(path: string, body: string, headers: Record<string, string>): Promise<number> {
  const response = await fetch(app.url + path, { method: "POST", body, headers });
  await response.text();
  return response.status;
}

const FORM = { "content-type": "application/x-www-form-urlencoded" };
const JSON_TYPE = { "content-type": "application/json" };
const nested = (open: string, close: string, depth: number) => open.repeat(depth) + close.repeat(depth);

describe("B50 without a token", () => {
  test.each([
    ["a form of 20 000 equal fields", "/crmapi/rest/v2/authentication/token", "a&".repeat(20_000), FORM],
    ["a form of a megabyte of fields", "/crmapi/rest/v2/authentication/token", "a=1&".repeat(250_000), FORM],
    ["a form for SuperOffice", "/api/v1/Webhook", "a&".repeat(500_000), FORM],
    ["a form for an inbound URL", "/inbound/goals/x/y", "a&".repeat(100_000), FORM],
    ["deep JSON", "/graphql", nested("[", "]", 500_000), JSON_TYPE],
    ["deep JSON for events", "/v1/events", nested('{"a":', "}", 100_000), JSON_TYPE],
    ["a megabyte of one token", "/graphql", JSON.stringify({ query: "a".repeat(1_000_000) }), JSON_TYPE],
    ["a megabyte of brackets in a document", "/graphql", JSON.stringify({ query: nested("{a", "}", 300_000) }), JSON_TYPE],
    ["a document of open strings", "/graphql", JSON.stringify({ query: '"'.repeat(500_000) }), JSON_TYPE],
    ["XML without an end", "/api/v1/Webhook", "<a>".repeat(300_000), { "content-type": "application/xml" }],
  ])("%s", async (_name, path, body, headers) => {
    const { value: status, slowest } = await watched(post(path, body, headers));
    expect(status).toBeGreaterThanOrEqual(200);
    expect(status).not.toBe(500);
    expect(slowest).toBeLessThan(CALM_MS);
  });

  test("an Authorization of blanks, in a header and in connectionParams", async () => {
    const blanks = `Bearer ${" ".repeat(12_000)}x`;
    const inHeader = new Promise<number>((resolve) => {
      http.get(`${app.url}/v1/events`, { headers: { authorization: blanks } }, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      });
    });
    expect((await watched(inHeader)).slowest).toBeLessThan(CALM_MS);
    const closed = new Promise<number>((resolve) => {
      const socket = new WebSocket(`${app.url.replace("http", "ws")}/graphql`, "graphql-transport-ws");
      socket.on("open", () =>
        socket.send(JSON.stringify({ type: "connection_init", payload: { authorization: `Bearer ${" ".repeat(800_000)}` } })),
      );
      socket.on("close", resolve);
    });
    const { value: code, slowest } = await watched(closed);
    expect(code).toBe(4403);
    expect(slowest).toBeLessThan(CALM_MS);
  });

  test("an error's text of a megabyte is told in a thousand characters, at once", () => {
    const began = performance.now();
    const shown = withoutInput(new GraphQLError(`Field "${" cannot represent ".repeat(60_000)}" is unknown`));
    expect(performance.now() - began).toBeLessThan(50);
    expect(shown.message.length).toBeLessThan(1_100);
  });
});

test("B63 brackets below each other are refused before the parser, with 400", async () => {
  const authorization = `Bearer ${app.adminToken}`;
  const query = `{ webhookRequests(filter: ${nested("[", "]", 2_000)}) { totalCount } }`;
  const response = await fetch(`${app.url}/graphql`, {
    method: "POST",
    headers: { ...JSON_TYPE, authorization },
    body: JSON.stringify({ query }),
  });
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: "LIMIT_EXCEEDED" } }] });
});

describe("B52 what is asked for and not read, or never used again", () => {
  test("150 sockets that ask for GraphiQL and do not read hold little", { timeout: 60_000 }, async () => {
    const page = await fetch(`${app.url}/graphql`, { headers: { accept: "text/html", "accept-encoding": "gzip" } });
    expect(page.headers.get("content-security-policy")).toContain("frame-ancestors 'none'");
    expect((await page.text()).length).toBeGreaterThan(1_000_000);
    globalThis.gc?.();
    const before = process.memoryUsage().rss;
    const sockets = await Promise.all(
      Array.from(
        { length: 150 },
        () =>
          new Promise<http.IncomingMessage>((resolve, reject) => {
            const request = http.get(`${app.url}/graphql`, { headers: { accept: "text/html" }, agent: false }, (response) => {
              response.pause();
              resolve(response);
            });
            request.on("error", reject);
          }),
      ),
    );
    const held = process.memoryUsage().rss - before;
    for (const response of sockets) response.destroy();
    // Both ends of each socket are in this process; 150 copies would be 1.3 GB.
    expect(held).toBeLessThan(300 * 2 ** 20);
  });

  test("a document without a token may have 4 KiB, and is signIn alone", async () => {
    const signIn = (more: string) =>
      post(
        "/graphql",
        JSON.stringify({ query: `mutation { signIn(input: { email: "a", password: "b" }) { __typename } } ${more}` }),
        JSON_TYPE,
      );
    expect(await signIn("")).toBe(200);
    expect(await signIn(`# ${"x".repeat(5_000)}`)).toBe(401);
  });
});
