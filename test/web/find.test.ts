/** Finding anything: events, the log, one box for all, exports, the time zone, saved views. By mouse and by keyboard. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Receiver, startReceiver } from "../helpers/receiver.ts";
import { lookFaults } from "./helpers/axe.ts";
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

test("events are narrowed by chips that stand in the address, live", { timeout: 60_000 }, async () => {
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
  expect(await lookFaults(page)).toEqual([]);

  await page.getByRole("button", { name: "Time range" }).click();
  const range = page.getByRole("dialog", { name: "Time range" });
  await range.getByLabel(/^From/).fill("2026-01-02T03:04:05");
  await range.getByLabel(/^To/).fill("2026-01-02T03:04:06");
  await page.getByText("Nothing matches", { exact: true }).waitFor();
  expect(await lookFaults(page)).toEqual([]);
  await page.keyboard.press("Escape");
  const zone = await page.evaluate(() => new Date(2026, 0, 2, 3, 4, 5).toISOString());
  expect(search(page).get("from")).toBe(zone);
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
  expect(await lookFaults(page)).toEqual([]);
  expect(dashboard.mistakes).toEqual([]);
  await page.close();
});
