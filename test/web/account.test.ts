/** One's own account, the organization's settings, the catalogue and the applications, by clicking. */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Receiver, startReceiver } from "../helpers/receiver.ts";
import { type Dashboard, openDashboard } from "./helpers/dashboard.ts";
import { createDefinition, mutate } from "./helpers/seed.ts";

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

const settled = (page: Page) => page.waitForFunction(() => document.querySelector('[aria-label="Loading"]') === null);

async function signIn(email: string, password: string) {
  const context = await dashboard.browser.newContext({ viewport: { width: 1360, height: 850 } });
  const page = await context.newPage();
  await page.goto(`${dashboard.installation.url}/sign-in`);
  await page.getByLabel("E-mail or user name").fill(email);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
  return { context, page };
}

test("somebody sees who they are, gives themselves another password, and ends a session elsewhere", { timeout: 200_000 }, async () => {
  const { installation } = dashboard;
  await mutate(
    installation,
    "createUser",
    { email: "ada@example.com", name: "Ada", password: "analytical-engine", role: "MEMBER" },
    "... on User { id }",
  );
  const elsewhere = await signIn("ada@example.com", "analytical-engine");
  await elsewhere.page.getByRole("navigation", { name: "Main" }).waitFor();
  const { context, page } = await signIn("ada@example.com", "analytical-engine");
  await page.getByRole("button", { name: /^Ada/ }).click();
  await page.getByRole("menuitem", { name: "Your account" }).click();
  await page.getByRole("heading", { name: "Your account" }).waitFor();
  await page.getByText("ada@example.com").waitFor();
  const sessions = page.getByRole("table", { name: "Sessions" });
  await sessions.getByRole("button", { name: /End the session/ }).waitFor();
  expect(await sessions.getByText("This one").count()).toBe(1);

  await sessions.getByRole("button", { name: /End the session/ }).click();
  await page.getByRole("button", { name: "End session" }).click();
  await expect.poll(() => sessions.getByRole("row").count()).toBe(2);
  await elsewhere.page.goto(`${installation.url}/log`);
  await elsewhere.page.getByRole("button", { name: "Sign in" }).waitFor();

  const password = async (current: string, next: string, again = next) => {
    await page.getByLabel("Present password").fill(current);
    await page.getByLabel("New password", { exact: true }).fill(next);
    await page.getByLabel("New password again").fill(again);
    await page.getByRole("button", { name: "Change password" }).click();
  };
  await password("analytical-engine", "difference-engine", "another");
  await page.getByText("This is not the same as the new password").waitFor();
  await password("wrong", "difference-engine");
  await page.getByRole("alert").waitFor();
  await password("analytical-engine", "short");
  await page
    .getByText(/at least 12 characters/i)
    .nth(1)
    .waitFor();
  await password("analytical-engine", "difference-engine");
  await page.getByText("The password is changed").waitFor();
  await context.close();
  await elsewhere.page.getByLabel("E-mail or user name").fill("ada@example.com");
  await elsewhere.page.getByLabel("Password", { exact: true }).fill("difference-engine");
  await elsewhere.page.getByRole("button", { name: "Sign in" }).click();
  await elsewhere.page.getByRole("heading", { name: "Log" }).waitFor();
  await elsewhere.context.close();
});

test("alerts, the catalogue's enforcement and usage; pausing all shows on every page until somebody resumes", {
  timeout: 200_000,
}, async () => {
  const { installation } = dashboard;
  await createDefinition(installation, { name: "Alerts", targetUrl: `${receiver.url}/alerts`, eventTypes: ["hookline.test"] });
  const page = await dashboard.open("/settings");
  await page.getByLabel("Alert e-mail").fill("no address");
  await page.getByRole("button", { name: "Save" }).click();
  await expect.poll(() => page.getByLabel("Alert e-mail").getAttribute("aria-invalid")).toBe("true");
  await page.getByLabel("Alert e-mail").fill("ops@example.com");
  expect(await page.getByRole("button", { name: "Send a test alert" }).isDisabled()).toBe(true);
  await page.getByRole("combobox", { name: "Event catalogue" }).click();
  await page.getByRole("option", { name: /not fit the schema/ }).click();
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("The settings are saved").waitFor();
  expect(await installation.graphql("{ organization { alertEmail eventTypeEnforcement } }")).toEqual({
    organization: { alertEmail: "ops@example.com", eventTypeEnforcement: "SCHEMAS" },
  });
  await page.getByRole("button", { name: "Send a test alert" }).click();
  await page.getByText(/mail to ops@example.com/).waitFor();
  await receiver.waitFor((calls) => calls.some((call) => call.body.includes("hookline.test")));
  await expect.poll(() => page.getByRole("meter", { name: /^Webhooks: 1 of / }).count(), { timeout: 10_000 }).toBe(1);

  await page.getByRole("button", { name: "Pause all deliveries…" }).click();
  await page.getByRole("dialog").getByLabel("Why").fill("The warehouse moves");
  await page.getByRole("dialog").getByRole("button", { name: "Pause all deliveries" }).click();
  await page.getByText("All deliveries are paused", { exact: true }).first().waitFor();
  await page.goto(`${installation.url}/goals`);
  await page.getByRole("status").filter({ hasText: "nothing is sent" }).waitFor();
  await page.getByRole("button", { name: "Resume all deliveries" }).click();
  await page.getByRole("status").filter({ hasText: "nothing is sent" }).waitFor({ state: "detached" });
  const { organization } = await installation.graphql("{ organization { deliveriesPausedAt } }");
  expect(organization.deliveriesPausedAt).toBeNull();
  expect(dashboard.mistakes).toEqual([]);
  await page.close();
});

test("an event type has a schema and examples that fit it; a document is looked at before it is imported", {
  timeout: 150_000,
}, async () => {
  const { installation } = dashboard;
  const page = await dashboard.open("/settings/event-types");
  await page.getByRole("button", { name: "New event type" }).click();
  const panel = page.getByRole("dialog", { name: "New event type" });
  await panel.getByLabel("Name").fill("order.created");
  await panel.getByLabel("JSON schema of the payload").fill('{"type":"object","required":["total"]}');
  await panel.getByRole("textbox", { name: "Examples" }).fill('[{"sum": 1}]');
  await panel.getByRole("button", { name: "Create event type" }).click();
  await panel
    .getByRole("alert")
    .filter({ hasText: /total|required/ })
    .waitFor();
  await panel.getByRole("textbox", { name: "Examples" }).fill('[{"total": 1}, {"total": 2}]');
  await panel.getByRole("button", { name: "Create event type" }).click();
  await page.getByRole("row").filter({ hasText: "order.created" }).getByText("2 examples").waitFor();

  const webhook = (description: string) => ({
    post: { description, requestBody: { content: { "application/json": { schema: { type: "object" } } } } },
  });
  const document = {
    openapi: "3.1.0",
    info: { title: "Shop", version: "1" },
    webhooks: { "order.paid": webhook("Paid"), "order.sent": webhook("Sent") },
  };
  await page.getByRole("button", { name: "Import…" }).click();
  const importing = page.getByRole("dialog", { name: "Import event types" });
  await importing.getByLabel("Or its text").fill(JSON.stringify(document));
  await importing.getByRole("button", { name: "Check first" }).click();
  await importing.getByText("order.paid, order.sent").waitFor();
  const names = async () =>
    (await installation.graphql("{ eventTypes(first: 50) { edges { node { name } } } }")).eventTypes.edges.map(
      (edge: { node: { name: string } }) => edge.node.name,
    );
  expect(await names()).toEqual(["order.created"]);
  await importing.getByRole("button", { name: "Import", exact: true }).click();
  await page.getByRole("row").filter({ hasText: "order.sent" }).waitFor();
  expect((await names()).toSorted()).toEqual(["order.created", "order.paid", "order.sent"]);
  expect(dashboard.mistakes).toEqual([]);
  await page.close();
});

test("an application is made, renamed, given a webhook and deleted with what is queued for it", { timeout: 150_000 }, async () => {
  const { installation } = dashboard;
  await createDefinition(installation, { name: "Theirs", targetUrl: `${receiver.url}/theirs`, eventTypes: ["order.*"] });
  const page = await dashboard.open("/applications");
  await page.getByRole("button", { name: "New application" }).click();
  const panel = page.getByRole("dialog", { name: "New application" });
  await panel.getByLabel("Name").fill("Acme");
  await panel.getByRole("textbox", { name: "Uid" }).fill("not an uid");
  await panel.getByRole("button", { name: "Create application" }).click();
  await panel.getByRole("alert").waitFor();
  await panel.getByRole("textbox", { name: "Uid" }).fill("acme");
  await panel.getByRole("button", { name: "Create application" }).click();
  const row = page.getByRole("row").filter({ hasText: "acme" });
  await row.waitFor();
  await row.getByRole("button", { name: "Actions of Acme" }).click();
  await page.getByRole("menuitem", { name: "Give it a webhook…" }).click();
  await page.getByRole("combobox", { name: "Webhook" }).click();
  await page.getByRole("option", { name: "Theirs" }).click();
  await page.getByRole("button", { name: "Give it to them" }).click();
  await row.getByRole("link", { name: "Theirs" }).waitFor();

  await row.getByRole("button", { name: "Actions of Acme" }).click();
  await page.getByRole("menuitem", { name: "Edit" }).click();
  await page.getByRole("dialog").getByLabel("Name").fill("Acme Ltd");
  await page.getByRole("dialog").getByRole("button", { name: "Save" }).click();
  await page.getByRole("row").filter({ hasText: "Acme Ltd" }).waitFor();

  await page.goto(`${installation.url}/webhooks`);
  await page.getByRole("row").filter({ hasText: "Theirs" }).getByText("Acme Ltd").waitFor();

  await mutate(installation, "pauseAllDeliveries", {}, "... on Organization { id }");
  await installation.emit({ type: "order.created", application: "acme", payload: { total: 1 } });
  await page.goto(`${installation.url}/applications`);
  await page.getByRole("button", { name: "Actions of Acme Ltd" }).click();
  await page.getByRole("menuitem", { name: "Delete…" }).click();
  const question = page.getByRole("dialog");
  await question.getByRole("button", { name: "Delete application" }).click();
  // It stays, and says why.
  await question
    .getByRole("alert")
    .filter({ hasText: /queued/ })
    .waitFor();
  await question.getByLabel("Cancel what is queued for it").check();
  await question.getByRole("button", { name: "Delete application" }).click();
  await page.getByText("No applications yet").waitFor();
  await mutate(installation, "resumeAllDeliveries", {}, "... on Organization { id }");
  await settled(page);
  expect(dashboard.mistakes).toEqual([]);
  await page.close();
});
