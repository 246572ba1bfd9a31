/** Goals: the gap to green, a value that is changed or deleted and comes back, and the wall. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { looked } from "./helpers/axe.ts";
import { type Dashboard, openDashboard } from "./helpers/dashboard.ts";
import { mutate } from "./helpers/seed.ts";

let dashboard: Dashboard;
let revenue: string;

beforeAll(async () => {
  dashboard = await openDashboard();
  const make = async (name: string, direction: string, good: string, bad: string): Promise<string> =>
    (
      await mutate(
        dashboard.installation,
        "createGoal",
        { name, direction, unit: "EUR", goodThreshold: good, badThreshold: bad },
        "... on Goal { id }",
      )
    ).id;
  revenue = await make("Revenue", "MAXIMIZE", "450", "300");
  await record(revenue, "2026-11-01", "438");
  await record(revenue, "2026-11-03", "500", { goodThreshold: "490" });
  await record(await make("Costs", "MINIMIZE", "40", "90"), "2026-11-01", "52.5");
  await make("Not measured", "MAXIMIZE", "1", "0");
}, 120_000);
afterAll(async () => {
  await dashboard?.close();
});

const record = (goalId: string, date: string, value: string, more: object = {}) =>
  mutate(dashboard.installation, "recordGoalValue", { goalId, date, value, ...more }, "... on GoalValue { id }");
const values = async () =>
  (
    await dashboard.installation.graphql(
      "query ($id: ID!) { goal(id: $id) { status values { edges { node { date value goodThreshold badThreshold } } } } }",
      { id: revenue },
    )
  ).goal.values.edges.map(({ node }: { node: object }) => Object.values(node));

test("a value is changed and deleted, each with a way back; the gap to green is said", { timeout: 200_000 }, async () => {
  const before = await values();
  const page = await dashboard.open(`/goals/${revenue}`);
  await page
    .getByRole("button", { name: "All", exact: true })
    .or(page.getByText("All", { exact: true }))
    .first()
    .click();
  const table = page.getByRole("table", { name: /^Values/ });
  const row = (day: string) => table.getByRole("row").filter({ hasText: day });
  await row("3 Nov 2026").getByText("green by 10").waitFor();
  await row("1 Nov 2026").getByText("12 below green").waitFor();

  await page.getByRole("button", { name: "Actions of 3 Nov 2026" }).click();
  await page.getByRole("menuitem", { name: "Edit" }).click();
  const panel = page.getByRole("dialog", { name: "Edit the value of 3 Nov 2026" });
  expect(await panel.getByLabel("Value (EUR)").inputValue()).toBe("500");
  expect(await panel.getByLabel("Green, for this value only").inputValue()).toBe("490");
  await panel.getByLabel("Value (EUR)").fill("many");
  await panel.getByRole("button", { name: "Save" }).click();
  await panel.getByRole("alert").waitFor();
  await panel.getByLabel("Value (EUR)").fill("12345678901234567890.5");
  await panel.getByRole("button", { name: "Save" }).click();
  await row("3 Nov 2026")
    .getByText(/green by 12\D345\D678\D901\D234\D567\D400\.5/)
    .waitFor();
  await page.getByRole("button", { name: "Undo" }).click();
  await page.getByText("The value of 3 Nov 2026 is as before").waitFor();
  expect(await values()).toEqual(before);

  await page.getByRole("button", { name: "Actions of 3 Nov 2026" }).click();
  await page.getByRole("menuitem", { name: "Delete…" }).click();
  await page.getByRole("dialog", { name: "Delete the value of 3 Nov 2026?" }).getByRole("button", { name: "Delete value" }).click();
  await row("3 Nov 2026").waitFor({ state: "detached" });
  await page
    .getByRole("heading", { name: /Revenue/ })
    .getByText("Between")
    .waitFor();
  await page.getByRole("button", { name: "Undo" }).click();
  await row("3 Nov 2026").waitFor();
  expect(await values()).toEqual(before);
  expect(await looked(page, "goal")).toEqual([]);
  await page.goto(`${dashboard.installation.url}/goals`);
  await page.getByRole("row").filter({ hasText: "Costs" }).getByText("12.5 above green").waitFor();
  expect(await looked(page, "goals")).toEqual([]);
  expect(dashboard.mistakes).toEqual([]);
  await page.close();
});

test("the wall shows all or chosen goals live, large enough for a room, and Escape leaves it", { timeout: 200_000 }, async () => {
  await record(revenue, "2026-11-03", "500", { goodThreshold: "490" });
  const page = await dashboard.open("/goals");
  await page.getByRole("link", { name: "Wall" }).click();
  const tile = (name: string) => page.getByRole("article", { name });
  await tile("Revenue").getByText("green by 10").waitFor();
  await tile("Costs").getByText("12.5 above green").waitFor();
  await tile("Not measured").getByText("no values yet").waitFor();
  expect(await page.getByRole("navigation").count()).toBe(0);
  await page.getByText("Live", { exact: true }).waitFor();
  await record(revenue, "2026-11-04", "310");
  await tile("Revenue").getByText("Between").waitFor();
  await tile("Revenue").getByText("140 below green").waitFor();
  const height = (name: string) =>
    tile(name)
      .locator("p")
      .first()
      .evaluate((element) => Number.parseFloat(getComputedStyle(element).fontSize));
  // A twelfth of a screen's height is read from across a room.
  await expect.poll(() => height("Revenue")).toBeGreaterThan(70);
  expect(await looked(page, "wall")).toEqual([]);

  await page.getByRole("button", { name: "All goals" }).click();
  await page.getByRole("checkbox", { name: "Revenue" }).check();
  await tile("Costs").waitFor({ state: "detached" });
  // Escape closes what is open over the wall, and then leaves it.
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await expect.poll(() => new URL(page.url()).search).toBe(`?goal=${revenue}`);
  await page.reload();
  await tile("Revenue").waitFor();
  await expect.poll(() => page.getByRole("article").count()).toBe(1);
  // One goal has the whole screen, and its figure still fits.
  await expect.poll(() => height("Revenue")).toBeGreaterThan(150);
  const fits = () =>
    tile("Revenue").evaluate((element) => element.scrollWidth <= element.clientWidth && element.scrollHeight <= element.clientHeight);
  await expect.poll(fits).toBe(true);
  await record(revenue, "2026-11-05", "12345678901234567890.12345");
  await tile("Revenue").getByText("On target").waitFor();
  await expect.poll(fits).toBe(true);
  await page.keyboard.press("Escape");
  await page.getByRole("heading", { name: "Goals" }).waitFor();
  await expect.poll(() => new URL(page.url()).pathname).toBe("/goals");
  await page.getByRole("navigation", { name: "Main" }).waitFor();
  expect(dashboard.mistakes).toEqual([]);
  await page.close();
});
