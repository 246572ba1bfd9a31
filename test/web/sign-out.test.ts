/** Signing out ends on the sign-in page, at once, whatever the page is doing. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Dashboard, openDashboard } from "./helpers/dashboard.ts";
import { mutate } from "./helpers/seed.ts";

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
  const { installation } = dashboard;
  const signOut = async (time: number) => {
    const context = await dashboard.person({ reducedMotion: "no-preference" });
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

test("without an answer it says that the person is still signed in, and stays; trying again works, in the portal too", {
  timeout: 120_000,
}, async () => {
  const { installation } = dashboard;
  const made = await mutate(installation, "createApplication", { uid: "acme", name: "Acme Ltd" }, "... on Application { id }");
  const link = (await mutate(installation, "createPortalLink", { applicationId: made.id }, "... on PortalLink { url }")).url;
  const context = await dashboard.person();
  const portal = await context.newPage();
  await portal.goto(link);
  const staff = await context.newPage();
  await staff.request.post(`${installation.url}/sign-in-token`, {
    headers: { origin: installation.url },
    data: { token: installation.token },
  });
  await staff.goto(`${installation.url}/account`);
  const press = async () => {
    await staff.getByRole("button", { name: /^Administrator/ }).click();
    await staff.getByRole("menuitem", { name: "Sign out" }).click();
    await portal.getByRole("button", { name: "Sign out" }).click();
  };
  await portal.getByRole("button", { name: "Sign out" }).waitFor();
  await staff.getByRole("button", { name: /^Administrator/ }).waitFor();
  await context.setOffline(true);
  await press();
  for (const page of [portal, staff]) await page.getByText("You are still signed in").waitFor();
  // No answer at all is none, either; a late one counts.
  await context.setOffline(false);
  let answer = () => {};
  const held = new Promise<void>((resolve) => {
    answer = resolve;
  });
  for (const page of [portal, staff]) {
    await page.getByText("You are still signed in").waitFor({ state: "hidden", timeout: 20_000 });
    await page.route("**/graphql", async (route) => {
      if (route.request().postData()?.includes("SignOut")) await held;
      await route.continue().catch(() => undefined);
    });
  }
  await press();
  for (const page of [portal, staff]) await page.getByText("the server does not answer").waitFor();
  answer();
  await portal.getByRole("heading", { name: "You are signed out" }).waitFor();
  await staff.getByRole("button", { name: "Sign in", exact: true }).waitFor();
  for (const page of [portal, staff]) await page.unrouteAll({ behavior: "ignoreErrors" });
  await portal.reload();
  await portal.getByRole("heading", { name: "You are signed out" }).waitFor();
  await context.close();
  expect(dashboard.mistakes).toEqual([]);
});

test("what is typed on the page is asked about first", { timeout: 60_000 }, async () => {
  const page = await dashboard.open("/settings");
  await page.getByLabel("Name", { exact: true }).first().fill("Typed and not saved");
  await page.getByRole("button", { name: /^Administrator/ }).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  const question = page.getByRole("dialog", { name: "Discard what you have typed?" });
  await question.getByRole("button", { name: "Go on editing" }).click();
  expect(await page.getByLabel("Name", { exact: true }).first().inputValue()).toBe("Typed and not saved");
  await page.getByRole("button", { name: /^Administrator/ }).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await question.getByRole("button", { name: "Discard" }).click();
  await page.getByRole("button", { name: "Sign in", exact: true }).waitFor();
  await page.close();
});
