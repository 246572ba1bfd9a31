/** What every form of the dashboard does: says what is wrong beside its button, forgets what was mended, keeps what was typed. */
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
  const { installation } = dashboard;
  await createDefinition(installation, { name: "Orders", targetUrl: receiver.url, eventTypes: ["order.*"] });
  await mutate(installation, "createGoal", { name: "Revenue", direction: "MAXIMIZE", goodThreshold: "10" }, "... on Goal { id }");
}, 120_000);
afterAll(async () => {
  await dashboard?.close();
  await receiver?.close();
});

interface Form {
  path: string;
  button: string;
  dialog: string;
  submit: string;
  /** One text field to type into, and text in it that the server takes. */
  field: string;
  text: string;
}

const FORMS: Form[] = [
  { path: "/webhooks", button: "New webhook", dialog: "New webhook", submit: "Create webhook", field: "Description", text: "half" },
  {
    path: "/workflow-rules",
    button: "New workflow rule",
    dialog: "New workflow rule",
    submit: "Create rule",
    field: "Description",
    text: "half",
  },
  {
    path: "/connections",
    button: "New connection",
    dialog: "New connection",
    submit: "Create connection",
    field: "URL when added",
    text: "https://shop.example",
  },
  { path: "/scripts", button: "New script", dialog: "New script", submit: "Create script", field: "Source", text: "1 + 1" },
  { path: "/secret-keys", button: "New secret key", dialog: "New secret key", submit: "Create key", field: "Secret", text: "a secret" },
  {
    path: "/web-services",
    button: "New web service",
    dialog: "New web service",
    submit: "Create web service",
    field: "Project",
    text: "half",
  },
  { path: "/goals", button: "New goal", dialog: "New goal", submit: "Create goal", field: "Unit", text: "EUR" },
  { path: "/inbound-webhooks", button: "New Webhook", dialog: "New webhook", submit: "Create", field: "Description", text: "half" },
  { path: "/settings/users", button: "New user", dialog: "New user", submit: "Create user", field: "E-mail", text: "ada@example.com" },
  { path: "/settings/api-tokens", button: "New token", dialog: "New API token", submit: "Create token", field: "Name", text: "" },
  {
    path: "/settings/event-types",
    button: "New event type",
    dialog: "New event type",
    submit: "Create event type",
    field: "Description",
    text: "half",
  },
];

const inView = (page: Page, selector: string) =>
  page.locator(selector).evaluate((element) => {
    const { top, bottom } = element.getBoundingClientRect();
    return top >= 0 && bottom <= innerHeight;
  });

async function open(page: Page, { path, button, dialog }: Form) {
  await page.goto(dashboard.installation.url + path);
  await page.getByRole("button", { name: button }).first().click();
  const panel = page.getByRole("dialog", { name: dialog });
  await panel.waitFor();
  return panel;
}

for (const form of FORMS) {
  test(`B92 B98 ${form.path}: a refused save names its fields, mended ones are forgotten, Escape asks`, { timeout: 200_000 }, async () => {
    const page = await dashboard.open("/lanes");
    const panel = await open(page, form);
    const field = panel.getByLabel(form.field, { exact: true });
    if (form.text !== "") await field.fill(form.text);
    await panel.getByRole("button", { name: form.submit, exact: true }).click();

    // Beside the button, in view, and the focus is in a field that is marked as wrong.
    const alert = panel.getByRole("alert");
    await alert.waitFor();
    expect(await inView(page, '[role="dialog"] [role="alert"]')).toBe(true);
    expect(await inView(page, '[role="dialog"] button[type="submit"]')).toBe(true);
    const focused = page.locator(":focus");
    await expect.poll(() => focused.evaluate((element) => element.closest('[role="dialog"]') !== null)).toBe(true);
    const place = alert.getByRole("button").first();
    const label = await place.textContent();
    expect(label).toMatch(/^[A-Z]/);
    const bad = panel.locator('[aria-invalid="true"]').first();
    expect(await bad.evaluate((element) => element === document.activeElement)).toBe(true);
    expect(await bad.evaluate((element) => (element as HTMLInputElement).labels?.[0]?.textContent)).toBe(label);

    // Mended: its error goes at once, the others' stay.
    const before = await panel.locator('[aria-invalid="true"]').count();
    const listed = await alert.getByRole("button").count();
    if (
      await bad.evaluate(
        (element) =>
          (element as HTMLInputElement).getAttribute("role") === "combobox" || element.getAttribute("aria-haspopup") === "listbox",
      )
    ) {
      await bad.click();
      await page.getByRole("option").first().click();
    } else await bad.fill("mended");
    await expect.poll(() => panel.locator('[aria-invalid="true"]').count()).toBe(before - 1);
    await expect.poll(() => alert.getByRole("button").count()).toBe(listed - 1);

    // Escape, the cross, Cancel and a click beside the panel ask first; what was typed stays.
    const question = page.getByRole("dialog", { name: "Discard what you have typed?" });
    const leave = [
      () => page.keyboard.press("Escape"),
      () => panel.getByRole("button", { name: "Close" }).click(),
      () => panel.getByRole("button", { name: "Cancel" }).click(),
      () => page.mouse.click(20, 400),
    ];
    for (const [index, go] of leave.entries()) {
      await go();
      await question.waitFor();
      if (index % 2 === 0) await page.keyboard.press("Escape");
      else await question.getByRole("button", { name: "Go on editing" }).click();
      await question.waitFor({ state: "hidden" });
      expect(await panel.isVisible()).toBe(true);
      if (form.text !== "") expect(await field.inputValue()).toBe(form.text);
    }
    await page.keyboard.press("Escape");
    await question.getByRole("button", { name: "Discard" }).click();
    await panel.waitFor({ state: "hidden" });

    // Nothing typed: nothing is asked.
    await open(page, form);
    await page.keyboard.press("Escape");
    await panel.waitFor({ state: "hidden" });
    expect(await question.count()).toBe(0);
    await page.close();
  });
}

test("B98 neither the back button, nor a shortcut, nor closing the tab throws a half-filled form away", { timeout: 200_000 }, async () => {
  const page = await dashboard.open("/lanes");
  await page.getByRole("link", { name: "Goals", exact: true }).click();
  await page.getByRole("button", { name: "New goal" }).click();
  const panel = page.getByRole("dialog", { name: "New goal" });
  await panel.getByLabel("Name").fill("Half a goal");
  const question = page.getByRole("dialog", { name: "Discard what you have typed?" });
  await page.goBack();
  await question.waitFor();
  await question.getByRole("button", { name: "Go on editing" }).click();
  expect(new URL(page.url()).pathname).toBe("/goals");
  expect(await panel.getByLabel("Name").inputValue()).toBe("Half a goal");

  const asked = page.waitForEvent("dialog");
  const closing = page.close({ runBeforeUnload: true });
  const dialog = await asked;
  expect(dialog.type()).toBe("beforeunload");
  await dialog.dismiss();
  await closing;
  expect(await panel.getByLabel("Name").inputValue()).toBe("Half a goal");

  await page.goBack();
  await question.getByRole("button", { name: "Discard" }).click();
  await page.getByRole("heading", { name: "Lanes" }).waitFor();

  // A form that stands in a page, left by a link.
  await page.goto(`${dashboard.installation.url}/settings`);
  await page.getByLabel("Name").fill("Another name");
  await page.getByRole("link", { name: "Log", exact: true }).click();
  await question.getByRole("button", { name: "Go on editing" }).click();
  expect(await page.getByLabel("Name").inputValue()).toBe("Another name");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("The settings are saved").waitFor();
  await page.getByRole("link", { name: "Log", exact: true }).click();
  await page.getByRole("heading", { name: "Log" }).waitFor();
  await page.close();
});

test("B98 half a condition is no filter: it is named, and not left out silently", { timeout: 150_000 }, async () => {
  const page = await dashboard.open("/webhooks");
  await page.getByRole("button", { name: "New webhook" }).click();
  const panel = page.getByRole("dialog", { name: "New webhook" });
  await panel.getByLabel("Name", { exact: true }).fill("Half");
  const part = panel.getByRole("button", { name: /^Filter/ });
  await part.click();
  await panel.getByRole("button", { name: "Add a condition" }).click();
  await part.click();
  await panel.getByRole("button", { name: "Create webhook" }).click();
  await panel
    .getByRole("alert")
    .getByText(/Condition 1 needs a path/)
    .waitFor();
  await panel.getByLabel("Condition 1: path").fill("payload.total");
  await panel.getByRole("alert").waitFor({ state: "hidden" });
  await page.close();
});

test("B98 the underscore of a code is seen in its field", { timeout: 150_000 }, async () => {
  const page = await dashboard.open("/webhooks");
  await page.getByRole("button", { name: "New webhook" }).click();
  const panel = page.getByRole("dialog", { name: "New webhook" });
  for (const label of ["Code", "Target URL"]) {
    const field = panel.getByLabel(label);
    // A caret that blinks would be a difference, too.
    await field.evaluate((element) => {
      element.style.caretColor = "transparent";
    });
    await field.fill("a_b");
    const shown = await field.screenshot();
    await field.fill("a b");
    expect({ label, same: shown.equals(await field.screenshot()) }).toEqual({ label, same: false });
  }
  await page.close();
});

test("B98 the goal's chart is drawn to time: 51 days are wider than 2", { timeout: 150_000 }, async () => {
  const { installation } = dashboard;
  const goal = await mutate(installation, "createGoal", { name: "Rare", direction: "MAXIMIZE" }, "... on Goal { id }");
  const day = (back: number) => new Date(Date.now() - back * 86_400_000).toISOString().slice(0, 10);
  for (const [back, value] of [
    [54, "1"],
    [3, "3"],
    [1, "2"],
  ] as const) {
    await mutate(installation, "recordGoalValue", { goalId: goal.id, date: day(back), value }, "... on GoalValue { id }");
  }
  const page = await dashboard.open(`/goals/${goal.id}`);
  const dots = page.locator(".recharts-surface circle");
  await expect.poll(() => dots.count(), { timeout: 20_000 }).toBe(3);
  const [first = 0, second = 0, third = 0] = await dots.evaluateAll((all) => all.map((dot) => Number(dot.getAttribute("cx"))));
  expect((second - first) / (third - second)).toBeCloseTo(51 / 2, 0);
  await page.goto(`${installation.url}/goals`);
  const line = page.getByRole("row").filter({ hasText: "Rare" }).locator("polyline");
  const xs = ((await line.getAttribute("points")) ?? "").split(" ").map((point) => Number(point.split(",")[0]));
  expect(((xs[1] ?? 0) - (xs[0] ?? 0)) / ((xs[2] ?? 0) - (xs[1] ?? 0))).toBeCloseTo(51 / 2, 0);
  await page.close();
});

test("B92 with the server down a save and a question say so where their button is, and nothing typed is lost", {
  timeout: 120_000,
}, async () => {
  const { installation } = dashboard;
  const page = await dashboard.open("/webhooks");
  await page.getByRole("button", { name: "Actions of Orders" }).click();
  await page.getByRole("menuitem", { name: "Edit" }).click();
  const panel = page.getByRole("dialog", { name: "Edit Orders" });
  await panel.getByLabel("Name", { exact: true }).fill("Orders, renamed");
  const goal = await dashboard.open("/goals");
  await goal.getByRole("link", { name: "Revenue" }).click();
  await goal.getByRole("button", { name: "Delete goal" }).click();
  const question = goal.getByRole("dialog", { name: "Delete Revenue?" });
  await question.waitFor();

  await installation.kill();
  await panel.getByRole("button", { name: "Save" }).click();
  await panel.getByRole("alert").filter({ hasText: "cannot be reached" }).waitFor();
  expect(await inView(page, '[role="dialog"] [role="alert"]')).toBe(true);
  expect(await panel.getByRole("alert").evaluate((element) => element === document.activeElement)).toBe(true);
  await question.getByRole("button", { name: "Delete goal" }).click();
  await question.getByRole("alert").filter({ hasText: "cannot be reached" }).waitFor();
  // The page asks again who is signed in, and gets no answer.
  await page.waitForEvent("requestfailed", { predicate: (request) => request.postData()?.includes("query Viewer") === true });
  expect(await panel.getByLabel("Name", { exact: true }).inputValue()).toBe("Orders, renamed");

  await installation.start();
  await panel.getByRole("button", { name: "Save" }).click();
  await page.getByText("Orders, renamed is saved").waitFor();
  await panel.waitFor({ state: "hidden" });
  await question.getByRole("button", { name: "Delete goal" }).click();
  await goal.getByText("Revenue is deleted").waitFor();
  await goal.getByRole("heading", { name: "Goals" }).waitFor();
  expect(dashboard.mistakes).toEqual([]);
  await page.close();
  await goal.close();
});

test("B70 an event type keeps every digit of its schema and examples, which stand in the form as they were written", async () => {
  const { installation } = dashboard;
  const [schema, examples] = ['{"properties":{"id":{"maximum":9223372036854775807}}}', '[{"id":9223372036854775801}]'];
  const read = async (name: string) => {
    const response = await fetch(`${installation.url}/graphql`, {
      method: "POST",
      headers: { authorization: `Bearer ${installation.token}`, "content-type": "application/json" },
      body: JSON.stringify({ query: "{ eventTypes(first: 100) { edges { node { name description schema examples } } } }" }),
    });
    return (await response.text()).split('{"node":').find((each) => each.includes(`"${name}"`)) ?? "";
  };
  const page = await dashboard.open("/settings/event-types");
  await page.getByRole("button", { name: "New event type" }).click();
  const made = page.getByRole("dialog", { name: "New event type" });
  await made.getByLabel("Name").fill("exact.digits");
  await made.getByLabel("JSON schema of the payload").fill(schema);
  await made.getByLabel("Examples").fill(examples);
  await made.getByRole("button", { name: "Create event type" }).click();
  await page.getByText("exact.digits is saved").waitFor();
  const exact = ["9223372036854775807", "9223372036854775801"];
  for (const digits of exact) expect(await read("exact.digits")).toContain(digits);

  await page.getByRole("button", { name: "Edit exact.digits" }).click();
  const edited = page.getByRole("dialog", { name: "Edit event type" });
  await expect.poll(() => edited.getByLabel("JSON schema of the payload").inputValue()).toContain(exact[0]);
  await edited.getByLabel("Description").fill("Said since");
  await edited.getByLabel("Examples").fill('[{"id":9223372036854775803}]');
  await edited.getByRole("button", { name: "Save" }).click();
  await edited.waitFor({ state: "hidden" });
  expect(await read("exact.digits")).toMatch(/Said since.*9223372036854775807.*9223372036854775803/);
  await page.close();
});
