/** The page of one webhook: its figures, what failed, its lanes, and who changed what. */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Receiver, startReceiver } from "../helpers/receiver.ts";
import { looked } from "./helpers/axe.ts";
import { type Dashboard, openDashboard } from "./helpers/dashboard.ts";
import { createDefinition, mutate } from "./helpers/seed.ts";

let dashboard: Dashboard;
let receiver: Receiver;
beforeAll(async () => {
  receiver = await startReceiver();
  receiver.respond((call) => (/^\/fail/.test(call.path) ? { status: 500, body: "out of <b>paper</b>\nmore" } : 200));
  dashboard = await openDashboard();
}, 120_000);
afterAll(async () => {
  await dashboard?.close();
  await receiver?.close();
});

const event = (type: string, n: number) => ({ type, entity: "thing", entityId: `${type}-${n}`, payload: { n } });
/** A figure of the section Attempts. */
const figure = (page: Page, label: string) => page.getByText(label, { exact: true }).locator("xpath=following-sibling::dd[1]");
const calls = (path: string, count: number) => receiver.waitFor((all) => all.filter((call) => call.path === path).length >= count, 20_000);

test("B95 the figures of a webhook count its attempts alone, over the time in the address, live", { timeout: 200_000 }, async () => {
  const { installation } = dashboard;
  const retry = { retrySchedule: [3_600], ordering: "NONE" };
  await createDefinition(installation, { name: "Good", targetUrl: `${receiver.url}/good`, eventTypes: ["good"], ...retry });
  await createDefinition(installation, { name: "Other", targetUrl: `${receiver.url}/other`, eventTypes: ["good"], ...retry });
  const bad = await createDefinition(installation, { name: "Bad", targetUrl: `${receiver.url}/fail`, eventTypes: ["bad"], ...retry });

  const list = await dashboard.open("/webhooks");
  const asked: string[] = [];
  list.on("request", (request) => asked.push(new URL(request.url()).pathname));
  await list.reload();
  await list.getByRole("link", { name: "Good" }).waitFor();
  expect(asked.filter((path) => /\/figures-chart/.test(path))).toEqual([]);

  // Nothing was sent: nothing is claimed, and no chart is drawn.
  await list.getByRole("link", { name: "Good" }).click();
  await list.getByText("None in the last 24 h.").waitFor();
  await installation.emit([1, 2, 3].map((n) => event("good", n)));
  await calls("/good", 3);
  await expect.poll(() => figure(list, "Attempts").textContent(), { timeout: 10_000 }).toMatch(/^3/);
  await list.getByRole("img", { name: "3 attempts over time, 0 failed" }).waitFor();
  expect(await figure(list, "Succeeded").textContent()).toBe("100 %");
  expect(asked.filter((path) => /\/figures-chart/.test(path)).length).toBeGreaterThan(0);

  // By keyboard alone: another time, which is in the address and stays there.
  const ranges = list.getByRole("radiogroup", { name: "Time span" });
  await ranges.getByRole("radio", { name: "24 h" }).focus();
  await list.keyboard.press("ArrowLeft");
  await list.waitForURL((url) => url.searchParams.get("range") === "1h");
  await list.reload();
  await expect.poll(() => ranges.getByRole("radio", { name: "1 h" }).isChecked()).toBe(true);
  for (const range of ["7 d", "30 d"]) {
    await ranges.getByText(range, { exact: true }).click();
    await list.waitForURL((url) => url.searchParams.get("range") === range.replace(" ", ""));
    await list.getByRole("img", { name: "3 attempts over time, 0 failed" }).waitFor();
  }
  const table = list.getByRole("button", { name: "Show as a table" });
  await table.focus();
  await list.keyboard.press("Enter");
  const rows = list.getByRole("table", { name: "Attempts over time" }).getByRole("row");
  await expect.poll(() => rows.count()).toBe(2);
  await rows.nth(1).getByRole("cell", { name: "100 %" }).waitFor();
  expect(await looked(list, "figures")).toEqual([]);

  // One that fails every time is red, by number and by word.
  await installation.emit([1, 2].map((n) => event("bad", n)));
  await calls("/fail", 2);
  await list.goto(`${installation.url}/webhooks/${bad.id}?range=none`);
  await expect.poll(() => figure(list, "Failed").textContent(), { timeout: 10_000 }).toMatch(/^2/);
  expect(await figure(list, "Succeeded").textContent()).toBe("0 %");
  expect(await figure(list, "Succeeded").locator('[data-tone="bad"]').textContent()).toBe("0 %");
  expect(await ranges.getByRole("radio", { name: "24 h" }).isChecked()).toBe(true);
  expect(dashboard.mistakes).toEqual([]);
  await list.close();
});

test("B95 the last errors are sentences, and its lanes with true counts, live", { timeout: 200_000 }, async () => {
  const { installation } = dashboard;
  const { id } = await createDefinition(installation, {
    ...{ name: "Strict", targetUrl: `${receiver.url}/fail/strict`, eventTypes: ["strict"] },
    ...{ retrySchedule: [], ordering: "KEY", onExhausted: "BLOCK" },
  });
  const page = await dashboard.open(`/webhooks/${id}`);
  await page.getByText("Nothing waits for a retry, and nothing was rejected.").waitFor();
  await page.getByText("Nothing is held up, and nothing stands in the queue.").waitFor();
  await page.getByText("Live", { exact: true }).waitFor();

  await installation.emit(Array.from({ length: 7 }, (_, n) => event("strict", n)));
  await calls("/fail/strict", 7);
  const errors = page.getByRole("list", { name: "Last errors" });
  await expect.poll(() => errors.getByRole("listitem").count(), { timeout: 10_000 }).toBe(5);
  const sentence = errors.getByText("Receiver answered 500 · attempt 1 of 1 · given up").first();
  expect(await sentence.getAttribute("data-tone")).toBe("bad");
  await errors.getByText("out of <b>paper</b>", { exact: true }).first().waitFor();
  const lanes = page.getByRole("list", { name: "Lanes" });
  await expect.poll(() => lanes.getByText("Blocked", { exact: true }).count()).toBe(5);
  await page.getByText(/^7 lanes are blocked/).waitFor();
  // Others behind each head that blocks.
  await installation.emit(Array.from({ length: 7 }, (_, n) => event("strict", n)));
  await expect.poll(() => lanes.getByText("1 behind").count(), { timeout: 10_000 }).toBe(5);
  expect(await looked(page, "errors and lanes")).toEqual([]);

  await page.getByRole("link", { name: "7 blocked" }).focus();
  await page.keyboard.press("Enter");
  await page.getByText("7 lanes", { exact: true }).waitFor();
  expect(new URL(page.url()).searchParams.get("definition")).toBe(id);
  await page.goBack();
  await page.getByRole("link", { name: "All in the log" }).first().click();
  await page.getByText("7 match", { exact: true }).waitFor();
  await page.goBack();

  // Deleted by somebody else: the page says so by itself.
  await page.getByText("Live", { exact: true }).waitFor();
  await mutate(installation, "deleteWebhookDefinition", { id }, "... on WebhookDefinition { id }");
  await page.getByText("There is no such webhook").waitFor({ timeout: 10_000 });
  expect(dashboard.mistakes).toEqual([]);
  await page.close();
});

test("B93 the settings history says who changed what, old and new, to those who may read the audit log", { timeout: 200_000 }, async () => {
  const { installation } = dashboard;
  const { id } = await createDefinition(installation, {
    ...{ name: "Kept", targetUrl: `${receiver.url}/kept`, eventTypes: ["kept"], headers: { "X-Key": "a-hidden-value" } },
  });
  const update = (input: object) => mutate(installation, "updateWebhookDefinition", { id, ...input }, "... on WebhookDefinition { id }");
  await update({ retrySchedule: [5, 60], timeoutMs: 2_000 });
  await update({ headers: { "X-Key": "another-hidden-value" } });
  await update({ transformation: "function transform(event) {\n  return { body: event.payload };\n}" });
  const page = await dashboard.open(`/webhooks/${id}`);
  const entries = page.getByRole("list", { name: "Settings history" }).getByRole("listitem");
  await expect.poll(() => entries.count()).toBe(4);
  await entries.nth(3).getByText("Administrator made it").waitFor();
  const second = await entries.nth(2).textContent();
  expect(second).toContain("Administrator changed its settings");
  expect(second).toContain("Retry schedulefrom not setto 5, 60");
  expect(second).toContain("Timeout msfrom not setto 2000");
  await entries.nth(1).getByText("No value that is shown here").waitFor();
  expect(await entries.nth(0).getByRole("group", { name: "Transformation after" }).textContent()).toContain("event.payload");
  expect(await page.content()).not.toContain("hidden-value");

  // Live: somebody else renames it. Then more than a page, by keyboard.
  await update({ name: "Kept well" });
  await entries.nth(0).getByText("Kept well").waitFor();
  expect(await entries.nth(0).textContent()).toContain("Namefrom Keptto Kept well");
  for (let n = 0; n < 7; n++) await update({ description: `Change ${n}` });
  await expect.poll(() => entries.count()).toBe(10);
  await page.getByRole("button", { name: "Older" }).focus();
  await page.keyboard.press("Enter");
  await expect.poll(() => entries.count()).toBe(2);
  await entries.nth(1).getByText("Administrator made it").waitFor();
  await page.getByRole("button", { name: "Newest" }).click();
  await entries.nth(0).getByText("Change 6").waitFor();
  expect(await looked(page, "history")).toEqual([]);
  await page.close();

  // A member who may change the webhook, but not read the audit log, is shown no such panel, and none is asked for.
  const { token } = await mutate(
    installation,
    "createApiToken",
    { name: "No administrator", scopes: ["webhooks:read", "webhooks:write"] },
    "... on CreatedApiToken { token }",
  );
  const context = await dashboard.browser.newContext();
  const headers = { origin: installation.url };
  expect((await context.request.post(`${installation.url}/sign-in-token`, { headers, data: { token } })).status()).toBe(204);
  const theirs = await context.newPage();
  const asked: string[] = [];
  theirs.on("request", (request) => asked.push(request.postData() ?? ""));
  await theirs.goto(`${installation.url}/webhooks/${id}`);
  await theirs.getByRole("heading", { name: "How it delivers" }).waitFor();
  await theirs.getByRole("button", { name: "Edit" }).waitFor();
  expect(await theirs.getByText("Settings history").count()).toBe(0);
  expect(asked.filter((body) => body.includes("auditEntries"))).toEqual([]);
  await context.close();
  expect(dashboard.mistakes).toEqual([]);
});

test("B92 the editor is folded: headers say what stands there, a part with an error opens, nothing typed is lost", {
  timeout: 200_000,
}, async () => {
  const { installation } = dashboard;
  const { id } = await createDefinition(installation, {
    ...{ name: "Folded", targetUrl: `${receiver.url}/folded`, eventTypes: ["folded"], headers: { "X-Region": "eu" } },
    ...{ filter: { payload: { n: { $gt: 3 } } }, properties: { region: "eu" } },
  });
  const page = await dashboard.open(`/webhooks/${id}`);
  await page.getByRole("button", { name: "Edit" }).click();
  const panel = page.getByRole("dialog", { name: "Edit Folded" });
  const part = (name: string) => panel.getByRole("button", { name: new RegExp(`^${name} `) });
  const open = (name: string) => part(name).getAttribute("aria-expanded");
  for (const [name, value] of [
    ["Filter", "One condition, on payload.n"],
    ["Retries", "10 attempts over 3 d 3 h; then: give it up and go on"],
    ["Timeout and stopping", "15 s to answer; never stops by itself"],
    ["Headers", "X-Region"],
    ["Dialect and signature", "Standard, signed with v1"],
    ["What is sent", "The whole payload, properties"],
  ] as const) {
    await part(name).getByText(value, { exact: true }).waitFor();
    expect(await open(name)).toBe("false");
  }
  // What matters first is there without opening anything.
  for (const label of ["Target URL", "Event types", "Strictly in order"]) expect(await panel.getByLabel(label).isVisible()).toBe(true);
  for (const label of ["Timeout", "Properties", "Dialect"]) expect(await panel.getByLabel(label, { exact: true }).isVisible()).toBe(false);
  expect(await looked(page, "folded editor")).toEqual([]);

  // By keyboard: open, type, close; the header says the new value, and it is saved from where it cannot be seen.
  await part("Timeout and stopping").focus();
  await page.keyboard.press("Enter");
  await panel.getByLabel("Timeout", { exact: true }).fill("2000");
  await part("Timeout and stopping").focus();
  await page.keyboard.press("Space");
  expect(await open("Timeout and stopping")).toBe("false");
  await part("Timeout and stopping").getByText("2.0 s to answer; never stops by itself").waitFor();

  // A mistake of the page's own, and one that only the server knows, in parts that were closed again.
  await part("What is sent").click();
  await panel.getByLabel("Properties").fill("{ region");
  await part("What is sent").click();
  await part("Headers").click();
  await panel.getByLabel("Header 1: name").fill("Not a name");
  await panel.getByLabel("Header 1: value").fill("eu");
  await part("Headers").click();
  await panel.getByRole("button", { name: "Save" }).click();
  await panel.getByRole("alert").getByRole("button", { name: "Properties" }).waitFor();
  expect(await open("What is sent")).toBe("true");
  await expect.poll(() => panel.getByLabel("Properties").evaluate((field) => field === document.activeElement)).toBe(true);
  await panel.getByLabel("Properties").fill('{"region": "us"}');
  await panel.getByRole("alert").waitFor({ state: "hidden" });
  expect(await open("What is sent")).toBe("true");
  await panel.getByRole("button", { name: "Save" }).click();
  await expect.poll(() => open("Headers")).toBe("true");
  await expect.poll(() => panel.getByLabel("Header 1: name").evaluate((field) => field === document.activeElement)).toBe(true);
  expect(await looked(page, "refused editor")).toEqual([]);
  await panel.getByLabel("Header 1: name").fill("X-Place");
  for (const name of ["Headers", "What is sent", "Filter"]) await part(name).click();
  await panel.getByRole("button", { name: "Save" }).click();
  await page.getByText("Folded is saved").waitFor();
  const { webhookDefinition } = await installation.graphql(
    "query ($id: ID!) { webhookDefinition(id: $id) { timeoutMs headers properties filter } }",
    { id },
  );
  expect(webhookDefinition).toMatchObject({ timeoutMs: 2_000, filter: { payload: { n: { $gt: 3 } } } });
  expect(Object.keys(webhookDefinition.headers)).toEqual(["X-Place"]);
  expect(dashboard.mistakes).toEqual([]);
  await page.close();
});

test("B96 settings: fewer days ask first and say what they delete; empty is the installation's again", { timeout: 150_000 }, async () => {
  const { installation } = dashboard;
  const kept = async () => (await installation.graphql("{ organization { retentionDays } }")).organization.retentionDays;
  const page = await dashboard.open("/settings");
  const field = page.getByLabel("Keep requests and events for");
  const question = page.getByRole("dialog", { name: "Keep only 7 days?" });
  const save = page.getByRole("button", { name: "Save", exact: true });
  await field.fill("7");
  await save.focus();
  await page.keyboard.press("Enter");
  await question.getByText("Nothing of it comes back").waitFor();
  await question.getByText("At the moment there are none.").waitFor();
  expect(await looked(page, "retention")).toEqual([]);
  await question.getByRole("button", { name: "Keep as it is" }).click();
  await question.waitFor({ state: "hidden" });
  expect([await kept(), await field.inputValue()]).toEqual([null, "7 days"]);

  await save.click();
  await question.getByRole("button", { name: "Save and delete" }).click();
  await page.getByText("The settings are saved").waitFor();
  expect(await kept()).toBe(7);

  // What the installation does not keep is refused, where the field is; more than before, or empty, asks nothing.
  await field.fill("100000");
  await save.click();
  await page.getByRole("alert").getByRole("button", { name: "Keep requests and events for" }).waitFor();
  expect(await field.evaluate((element) => element === document.activeElement)).toBe(true);
  await field.fill("8");
  await save.click();
  await expect.poll(kept).toBe(8);
  await field.fill("");
  await save.click();
  await expect.poll(kept).toBe(null);
  expect(await page.getByRole("dialog").count()).toBe(0);
  expect(dashboard.mistakes).toEqual([]);
  await page.close();
});
