/** What operators do: stop many, unblock a lane, watch a goal; and what viewers cannot do. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Receiver, startReceiver } from "../helpers/receiver.ts";
import { looked } from "./helpers/axe.ts";
import { type Dashboard, openDashboard } from "./helpers/dashboard.ts";
import { createDefinition, mutate } from "./helpers/seed.ts";

let dashboard: Dashboard;
let receiver: Receiver;

beforeAll(async () => {
  receiver = await startReceiver();
  dashboard = await openDashboard({ HOOKLINE_RETRY_SCALE: "0.01" });
}, 120_000);
afterAll(async () => {
  await dashboard?.close();
  await receiver?.close();
});

test("several webhooks are stopped at once, and activated again", { timeout: 150_000 }, async () => {
  for (const name of ["One", "Two", "Three"]) {
    await createDefinition(dashboard.installation, { name, targetUrl: receiver.url, eventTypes: [`bulk.${name}`] });
  }
  const page = await dashboard.open("/webhooks");
  await page.getByLabel("Select One").check();
  await page.getByLabel("Select Three").check();
  await page.getByRole("button", { name: "Stop", exact: true }).click();
  await page.getByText("2 webhooks stopped").waitFor();
  const table = page.getByRole("table", { name: "Webhooks" });
  await expect.poll(() => table.getByText("Stopped").count()).toBe(2);
  expect(await table.getByRole("row").filter({ hasText: "Two" }).getByText("Active").count()).toBe(1);

  await page.getByRole("switch", { name: "Show stopped ones" }).click();
  await expect.poll(() => table.getByRole("row").count()).toBe(2);
  await page.getByRole("switch", { name: "Show stopped ones" }).click();
  await page.getByLabel("Select all webhooks").check();
  await page.getByRole("button", { name: "Activate" }).click();
  await expect.poll(() => table.getByText("Active", { exact: true }).count()).toBe(3);
  await page.close();
});

test("a blocked lane says why, and goes on when its head is skipped", { timeout: 150_000 }, async () => {
  const { installation } = dashboard;
  await createDefinition(installation, {
    name: "Strict",
    targetUrl: receiver.url,
    eventTypes: ["strict.*"],
    onExhausted: "BLOCK",
    retrySchedule: [],
  });
  receiver.respond((call) => (call.body.includes('"poison":true') ? 422 : 200));
  await installation.emit({ type: "strict.event", entity: "thing", entityId: "bad", payload: { poison: true } });
  await installation.emit([1, 2, 3].map((n) => ({ type: "strict.event", entity: "thing", entityId: `good-${n}`, payload: { n } })));

  const page = await dashboard.open("/lanes");
  const lane = page.getByRole("row").filter({ hasText: "Strict" });
  await lane.getByText("Blocked").waitFor();
  await lane.getByText("Receiver answered 422 · attempt 1 of 1 · given up").waitFor();
  await lane.getByRole("cell", { name: "3", exact: true }).waitFor();
  await lane.getByRole("button", { name: "Skip…" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Skip", exact: true }).click();
  await receiver.waitFor((calls) => calls.some((call) => call.body.includes("good-3")));
  await page.getByText("Nothing is held up").waitFor({ timeout: 15_000 });
  await page.goto(`${installation.url}/log?entityId=bad`);
  await page.getByText("Skipped").waitFor();
  receiver.respond(200);
  await page.close();
});

test("several lanes are paused at once, seen in a view of their own, and resumed there", { timeout: 150_000 }, async () => {
  const { installation } = dashboard;
  await createDefinition(installation, {
    ...{ name: "Keyed", targetUrl: receiver.url, eventTypes: ["keyed.*"], ordering: "KEY", retrySchedule: [600_000] },
  });
  receiver.respond(503);
  await installation.emit(["a", "b", "c"].map((entityId) => ({ type: "keyed.event", entity: "thing", entityId })));
  const page = await dashboard.open("/lanes?view=waiting");
  await expect.poll(() => page.getByText("Receiver answered 503").count()).toBe(3);
  await page.getByLabel("Select Keyed thing/a").check();
  await page.getByLabel("Select Keyed thing/c").check();
  const bar = page.getByRole("region", { name: "Selection" });
  await bar.getByRole("button", { name: "Pause" }).click();
  await page.getByText("2 lanes paused").waitFor();
  await page.getByText("Paused", { exact: true }).first().click();
  const row = (key: string) => page.getByRole("row").filter({ hasText: `thing/${key}` });
  await row("a").getByText("Paused by an operator").waitFor();
  await row("c").getByText("Paused by an operator").waitFor();
  expect(await row("b").count()).toBe(0);
  expect(await looked(page, "paused lanes")).toEqual([]);
  await page.reload();
  await row("a").waitFor();
  receiver.respond(200);
  await page.getByLabel("Select all lanes of this page").check();
  await bar.getByRole("button", { name: "Resume" }).click();
  await page.getByText("2 lanes resumed").waitFor();
  await page.getByText("No lanes here").waitFor();
  expect(dashboard.mistakes).toEqual([]);
  await page.close();
});

test("a goal's chart moves when a value is posted to its inbound webhook", { timeout: 150_000 }, async () => {
  const { installation } = dashboard;
  const goal = await mutate(
    installation,
    "createGoal",
    { name: "Revenue", unit: "EUR", direction: "MAXIMIZE", goodThreshold: "450", badThreshold: "300" },
    "... on Goal { id }",
  );
  await mutate(installation, "recordGoalValue", { goalId: goal.id, date: "2026-11-01", value: "310" }, "... on GoalValue { id }");
  const page = await dashboard.open("/inbound-webhooks");
  await page.getByRole("button", { name: "New Webhook" }).click();
  const panel = page.getByRole("dialog", { name: "New webhook" });
  await panel.getByRole("combobox", { name: "Goal" }).click();
  await page.getByRole("option", { name: "Revenue" }).click();
  await panel.getByLabel("Description").fill("The ERP");
  await panel.getByRole("button", { name: "Create" }).click();
  const shown = page.getByText("Target URL of Revenue").locator("..");
  await shown.waitFor();
  await shown.getByRole("button", { name: "Copy the target URL" }).click();
  const url = await page.evaluate(() => navigator.clipboard.readText());

  await page.goto(`${installation.url}/goals/${goal.id}`);
  await page.getByText("Between").first().waitFor();
  const today = new Date().toISOString().slice(0, 10);
  const posted = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ date: today, value: 500 }),
  });
  expect(posted.status).toBe(201);
  // Without a reload: the values are followed live.
  await page
    .getByRole("heading", { name: /Revenue/ })
    .getByText("On target")
    .waitFor();
  await page.locator(".recharts-surface").first().waitFor();
  await page.getByText("≥ 450 green").waitFor();
  await expect
    .poll(() =>
      page
        .getByRole("table", { name: /Values/ })
        .getByRole("row")
        .count(),
    )
    .toBe(3);

  const refused = await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body: '{"value":"many"}' });
  expect(refused.status).toBe(400);
  await page.goto(`${installation.url}/inbound-webhooks`);
  await page.getByRole("cell", { name: /^400, / }).waitFor();
  await page.getByRole("button", { name: "Posts to Revenue" }).click();
  const posts = page.getByRole("dialog", { name: "Posts to Revenue" });
  const post = (word: string) => posts.getByRole("row").filter({ hasText: word });
  await post("Accepted").getByText("201").waitFor();
  await post("Refused")
    .getByText(/date is required/)
    .waitFor();
  expect(await looked(page, "posts")).toEqual([]);
  expect(dashboard.mistakes).toEqual([]);
  await page.close();
});

test("a viewer sees everything of webhooks and goals, and can change nothing", { timeout: 150_000 }, async () => {
  const { installation, browser } = dashboard;
  await mutate(
    installation,
    "createUser",
    { email: "viewer@example.com", name: "Vera", password: "only-looking", role: "VIEWER" },
    "... on User { id }",
  );
  const context = await browser.newContext({ viewport: { width: 1360, height: 850 } });
  const page = await context.newPage();
  await page.goto(`${installation.url}/sign-in`);
  await page.getByLabel("E-mail or user name").fill("viewer@example.com");
  await page.getByLabel("Password", { exact: true }).fill("only-looking");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("navigation", { name: "Main" }).waitFor();
  expect(await page.getByRole("link", { name: "Inbound webhooks" }).count()).toBe(0);

  const { goals, webhookDefinitions, webhookRequests } = await installation.graphql(
    "{ goals(first: 1) { edges { node { id } } } webhookDefinitions(first: 1) { edges { node { id } } } webhookRequests(first: 1) { edges { node { number } } } }",
  );
  const paths = [
    "/webhooks",
    `/webhooks/${webhookDefinitions.edges[0].node.id}`,
    "/log",
    `/log/${webhookRequests.edges[0].node.number}`,
    "/lanes?view=all",
    "/goals",
    `/goals/${goals.edges[0].node.id}`,
    "/settings",
    "/settings/event-types",
    "/workflow-rules",
    "/connections",
    "/scripts",
    "/inbound-webhooks",
    "/settings/users",
  ];
  const CHANGES =
    /^(new|create|edit|delete|stop|activate|send|resend|skip|cancel|pause|retry|record|rotate|revoke|save|actions|more actions)/i;
  for (const path of paths) {
    await page.goto(installation.url + path);
    await page.locator("h1").first().waitFor();
    await page.waitForFunction(() => document.querySelector('[aria-label="Loading"]') === null);
    const names = await page
      .getByRole("main")
      .getByRole("button")
      .evaluateAll((all) => all.map((each) => each.getAttribute("aria-label") ?? each.textContent ?? ""));
    // Pausing one's own view of the log changes nothing.
    expect({ path, changes: names.filter((name) => CHANGES.test(name) && !(path === "/log" && name === "Pause")) }).toEqual({
      path,
      changes: [],
    });
    expect(await page.getByText("This could not be loaded").count()).toBe(0);
  }

  // And whoever gets round the page meets the server: the session itself may not.
  const answer = await page.evaluate(async () => {
    const xsrf = decodeURIComponent(/XSRF-TOKEN=([^;]*)/.exec(document.cookie)?.[1] ?? "");
    const query = 'mutation { createGoal(input: {name: "Mine", direction: MAXIMIZE}) { __typename } }';
    const response = await fetch("/graphql", {
      method: "POST",
      headers: { "content-type": "application/json", "x-xsrf-token": xsrf },
      body: JSON.stringify({ query }),
    });
    return response.json();
  });
  expect(answer.data.createGoal.__typename).toBe("ForbiddenError");
  await context.close();
});
