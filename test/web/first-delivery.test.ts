/** From an empty installation to the first delivery, by clicking alone. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Receiver, startReceiver } from "../helpers/receiver.ts";
import { type Dashboard, openDashboard } from "./helpers/dashboard.ts";

let dashboard: Dashboard;
let receiver: Receiver;

beforeAll(async () => {
  receiver = await startReceiver();
  dashboard = await openDashboard();
}, 120_000);
afterAll(async () => {
  await dashboard?.close();
  await receiver?.close();
});

test("a webhook is made, tested, and delivers; a reply's markup stays text", { timeout: 200_000 }, async () => {
  const { installation } = dashboard;
  receiver.respond({
    status: 200,
    headers: { "content-type": "text/html" },
    body: '<img src=x onerror="window.broken=true"><h1>Hello</h1>',
  });
  const page = await dashboard.open("/");
  await page.getByRole("link", { name: "Set up the first webhook" }).click();

  const panel = page.getByRole("dialog", { name: "New webhook" });
  await panel.getByLabel("Name", { exact: true }).fill("Orders, daily");
  expect(await panel.getByLabel("Code").inputValue()).toBe("orders_daily");
  await panel.getByLabel("Target URL").fill(`${receiver.url}/hooks`);
  await panel.getByLabel("Event types").fill("order.*");
  await panel.getByLabel("Event types").press("Enter");
  await panel.getByRole("button", { name: "Create webhook" }).click();

  const secret = page.getByText("Signing secret of Orders, daily").locator("..");
  await secret.waitFor();
  expect(await secret.textContent()).toMatch(/whsec_[A-Za-z0-9+/=]+/);
  await secret.getByRole("button", { name: "Copy the signing secret" }).click();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toMatch(/^whsec_/);

  await page.getByRole("link", { name: "Orders, daily" }).click();
  await page.getByRole("button", { name: "Send a test" }).click();
  await page.getByRole("button", { name: "Send", exact: true }).click();
  const reply = page.getByRole("region", { name: "Reply" });
  await reply.getByText("HTTP 200").waitFor();
  expect(await reply.textContent()).toContain('<img src=x onerror="window.broken=true">');
  expect(await page.evaluate(() => "broken" in window)).toBe(false);
  expect(await reply.locator("img").count()).toBe(0);
  await page.keyboard.press("Escape");

  await page.getByRole("link", { name: "Log", exact: true }).click();
  await page.getByText("Live", { exact: true }).waitFor();
  await installation.emit({ type: "order.created", entity: "order", entityId: "18", payload: { total: 120 } });
  const row = page.getByRole("row").filter({ hasText: "order 18" });
  await row.getByText("Delivered").waitFor();
  expect(JSON.parse(receiver.calls.at(-1)?.body.toString() ?? "{}")).toMatchObject({ type: "order.created", data: { total: 120 } });

  await row.click();
  await page.getByRole("heading", { name: /#2/ }).waitFor();
  await page.getByText("webhook-signature").first().waitFor();
  expect(await page.getByRole("group", { name: "signed text" }).textContent()).toContain('"total":120');
  expect(dashboard.mistakes).toEqual([]);
  await page.close();
});

/** One that somebody has signed in with. */
async function usedLink(): Promise<string> {
  const link = await dashboard.installation.signInLink();
  const person = await dashboard.person();
  const page = await person.newPage();
  await page.goto(link);
  await page.getByRole("navigation", { name: "Main" }).waitFor();
  await person.close();
  return link;
}

test("the sign-in link works once, also by its fragment; passwords work; signing out ends it", { timeout: 150_000 }, async () => {
  const { installation, browser } = dashboard;
  const stranger = await browser.newContext();
  const page = await stranger.newPage();
  await page.goto(await usedLink());
  await page.getByRole("button", { name: "Sign in" }).waitFor();

  await installation.graphql(`mutation ($input: CreateUserInput!) { createUser(input: $input) { __typename } }`, {
    input: { email: "ada@example.com", name: "Ada", password: "analytical-engine", role: "MEMBER" },
  });
  await page.goto(`${installation.url}/log?state=REJECTED`);
  await page.getByLabel("E-mail or user name").fill("ada@example.com");
  await page.getByLabel("Password", { exact: true }).fill("wrong");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("alert").waitFor();
  await page.getByLabel("Password", { exact: true }).fill("analytical-engine");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { name: "Log" }).waitFor();
  expect(new URL(page.url()).search).toBe("?state=REJECTED");

  await page.getByRole("button", { name: /^Ada/ }).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await page.getByRole("button", { name: "Sign in" }).waitFor();
  await page.goto(`${installation.url}/log`);
  await page.getByRole("button", { name: "Sign in" }).waitFor();
  await stranger.close();
});

test("B8 an API token signs in, too; a used link and an unknown token say why not", { timeout: 150_000 }, async () => {
  const { installation, browser } = dashboard;
  const stranger = await browser.newContext();
  const page = await stranger.newPage();
  await page.goto(await usedLink());
  await page.getByRole("alert").filter({ hasText: "This link was used before" }).waitFor();
  expect(new URL(page.url()).hash).toBe("");
  await page.goto(`${installation.url}/log`);
  await page.getByText("API token", { exact: true }).click();
  await page.getByLabel("Token", { exact: true }).fill("hkl_unknown");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("alert").filter({ hasText: "unknown, expired or revoked" }).waitFor();
  await page.getByLabel("Token", { exact: true }).fill(installation.token);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { name: "Log" }).waitFor();
  await stranger.close();
});

test("a sign-in link that is opened in a tab at the sign-in page signs in without a reload", { timeout: 150_000 }, async () => {
  const { installation, browser } = dashboard;
  const stranger = await browser.newContext();
  const page = await stranger.newPage();
  await page.goto(`${installation.url}/sign-in`);
  await page.getByRole("button", { name: "Sign in" }).waitFor();
  await page.evaluate(() => Object.assign(window, { here: true }));
  // A used one is refused where it stands, and leaves the address.
  await page.evaluate((link) => location.assign(link), await usedLink());
  await page.getByRole("alert").filter({ hasText: "This link was used before" }).waitFor();
  expect(new URL(page.url()).hash).toBe("");
  await page.evaluate((link) => location.assign(link), await installation.signInLink());
  await page.getByRole("navigation", { name: "Main" }).waitFor();
  expect(await page.evaluate(() => "here" in window)).toBe(true);
  await stranger.close();
});
