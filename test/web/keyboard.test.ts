/** An operator's main jobs by the keyboard alone: nothing is clicked, filled or focused by the test itself. */
import { readFile } from "node:fs/promises";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Receiver, startReceiver } from "../helpers/receiver.ts";
import { type Dashboard, openDashboard } from "./helpers/dashboard.ts";
import { createDefinition, mutate } from "./helpers/seed.ts";

let dashboard: Dashboard;
let receiver: Receiver;

beforeAll(async () => {
  receiver = await startReceiver();
  // No retry comes by itself while a test looks.
  dashboard = await openDashboard({ HOOKLINE_RETRY_SCALE: "1000" });
  await mutate(
    dashboard.installation,
    "createUser",
    { email: "kay@example.com", name: "Kay", password: "no-mouse-here", role: "ADMIN" },
    "... on User { id }",
  );
}, 120_000);
afterAll(async () => {
  await dashboard?.close();
  await receiver?.close();
});

/** What has the focus, by the name that it is read out with; empty: nothing has. */
const focused = (page: Page) =>
  page.evaluate(() => {
    const element = document.activeElement;
    if (!(element instanceof HTMLElement) || element === document.body) return "";
    const label = (element as HTMLInputElement).labels?.[0]?.textContent;
    return (element.getAttribute("aria-label") ?? label ?? element.textContent ?? "").trim();
  });

/** Tab until something of that name has the focus, which must be seen to have it. */
async function tabTo(page: Page, name: RegExp, key: "Tab" | "Shift+Tab" = "Tab"): Promise<void> {
  const passed: string[] = [];
  for (let steps = 0; steps < 80; steps++) {
    await page.keyboard.press(key);
    const at = await focused(page);
    passed.push(at.slice(0, 40));
    if (name.test(at)) {
      expect(await page.evaluate(() => document.activeElement?.matches(":focus-visible"))).toBe(true);
      return;
    }
  }
  throw new Error(`${name} was not reached: ${passed.join(" | ")}`);
}

/** The focus is somewhere: what took its own button away has left the keyboard a place on the page. */
const hasPlace = (page: Page) =>
  expect.poll(() => page.evaluate(() => document.activeElement !== null && document.activeElement !== document.body)).toBe(true);

const heading = (page: Page, name: RegExp | string) => page.getByRole("heading", { name }).first().waitFor();

test("sign in, make a webhook, test it, retry, skip, find and export without a mouse", { timeout: 240_000 }, async () => {
  const { installation, browser, mistakes } = dashboard;
  await createDefinition(installation, {
    ...{ name: "Strict", targetUrl: receiver.url, eventTypes: ["strict.*"], onExhausted: "BLOCK", retrySchedule: [] },
  });
  receiver.respond(422);
  await installation.emit({ type: "strict.event", entity: "thing", entityId: "bad" });
  await receiver.waitFor(1);

  const context = await browser.newContext({ viewport: { width: 1360, height: 850 }, reducedMotion: "reduce" });
  const page = await context.newPage();
  page.on("pageerror", (error) => mistakes.push(String(error)));
  const { keyboard } = page;

  // Sign in: the first field has the focus.
  await page.goto(`${installation.url}/sign-in`);
  await expect.poll(() => focused(page)).toBe("E-mail or user name");
  await keyboard.type("kay@example.com");
  await tabTo(page, /^Password$/);
  await keyboard.type("no-mouse-here");
  await keyboard.press("Enter");
  await heading(page, "Overview");

  // The link that skips the navigation leads past it.
  await tabTo(page, /^Skip to the content$/);
  await keyboard.press("Enter");
  await expect.poll(() => page.evaluate(() => document.activeElement?.id)).toBe("content");

  // A webhook.
  await keyboard.press("Alt+4");
  await heading(page, "Webhooks");
  await tabTo(page, /^New webhook$/);
  await keyboard.press("Enter");
  await expect.poll(() => focused(page)).toBe("Name");
  await keyboard.type("By hand");
  await tabTo(page, /^Target URL$/);
  await keyboard.type(`${receiver.url}/keys`);
  await tabTo(page, /^Event types/);
  await keyboard.type("order.*");
  await keyboard.press("Enter");
  await tabTo(page, /^Create webhook$/);
  await keyboard.press("Enter");
  await page.getByText("Signing secret of By hand").waitFor();
  await hasPlace(page);

  // A test of it, which fails, and the failed request.
  receiver.respond({ status: 503, body: { error: "asleep" } });
  await tabTo(page, /^Send a test$/);
  await keyboard.press("Enter");
  const panel = page.getByRole("dialog", { name: "Test By hand" });
  await panel.waitFor();
  await tabTo(page, /^Payload$/);
  await keyboard.press("Control+a");
  await keyboard.type('{"by": "keys"}');
  await tabTo(page, /^Send$/);
  await keyboard.press("Enter");
  await panel.getByText("HTTP 503").waitFor();
  await tabTo(page, /^Request #/);
  await keyboard.press("Enter");
  await heading(page, /Test/);
  await page.getByText('"asleep"').first().waitFor();
  await hasPlace(page);

  // A request of its lane fails; it is opened from the log and tried now.
  await installation.emit({ type: "order.created", entity: "order", entityId: "18" });
  await receiver.waitFor((calls) => calls.some((call) => call.body.includes("order/18")));
  await keyboard.press("Alt+2");
  await page.getByRole("row").filter({ hasText: "order 18" }).getByText("Waiting").waitFor();
  await tabTo(page, /^Webhook requests/);
  await keyboard.press("ArrowDown");
  await keyboard.press("Enter");
  await page.getByRole("button", { name: "Retry now" }).waitFor();
  await hasPlace(page);
  receiver.respond(200);
  await tabTo(page, /^Retry now$/);
  await keyboard.press("Enter");
  await heading(page, /Delivered/);
  // Its button is gone; the next Tab goes on from there, to what stands beside it.
  await hasPlace(page);
  await tabTo(page, /^Compare two$/);
  await keyboard.press("Enter");
  await page.getByRole("region", { name: "Comparison" }).getByText("Receiver answered 503").waitFor();
  await hasPlace(page);

  // The head of the blocked lane.
  await keyboard.press("Alt+3");
  await page.getByRole("row").filter({ hasText: "Strict" }).getByText("Blocked").waitFor();
  await tabTo(page, /^Skip…$/);
  await keyboard.press("Enter");
  await page.getByRole("dialog", { name: /^Skip #/ }).waitFor();
  await expect.poll(() => focused(page)).toBe("Skip");
  await keyboard.press("Enter");
  await page.getByText("Nothing is held up").waitFor();
  await hasPlace(page);

  // Anything, by the box.
  await keyboard.press("Control+k");
  await expect.poll(() => focused(page)).toBe("Search");
  await keyboard.type("Log");
  await page.getByRole("option", { name: "Log", exact: true }).waitFor();
  const chosen = page.locator('[role="option"][aria-selected="true"]');
  for (let steps = 0; steps < 20 && (await chosen.textContent()) !== "Log"; steps++) await keyboard.press("ArrowDown");
  await keyboard.press("Enter");
  await heading(page, "Log");

  // All of it as a file.
  await tabTo(page, /^Export$/);
  await keyboard.press("Enter");
  await page.getByRole("menuitem", { name: "CSV, for spreadsheets" }).waitFor();
  await expect
    .poll(async () => {
      if ((await focused(page)) !== "CSV, for spreadsheets") await keyboard.press("ArrowDown");
      return focused(page);
    })
    .toBe("CSV, for spreadsheets");
  const [file] = await Promise.all([page.waitForEvent("download"), keyboard.press("Enter")]);
  expect((await readFile(await file.path(), "utf8")).trimEnd().split("\r\n")).toHaveLength(4);
  await hasPlace(page);
  expect(mistakes).toEqual([]);
  await context.close();
});
