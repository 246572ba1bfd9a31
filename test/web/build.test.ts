/** How the dashboard is served: small, compressed, cached, under a strict policy. */
import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { launchBrowser } from "./helpers/browser.ts";
import { type Installation, startInstallation } from "./helpers/installation.ts";

let installation: Installation;

beforeAll(async () => {
  installation = await startInstallation();
}, 120_000);
afterAll(async () => {
  await installation?.remove();
});

test("the first load is under 300 kB on the wire, fonts and all", { timeout: 150_000 }, async () => {
  const browser = await launchBrowser();
  const page = await browser.newPage();
  const session = await page.context().newCDPSession(page);
  await session.send("Network.enable");
  let bytes = 0;
  session.on("Network.loadingFinished", (event) => {
    bytes += event.encodedDataLength;
  });
  await page.goto((await readFile(`${installation.dataDir}/sign-in.link`, "utf8")).trim());
  await page.getByText("Welcome to Hookline").waitFor();
  await page.waitForLoadState("networkidle");
  await browser.close();
  expect(bytes).toBeGreaterThan(50_000);
  expect(bytes).toBeLessThan(300_000);
});

test("the page has a strict policy with a nonce of its own each time", { timeout: 150_000 }, async () => {
  const get = () => fetch(`${installation.url}/webhooks/anything`, { headers: { accept: "text/html" } });
  const [first, second] = [await get(), await get()];
  expect(first.status).toBe(200);
  const policy = first.headers.get("content-security-policy") ?? "";
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("script-src 'self';");
  expect(policy).toContain("frame-ancestors 'none'");
  expect(policy).not.toMatch(/unsafe-/);
  const nonce = /'nonce-([^']+)'/.exec(policy)?.[1] ?? "";
  expect(nonce.length).toBeGreaterThanOrEqual(22);
  expect(await first.text()).toContain(`content="${nonce}"`);
  expect(second.headers.get("content-security-policy")).not.toBe(policy);
  expect(first.headers.get("cache-control")).toBe("no-store");
});

test("/ is the dashboard whatever is accepted; other unknown paths only for browsers", { timeout: 150_000 }, async () => {
  const get = (path: string, method = "GET") => fetch(installation.url + path, { method, headers: { accept: "*/*" } });
  const page = await get("/");
  expect([page.status, page.headers.get("content-type")]).toEqual([200, "text/html; charset=utf-8"]);
  const post = await get("/", "POST");
  expect([post.status, post.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
  expect((await get("/webhooks")).status).toBe(404);
});

test("assets are compressed, immutable, and nothing else is served", { timeout: 150_000 }, async () => {
  const page = await (await fetch(`${installation.url}/`, { headers: { accept: "text/html" } })).text();
  const script = /src="(\/assets\/[^"]+\.js)"/.exec(page)?.[1] ?? "";
  for (const encoding of ["br", "gzip"]) {
    const response = await fetch(installation.url + script, { headers: { "accept-encoding": encoding } });
    expect(response.status).toBe(200);
    expect(response.headers.get("content-encoding")).toBe(encoding);
    expect(response.headers.get("cache-control")).toContain("immutable");
    expect(response.headers.get("content-type")).toContain("text/javascript");
  }
  expect((await fetch(`${installation.url}/assets/..%2f..%2fpackage.json`)).status).toBe(404);
  expect((await fetch(`${installation.url}/assets/none.js`)).status).toBe(404);
});

test("B97 GraphQL's answers are compressed", { timeout: 150_000 }, async () => {
  const ask = (encoding: string) =>
    fetch(`${installation.url}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${installation.token}`, "accept-encoding": encoding },
      body: JSON.stringify({ query: "{ __schema { types { name description } } }" }),
    });
  for (const encoding of ["br", "gzip"]) expect((await ask(encoding)).headers.get("content-encoding")).toBe(encoding);
  expect((await ask("identity")).headers.get("content-encoding")).toBeNull();
});

test("B97 a first load of each main page takes at most 250 KiB and 15 requests", { timeout: 120_000 }, async () => {
  const browser = await launchBrowser();
  const first = await browser.newContext();
  const signedIn = await first.request.post(`${installation.url}/sign-in-token`, {
    headers: { origin: installation.url },
    data: { token: installation.token },
  });
  expect(signedIn.status()).toBe(204);
  const storageState = await first.storageState();
  const loads: { path: string; requests: number; bytes: number; asked: string[] }[] = [];
  for (const path of ["/", "/webhooks", "/log", "/lanes"]) {
    // A context of its own has an empty cache.
    const context = await browser.newContext({ storageState });
    const page = await context.newPage();
    const session = await context.newCDPSession(page);
    await session.send("Network.enable");
    let bytes = 0;
    const asked: string[] = [];
    session.on("Network.requestWillBeSent", (event) => asked.push(new URL(event.request.url).pathname));
    session.on("Network.loadingFinished", (event) => {
      bytes += event.encodedDataLength;
    });
    await page.goto(installation.url + path);
    await page.locator("h1").first().waitFor();
    await page.waitForFunction(() => document.querySelector('[aria-label="Loading"]') === null);
    await page.waitForLoadState("networkidle");
    loads.push({ path, requests: asked.length, bytes, asked });
    await context.close();
  }
  await browser.close();
  expect(loads.every((load) => load.bytes > 50_000)).toBe(true);
  expect(loads.filter((load) => load.bytes > 250 * 1024 || load.requests > 15)).toEqual([]);
});
