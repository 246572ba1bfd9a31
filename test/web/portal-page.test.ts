/** A customer's webhook while others change it: two tabs, the operator, the receiver. */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Receiver, startReceiver } from "../helpers/receiver.ts";
import { type Dashboard, openDashboard } from "./helpers/dashboard.ts";
import { type Customers, makeCustomers } from "./helpers/portal.ts";
import { createDefinition, mutate } from "./helpers/seed.ts";

let dashboard: Dashboard;
let receiver: Receiver;
let customers: Customers;

beforeAll(async () => {
  receiver = await startReceiver();
  dashboard = await openDashboard({ HOOKLINE_RETRY_SCALE: "0.00001" });
  customers = await makeCustomers(dashboard, "acme", "Acme Ltd");
}, 120_000);
afterAll(async () => {
  await dashboard?.close();
  await receiver?.close();
});

const make = (name: string) =>
  createDefinition(dashboard.installation, { name, targetUrl: `${receiver.url}/in`, eventTypes: ["order.*"], applicationId: customers.id });

const update = (id: string, input: object) =>
  mutate(dashboard.installation, "updateWebhookDefinition", { id, ...input }, "... on WebhookDefinition { id }");

async function read(id: string) {
  const query = "query ($id: ID!) { webhookDefinition(id: $id) { name description eventTypes filter targetUrl } }";
  return (await dashboard.installation.graphql(query, { id })).webhookDefinition;
}

async function editing(id: string): Promise<{ page: Page; panel: ReturnType<Page["getByRole"]> }> {
  const page = await customers.open(`/portal/webhooks/${id}`);
  await page.getByRole("button", { name: "Edit" }).click();
  const panel = page.getByRole("dialog", { name: "Edit webhook" });
  await panel.getByLabel("Name").waitFor();
  return { page, panel };
}

test("what another tab has saved meanwhile is kept: only what was changed is sent, and both are shown", { timeout: 150_000 }, async () => {
  const { id } = await make("Shop");
  const first = await editing(id);
  const second = await editing(id);
  await first.panel.getByLabel("Name").fill("Shop of today");
  await first.panel.getByRole("button", { name: "Add a condition" }).click();
  await first.panel.getByLabel("Condition 1: path").fill("payload.total");
  await first.panel.getByLabel("Condition 1: value").fill("100");
  await first.panel.getByRole("button", { name: "Save" }).click();
  await first.page.getByText("Shop of today is saved").waitFor();

  const sent: { input: Record<string, unknown> }[] = [];
  second.page.on("request", (request) => {
    if (request.postData()?.includes("mutation PortalUpdate")) sent.push(request.postDataJSON().variables);
  });
  await second.panel.getByLabel("Description").fill("To the warehouse");
  await second.panel.getByRole("button", { name: "Save" }).click();
  const question = second.panel.getByRole("alert", { name: "Changed meanwhile" });
  await question.getByText("Shop of today").waitFor();
  expect(await read(id)).toMatchObject({ name: "Shop of today", description: null });
  await question.getByRole("button", { name: "Keep theirs, go on with mine" }).click();
  expect(await second.panel.getByLabel("Name").inputValue()).toBe("Shop of today");
  // What the filter's rows show is what is saved.
  expect(await second.panel.getByLabel("Condition 1: value").inputValue()).toBe("100");
  await second.panel.getByRole("button", { name: "Save" }).click();
  await second.page.getByText("Shop of today is saved").waitFor();
  expect(await read(id)).toMatchObject({
    name: "Shop of today",
    description: "To the warehouse",
    eventTypes: ["order.*"],
    filter: { payload: { total: { $eq: 100 } } },
  });
  for (const { input } of sent) expect(Object.keys(input).sort()).toEqual(["description", "id", "ifUnchangedSince"]);
  expect(sent).toHaveLength(2);

  // Half a condition is not left out unseen.
  await second.page.getByRole("button", { name: "Edit" }).click();
  await second.panel.getByRole("button", { name: "Add a condition" }).click();
  await second.panel.getByRole("button", { name: "Save" }).click();
  await second.panel.getByRole("alert").first().waitFor();
  expect(sent).toHaveLength(2);
  await first.page.context().close();
  await second.page.context().close();
});

test("a test is not sent again: neither the customer nor the operator is offered it", { timeout: 150_000 }, async () => {
  receiver.respond(200);
  const { id } = await make("Tested");
  const page = await customers.open(`/portal/webhooks/${id}`);
  await page.getByRole("button", { name: "Send a test" }).click();
  await page.getByRole("heading").getByText("Delivered").waitFor();
  await page.getByRole("button", { name: /^Attempt 1 / }).waitFor();
  expect(await page.getByRole("button", { name: "Send again" }).count()).toBe(0);
  const number = new URL(page.url()).pathname.split("/").at(-1);
  await page.context().close();

  const ours = await dashboard.open(`/log/${number}`);
  await ours.getByRole("button", { name: "Send as a test" }).waitFor();
  await ours.getByRole("heading").getByText("Delivered").waitFor();
  expect(await ours.getByRole("button", { name: /^Resend/ }).count()).toBe(0);
  await ours.close();
});

test("the head of a webhook's page goes on with what happens elsewhere, and says when it is deleted", { timeout: 150_000 }, async () => {
  const { id } = await make("Watched");
  const page = await customers.open(`/portal/webhooks/${id}`);
  await page.getByText("Live", { exact: true }).waitFor();
  await update(id, { name: "Watched by all", description: "Since this morning" });
  await page.getByRole("heading", { name: /Watched by all/ }).waitFor();
  await page.getByText("Since this morning").waitFor();
  await mutate(
    dashboard.installation,
    "stopWebhookDefinitions",
    { ids: [id] },
    "... on WebhookDefinitionList { webhookDefinitions { id } }",
  );
  await page.getByRole("heading").getByText("Stopped").waitFor();
  await page.getByRole("button", { name: "Activate" }).waitFor();
  const activate = "... on WebhookDefinitionList { webhookDefinitions { id } }";
  await mutate(dashboard.installation, "activateWebhookDefinitions", { ids: [id] }, activate);
  await page.getByRole("heading").getByText("Active", { exact: true }).waitFor();
  await dashboard.installation.emit({ type: "order.created", entity: "order", entityId: "7", application: "acme", payload: { total: 1 } });
  await page.getByRole("row").filter({ hasText: "order 7" }).getByText("Delivered").waitFor();
  await page.getByText("1, 0 failed").waitFor();

  await mutate(dashboard.installation, "deleteWebhookDefinition", { id }, "... on WebhookDefinition { id }");
  await page.getByText("There is no such webhook").waitFor();
  await page.getByText(/may have been deleted/).waitFor();
  expect(await page.getByRole("button", { name: "Edit" }).count()).toBe(0);
  expect(dashboard.mistakes).toEqual([]);
  await page.context().close();
});

/** What has the focus, by its name; "MAIN" for the page's content. */
const focused = (page: Page) =>
  page.evaluate(() => {
    const at = document.activeElement as HTMLElement;
    return ["BODY", "MAIN"].includes(at.tagName) ? at.tagName : (at.getAttribute("aria-label") ?? at.textContent ?? "").trim();
  });

async function pressUntil(page: Page, key: string, name: string): Promise<void> {
  for (let steps = 0; steps < 60; steps++) {
    await page.keyboard.press(key);
    if ((await focused(page)) === name) return;
  }
  throw new Error(`${name} was not reached by ${key}`);
}

test("the keyboard has a place on the page that a link of the portal opens", { timeout: 120_000 }, async () => {
  await make("By keys");
  const page = await customers.open();
  await pressUntil(page, "Tab", "By keys");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: /By keys/ }).waitFor();
  await expect.poll(() => focused(page)).toBe("MAIN");
  await page.context().close();
});

test("a question that a menu asked gives the keyboard back to the menu's button", { timeout: 240_000 }, async () => {
  const { id } = await make("Asked about");
  const { browser, installation } = dashboard;
  const wrong: string[] = [];
  // With what slides and fades: for as long as a menu fades its item is still there to get the focus back.
  const ours = await browser.newContext({ storageState: await dashboard.context.storageState(), viewport: { width: 1280, height: 800 } });
  for (const [path, menu, item] of [
    [`/portal/webhooks/${id}`, "More actions", "Delete…"],
    [`/webhooks/${id}`, "More actions", "Delete…"],
    ["/webhooks", "Actions of Asked about", "Edit"],
    ["/applications", "Actions of Acme Ltd", "Delete…"],
    ["/applications", "Actions of Acme Ltd", "Portal link…"],
  ] as const) {
    const page = path.startsWith("/portal") ? await customers.open() : await ours.newPage();
    await page.emulateMedia({ reducedMotion: "no-preference" });
    await page.goto(installation.url + path);
    await page.getByRole("button", { name: menu }).waitFor();
    await pressUntil(page, "Tab", menu);
    await page.keyboard.press("Enter");
    await page.getByRole("menuitem", { name: item }).waitFor();
    await pressUntil(page, "ArrowDown", item);
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor();
    await expect.poll(() => page.evaluate(() => document.activeElement?.closest('[role="dialog"]') !== null)).toBe(true);
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await expect
      .poll(() => focused(page), { timeout: 3_000 })
      .toBe(menu)
      .catch(async () => wrong.push(`${path}, ${item}: ${await focused(page)}`));
    await (path.startsWith("/portal") ? page.context().close() : page.close());
  }
  expect(wrong).toEqual([]);
  await ours.close();
});

test("it does so, too, where the mouse opened the menu, and Escape is the first key at all", { timeout: 240_000 }, async () => {
  const { id } = await make("Clicked");
  for (const path of [`/portal/webhooks/${id}`, `/webhooks/${id}`]) {
    for (const by of ["mouse", "keys"]) {
      const page = path.startsWith("/portal") ? await customers.open(path) : await dashboard.open(path);
      await page.getByRole("button", { name: "More actions" }).click();
      await page.getByRole("menuitem", { name: "Delete…" }).waitFor();
      if (by === "mouse") await page.getByRole("menuitem", { name: "Delete…" }).click();
      else {
        await pressUntil(page, "ArrowDown", "Delete…");
        await page.keyboard.press("Enter");
      }
      await page.getByRole("button", { name: "Delete webhook" }).waitFor();
      await page.keyboard.press("Escape");
      await page.getByRole("dialog").waitFor({ state: "detached" });
      await expect.poll(() => focused(page), { message: `${path}, ${by}` }).toBe("More actions");
      await (path.startsWith("/portal") ? page.context().close() : page.close());
    }
  }
});

test("an address with a number that no request can have is a page of what is not there", { timeout: 120_000 }, async () => {
  const page = await customers.open();
  const ours = await dashboard.context.newPage();
  for (const number of ["abc", "99999999999999999999", "1.5", "-1", "1e3", "%20"]) {
    for (const [where, path] of [[page, `/portal/requests/${number}`] as const, [ours, `/log/${number}`] as const]) {
      await where.goto(dashboard.installation.url + path);
      await where.getByText("There is no such request").waitFor({ timeout: 20_000 });
      expect(await where.locator("h1").textContent(), path).toBe("Request");
    }
  }
  expect(dashboard.mistakes).toEqual([]);
  await page.context().close();
  await ours.close();
});

test("a URL that is refused is explained to a customer without the operator's variables", { timeout: 120_000 }, async () => {
  const page = await customers.open();
  await page.getByRole("button", { name: "New webhook" }).first().click();
  const panel = page.getByRole("dialog", { name: "New webhook" });
  await panel.getByLabel("Name").fill("Refused");
  for (const [url, reason] of [
    ["http://10.1.2.3/in", "the URL must start with https://"],
    ["https://10.1.2.3/in", "this target is not allowed: it is no public address"],
  ] as const) {
    await panel.getByLabel("Target URL").fill(url);
    await panel.getByRole("button", { name: "Create webhook" }).click();
    await panel.getByText(reason, { exact: true }).first().waitFor({ timeout: 20_000 });
    expect(await panel.textContent()).not.toContain("HOOKLINE_");
  }
  await page.context().close();
});
