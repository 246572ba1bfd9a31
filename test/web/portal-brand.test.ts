/** The portal in its owner's name, colour and logo: seen, and read in both themes whatever the colour is. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Frame, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { freePort } from "../helpers/free-port.ts";
import { looked, settled } from "./helpers/axe.ts";
import { type Dashboard, openDashboard } from "./helpers/dashboard.ts";
import { createDefinition, mutate } from "./helpers/seed.ts";

const NAME = "Müller & Søn's <Cloud>";
/** Twice as high as it may be shown; what it would run is seen on its root. */
const LOGO = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 120 56" width="120" height="56">
<style>circle { fill: #e5584f; stroke: #ffffff; stroke-width: 3 }</style><circle cx="28" cy="28" r="24"/><circle cx="80" cy="28" r="24"/>
<script>document.documentElement.setAttribute("data-ran", "yes")</script></svg>`;

const env: Record<string, string> = { HOOKLINE_PORTAL_NAME: NAME, HOOKLINE_PORTAL_COLOR: "#ffe600" };
let folder: string;
let dashboard: Dashboard;
let host: Server;
let framed: string;
let application: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "hookline-logo-"));
  env["HOOKLINE_PORTAL_LOGO"] = join(folder, "logo.svg");
  await writeFile(env["HOOKLINE_PORTAL_LOGO"], LOGO);
  const port = await freePort();
  host = createServer((_request, response) =>
    response
      .setHeader("content-type", "text/html")
      .end(`<!doctype html><title>Ours</title><iframe src="${framed}" width="900" height="600"></iframe>`),
  ).listen(port, "127.0.0.1");
  env["HOOKLINE_PORTAL_FRAME_ANCESTORS"] = `http://localhost:${port}`;
  dashboard = await openDashboard(env);
  const { installation } = dashboard;
  application = (await mutate(installation, "createApplication", { uid: "acme", name: "Acme Ltd" }, "... on Application { id }")).id;
  await createDefinition(installation, {
    name: "Shop",
    targetUrl: "https://shop.example/in",
    eventTypes: ["*"],
    applicationId: application,
  });
}, 120_000);
afterAll(async () => {
  host?.close();
  await dashboard?.close();
  if (folder) await rm(folder, { recursive: true, force: true });
});

async function link(): Promise<string> {
  return (await mutate(dashboard.installation, "createPortalLink", { applicationId: application }, "... on PortalLink { url }")).url;
}
async function customer(url: string): Promise<Page> {
  const context = await dashboard.browser.newContext({ viewport: { width: 1200, height: 800 }, reducedMotion: "reduce" });
  const page = await context.newPage();
  await page.goto(url);
  return page;
}
/** Ground and text, as the browser paints them. */
const paintOf = (where: Page | Frame, selector: string, hasText = "") =>
  where
    .locator(selector)
    .filter({ hasText })
    .first()
    .evaluate((element) => [getComputedStyle(element).backgroundColor, getComputedStyle(element).color]);

async function showsTheBrand(where: Page | Frame, paint: readonly string[]): Promise<void> {
  const picture = where.getByRole("banner").getByRole("img", { name: NAME });
  await picture.waitFor();
  await where.getByRole("banner").getByText(NAME, { exact: true }).waitFor();
  await expect.poll(() => picture.evaluate((image) => (image as HTMLImageElement).naturalWidth)).toBe(120);
  expect((await picture.boundingBox())?.height).toBe(28);
  expect(await paintOf(where, "header")).toEqual(paint);
}

for (const [color, ...paint] of [
  ["#ffe600", "rgb(255, 230, 0)", "rgb(0, 0, 0)"],
  ["#1a1a2e", "rgb(26, 26, 46)", "rgb(255, 255, 255)"],
] as const) {
  test(`name, logo and ${color} are seen; light, dark and on a phone's width nothing is wrong`, { timeout: 180_000 }, async () => {
    env["HOOKLINE_PORTAL_COLOR"] = color;
    await dashboard.installation.kill();
    await dashboard.installation.start();
    const page = await customer(await link());
    await page.getByRole("link", { name: "Shop" }).waitFor();
    expect(await page.title()).toBe(`Webhooks · ${NAME}`);
    await showsTheBrand(page, paint);
    expect(await paintOf(page, "button", "New webhook")).toEqual(paint);
    const wrong = await looked(page, "list");
    await page.getByRole("button", { name: "New webhook" }).click();
    await page.getByRole("dialog", { name: "New webhook" }).waitFor();
    // A panel stands outside of the portal's own elements.
    expect(await paintOf(page, "button", "Create webhook")).toEqual(paint);
    wrong.push(...(await looked(page, "panel")));
    await page.keyboard.press("Escape");

    await page.getByRole("link", { name: "Shop" }).click();
    await page.getByRole("button", { name: "More actions" }).click();
    await page.getByRole("menuitem", { name: "Delete…" }).click();
    await page.getByRole("button", { name: "Delete webhook" }).waitFor();
    // What deletes stays red, with the text that red has.
    expect(await paintOf(page, "button", "Delete webhook")).toEqual(["rgb(192, 52, 43)", "rgb(255, 255, 255)"]);
    wrong.push(...(await looked(page, "question")));
    await page.getByRole("button", { name: "Keep as it is" }).click();

    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("heading", { name: "You are signed out" }).waitFor();
    expect(await page.title()).toBe(`You are signed out · ${NAME}`);
    await showsTheBrand(page, paint);
    wrong.push(...(await looked(page, "signed out")));
    expect(wrong).toEqual([]);
    await page.context().close();
  });
}

test("in a frame they are seen as well", { timeout: 120_000 }, async () => {
  framed = await link();
  const page = await customer(env["HOOKLINE_PORTAL_FRAME_ANCESTORS"] as string);
  await page.frameLocator("iframe").getByRole("link", { name: "Shop" }).waitFor();
  const frame = page.frames().find((each) => each.url().includes("/portal")) as Frame;
  await showsTheBrand(frame, ["rgb(26, 26, 46)", "rgb(255, 255, 255)"]);
  await page.context().close();
});

test("the dashboard of your own people stays Hookline's", { timeout: 120_000 }, async () => {
  const page = await dashboard.open("/webhooks");
  await settled(page);
  expect(await page.title()).toBe("Webhooks · Hookline");
  expect(await paintOf(page, "button", "New webhook")).toEqual(["rgb(56, 94, 201)", "rgb(255, 255, 255)"]);
  expect(await page.locator('meta[name^="portal-"]').count()).toBe(0);
  await page.close();
});

test("the logo opened alone is a picture that runs nothing", { timeout: 120_000 }, async () => {
  const page = await customer(`${dashboard.installation.url}/portal/logo`);
  expect(await page.locator("circle").count()).toBe(2);
  expect(await page.evaluate(() => document.documentElement.getAttribute("data-ran"))).toBeNull();
  const answer = await fetch(`${dashboard.installation.url}/portal/logo`, { method: "POST" });
  expect([answer.status, answer.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
  await page.context().close();
});
