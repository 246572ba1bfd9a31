/** How somebody comes into the portal, and leaves it: what is typed is asked about. */
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
  const context = await dashboard.browser.newContext({ reducedMotion: "reduce" });
  context.setDefaultTimeout(30_000);
  return context.newPage();
}

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
