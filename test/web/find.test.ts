/** Finding anything: events, the log, one box for all, exports, the time zone, saved views. By mouse and by keyboard. */
import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Receiver, startReceiver } from "../helpers/receiver.ts";
import { looked } from "./helpers/axe.ts";
import { type Dashboard, openDashboard } from "./helpers/dashboard.ts";
import { createDefinition } from "./helpers/seed.ts";

let dashboard: Dashboard;
let receiver: Receiver;

beforeAll(async () => {
  receiver = await startReceiver();
  dashboard = await openDashboard();
  const { installation } = dashboard;
  await createDefinition(installation, { name: "Order desk", targetUrl: `${receiver.url}/orders`, eventTypes: ["order.*"] });
  await installation.emit([
    { type: "order.created", entity: "order", entityId: "18", payload: { total: 1 } },
    { type: "order.paid", entity: "order", entityId: "19", payload: { total: 2 } },
    { type: "contact.created", entity: "contact", entityId: "7", payload: { name: "Ada" } },
  ]);
  await receiver.waitFor(2);
}, 120_000);
afterAll(async () => {
  await dashboard?.close();
  await receiver?.close();
});

const search = (page: { url(): string }) => new URL(page.url()).searchParams;

test("events are narrowed by chips that stand in the address, live", { timeout: 150_000 }, async () => {
  const page = await dashboard.open("/events");
  const rows = page.getByRole("table", { name: "Events" }).getByRole("row");
  await page.getByText("3 events", { exact: true }).waitFor();
  await page.getByLabel("Event type", { exact: true }).fill("order.*");
  await page.getByText("2 match", { exact: true }).waitFor();
  expect(await rows.count()).toBe(3);
  expect(search(page).get("type")).toBe("order.*");
  // By keyboard alone: the chip's button takes the clause away.
  await page.getByRole("button", { name: "Remove the filter Type" }).focus();
  await page.keyboard.press("Enter");
  await page.getByText("3 events", { exact: true }).waitFor();
  await page.getByRole("combobox", { name: "Where it went" }).click();
  await page.getByRole("option", { name: "Wanted by none" }).click();
  await page.getByText("1 match", { exact: true }).waitFor();
  await rows.filter({ hasText: "contact 7" }).getByText("no webhook wanted it").waitFor();
  expect(search(page).get("matched")).toBe("no");
  await dashboard.installation.emit({ type: "contact.updated", entity: "contact", entityId: "8" });
  await rows.filter({ hasText: "contact 8" }).waitFor();
  expect(await looked(page, "look 1")).toEqual([]);

  await page.getByRole("button", { name: "Time range" }).click();
  const range = page.getByRole("dialog", { name: "Time range" });
  await range.getByLabel(/^From/).fill("2026-01-02T03:04:05");
  await range.getByLabel(/^To/).fill("2026-01-02T03:04:06");
  await page.getByText("Nothing matches", { exact: true }).waitFor();
  expect(await looked(page, "look 2")).toEqual([]);
  await page.keyboard.press("Escape");
  const from = await page.evaluate(() => new Date(2026, 0, 2, 3, 4, 5).toISOString());
  expect(search(page).get("from")).toBe(from);
  const link = page.url();
  await page.goto(`${dashboard.installation.url}/`);
  await page.goto(link);
  const chips = page.getByRole("list", { name: "Filters" });
  await chips.getByText(/2 Jan 2026, 03:04:05 .+ – 2 Jan 2026, 03:04:06/).waitFor();
  await chips.getByRole("button", { name: "Clear" }).click();
  await rows.filter({ hasText: "order 18" }).getByRole("button", { name: "order.created" }).click();
  const panel = page.getByRole("dialog", { name: "Event" });
  await panel.getByText("Send it to a webhook").waitFor();
  expect(search(page).get("id")).toMatch(/^evt_/);
  expect(await looked(page, "look 3")).toEqual([]);
  expect(dashboard.mistakes).toEqual([]);
  await page.close();
});

test("one box finds a number, ids, an entity, a webhook, pages and actions, by the keyboard alone", { timeout: 120_000 }, async () => {
  const { installation } = dashboard;
  const page = await dashboard.open("/goals");
  const loaded: string[] = [];
  page.on("request", (request) => loaded.push(new URL(request.url()).pathname));
  const field = page.getByRole("combobox", { name: "Search" });
  const find = async (text: string, option: RegExp) => {
    await page.keyboard.press("Control+k");
    await field.waitFor();
    expect(await field.evaluate((element) => element === document.activeElement)).toBe(true);
    await page.keyboard.type(text);
    await page.getByRole("option", { name: option }).waitFor();
    await expect.poll(() => page.getByLabel("Searching").count()).toBe(0);
    for (let steps = 0; steps < 30; steps++) {
      const chosen = page.locator('[role="option"][aria-selected="true"]');
      if (option.test((await chosen.textContent()) ?? "")) break;
      await page.keyboard.press("ArrowDown");
    }
    await page.keyboard.press("Enter");
    await field.waitFor({ state: "detached" });
  };
  const at = (path: string) => page.waitForURL((url) => url.pathname + url.search === path);
  const { events, webhookRequests } = await installation.graphql(
    `{ events(filter: { type: ["order.paid"] }) { edges { node { id } } } webhookRequests(filter: { eventType: "order.paid" }) { edges { node { id number } } } }`,
  );
  const request = webhookRequests.edges[0].node;

  await page.keyboard.press("Control+k");
  await field.waitFor();
  expect(loaded.some((path) => /box-.*\.js$/.test(path))).toBe(true);
  expect(await looked(page, "look 4")).toEqual([]);
  await page.keyboard.press("Escape");
  await field.waitFor({ state: "detached" });

  await find(`#${request.number}`, new RegExp(`^Request #${request.number} ?order.paid`));
  await at(`/log/${request.number}`);
  await find(request.id, /^Request #/);
  await at(`/log/${request.number}`);
  await find(events.edges[0].node.id, /^order\.paid ?Event/);
  await at(`/events?id=${events.edges[0].node.id}`);
  await page.getByRole("dialog", { name: "Event" }).waitFor();
  await page.keyboard.press("Escape");
  // It gives the focus back once it is gone.
  await page.getByRole("dialog", { name: "Event" }).waitFor({ state: "detached" });
  await find("19", /^Log of entity id 19/);
  await at("/log?entityId=19");
  // From within a field, too.
  await page.getByLabel("Event type", { exact: true }).focus();
  await find("order de", /^Order desk/);
  await page.getByRole("heading", { name: "Order desk" }).waitFor();
  await find("audit", /^Audit log/);
  await at("/settings/audit-log");
  await find("contact.*", /^Events of contact/);
  await at("/events?type=contact.*");
  await find("new web", /^New webhook/);
  const panel = page.getByRole("dialog", { name: "New webhook" });
  await panel.waitFor();
  await page.keyboard.press("Escape");
  await panel.waitFor({ state: "detached" });
  // By mouse, and again from the very page.
  await page.getByRole("button", { name: /^Search/ }).click();
  await page.getByRole("option", { name: "New webhook" }).click();
  await panel.waitFor();
  await page.keyboard.press("Escape");
  await find("dark", /^Dark/);
  await expect.poll(() => page.locator("html").getAttribute("data-mantine-color-scheme")).toBe("dark");
  await page.keyboard.press("Control+k");
  await page.keyboard.type("zzz qqq");
  await page.getByText("Nothing is found.").waitFor();
  expect(dashboard.mistakes).toEqual([]);
  await page.close();
});

test("the box signs out", { timeout: 150_000 }, async () => {
  const context = await dashboard.browser.newContext();
  const page = await context.newPage();
  await page.request.post(`${dashboard.installation.url}/sign-in-token`, {
    headers: { origin: dashboard.installation.url },
    data: { token: dashboard.installation.token },
  });
  await page.goto(`${dashboard.installation.url}/`);
  await page.locator("h1").first().waitFor();
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox", { name: "Search" }).fill("sign out");
  await page.getByRole("option", { name: "Sign out" }).waitFor();
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/sign-in/);
  await context.close();
});

test("what is shown goes out as a file, with its filter", { timeout: 150_000 }, async () => {
  const page = await dashboard.open("/log?type=order.paid");
  await page.getByText("1 match", { exact: true }).waitFor();
  const download = async (item: string) => {
    // By the keyboard: the menu opens, and its items are links.
    await page.getByRole("button", { name: "Export" }).focus();
    await page.keyboard.press("Enter");
    const entry = page.getByRole("menuitem", { name: item });
    await entry.waitFor();
    const [file] = await Promise.all([page.waitForEvent("download"), entry.press("Enter")]);
    return { name: file.suggestedFilename(), text: await readFile(await file.path(), "utf8") };
  };
  const csv = await download("CSV, for spreadsheets");
  expect(csv.name).toMatch(/^hookline-requests-.*\.csv$/);
  expect(csv.text.trimEnd().split("\r\n")).toHaveLength(2);
  expect(csv.text).toContain("order.paid,order,19,Order desk");
  await page.goto(`${dashboard.installation.url}/events?type=order.*&matched=yes`);
  await page.getByText("2 match", { exact: true }).waitFor();
  const ndjson = await download("NDJSON, for programs");
  expect(
    ndjson.text
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line).type),
  ).toEqual(["order.paid", "order.created"]);
  expect(dashboard.mistakes).toEqual([]);
  await page.close();
});

test("times are shown and taken in the zone that one chooses, which each of them names", { timeout: 150_000 }, async () => {
  const { installation } = dashboard;
  await installation.graphql("mutation ($input: UpdateOrganizationInput!) { updateOrganization(input: $input) { __typename } }", {
    input: { timeZone: "Asia/Kolkata" },
  });
  const { events } = await installation.graphql(`{ events(filter: { entityId: "18" }) { edges { node { createdAt } } } }`);
  const at = new Date(events.edges[0].node.createdAt);
  const shown = (timeZone: string, name: string) =>
    `${new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium", timeZone }).format(at)} ${name}`;
  const page = await dashboard.open("/account");
  const field = page.getByRole("combobox", { name: "Time zone" });
  await field.focus();
  await page.keyboard.press("ArrowDown");
  await page.getByRole("option", { name: "The organization's: Asia/Kolkata" }).click();
  await page.getByText(/Now it is .* GMT\+5:30/).waitFor();
  expect(await looked(page, "look 5")).toEqual([]);
  await page.goto(`${installation.url}/events?entityId=18`);
  const row = page.getByRole("row").filter({ hasText: "order 18" });
  await row.getByText(/\d\d:\d\d:\d\d GMT\+5:30$/).waitFor();
  expect(await row.locator("time").getAttribute("title")).toContain(shown("Asia/Kolkata", "GMT+5:30"));
  await page.getByRole("button", { name: "Time range" }).click();
  await page.getByLabel("From (Asia/Kolkata)").fill("2026-01-02T05:30:00");
  await expect.poll(() => search(page).get("from")).toBe("2026-01-02T00:00:00.000Z");
  expect(await page.getByLabel("From (Asia/Kolkata)").inputValue()).toMatch(/^2026-01-02T05:30/);
  await page.getByRole("list", { name: "Filters" }).getByText("since 2 Jan 2026, 05:30:00 GMT+5:30").waitFor();
  await page.goto(`${installation.url}/account`);
  await field.click();
  await page.getByRole("option", { name: "UTC", exact: true }).click();
  await page.getByText(/Now it is .* UTC/).waitFor();
  await page.goto(`${installation.url}/log?entityId=18`);
  const cell = page.getByRole("row").filter({ hasText: "order 18" }).locator("time");
  await cell.getByText(/UTC$/).waitFor();
  expect(await cell.getAttribute("title")).toContain(shown("UTC", "UTC"));
  expect(await looked(page, "look 6")).toEqual([]);
  expect(dashboard.mistakes).toEqual([]);
  await page.close();
});

test("a view is saved under a name, found in the box, and removed", { timeout: 150_000 }, async () => {
  const page = await dashboard.open("/log?type=order.*&entityId=18&from=2026-01-02T03:04:05.000Z");
  await page.getByRole("button", { name: "Views" }).click();
  const panel = page.getByRole("dialog", { name: "Saved views" });
  await panel.getByLabel("Name of what is shown now").fill("Order eighteen");
  await page.keyboard.press("Enter");
  await panel.getByRole("link", { name: "Order eighteen" }).waitFor();
  expect(await looked(page, "look 7")).toEqual([]);
  await page.keyboard.press("Escape");
  await page.goto(`${dashboard.installation.url}/goals`);
  await page.locator("h1").first().waitFor();
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox", { name: "Search" }).fill("eighteen");
  await page.getByRole("option", { name: "Order eighteen" }).waitFor();
  await page.keyboard.press("Enter");
  await page.waitForURL((url) => url.pathname === "/log");
  expect([...search(page)]).toEqual([
    ["type", "order.*"],
    ["entityId", "18"],
    ["from", "2026-01-02T03:04:05.000Z"],
  ]);
  await page.getByRole("button", { name: "Views" }).click();
  await panel.getByRole("button", { name: "Remove the view Order eighteen" }).click();
  await panel.getByRole("link", { name: "Order eighteen" }).waitFor({ state: "detached" });
  expect(dashboard.mistakes).toEqual([]);
  await page.close();
});

test("events are found by a text of their payload, which is marked; a page that stopped on the way offers to go on", {
  timeout: 150_000,
}, async () => {
  const { installation } = dashboard;
  const page = await dashboard.open("/events");
  const rows = page.getByRole("table", { name: "Events" }).getByRole("row");
  await page.getByLabel("Payload contains", { exact: true }).fill("aDa");
  await page.getByText("1 match", { exact: true }).waitFor();
  expect(search(page).get("payload")).toBe("aDa");
  await page.getByRole("button", { name: "Remove the filter Payload contains" }).waitFor();
  await rows.getByRole("button", { name: "contact.created" }).click();
  await page.getByRole("group", { name: "payload", exact: true }).locator("mark", { hasText: /^Ada$/ }).waitFor();
  await page.keyboard.press("Escape");
  // More than a page looks into, so that what is searched for stands behind it.
  const payload = { large: "x".repeat(1_000_000) };
  for (let n = 0; n < 12; n++) await installation.emit({ type: "blob.stored", payload });
  await page.goto(`${installation.url}/events?payload=Ada`);
  await page.getByText(/^Looked back as far as/).waitFor();
  await page.getByRole("button", { name: "Look further back" }).click();
  await rows.getByRole("button", { name: "contact.created" }).waitFor();
  await page.getByRole("button", { name: "Newest" }).waitFor();
});
