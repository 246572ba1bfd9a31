/** WCAG 1.4.10: long texts without a blank, of users and of their clients, widen no page, and what stands in a row lies on nothing. */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type Receiver, startReceiver } from "../helpers/receiver.ts";
import { settled } from "./helpers/axe.ts";
import { type Dashboard, openDashboard } from "./helpers/dashboard.ts";
import { pagesOf } from "./helpers/pages.ts";
import { type Customers, makeCustomers } from "./helpers/portal.ts";
import { createDefinition, mutate } from "./helpers/seed.ts";

const long = (begin: string, length: number) => begin + "x".repeat(length - begin.length);
const NAME = long("Name", 100);
const TYPE = long("order.", 124);
const WIDTHS = [1280, 360, 320];

let dashboard: Dashboard;
let receiver: Receiver;
let customers: Customers;
let id: string;
let number: number;

beforeAll(async () => {
  receiver = await startReceiver();
  receiver.respond({ status: 422, body: long("refused", 900), headers: { "x-long": long("h", 300) } });
  dashboard = await openDashboard({ HOOKLINE_RETRY_SCALE: "0.00001" });
  const { installation } = dashboard;
  customers = await makeCustomers(dashboard, "acme", NAME);
  const url = receiver.url + long("/", 300);
  const input = { description: long("https://", 900), targetUrl: url, eventTypes: [TYPE], applicationId: customers.id };
  ({ id } = await createDefinition(installation, { ...input, name: long("Name", 200), headers: { [long("X-", 90)]: long("v", 200) } }));
  const make = (name: string, given: object, type: string) => mutate(installation, name, given, `... on ${type} { __typename }`);
  await make("createEventType", { name: TYPE, description: long("D", 300) }, "EventType");
  await make("createConnection", { name: NAME, urlAdded: url, headers: [{ name: long("X-", 90), value: "v" }] }, "Connection");
  await make("createScript", { name: NAME, source: "1" }, "Script");
  await make("createSecretKey", { name: NAME, secret: "correct horse battery staple" }, "SecretKey");
  await make("createWorkflowRule", { name: NAME, description: NAME, entity: long("e", 60), webhookDefinitionIds: [id] }, "WorkflowRule");
  await make("createUser", { name: NAME, email: `${long("e", 60)}@example.com`, password: "no-mouse-here", role: "VIEWER" }, "User");
  await make("createApiToken", { name: NAME }, "CreatedApiToken");
  const goal = await mutate(installation, "createGoal", { name: NAME, direction: "MAXIMIZE" }, "... on Goal { id }");
  await make("createInboundWebhook", { goalId: goal.id, description: NAME }, "CreatedInboundWebhook");
  await make("createInboundWebhook", { targetType: "EVENT", name: NAME, eventType: TYPE }, "CreatedInboundWebhook");
  await installation.emit({
    ...{ type: TYPE, entity: long("e", 60), entityId: long("1", 120), application: "acme" },
    ...{ actor: long("a", 100), payload: { [long("p", 200)]: long("v", 900) } },
  });
  const query = `{ webhookRequests(first: 1, filter: { state: [REJECTED] }) { edges { node { number } } } }`;
  number = await vi.waitFor(
    async () => {
      const [edge] = (await installation.graphql(query)).webhookRequests.edges;
      if (!edge) throw new Error("nothing is rejected yet");
      return edge.node.number;
    },
    { timeout: 30_000 },
  );
}, 180_000);
afterAll(async () => {
  await dashboard?.close();
  await receiver?.close();
});

/** How far the page goes beyond its window, and what reaches there. */
const beyond = (page: Page) =>
  page.evaluate(() => {
    const { scrollWidth } = document.documentElement;
    if (scrollWidth <= innerWidth) return [];
    const wide = [...document.querySelectorAll("#root *")].filter((each) => each.getBoundingClientRect().right > innerWidth + 1);
    return [`${scrollWidth} at ${innerWidth}`, ...wide.slice(0, 12).map((each) => `${each.tagName}.${each.className}`)];
  });

/** Buttons and boxes at a row's ends that lie on a text of the same row. */
const covered = (page: Page) =>
  page.evaluate(() => {
    const found: string[] = [];
    for (const actions of document.querySelectorAll("td[data-place]")) {
      const buttons = [...actions.querySelectorAll("button, a, input")].map((each) => each.getBoundingClientRect());
      for (const cell of actions.parentElement?.querySelectorAll("td:not([data-place])") ?? []) {
        const range = document.createRange();
        range.selectNodeContents(cell);
        for (const text of range.getClientRects())
          for (const button of buttons)
            if (
              text.width > 1 &&
              text.left < button.right &&
              button.left < text.right &&
              text.top < button.bottom &&
              button.top < text.bottom
            )
              found.push(`${(cell.textContent ?? "").slice(0, 20)} under a button`);
      }
    }
    return [...new Set(found)];
  });

async function looked(page: Page, name: string): Promise<string[]> {
  const wrong: string[] = [];
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: 800 });
    await settled(page);
    wrong.push(
      ...(await beyond(page)).map((each) => `${name}: ${each}`),
      ...(await covered(page)).map((each) => `${name} at ${width}: ${each}`),
    );
  }
  await page.setViewportSize({ width: 1280, height: 800 });
  return wrong;
}

test("no page of the dashboard is wider than its window, and no button lies on a name", { timeout: 300_000 }, async () => {
  const goals = await dashboard.installation.graphql("{ goals(first: 1) { edges { node { id } } } }");
  const page = await dashboard.context.newPage();
  const wrong: string[] = [];
  for (const path of pagesOf({ webhook: id, goal: goals.goals.edges[0].node.id, number })) {
    await page.goto(dashboard.installation.url + path);
    await settled(page);
    wrong.push(...(await looked(page, path)));
  }
  expect(wrong).toEqual([]);
  await page.close();
});

test("nor is one of the portal, also when something was just made, or is asked", { timeout: 200_000 }, async () => {
  const page = await customers.open();
  const wrong = await looked(page, "list");
  await page.getByRole("button", { name: "New webhook" }).first().click();
  const panel = page.getByRole("dialog", { name: "New webhook" });
  await panel.getByLabel("Name").fill(NAME);
  await panel.getByLabel("Target URL").fill(`${receiver.url}/in`);
  await panel.getByLabel("Event types").fill("*");
  await panel.getByRole("button", { name: "Create webhook" }).click();
  await page.getByText(`Signing secret of ${NAME}`).waitFor();
  wrong.push(...(await looked(page, "just made")));
  await page.goto(`${dashboard.installation.url}/portal/webhooks/${id}`);
  await page.getByRole("row").filter({ hasText: TYPE }).waitFor();
  wrong.push(...(await looked(page, "webhook")));
  await page.getByRole("button", { name: "More actions" }).click();
  await page.getByRole("menuitem", { name: "Delete…" }).click();
  await page.getByRole("button", { name: "Delete webhook" }).waitFor();
  wrong.push(...(await looked(page, "question")));
  await page.goto(`${dashboard.installation.url}/portal/requests/${number}`);
  await page.getByRole("button", { name: /^Attempt 1 / }).waitFor();
  wrong.push(...(await looked(page, "request")));
  expect(wrong).toEqual([]);
  await page.context().close();
});
