/** While nothing is delivered: the overview gives no all-clear and says whose doing it is, and a portal's customers are told. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Receiver, startReceiver } from "../helpers/receiver.ts";
import { type Dashboard, openDashboard } from "./helpers/dashboard.ts";
import { makeCustomers } from "./helpers/portal.ts";
import { createDefinition, mutate } from "./helpers/seed.ts";

let receiver: Receiver;
beforeAll(async () => {
  receiver = await startReceiver();
});
afterAll(() => receiver?.close());

const all = (dashboard: Dashboard, name: string) => mutate(dashboard.installation, name, {}, "... on Organization { id }");

test("all deliveries paused is a line of what needs somebody, for a lane that is blocked is not counted then", {
  timeout: 150_000,
}, async () => {
  const dashboard = await openDashboard({ HOOKLINE_RETRY_SCALE: "0.00001" });
  try {
    const { installation } = dashboard;
    await createDefinition(installation, {
      ...{ name: "Blocks", targetUrl: `${receiver.url}/in`, eventTypes: ["order.*"] },
      ...{ ordering: "KEY", onExhausted: "BLOCK", retrySchedule: [] },
    });
    const emit = (entityId: string) => installation.emit({ type: "order.created", entity: "order", entityId, payload: {} });
    const delivered = async () =>
      (await installation.graphql("{ webhookRequests(filter: { state: [DELIVERED] }) { totalCount } }")).webhookRequests.totalCount;
    const blocked = async () => (await installation.graphql("{ blockedLanes { laneCount } }")).blockedLanes.laneCount;
    // One that was delivered: the webhook is not among those that only fail.
    await emit("1");
    await expect.poll(delivered).toBe(1);
    receiver.respond(500);
    await emit("2");
    await expect.poll(blocked).toBe(1);
    const page = await dashboard.open("/");
    await page.getByText("1 lane blocked").waitFor();
    const customers = await makeCustomers(dashboard, "acme", "Acme Ltd");
    const mine = await customers.open("/portal");
    // It asks every 15 s: its clock goes on when the test says so.
    await mine.clock.install();
    await mine.reload();
    await mine.getByText("No webhooks yet").waitFor();
    expect(await mine.getByText("Nothing is delivered at the moment").count()).toBe(0);

    await all(dashboard, "pauseAllDeliveries");
    expect(await blocked()).toBe(0);
    await page.getByText("1 lane blocked").waitFor({ state: "detached" });
    const needs = page.getByRole("status").filter({ hasText: "Needs you" });
    await needs.getByText("All deliveries are paused: nothing is sent until somebody resumes them.").waitFor({ timeout: 10_000 });
    expect(await page.getByText("Nothing needs you.").count()).toBe(0);
    // Without a reload.
    await mine.clock.fastForward(16_000);
    await mine.getByText("Nothing is delivered at the moment").waitFor();

    await all(dashboard, "resumeAllDeliveries");
    await page.getByText("1 lane blocked").waitFor();
    // A server that does not answer takes no page away.
    await mine.getByRole("button", { name: "New webhook" }).first().click();
    await mine.getByRole("dialog").getByLabel("Name").fill("Half");
    await mine.route("**/portal/graphql", (route) => route.abort());
    const asked = mine.waitForRequest((request) => request.postData()?.includes("PortalViewer") ?? false);
    await mine.clock.fastForward(16_000);
    await asked;
    await mine.waitForTimeout(500);
    expect(await mine.getByRole("dialog").getByLabel("Name").inputValue()).toBe("Half");
    expect(dashboard.mistakes).toEqual([]);
  } finally {
    await dashboard.close();
  }
});

test("a server that was started without delivery is not said to wait for somebody who resumes", { timeout: 150_000 }, async () => {
  const dashboard = await openDashboard({ HOOKLINE_DELIVERY: "off" });
  try {
    await createDefinition(dashboard.installation, { name: "Waits", targetUrl: `${receiver.url}/in`, eventTypes: ["order.*"] });
    const page = await dashboard.open("/");
    const needs = page.getByRole("status").filter({ hasText: "Needs you" });
    await needs.getByText(/this server was started with HOOKLINE_DELIVERY=off/).waitFor();
    expect(await needs.getByText(/until somebody resumes/).count()).toBe(0);
    const mine = await (await makeCustomers(dashboard, "acme", "Acme Ltd")).open();
    await mine.getByText("Nothing is delivered at the moment").waitFor();
  } finally {
    await dashboard.close();
  }
});
