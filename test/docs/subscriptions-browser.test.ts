/** docs/subscriptions.md in a real browser: its own EventSource with the session's cookie, and a page of another origin. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createSession } from "../../src/accounts/sessions.ts";
import { type TestApp, testApp } from "../helpers/app.ts";
import { addDefinition, addRequest } from "../helpers/log.ts";
import { startProxy } from "../helpers/proxy.ts";
import { launchBrowser } from "../web/helpers/browser.ts";
import { blocksOfPage } from "./blocks.ts";

let browser: Browser;
let page: Server;
let pageUrl: string;
let app: TestApp;
beforeAll(async () => {
  page = createServer((_request, response) =>
    response.setHeader("content-type", "text/html").end("<!doctype html><title>A dashboard</title>"),
  );
  await new Promise<void>((resolve) => page.listen(0, "127.0.0.1", resolve));
  pageUrl = `http://127.0.0.1:${(page.address() as AddressInfo).port}`;
  app = await testApp({ corsOrigins: [pageUrl] });
  browser = await launchBrowser();
}, 60_000);
afterAll(async () => {
  await browser?.close();
  await app?.close();
  page?.close();
});

async function signedIn() {
  const { organizationId, userId } = app.t.admin;
  const session = await createSession(app.t.core, { organizationId, userId, kind: "BROWSER", ttlSeconds: 600 });
  const context = await browser.newContext();
  return { context, cookie: { name: "hookline_session", value: session.token, httpOnly: true, sameSite: "Lax" as const } };
}

test("B74 a browser's own EventSource resumes with the cookie, over cuts", { timeout: 120_000 }, async () => {
  const proxy = await startProxy(app.url);
  const { context, cookie } = await signedIn();
  await context.addCookies([{ ...cookie, url: proxy.url }]);
  const tab = await context.newPage();
  const seen: number[] = [];
  tab.on("console", (message) => {
    const number = /^(\d+) PENDING$/.exec(message.text())?.[1];
    if (number !== undefined) seen.push(Number(number));
  });
  await tab.goto(`${proxy.url}healthz`);
  const definition = await addDefinition(app.t.core, app.t.organizationId);
  const sent: number[] = [];
  const emit = async (count: number) => {
    for (let i = 0; i < count; i++) sent.push((await addRequest(app.t.core, app.t.organizationId, definition)).number);
  };
  const before = app.doors.feed.subscribers;
  await tab.addScriptTag({ type: "module", content: blocksOfPage().get("event-source-browser.mjs") as string });
  await expect.poll(() => app.doors.feed.subscribers, { timeout: 15_000 }).toBeGreaterThan(before);
  await emit(2);
  await expect.poll(() => seen, { timeout: 15_000 }).toEqual(sent);
  for (let cut = 0; cut < 3; cut++) {
    proxy.down();
    await emit(3);
    proxy.up();
    await expect.poll(() => seen, { timeout: 30_000 }).toEqual(sent);
    await emit(2);
  }
  await expect.poll(() => seen, { timeout: 15_000 }).toEqual(sent);
  await context.close();
  await proxy.close();
});

test("B74 a page of a named origin asks, streams and reads refusals with a token, and never with a cookie", {
  timeout: 60_000,
}, async () => {
  const { context, cookie } = await signedIn();
  await context.addCookies([{ ...cookie, url: app.url }]);
  const tab = await context.newPage();
  await tab.goto(pageUrl);
  const asked = await tab.evaluate(
    async ({ url, token }) => {
      const post = async (path: string, init: RequestInit) => {
        try {
          const response = await fetch(url + path, { method: "POST", body: '{"query":"{ viewer { role } }"}', ...init });
          return [response.status, (await response.text()).slice(0, 60), response.headers.get("retry-after")];
        } catch (error) {
          return [(error as Error).name];
        }
      };
      const type = { "content-type": "application/json" };
      return {
        token: await post("/graphql", { headers: { ...type, authorization: `Bearer ${token}` } }),
        wrong: await post("/graphql", { headers: { ...type, authorization: "Bearer hkl_wrong" } }),
        event: await post("/v1/events", {
          headers: { ...type, authorization: `Bearer ${token}`, "idempotency-key": "k1" },
          body: '{"type":"a.b"}',
        }),
        cookie: await post("/graphql", { headers: type, credentials: "include" }),
      };
    },
    { url: app.url, token: app.adminToken },
  );
  expect(asked.token).toEqual([200, '{"data":{"viewer":{"role":"ADMIN"}}}', null]);
  expect(asked.wrong[0]).toBe(401);
  expect(asked.event[0]).toBe(202);
  expect(asked.cookie).toEqual(["TypeError"]);
  await context.close();
});

test("B74 a page of another origin gets nothing", { timeout: 60_000 }, async () => {
  const tab = await (await browser.newContext()).newPage();
  await tab.goto(pageUrl.replace("127.0.0.1", "localhost"));
  const name = await tab.evaluate(
    ({ url, token }) =>
      fetch(`${url}/graphql`, {
        method: "POST",
        headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
        body: '{"query":"{ viewer { role } }"}',
      }).then(
        ({ status }) => String(status),
        (error: Error) => error.name,
      ),
    { url: app.url, token: app.adminToken },
  );
  expect(name).toBe("TypeError");
});
