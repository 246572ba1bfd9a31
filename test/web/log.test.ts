/** The live log: bursts, pauses, restarts, links, many rows. */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Receiver, startReceiver } from "../helpers/receiver.ts";
import { looked } from "./helpers/axe.ts";
import { type Dashboard, openDashboard } from "./helpers/dashboard.ts";
import { createDefinition } from "./helpers/seed.ts";

let dashboard: Dashboard;
let receiver: Receiver;
let definition: { id: string };

beforeAll(async () => {
  receiver = await startReceiver();
  dashboard = await openDashboard();
  definition = await createDefinition(dashboard.installation, {
    name: "Burst",
    targetUrl: receiver.url,
    eventTypes: ["*"],
    ordering: "NONE",
    concurrency: 50,
  });
}, 120_000);
afterAll(async () => {
  await dashboard?.close();
  await receiver?.close();
});

const events = (count: number, type: string) =>
  Array.from({ length: count }, (_, n) => ({ type, entity: "thing", entityId: `${type}-${n}`, payload: { n } }));

const total = (page: Page, count: string) => page.getByText(`${count} requests`, { exact: true });

const toTheEnd = async (page: Page) => {
  const oldest = page.getByText("#1", { exact: true });
  for (let tries = 0; tries < 60 && !(await oldest.isVisible()); tries++) {
    await page.getByRole("grid").evaluate((element) => element.scrollTo({ top: element.scrollHeight }));
    await page.waitForTimeout(150);
  }
  await oldest.waitFor();
};

test("2 500 deliveries stream in while one looks, and none is missing", { timeout: 180_000 }, async () => {
  const page = await dashboard.open("/log");
  await page.getByText("Live", { exact: true }).waitFor();
  for (let n = 0; n < 2_500; n += 500) await dashboard.installation.emit(events(500, `burst${n}`));
  await receiver.waitFor(2_500, 120_000);
  await total(page, "2,500").waitFor({ timeout: 30_000 });

  // The rows on screen are few, whatever their number; and what nobody looks at is not kept.
  expect(await page.getByRole("row").count()).toBeLessThan(80);
  const grid = page.getByRole("grid");
  await expect.poll(() => grid.getAttribute("aria-rowcount"), { timeout: 15_000 }).toBe("2001");
  // It comes back when somebody scrolls there: each row once.
  await toTheEnd(page);
  expect(await grid.getAttribute("aria-rowcount")).toBe("2501");
  // Every one of them reaches its final state without a reload: none is left when only the unsettled are shown.
  await page.goto(`${dashboard.installation.url}/log?state=PENDING,SENDING,WAITING`);
  await page.getByText("Nothing matches").waitFor({ timeout: 30_000 });
  // From the newest to the oldest; older pages come by themselves.
  await page.goto(`${dashboard.installation.url}/log`);
  await page.getByText("#2500", { exact: true }).waitFor();
  await toTheEnd(page);
  expect(dashboard.mistakes).toEqual([]);
  await page.close();
});

test("what somebody chose stays, however much comes in above it", { timeout: 180_000 }, async () => {
  const page = await dashboard.open("/log");
  await page.getByRole("checkbox", { name: "Select request 2495" }).click();
  const bar = page.getByRole("region", { name: "Selection" });
  await bar.getByText("1 request selected").waitFor();
  for (let n = 0; n < 2_200; n += 550) await dashboard.installation.emit(events(550, `above${n}`));
  await total(page, "4,700").waitFor({ timeout: 60_000 });
  await bar.getByText("1 request selected").waitFor();
  await page.keyboard.press("Escape");
  await page.close();
});

test("paused it stands still; resumed it goes on from where one left off, with a marker", { timeout: 150_000 }, async () => {
  const page = await dashboard.open("/log");
  await page.getByText("Live", { exact: true }).waitFor();
  const newest = await page.getByRole("row").nth(1).getAttribute("id");
  await page.getByRole("button", { name: "Pause" }).click();
  await page.getByText("Paused", { exact: true }).waitFor();
  await dashboard.installation.emit(events(7, "quiet"));
  await receiver.waitFor((calls) => calls.filter((call) => call.body.includes("quiet")).length === 7);
  expect(await page.getByRole("row").nth(1).getAttribute("id")).toBe(newest);

  await page.getByRole("button", { name: "Resume" }).click();
  for (let n = 0; n < 7; n++) await page.getByText(`thing quiet-${n}`, { exact: true }).waitFor();
  await page.getByText("you left off here").waitFor();
  await page.close();
});

test("after a restart of the server it goes on, and nothing is missing", { timeout: 120_000 }, async () => {
  const { installation } = dashboard;
  const page = await dashboard.open(`/log?definition=${definition.id}&type=restart`);
  await page.getByText("Live", { exact: true }).waitFor();
  await installation.emit(events(3, "restart"));
  await page.getByText("3 match").waitFor();
  await installation.kill();
  await page.getByText(/Reconnecting/).waitFor();
  await installation.start();
  // Before the page is back, most likely: what happens in between counts, too.
  await installation.emit(events(20, "restart"));
  await page.getByText("Live", { exact: true }).waitFor({ timeout: 30_000 });
  await page.getByText("23 match").waitFor({ timeout: 30_000 });
  await page.close();
});

test("a view is a link, and filters narrow it", { timeout: 150_000 }, async () => {
  const page = await dashboard.open("/log");
  await page.getByLabel("Entity id", { exact: true }).fill("quiet-3");
  await page.getByText("1 match").waitFor();
  await expect.poll(() => new URL(page.url()).search).toBe("?entityId=quiet-3");
  await page.reload();
  await page.getByText("thing quiet-3").waitFor();
  expect(await page.getByRole("row").count()).toBe(2);
  await page.getByRole("button", { name: "Clear" }).click();
  await page.getByText(/requests$/).waitFor();
  await page.close();
});

test("a selection is resent, with its progress", { timeout: 150_000 }, async () => {
  const page = await dashboard.open("/log?type=quiet");
  await page.getByText("7 match").waitFor();
  const before = receiver.calls.length;
  await page
    .getByRole("checkbox", { name: /Select request/ })
    .nth(0)
    .click();
  await page
    .getByRole("checkbox", { name: /Select request/ })
    .nth(4)
    .click({ modifiers: ["Shift"] });
  const bar = page.getByRole("region", { name: "Selection" });
  await bar.getByText("5 requests selected").waitFor();
  await bar.getByRole("button", { name: /^Resend/ }).click();
  await bar.getByText("Resend: 5 of 5").waitFor();
  await receiver.waitFor(before + 5);
  await bar.getByRole("button", { name: "Done" }).click();
  await page.close();
});

test("older ones that could not be loaded are asked for again, by hand and when the server is back", { timeout: 150_000 }, async () => {
  const { installation } = dashboard;
  await installation.emit(events(450, "deep"));
  const page = await dashboard.open("/log?type=deep");
  page.setDefaultTimeout(20_000);
  await page.getByText("450 match").waitFor();
  await page.getByText("Live", { exact: true }).waitFor();
  const grid = page.getByRole("grid");
  const loaded = async () => Number(await grid.getAttribute("aria-rowcount"));
  const down = () => grid.evaluate((element) => element.scrollTo({ top: element.scrollHeight }));
  const failed = grid.getByText("Older ones could not be loaded");

  await page.route("**/graphql", (route) =>
    route.request().postData()?.includes("query OlderRequests") ? route.abort("connectionrefused") : route.continue(),
  );
  await down();
  await failed.waitFor();
  expect(await looked(page, "older ones failed")).toEqual([]);
  // The button's Enter is not that of the row which the arrows chose.
  await grid.press("ArrowDown");
  await page.unrouteAll({ behavior: "ignoreErrors" });
  await grid.getByRole("button", { name: "Try again" }).press("Enter");
  await failed.waitFor({ state: "hidden" });
  expect(new URL(page.url()).pathname).toBe("/log");
  await expect.poll(loaded).toBeGreaterThan(200);

  await installation.kill();
  await page.getByText(/Reconnecting/).waitFor();
  await down();
  await failed.waitFor();
  const before = await loaded();
  await installation.start();
  await page.getByText("Live", { exact: true }).waitFor({ timeout: 60_000 });
  await failed.waitFor({ state: "hidden" });
  await expect.poll(loaded).toBeGreaterThan(before);
  expect(dashboard.mistakes).toEqual([]);
  await page.close();
});

test("when all rows that were loaded are deleted, those behind them come by themselves", { timeout: 150_000 }, async () => {
  await dashboard.installation.emit(events(130, "behind"));
  const page = await dashboard.open("/log?type=behind&state=DELIVERED");
  page.setDefaultTimeout(30_000);
  await page.getByText("130 match").waitFor();
  await page.reload();
  await page.getByText("130 match").waitFor();
  await page.getByRole("checkbox", { name: "Select all loaded requests" }).check();
  const bar = page.getByRole("region", { name: "Selection" });
  await bar.getByText("100 requests selected").waitFor();
  await bar.getByRole("button", { name: /^Delete/ }).click();
  await page.getByText("30 match").waitFor({ timeout: 60_000 });
  await expect.poll(() => page.getByRole("grid").getAttribute("aria-rowcount")).toBe("31");
  await page.close();
});

test("what is done with a selection can be stopped when the selection is gone, and ends when the log is left", {
  timeout: 150_000,
}, async () => {
  const { installation } = dashboard;
  await installation.emit(events(8, "bin"));
  const page = await dashboard.open("/log?type=bin&state=DELIVERED");
  page.setDefaultTimeout(20_000);
  await page.getByText("8 match").waitFor();
  let answer = () => {};
  let asked = 0;
  await page.route("**/graphql", async (route) => {
    if (route.request().postData()?.includes("mutation DeleteOne")) {
      asked++;
      await new Promise<void>((resolve) => {
        answer = resolve;
      });
    }
    await route.continue().catch(() => undefined);
  });
  const bar = page.getByRole("region", { name: "Selection" });
  const box = (nth: number) => page.getByRole("checkbox", { name: /Select request/ }).nth(nth);

  // Another view, where nothing is selected.
  await box(0).click();
  await box(3).click({ modifiers: ["Shift"] });
  await bar.getByRole("button", { name: /^Delete/ }).click();
  await expect.poll(() => asked).toBe(1);
  await page.getByLabel("Entity id", { exact: true }).fill("bin-0");
  await page.getByText("1 match").waitFor();
  await bar.getByRole("button", { name: "Stop" }).click();
  answer();
  await bar.getByText("Delete: 1 of 4").waitFor();
  await bar.getByRole("button", { name: "Done" }).click();
  await bar.waitFor({ state: "hidden" });
  expect(asked).toBe(1);

  // The last row leaves the view with what is done to it.
  await page.getByLabel("Entity id", { exact: true }).fill("");
  await page.getByText("7 match").waitFor();
  await page.getByRole("checkbox", { name: "Select all loaded requests" }).click();
  await bar.getByRole("button", { name: /^Delete/ }).click();
  for (let n = 2; n <= 8; n++) {
    await expect.poll(() => asked).toBe(n);
    answer();
  }
  await page.getByText("Nothing matches").waitFor();
  await bar.getByText("Delete: 7 of 7").waitFor();
  await bar.getByRole("button", { name: "Done" }).click();

  // Elsewhere nothing could stop it.
  await installation.emit(events(3, "bin"));
  await page.getByText("3 match").waitFor();
  await page.getByRole("checkbox", { name: "Select all loaded requests" }).click();
  await bar.getByRole("button", { name: /^Delete/ }).click();
  await expect.poll(() => asked).toBe(9);
  await page.getByRole("link", { name: "Webhooks", exact: true }).click();
  await page.getByRole("heading", { name: "Webhooks" }).waitFor();
  answer();
  await page.getByText("Delete: stopped at 1 of 3").waitFor();
  expect(asked).toBe(9);
  expect(dashboard.mistakes).toEqual([]);
  await page.close();
});
