/** Sources of events and the log of their posts; the page of all events. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Receiver, startReceiver } from "../helpers/receiver.ts";
import { type Dashboard, openDashboard } from "./helpers/dashboard.ts";
import { createDefinition, mutate } from "./helpers/seed.ts";

let dashboard: Dashboard;
let receiver: Receiver;

beforeAll(async () => {
  receiver = await startReceiver();
  dashboard = await openDashboard();
  const { installation } = dashboard;
  const { organization } = await installation.graphql("{ organization { id } }");
  const input = { organizationId: organization.id, feature: "INBOUND_WEBHOOKS", enabled: true };
  await mutate(installation, "setOrganizationFeature", input, "... on Organization { id }");
}, 120_000);
afterAll(async () => {
  await dashboard?.close();
  await receiver?.close();
});

test("a source is tried, made, and its log tells accepted posts from refused ones, with the reason", { timeout: 200_000 }, async () => {
  const page = await dashboard.open("/inbound-webhooks?kind=events");
  await page.getByRole("button", { name: "New source" }).click();
  const panel = page.getByRole("dialog", { name: "New source of events" });
  await panel.getByLabel("Name").fill("Shop");
  await panel.getByLabel("Event type").fill("shop.{header:x-topic}");
  await panel.getByRole("combobox", { name: "The same post again" }).click();
  await page.getByRole("option", { name: "Is told by a header" }).click();
  await panel.getByLabel("Header that names the post").fill("X-Id");
  await panel.getByLabel("Transformation").fill("function transform(event) { return event.payload.skip ? null : { type: 'shop.sale' }; }");
  await panel.getByRole("button", { name: "Dry run" }).click();
  await panel.getByRole("status").filter({ hasText: "shop.sale" }).waitFor();
  await panel.getByRole("button", { name: "Create source" }).click();
  const shown = page.getByText("Target URL of Shop").locator("..");
  await shown.waitFor();
  await shown.getByRole("button", { name: "Copy the target URL" }).click();
  const url = await page.evaluate(() => navigator.clipboard.readText());
  const post = (id: string, body: string) =>
    fetch(url, { method: "POST", headers: { "content-type": "application/json", "x-topic": "sale", "x-id": id }, body });
  expect((await post("1", '{"total":1}')).status).toBe(202);
  expect((await post("1", '{"total":1}')).status).toBe(202);
  expect((await post("2", '{"skip":true}')).status).toBe(202);
  expect((await post("3", "{")).status).toBe(400);

  await page.getByRole("button", { name: "Posts to Shop" }).click();
  const log = page.getByRole("table", { name: "Posts" });
  for (const word of ["Accepted", "Same as an earlier one", "Skipped", "Refused"]) await log.getByText(word, { exact: true }).waitFor();
  await log.getByRole("row").filter({ hasText: "Refused" }).getByText("400").waitFor();
  await log.getByRole("row").filter({ hasText: "Accepted" }).getByRole("link", { name: "Its event" }).click();
  await page.getByRole("dialog").getByText("shop.sale").waitFor();
  expect(dashboard.mistakes).toEqual([]);
  await page.close();
});

test("events that nothing wanted are listed too, and can be sent to a webhook", { timeout: 150_000 }, async () => {
  const { installation } = dashboard;
  await createDefinition(installation, { name: "Orders", targetUrl: `${receiver.url}/orders`, eventTypes: ["order.*"] });
  await installation.emit({ type: "order.created", entity: "order", entityId: "18", payload: { total: 1 } });
  await installation.emit({ type: "contact.created", entity: "contact", entityId: "7", payload: { name: "Ada" } });
  const page = await dashboard.open("/events");
  await page.getByRole("row").filter({ hasText: "order 18" }).getByText("Orders").waitFor();
  const unwanted = page.getByRole("row").filter({ hasText: "contact 7" });
  await unwanted.getByText("no webhook wanted it").waitFor();
  await unwanted.getByRole("button", { name: "contact.created" }).click();
  const panel = page.getByRole("dialog", { name: "Event" });
  await panel.getByText("Ada").waitFor();
  await panel.getByRole("combobox", { name: "Webhook" }).click();
  await page.getByRole("option", { name: "Orders" }).click();
  await panel.getByRole("button", { name: "Send as a test" }).click();
  await receiver.waitFor((calls) => calls.some((call) => call.body.includes("Ada")));
  expect(dashboard.mistakes).toEqual([]);
  await page.close();
});
