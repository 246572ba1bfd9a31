/** What a new webhook needs until it delivers: the secret, a test with the catalogue's example, the first event. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Receiver, startReceiver } from "../helpers/receiver.ts";
import { type Dashboard, openDashboard } from "./helpers/dashboard.ts";
import { mutate } from "./helpers/seed.ts";

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

test("three steps, each ticked by what really happened; the webhook's page follows live", { timeout: 200_000 }, async () => {
  const { installation } = dashboard;
  const example = { number: 18, customer: "Ada" };
  await mutate(installation, "createEventType", { name: "invoice.sent", examples: [example] }, "... on EventType { id }");
  const page = await dashboard.open("/webhooks?new");
  const panel = page.getByRole("dialog", { name: "New webhook" });
  await panel.getByLabel("Name", { exact: true }).fill("Invoices");
  await panel.getByLabel("Target URL").fill(receiver.url);
  await panel.getByLabel("Event types").fill("invoice.*");
  await panel.getByLabel("Event types").press("Enter");
  await panel.getByRole("button", { name: "Create webhook" }).click();
  await page.getByText("Invoices is made").waitFor();

  const steps = page.getByRole("region", { name: "First steps with Invoices" });
  await steps.getByText(/whsec_/).waitFor();
  const done = steps.getByRole("img", { name: "done" });
  expect(await done.count()).toBe(0);
  await steps.getByRole("button", { name: "I have it" }).click();
  await expect.poll(() => done.count()).toBe(1);
  expect(await page.getByText(/whsec_/).count()).toBe(0);

  await steps.getByRole("button", { name: "Send a test" }).click();
  const window = page.getByRole("dialog", { name: "Test Invoices" });
  await expect.poll(() => window.getByLabel("Payload").inputValue()).toBe(JSON.stringify(example, null, 2));
  expect(await window.getByLabel("Event type").inputValue()).toBe("invoice.sent");
  await window.getByRole("button", { name: "Send", exact: true }).click();
  await window.getByText("HTTP 200").waitFor();
  expect(JSON.parse(receiver.calls.at(-1)?.body.toString() ?? "{}")).toMatchObject({ type: "invoice.sent", data: example });
  await page.keyboard.press("Escape");
  await expect.poll(() => done.count(), { timeout: 10_000 }).toBe(2);

  await installation.emit({ type: "invoice.sent", entity: "invoice", entityId: "19", payload: example });
  await expect.poll(() => done.count(), { timeout: 10_000 }).toBe(3);
  await steps.getByRole("button", { name: "All done" }).click();
  await steps.waitFor({ state: "hidden" });

  await page.getByRole("link", { name: "Invoices" }).click();
  const latest = page.getByRole("table", { name: "Latest deliveries" });
  await latest.waitFor();
  const rows = await latest.getByRole("row").count();
  await installation.emit({ type: "invoice.sent", entity: "invoice", entityId: "20", payload: example });
  await expect.poll(() => latest.getByRole("row").count(), { timeout: 10_000 }).toBe(rows + 1);
  expect(dashboard.mistakes).toEqual([]);
  await page.close();
});
