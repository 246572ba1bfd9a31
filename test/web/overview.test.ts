/** The overview: what it says is true, and its links show what its figures count. */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Receiver, startReceiver } from "../helpers/receiver.ts";
import { type Dashboard, openDashboard } from "./helpers/dashboard.ts";
import { createDefinition } from "./helpers/seed.ts";

let dashboard: Dashboard;
let receiver: Receiver;
beforeAll(async () => {
  receiver = await startReceiver();
  dashboard = await openDashboard();
}, 120_000);
afterAll(async () => {
  await dashboard?.close();
  await receiver?.close();
});

const event = (type: string, n: number) => ({ type, entity: "thing", entityId: `${type}-${n}`, payload: { n } });
const figure = (page: Page, label: string) => page.getByRole("link").filter({ hasText: label });
const blocked = async () => (await dashboard.installation.graphql("{ blockedLanes { laneCount } }")).blockedLanes.laneCount as number;

test("B91 all is clear only while it is proved: with the server away it is no longer said", { timeout: 120_000 }, async () => {
  const { installation } = dashboard;
  await createDefinition(installation, { name: "Good", targetUrl: receiver.url, eventTypes: ["good"], ordering: "NONE" });
  const page = await dashboard.open("/");
  await page.getByText("Nothing needs you.").waitFor();
  await page.getByText("Live", { exact: true }).first().waitFor();
  await installation.kill();
  await page.getByText("Nothing needed you when the server last answered.").waitFor({ timeout: 5_000 });
  await page
    .getByText(/ old, not renewed/)
    .first()
    .waitFor();
  expect(await page.getByText("Nothing needs you.").count()).toBe(0);
  await installation.start();
  await page.getByText("Nothing needs you.").waitFor({ timeout: 15_000 });
  await page.close();
});

test("B91 blocked lanes behind many newer waiting ones are seen, one line for each webhook", { timeout: 120_000 }, async () => {
  const { installation } = dashboard;
  receiver.respond((call) => (/^\/(block|wait)/.test(call.path) ? { status: 500, body: "out of paper\nmore" } : 200));
  for (let n = 0; n < 7; n++) {
    await createDefinition(installation, {
      ...{ name: `Block ${n}`, targetUrl: `${receiver.url}/block`, eventTypes: [`block.${n}`] },
      ...{ retrySchedule: [], ordering: "KEY", onExhausted: "BLOCK" },
    });
  }
  await installation.emit(Array.from({ length: 5 }, (_, n) => event("block.0", n)));
  await installation.emit(Array.from({ length: 4 }, () => event("block.0", 0)));
  for (let n = 1; n < 7; n++) await installation.emit(event(`block.${n}`, 0));
  await expect.poll(blocked, { timeout: 20_000 }).toBe(11);
  await createDefinition(installation, {
    ...{ name: "Wait", targetUrl: `${receiver.url}/wait`, eventTypes: ["wait"] },
    ...{ retrySchedule: [3_600, 3_600, 3_600], ordering: "KEY" },
  });
  await installation.emit(Array.from({ length: 70 }, (_, n) => event("wait", n)));
  await receiver.waitFor((calls) => calls.filter((call) => call.path === "/wait").length === 70, 30_000);

  const page = await dashboard.open("/");
  const needs = page.getByRole("status").filter({ hasText: "Needs you" });
  await needs.getByText("Block 0: 5 lanes blocked, 4 requests behind").waitFor();
  await needs.getByText("and 2 more with blocked lanes").waitFor();
  expect((await needs.getByText("lane blocked").count()) + (await needs.getByText("lanes blocked").count())).toBe(5);
  // What fails every time is no less in need for being retried.
  await needs.getByText("Wait: all 70 attempts of the last 1 h failed").waitFor();

  await needs.getByRole("link", { name: "Block 0" }).click();
  await page.getByText("5 lanes", { exact: true }).waitFor();
  expect(await page.getByRole("table", { name: "Lanes" }).getByRole("row").count()).toBe(6);
  await page.close();
});

test("B94 the link of a figure shows what it counted, from–to in the link", { timeout: 150_000 }, async () => {
  await dashboard.installation.emit(Array.from({ length: 30 }, (_, n) => event("good", n)));
  await receiver.waitFor((calls) => calls.filter((call) => call.path === "/").length >= 30, 20_000);
  const page = await dashboard.open("/");
  for (const [label, count] of [
    ["Delivered", 30],
    ["Wait for a retry", 70],
    ["Rejected", 11],
  ] as const) {
    await figure(page, label).getByText(String(count), { exact: true }).waitFor({ timeout: 15_000 });
    await figure(page, label).click();
    await page.getByText(`${count} match`, { exact: true }).waitFor();
    const link = new URL(page.url()).searchParams;
    expect(Date.parse(link.get("to") ?? "") - Date.parse(link.get("from") ?? "")).toBe(3_600_000);
    await page.goBack();
  }
  await page.close();
});

test("B95 an attempt that is retried is amber, with its sentence, in overview, log, lanes and request", { timeout: 150_000 }, async () => {
  const page = await dashboard.open("/");
  const sentence = /Receiver answered 500 · attempt 1 of 4 · next (\d+ \w+, )?\d\d:\d\d/;
  for (const path of ["/", "/log?type=wait", "/lanes?view=waiting"]) {
    await page.goto(dashboard.installation.url + path);
    const text = page.getByText(sentence).first();
    await text.waitFor();
    expect(await text.getAttribute("data-tone")).toBe("warn");
    await page.getByText("out of paper").first().waitFor();
    await page.getByText("Live", { exact: true }).first().waitFor();
  }
  await page.getByRole("link", { name: /^#\d+/ }).first().click();
  await page.getByRole("alert").getByText(sentence).waitFor();
  await page.getByText("Live", { exact: true }).waitFor();
  expect(await page.getByText("Rejected").count()).toBe(0);
  await page.goto(`${dashboard.installation.url}/log?type=block.1`);
  const final = page.getByText("Receiver answered 500 · attempt 1 of 1 · given up");
  await final.waitFor();
  expect(await final.getAttribute("data-tone")).toBe("bad");
  await page.close();
});

test("B95 live again at once after a change of the filter, and signed out once the session is over", { timeout: 150_000 }, async () => {
  const page = await dashboard.open("/log");
  await page.getByText("Live", { exact: true }).waitFor();
  for (const type of ["good", "wait", "block.2"]) {
    await page.getByLabel("Event type", { exact: true }).fill(type);
    await page.waitForURL((url) => url.searchParams.get("type") === type);
    await page.getByText("Live", { exact: true }).waitFor({ timeout: 3_000 });
  }
  // It is what it says: a new delivery of that view comes in.
  await dashboard.installation.emit(event("block.2", 99));
  await page.getByText("thing block.2-99").waitFor();

  const { mistakes } = dashboard;
  const before = mistakes.length;
  await dashboard.installation.graphql("mutation { __typename }").catch(() => undefined);
  const other = await dashboard.open("/");
  await other.evaluate(async () => {
    const token = /(?:^|; )XSRF-TOKEN=([^;]*)/.exec(document.cookie)?.[1] ?? "";
    await fetch("/graphql", {
      method: "POST",
      headers: { "content-type": "application/json", "x-xsrf-token": decodeURIComponent(token) },
      body: JSON.stringify({ query: "mutation { signOut(input: {}) { __typename } }" }),
    });
  });
  await page
    .getByRole("button", { name: /Sign in/ })
    .first()
    .waitFor({ timeout: 5_000 });
  await other
    .getByRole("button", { name: /Sign in/ })
    .first()
    .waitFor({ timeout: 5_000 });
  expect(mistakes.slice(before)).toEqual([]);
  await page.close();
  await other.close();
});
