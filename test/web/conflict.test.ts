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
