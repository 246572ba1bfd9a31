/** The portal: an application's own people, by a link, in a page of their own and in a frame of somebody else's. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Frame, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { freePort } from "../helpers/free-port.ts";
import { type Receiver, startReceiver } from "../helpers/receiver.ts";
import { type Dashboard, openDashboard } from "./helpers/dashboard.ts";
import { createDefinition, mutate } from "./helpers/seed.ts";

let dashboard: Dashboard;
let receiver: Receiver;
let host: Server;
let hostUrl: string;
let page: string;
let application: string;

beforeAll(async () => {
  receiver = await startReceiver();
  const port = await freePort();
  // Another site than 127.0.0.1, and a page that a browser trusts as it does https.
  hostUrl = `http://localhost:${port}`;
  host = createServer((_request, response) => response.setHeader("content-type", "text/html").end(page)).listen(port, "127.0.0.1");
  expect((host.address() as AddressInfo | null)?.port ?? port).toBe(port);
  dashboard = await openDashboard({ HOOKLINE_PORTAL_FRAME_ANCESTORS: hostUrl, HOOKLINE_RETRY_SCALE: "0.00001" });
  const { installation } = dashboard;
  application = (await mutate(installation, "createApplication", { uid: "acme", name: "Acme Ltd" }, "... on Application { id }")).id;
  await createDefinition(installation, { name: "Ours alone", targetUrl: `${receiver.url}/ours`, eventTypes: ["*"] });
}, 120_000);
afterAll(async () => {
  host?.close();
  await dashboard?.close();
  await receiver?.close();
});

async function linkBy(input: object = {}): Promise<string> {
  return (await mutate(dashboard.installation, "createPortalLink", { applicationId: application, ...input }, "... on PortalLink { url }"))
    .url;
}

/** As a customer: a browser that knows nothing of the organization's own people. */
async function customer(url: string): Promise<Page> {
  const context = await dashboard.browser.newContext({ viewport: { width: 1200, height: 800 } });
  const opened = await context.newPage();
  await opened.goto(url);
  return opened;
}

const emit = (entityId: string) =>
  dashboard.installation.emit({ type: "order.created", entity: "order", entityId, application: "acme", payload: { total: 1 } });

async function makeWebhook(where: Page | Frame, name: string, path: string): Promise<void> {
  await where.getByRole("button", { name: "New webhook" }).first().click();
  const panel = where.getByRole("dialog", { name: "New webhook" });
  await panel.getByLabel("Name").fill(name);
  await panel.getByLabel("Target URL").fill(`${receiver.url}${path}`);
  await panel.getByLabel("Event types").fill("order.*");
  await panel.getByLabel("Event types").press("Enter");
  await panel.getByRole("button", { name: "Create webhook" }).click();
  await where.getByText(`Signing secret of ${name}`).waitFor();
}

test("an admin makes a link; the customer makes a webhook, sees it deliver live, and mends what failed", { timeout: 120_000 }, async () => {
  const { installation } = dashboard;
  const admin = await dashboard.open("/applications");
  await admin.getByRole("button", { name: "Actions of Acme Ltd" }).click();
  await admin.getByRole("menuitem", { name: "Portal link…" }).click();
  await admin.getByRole("button", { name: "Make the link" }).click();
  await admin.getByRole("button", { name: "Copy the portal link" }).click();
  const url = await admin.evaluate(() => navigator.clipboard.readText());
  await admin.close();

  const mine = await customer(url);
  await mine.getByText("No webhooks yet").waitFor();
  expect(new URL(mine.url()).hash).toBe("");
  expect(await mine.getByText("Ours alone").count()).toBe(0);
  await makeWebhook(mine, "Shop", "/shop");
  expect(await mine.getByText(/whsec_/).count()).toBe(1);
  await mine.getByRole("link", { name: "Shop" }).click();
  await mine.getByRole("heading", { name: /Shop/ }).waitFor();
  expect(await mine.getByText(/whsec_/).count()).toBe(0);

  await mine.getByText("Live", { exact: true }).waitFor();
  receiver.respond({ status: 500, body: { error: "try later" } });
  await emit("18");
  const row = mine.getByRole("row").filter({ hasText: "order 18" });
  await row.getByText("Rejected").waitFor({ timeout: 30_000 });
  await row.click();
  await mine.getByText("HTTP 500").first().waitFor();
  // "HTTP 500" stands in the list, too, until the request's page is there.
  await expect.poll(() => mine.getByRole("button", { name: /^Attempt \d/ }).count()).toBeGreaterThan(1);
  await mine.getByText("try later").first().waitFor();
  receiver.respond(200);
  await mine.getByRole("button", { name: "Send again" }).click();
  // Without a reload.
  await mine.getByRole("heading").getByText("Delivered").waitFor();

  await mine.getByRole("link", { name: "Shop" }).click();
  await mine.getByRole("button", { name: "Send a test" }).click();
  await mine.getByRole("heading").getByText("Delivered").waitFor();
  await mine.getByRole("link", { name: "Shop" }).click();
  await mine.getByRole("button", { name: "Edit" }).click();
  await mine.getByRole("dialog").getByLabel("Name").fill("Shop, new");
  await mine.getByRole("dialog").getByRole("button", { name: "Save" }).click();
  await mine.getByRole("heading", { name: /Shop, new/ }).waitFor();
  await mine.getByRole("button", { name: "Pause" }).click();
  await mine.getByRole("heading").getByText("Stopped").waitFor();
  await mine.getByRole("button", { name: "Activate" }).click();
  await mine.getByRole("heading").getByText("Active", { exact: true }).waitFor();
  await mine.getByRole("button", { name: "More actions" }).click();
  await mine.getByRole("menuitem", { name: "Rotate secret…" }).click();
  await mine.getByRole("button", { name: "Rotate secret" }).click();
  await mine.getByText(/whsec_/).waitFor();

  // The log is of this webhook alone, and there is more of it after a restart of the stream.
  await installation.kill();
  await mine.getByText("Reconnecting…").waitFor();
  await installation.start();
  await mine.getByText("Live", { exact: true }).waitFor({ timeout: 30_000 });
  await emit("19");
  await mine.getByRole("row").filter({ hasText: "order 19" }).getByText("Delivered").waitFor();

  await mine.getByRole("button", { name: "Sign out" }).click();
  await mine.getByRole("heading", { name: "You are signed out" }).waitFor();
  await mine.goto(`${installation.url}/portal`);
  await mine.getByRole("heading", { name: "You are signed out" }).waitFor();
  await mine.goto(url);
  await mine.getByRole("heading", { name: "This link does not work" }).waitFor();
  expect(dashboard.mistakes).toEqual([]);
  await mine.context().close();
});

test("a link for looking shows everything of the application, and nothing to change", { timeout: 150_000 }, async () => {
  const mine = await customer(await linkBy({ readOnly: true }));
  await mine.getByRole("link", { name: "Shop, new" }).click();
  await mine.getByRole("row").filter({ hasText: "order 18" }).waitFor();
  await mine.getByText("You can look, and change nothing.").waitFor();
  const names = await mine.getByRole("button").allTextContents();
  expect(names.filter((name) => /new|edit|pause|activate|test|rotate|delete/i.test(name))).toEqual([]);
  await mine.getByRole("row").filter({ hasText: "order 18" }).click();
  await mine.getByRole("button", { name: /^Attempt 1 / }).waitFor();
  expect(await mine.getByRole("button", { name: "Send again" }).count()).toBe(0);
  await mine.context().close();
});

test("in a frame of an allowed origin it works as it does alone, live and with what writes", { timeout: 150_000 }, async () => {
  receiver.respond(200);
  page = `<!doctype html><title>Acme</title><iframe src="${await linkBy()}" style="width:1000px;height:700px"></iframe>`;
  const mine = await customer(hostUrl);
  const frame = mine.frames().find((each) => each.url().includes("/portal")) ?? (await mine.waitForEvent("framenavigated"));
  await makeWebhook(frame, "In a frame", "/framed");
  await frame.getByRole("link", { name: "In a frame" }).click();
  await frame.getByText("Live", { exact: true }).waitFor();
  await emit("20");
  await frame.getByRole("row").filter({ hasText: "order 20" }).getByText("Delivered").waitFor();
  await mine.context().close();
});
