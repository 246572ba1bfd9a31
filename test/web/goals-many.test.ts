/** More than a page of the server's: a year of values, a hundred goals and more, and a page that fails on the way. */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Dashboard, openDashboard } from "./helpers/dashboard.ts";
import { createDefinition, mutate } from "./helpers/seed.ts";

const GOALS = 103;
const VALUES = 230;

let dashboard: Dashboard;
let daily: string;
beforeAll(async () => {
  dashboard = await openDashboard();
  for (let n = 1; n < GOALS; n++) await make(`Goal ${n}`);
  daily = await make("Daily");
  for (let back = 0; back < VALUES; back++)
    await mutate(
      dashboard.installation,
      "recordGoalValue",
      { goalId: daily, date: day(back), value: String(1_000 + back) },
      "... on GoalValue { id }",
    );
}, 120_000);
afterAll(async () => {
  await dashboard?.close();
});

const make = async (name: string): Promise<string> =>
  (
    await mutate(
      dashboard.installation,
      "createGoal",
      { name, direction: "MAXIMIZE", goodThreshold: "10", badThreshold: "5" },
      "... on Goal { id }",
    )
  ).id;
const day = (back: number) => new Date(Date.now() - back * 86_400_000).toISOString().slice(0, 10);
const rows = (page: Page, label: RegExp | string) => page.getByRole("table", { name: label }).locator("tbody tr").count();

/** Pages after the first fail until it is lifted, or that one, too. */
async function fail(page: Page, operation: string, which: "further" | "all"): Promise<() => Promise<void>> {
  const fails = (route: import("playwright-core").Route) => {
    const { query, variables } = route.request().postDataJSON() as { query: string; variables: { after?: string | null } };
    return query.includes(`query ${operation}(`) && (which === "all" || variables.after) ? route.abort() : route.fallback();
  };
  await page.route("**/graphql", fails);
  return () => page.unroute("**/graphql", fails);
}

test("the values of a year are all in the chart, and in the table to be changed or deleted", { timeout: 120_000 }, async () => {
  const page = await dashboard.open(`/goals/${daily}`);
  await page.getByText("A year", { exact: true }).click();
  const dots = () => page.locator(".recharts-line-dots > *").count();
  await expect.poll(dots).toBe(VALUES);
  // Of the table a hundred at a time: each has a menu of its own.
  await expect.poll(() => rows(page, /^Values/)).toBe(100);
  await page.getByRole("button", { name: "Older" }).click();
  await page.getByRole("button", { name: "Older" }).click();
  await expect.poll(() => rows(page, /^Values/)).toBe(VALUES);
  expect(await page.getByRole("button", { name: "Older" }).count()).toBe(0);
  await page
    .getByRole("cell", { name: "1 229", exact: true })
    .or(page.getByRole("row").filter({ hasText: /1\D?229/ }))
    .last()
    .waitFor();
  await page.getByText("30 days", { exact: true }).click();
  await expect.poll(() => rows(page, /^Values/)).toBeLessThan(32);

  const lift = await fail(page, "Goal", "further");
  await page.getByText("All", { exact: true }).click();
  await page
    .getByRole("alert")
    .getByText(/Not all of it could be loaded/)
    .waitFor();
  await expect.poll(dots).toBe(100);
  await lift();
  await page.getByRole("button", { name: "Try again" }).click();
  await expect.poll(dots).toBe(VALUES);
  expect(await page.getByText(/Not all of it could be loaded/).count()).toBe(0);
  expect(dashboard.mistakes).toEqual([]);
  await page.close();
});

test("the overview counts all goals, as the page it links to lists them", { timeout: 120_000 }, async () => {
  const page = await dashboard.open("/");
  const count = page.getByRole("link", { name: new RegExp(`^${GOALS - 1}\\D`) });
  await count.waitFor();
  await count.click();
  await expect.poll(() => rows(page, "Goals")).toBe(GOALS - 1);
  await page.getByRole("button", { name: "Show all goals" }).click();
  await expect.poll(() => rows(page, "Goals")).toBe(GOALS);
  await page.close();
});

test("an inbound webhook can be made for the oldest of them", { timeout: 120_000 }, async () => {
  const page = await dashboard.open("/inbound-webhooks");
  await page.getByRole("button", { name: "New Webhook" }).first().click();
  const choice = page.getByRole("dialog").getByRole("combobox", { name: "Goal" }).or(page.getByRole("dialog").getByLabel("Goal")).first();
  await choice.fill("Goal 1");
  await page.getByRole("option", { name: "Goal 1", exact: true }).waitFor({ timeout: 10_000 });
  await page.close();
});

test("a list of which a page fails says that it is not all of it, and reads it again", { timeout: 120_000 }, async () => {
  const page = await dashboard.context.newPage();
  const lift = await fail(page, "Goals", "further");
  await page.goto(`${dashboard.installation.url}/goals`);
  const said = page.getByRole("alert").getByText(/Not all of it could be loaded/);
  await said.waitFor();
  expect(await rows(page, "Goals")).toBe(50);
  // What was read stays when nothing of it can be read anew.
  const back = await fail(page, "Goals", "all");
  const failed = page.waitForEvent("requestfailed");
  await page.getByRole("button", { name: "Try again" }).click();
  await failed;
  await said.waitFor();
  expect(await rows(page, "Goals")).toBe(50);
  await back();
  await lift();
  await page.getByRole("button", { name: "Try again" }).click();
  await expect.poll(() => rows(page, "Goals")).toBe(GOALS);
  await said.waitFor({ state: "detached" });
  await page.close();

  // Counts of a part would contradict the page they lead to.
  const overview = await dashboard.context.newPage();
  await fail(overview, "GoalStates", "further");
  await overview.goto(dashboard.installation.url);
  await overview.getByText(/Not all of it could be loaded/).waitFor();
  expect(await overview.locator("a[href^='/goals?status']").count()).toBe(0);
  await overview.close();
});

test("a list that is longer than what is shown says so", { timeout: 120_000 }, async () => {
  const page = await dashboard.context.newPage();
  await page.route("**/graphql", async (route) => {
    const { query, variables } = route.request().postDataJSON() as { query: string; variables: { after?: string | null } };
    if (!query.includes("query Goals(")) return route.fallback();
    const response = await route.fetch();
    const answer = await response.json();
    // The end is never reached.
    const { pageInfo } = answer.data.goals;
    answer.data.goals.pageInfo = { ...pageInfo, hasNextPage: true, endCursor: pageInfo.endCursor ?? variables.after };
    await route.fulfill({ response, json: answer });
  });
  await page.goto(`${dashboard.installation.url}/goals`);
  await page.getByText(`These are the newest ${GOALS}; there are more.`).waitFor();
  // What it still asks is no longer held here.
  await page.unrouteAll({ behavior: "ignoreErrors" });
  await page.close();
});

test("of webhooks, connections and event types the oldest can be chosen, too", { timeout: 180_000 }, async () => {
  const { installation } = dashboard;
  for (let n = 0; n < GOALS; n++) {
    await createDefinition(installation, { name: `Hook ${n}`, targetUrl: "https://example.com/", eventTypes: [`old.${n}`] });
    await mutate(
      installation,
      "createConnection",
      { name: `Connection ${n}`, urlAdded: "https://example.com/" },
      "... on Connection { id }",
    );
    await mutate(installation, "createEventType", { name: `listed.n${n}` }, "... on EventType { id }");
  }
  const page = await dashboard.open("/log");
  page.setDefaultTimeout(20_000);
  await page.getByLabel("Webhook", { exact: true }).first().fill("Hook 0");
  await page.getByRole("option", { name: "Hook 0", exact: true }).click();
  await expect.poll(() => new URL(page.url()).searchParams.get("definition")).not.toBeNull();
  await page.goto(`${installation.url}/webhooks`);
  await page.getByRole("button", { name: "New webhook" }).first().click();
  const panel = page.getByRole("dialog", { name: "New webhook" });
  await panel.getByLabel("Event types").fill("listed.n0");
  await page.getByRole("option", { name: "listed.n0", exact: true }).click();
  await panel.getByText("Connection", { exact: true }).click();
  await panel
    .getByRole("combobox", { name: "Connection" })
    .or(panel.getByLabel("Connection", { exact: true }))
    .last()
    .fill("Connection 0");
  await page.getByRole("option", { name: "Connection 0", exact: true }).click();
  await page.close();
});
