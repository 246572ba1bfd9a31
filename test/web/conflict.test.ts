/** Two tabs, or two people, that change one thing: nothing of either is undone unseen. */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Dashboard, openDashboard } from "./helpers/dashboard.ts";
import { createDefinition, mutate } from "./helpers/seed.ts";

let dashboard: Dashboard;

beforeAll(async () => {
  dashboard = await openDashboard();
}, 120_000);
afterAll(async () => {
  await dashboard?.close();
});

async function editor(path: string, title: string, open: (page: Page) => Promise<void>) {
  const page = await dashboard.open(path);
  await open(page);
  const panel = page.getByRole("dialog", { name: title });
  await panel.waitFor();
  return { page, panel, question: panel.getByRole("alert", { name: "Changed meanwhile" }) };
}

test("B93 a rename in one tab is kept by a save in another; both are shown, and one is chosen", { timeout: 200_000 }, async () => {
  const { installation } = dashboard;
  const { id } = await createDefinition(installation, { name: "Orders", targetUrl: "http://127.0.0.1:9", eventTypes: ["order.*"] });
  const read = async () =>
    (await installation.graphql("query ($id: ID!) { webhookDefinition(id: $id) { name description timeoutMs } }", { id }))
      .webhookDefinition;
  const open = (page: Page) => page.getByRole("button", { name: "Edit" }).click();
  const first = await editor(`/webhooks/${id}`, "Edit Orders", open);
  const second = await editor(`/webhooks/${id}`, "Edit Orders", open);
  const third = await editor(`/webhooks/${id}`, "Edit Orders", open);

  await first.panel.getByLabel("Name", { exact: true }).fill("Orders of today");
  await first.panel.getByRole("button", { name: "Save" }).click();
  await first.page.getByText("Orders of today is saved").waitFor();

  // Another field: theirs is shown, and stays.
  await second.panel.getByLabel("Description").fill("To the warehouse");
  await second.panel.getByRole("button", { name: "Save" }).click();
  await second.question.getByText(/changed meanwhile by Administrator/).waitFor();
  await second.question.getByText("Orders of today").waitFor();
  expect(await read()).toMatchObject({ name: "Orders of today", description: null });
  await second.question.getByRole("button", { name: "Keep theirs, go on with mine" }).click();
  expect(await second.panel.getByLabel("Name", { exact: true }).inputValue()).toBe("Orders of today");
  await second.panel.getByRole("button", { name: "Save" }).click();
  await second.page.getByText("Orders of today is saved").waitFor();
  expect(await read()).toMatchObject({ name: "Orders of today", description: "To the warehouse" });

  // The same field: theirs and mine, to choose from; what only they changed stays.
  await third.panel.getByLabel("Name", { exact: true }).fill("Orders of mine");
  await third.panel.getByRole("button", { name: "Save" }).click();
  await third.question.getByText("Orders of today").waitFor();
  await third.question.getByText("Orders of mine").waitFor();
  await third.question.getByText("To the warehouse").waitFor();
  await third.question.getByText("Mine", { exact: true }).click();
  await third.question.getByRole("button", { name: "Take these values" }).click();
  await third.panel.getByRole("button", { name: "Save" }).click();
  await third.page.getByText("Orders of mine is saved").waitFor();
  expect(await read()).toMatchObject({ name: "Orders of mine", description: "To the warehouse" });
  expect(dashboard.mistakes).toEqual([]);
  for (const { page } of [first, second, third]) await page.close();
});

test("B93 what the server changed by itself, such as a stop, is no question", { timeout: 150_000 }, async () => {
  const { installation } = dashboard;
  const { id } = await createDefinition(installation, { name: "Stopping", targetUrl: "http://127.0.0.1:9", eventTypes: ["stop.*"] });
  const tab = await editor(`/webhooks/${id}`, "Edit Stopping", (page) => page.getByRole("button", { name: "Edit" }).click());
  await mutate(installation, "stopWebhookDefinitions", { ids: [id] }, "... on WebhookDefinitionList { webhookDefinitions { id } }");
  await tab.panel.getByLabel("Description").fill("Stopped since");
  await tab.panel.getByRole("button", { name: "Save" }).click();
  await tab.page.getByText("Stopping is saved").waitFor();
  await tab.page.close();
});

const NOUNS = [
  {
    noun: "script",
    path: "/scripts",
    create: "createScript",
    update: "updateScript",
    type: "Script",
    input: { name: "Shared script", source: "1" },
  },
  {
    noun: "connection",
    path: "/connections",
    create: "createConnection",
    update: "updateConnection",
    type: "Connection",
    input: { name: "Shared connection" },
  },
  {
    noun: "workflow rule",
    path: "/workflow-rules",
    create: "createWorkflowRule",
    update: "updateWorkflowRule",
    type: "WorkflowRule",
    input: { name: "Shared rule", entity: "order", webhookDefinitionIds: [] as string[] },
  },
  {
    noun: "goal",
    path: "/goals",
    create: "createGoal",
    update: "updateGoal",
    type: "Goal",
    input: { name: "Shared goal", direction: "MAXIMIZE" },
  },
] as const;

for (const { noun, path, create, update, type, input } of NOUNS) {
  test(`B93 ${noun}: renamed meanwhile by somebody else`, { timeout: 150_000 }, async () => {
    const { installation } = dashboard;
    const rule = type === "WorkflowRule" && {
      webhookDefinitionIds: [(await createDefinition(installation, { name: "Ruled", targetUrl: "http://127.0.0.1:9", eventTypes: [] })).id],
    };
    const { id } = await mutate(installation, create, { ...input, ...rule }, `... on ${type} { id }`);
    const tab = await editor(path, `Edit ${noun}`, async (page) => {
      if (type === "Goal") {
        await page.getByRole("link", { name: input.name }).click();
        await page.getByRole("button", { name: "Edit" }).click();
      } else await page.getByRole("button", { name: `Edit ${input.name}` }).click();
    });
    await mutate(installation, update, { id, name: "Theirs" }, `... on ${type} { id }`);
    await tab.panel.getByLabel("Name", { exact: true }).fill("Mine");
    await tab.panel.getByRole("button", { name: "Save" }).click();
    await tab.question.getByText("Theirs", { exact: true }).first().waitFor();
    await tab.question.getByRole("radio", { name: /Theirs/ }).check();
    await tab.question.getByRole("button", { name: "Take these values" }).click();
    expect(await tab.panel.getByLabel("Name", { exact: true }).inputValue()).toBe("Theirs");
    await tab.page.close();
  });
}

test("B93 an old tab changes what was typed in it, and nothing else: sources, event types, applications", {
  timeout: 200_000,
}, async () => {
  const { installation } = dashboard;
  const { organization } = await installation.graphql("{ organization { id } }");
  const feature = { organizationId: organization.id, feature: "INBOUND_WEBHOOKS", enabled: true };
  await mutate(installation, "setOrganizationFeature", feature, "... on Organization { id }");
  const source = { targetType: "EVENT", name: "Shop", eventType: "shop.sale" };
  const { inboundWebhook } = await mutate(
    installation,
    "createInboundWebhook",
    source,
    "... on CreatedInboundWebhook { inboundWebhook { id } }",
  );
  const type = await mutate(installation, "createEventType", { name: "tab.stale" }, "... on EventType { id }");
  const application = await mutate(installation, "createApplication", { uid: "acme", name: "Acme" }, "... on Application { id }");

  const chosen = (name: string) => async (page: Page) => {
    await page.getByRole("button", { name: `Actions of ${name}` }).click();
    await page.getByRole("menuitem", { name: "Edit" }).click();
  };
  const tabs = [
    await editor("/inbound-webhooks?kind=events", "Edit source", chosen("Shop")),
    await editor("/settings/event-types", "Edit event type", (page) => page.getByRole("button", { name: "Edit tab.stale" }).click()),
    await editor("/applications", "Edit application", chosen("Acme")),
  ];
  const verification = { preset: "GITHUB", secret: "of the other tab, long enough" };
  await mutate(installation, "updateInboundWebhook", { id: inboundWebhook.id, verification }, "... on InboundWebhook { id }");
  const changed = { id: type.id, schema: { type: "object" }, examples: [{ n: 1 }], deprecated: true };
  await mutate(installation, "updateEventType", changed, "... on EventType { id }");
  await mutate(installation, "updateApplication", { id: application.id, uid: "acme-2" }, "... on Application { id }");

  for (const [i, { panel }] of tabs.entries()) {
    if (i < 2) await panel.getByLabel("Description", { exact: true }).fill("Of the old tab");
    else await panel.getByLabel("Name", { exact: true }).fill("Acme of the old tab");
    await panel.getByRole("button", { name: "Save" }).click();
    await panel.waitFor({ state: "hidden" });
  }
  const now = await installation.graphql(
    `query ($source: ID!, $type: ID!, $application: ID!) {
      source: node(id: $source) { ... on InboundWebhook { description verification { preset secretLastFour } } }
      type: node(id: $type) { ... on EventType { description schema examples deprecated } }
      application: node(id: $application) { ... on Application { uid name } } }`,
    { source: inboundWebhook.id, type: type.id, application: application.id },
  );
  const { id: _, ...others } = changed;
  expect(now).toEqual({
    source: { description: "Of the old tab", verification: { preset: "GITHUB", secretLastFour: "ough" } },
    type: { description: "Of the old tab", ...others },
    application: { uid: "acme-2", name: "Acme of the old tab" },
  });
  for (const { page } of tabs) await page.close();
});
