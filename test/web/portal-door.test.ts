/** How somebody comes into the portal, and leaves it: a link is used up by the server alone, and what is typed is asked about. */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Dashboard, openDashboard } from "./helpers/dashboard.ts";
import { mutate } from "./helpers/seed.ts";

let dashboard: Dashboard;
let application: string;

beforeAll(async () => {
  dashboard = await openDashboard();
  const input = { uid: "acme", name: "Acme Ltd" };
  application = (await mutate(dashboard.installation, "createApplication", input, "... on Application { id }")).id;
}, 120_000);
afterAll(async () => {
  await dashboard?.close();
});

const link = async (): Promise<string> =>
  (await mutate(dashboard.installation, "createPortalLink", { applicationId: application }, "... on PortalLink { url }")).url;

/** A browser of somebody else. */
async function customer(): Promise<Page> {
  return (await dashboard.person()).newPage();
}

/** The same, with what the page posts to `path` going nowhere until `back`. */
async function withoutServer(path: string): Promise<{ page: Page; back: () => Promise<void> }> {
  const page = await customer();
  await page.route(`**${path}`, (route) => (route.request().method() === "POST" ? route.abort("connectionrefused") : route.continue()));
  return { page, back: () => page.unroute(`**${path}`) };
}

test("a portal link that is opened while the server is away is kept, also over a reload, and works once it is back", async () => {
  const { page, back } = await withoutServer("/portal/sign-in");
  await page.goto(await link());
  await page.getByRole("heading", { name: "Not signed in yet" }).waitFor();
  await page.getByRole("button", { name: "Try again" }).click();
  await page.getByRole("heading", { name: "Not signed in yet" }).waitFor();
  await page.reload();
  await page.getByRole("heading", { name: "Not signed in yet" }).waitFor();
  await back();
  await page.getByRole("button", { name: "Try again" }).click();
  await page.getByText("No webhooks yet").waitFor();
  expect(new URL(page.url()).hash).toBe("");
  await page.context().close();
});

test("a sign-in link does so, too", async () => {
  const { installation } = dashboard;
  const { page, back } = await withoutServer("/sign-in-link");
  await page.goto(await installation.signInLink());
  await page.getByRole("button", { name: "Try the link again" }).waitFor();
  await page.reload();
  const again = page.getByRole("button", { name: "Try the link again" });
  await again.waitFor();
  await back();
  await again.click();
  await page.getByRole("navigation", { name: "Main" }).waitFor();
  expect(new URL(page.url()).hash).toBe("");
  await page.context().close();
});

test("Back asks before it throws away a form of the portal that is half filled", async () => {
  const page = await customer();
  await page.goto(await link());
  await page.getByRole("button", { name: "New webhook" }).click();
  const panel = page.getByRole("dialog", { name: "New webhook" });
  await panel.getByLabel("Name").fill("Shop");
  await panel.getByLabel("Target URL").fill("https://shop.example/hooks");
  await panel.getByLabel("Event types").fill("order.*");
  await panel.getByLabel("Event types").press("Enter");
  await panel.getByRole("button", { name: "Create webhook" }).click();
  await page.getByRole("link", { name: "Shop" }).click();
  await page.getByRole("button", { name: "Edit" }).click();
  const name = page.getByRole("dialog", { name: "Edit webhook" }).getByLabel("Name");
  await name.fill("Shop, half");
  const goBack = () => page.evaluate(() => window.history.back());
  await goBack();
  const question = page.getByRole("dialog", { name: "Discard what you have typed?" });
  await question.getByRole("button", { name: "Go on editing" }).click();
  expect(await name.inputValue()).toBe("Shop, half");
  await goBack();
  await question.getByRole("button", { name: "Discard" }).click();
  await page.getByRole("heading", { name: "Webhooks", exact: true }).waitFor();
  expect(dashboard.mistakes).toEqual([]);
  await page.context().close();
});
