/** Signing out ends on the sign-in page, at once, whatever the page is doing. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Dashboard, openDashboard } from "./helpers/dashboard.ts";

let dashboard: Dashboard;

beforeAll(async () => {
  dashboard = await openDashboard();
}, 120_000);
afterAll(async () => {
  await dashboard?.close();
});

/** What is under way on them: a live stream, polled counts, pages of a list. */
const PATHS = ["/log", "/", "/webhooks", "/lanes", "/goals"];
const TIMES = 20;
/** People, each in a browser of their own. */
const AT_ONCE = 3;

test(`B99 ${TIMES} times in a row, also while queries are under way and the menu still moves`, { timeout: 240_000 }, async () => {
  const { installation, browser } = dashboard;
  const signOut = async (time: number) => {
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(`${installation.url}/sign-in`);
    await page.getByText("API token", { exact: true }).click();
    await page.getByLabel("Token", { exact: true }).fill(installation.token);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("navigation", { name: "Main" }).waitFor();
    await page.goto(installation.url + PATHS[time % PATHS.length]);
    const person = page.getByRole("button", { name: /^Administrator/ });
    await person.waitFor();
    // Every other time all that the page asks for stays unanswered until after the sign-out.
    let answer = () => {};
    if (time % 2 === 1) {
      const held = new Promise<void>((resolve) => {
        answer = resolve;
      });
      await page.route("**/graphql", async (route) => {
        if (!route.request().postData()?.includes("SignOut")) await held;
        await route.continue().catch(() => undefined);
      });
      await page.evaluate(() => dispatchEvent(new Event("focus")));
    }
    await person.click();
    // Not `click`: that would wait until the menu stands still.
    await page.getByRole("menuitem", { name: "Sign out" }).dispatchEvent("click");
    await page.getByRole("button", { name: "Sign in", exact: true }).waitFor({ timeout: 10_000 });
    answer();
    await page.goto(`${installation.url}/log`);
    await page.getByRole("button", { name: "Sign in", exact: true }).waitFor({ timeout: 10_000 });
    expect(await page.getByRole("navigation", { name: "Main" }).count()).toBe(0);
    await page.unrouteAll({ behavior: "ignoreErrors" });
    await context.close();
  };
  const times = Array.from({ length: TIMES }, (_, time) => time).values();
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (const time of times) await signOut(time);
    }),
  );
  expect(dashboard.mistakes).toEqual([]);
});
