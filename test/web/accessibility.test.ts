/** axe finds no serious fault on any page, in either theme, nor in the panels. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Receiver, startReceiver } from "../helpers/receiver.ts";
import { type Fault, faultsOf, OF_THE_THEME, settled, turnTo } from "./helpers/axe.ts";
import { type Dashboard, openDashboard } from "./helpers/dashboard.ts";
import { pagesOf } from "./helpers/pages.ts";
import { seed } from "./helpers/seed.ts";

let dashboard: Dashboard;
let receivers: { good: Receiver; flaky: Receiver; broken: Receiver };
let paths: string[];

beforeAll(async () => {
  receivers = { good: await startReceiver(), flaky: await startReceiver(), broken: await startReceiver() };
  dashboard = await openDashboard({ HOOKLINE_RETRY_SCALE: "0.1" });
  await seed(dashboard.installation, receivers, 36);
  const data =
    await dashboard.installation.graphql(`{ webhookDefinitions(first: 1) { edges { node { id } } } goals(first: 3) { edges { node { id } } }
    webhookRequests(first: 1, filter: {state: [REJECTED]}) { edges { node { number } } } }`);
  paths = pagesOf({
    webhook: data.webhookDefinitions.edges[0].node.id,
    goal: data.goals.edges[2].node.id,
    number: data.webhookRequests.edges[0].node.number,
  });
}, 180_000);
afterAll(async () => {
  await dashboard?.close();
  for (const receiver of Object.values(receivers ?? {})) await receiver.close();
});

for (const scheme of ["light", "dark"] as const) {
  test(`every page, ${scheme}`, { timeout: 400_000 }, async () => {
    const page = await dashboard.context.newPage();
    await page.emulateMedia({ colorScheme: scheme });
    const faults: Fault[] = [];
    for (const path of paths) {
      await page.goto(dashboard.installation.url + path);
      await settled(page);
      faults.push(...(await faultsOf(page, path, scheme === "dark" ? OF_THE_THEME : undefined)));
    }
    expect(faults).toEqual([]);
    await page.close();
  });
}

test("sign-in, the webhook editor, a menu and a question", { timeout: 120_000 }, async () => {
  const { installation, browser } = dashboard;
  const page = await dashboard.open("/webhooks");
  const faults: Fault[] = [];
  await page.getByRole("button", { name: "Actions of Accounting" }).click();
  await page.getByRole("menuitem", { name: "Edit" }).waitFor();
  await settled(page);
  faults.push(...(await faultsOf(page, "menu")));
  await page.getByRole("menuitem", { name: "Edit" }).click();
  await page.getByText(/Would take/).waitFor();
  await settled(page);
  faults.push(...(await faultsOf(page, "editor")));
  await page.keyboard.press("Escape");
  await page.goto(`${installation.url}/lanes`);
  await page.getByRole("button", { name: "Skip…" }).first().click();
  await settled(page);
  faults.push(...(await faultsOf(page, "question")));
  await page.close();
  const stranger = await browser.newContext();
  const signIn = await stranger.newPage();
  await signIn.goto(`${installation.url}/sign-in`);
  await settled(signIn);
  faults.push(...(await faultsOf(signIn, "sign-in")));
  expect(faults).toEqual([]);
  await stranger.close();
});

for (const scheme of ["light", "dark"] as const) {
  test(`B92 B96 a refused form, the question over it, stopping and recovering, ${scheme}`, { timeout: 120_000 }, async () => {
    const page = await dashboard.open("/webhooks");
    await turnTo(page, scheme);
    const faults: Fault[] = [];
    const look = async (name: string) => {
      await settled(page);
      faults.push(...(await faultsOf(page, name)));
    };
    await page.getByRole("button", { name: "New webhook" }).click();
    const panel = page.getByRole("dialog", { name: "New webhook" });
    await panel.getByLabel("Target URL").fill("ftp://nowhere");
    await panel.getByRole("button", { name: "Create webhook" }).click();
    await panel.getByRole("alert").waitFor();
    await look("refused form");
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Go on editing" }).waitFor();
    await look("discard");
    await page.getByRole("button", { name: "Discard" }).click();
    await page.getByRole("link", { name: "CRM mirror" }).click();
    await page.getByRole("button", { name: "Stop", exact: true }).click();
    await page.getByRole("button", { name: "Stop webhook" }).waitFor();
    await look("stop");
    await page.getByRole("button", { name: "Keep as it is" }).click();
    await page.getByRole("button", { name: "Recover…" }).click();
    await page
      .getByRole("region", { name: "Plan" })
      .getByText(/request/)
      .waitFor();
    await look("recover");
    expect(faults).toEqual([]);
    await page.close();
  });
}
