/** A customer's log of a webhook that is longer than its first page, and what is offered for a request that waits or blocks. */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Receiver, startReceiver } from "../helpers/receiver.ts";
import { type Dashboard, openDashboard } from "./helpers/dashboard.ts";
import { type Customers, makeCustomers } from "./helpers/portal.ts";
import { createDefinition, mutate } from "./helpers/seed.ts";

let dashboard: Dashboard;
let receiver: Receiver;
let customers: Customers;
beforeAll(async () => {
  receiver = await startReceiver();
  dashboard = await openDashboard();
  customers = await makeCustomers(dashboard, "acme", "Acme Ltd");
}, 120_000);
afterAll(async () => {
  await dashboard?.close();
  await receiver?.close();
});

const make = (name: string, input: object = {}) =>
  createDefinition(dashboard.installation, {
    ...{ name, targetUrl: `${receiver.url}/in`, eventTypes: [`${name}.*`], applicationId: customers.id },
    ...input,
  });
const emit = (name: string, entityIds: string[]) =>
  dashboard.installation.emit(
    entityIds.map((entityId) => ({ type: `${name}.created`, entity: "thing", entityId, application: "acme", payload: {} })),
  );

interface Known {
  id: string;
  number: number;
  state: string;
}

/** Newest first. */
async function requestsOf(definition: string): Promise<Known[]> {
  const { webhookRequests } = await dashboard.installation.graphql(
    "query ($id: ID!) { webhookRequests(first: 100, filter: { webhookDefinitionId: $id }) { edges { node { id number state } } } }",
    { id: definition },
  );
  return webhookRequests.edges.map(({ node }: { node: Known }) => node);
}
const settled = (id: string, count: number, state = "DELIVERED") =>
  expect.poll(async () => (await requestsOf(id)).filter((each) => each.state === state).length).toBe(count);
const resend = ({ id }: Known) =>
  mutate(dashboard.installation, "resendWebhookRequest", { id, force: true }, "... on WebhookRequest { id }");
const table = (page: Page) => page.getByRole("table", { name: "Requests" });
const shown = async (page: Page) => (await table(page).locator("tbody a").allTextContents()).map((text) => Number(text.slice(1)));

test("an update of a request that is not loaded stays away; older ones that fail to come say so", { timeout: 120_000 }, async () => {
  const { id } = await make("many", { ordering: "NONE" });
  await emit(
    "many",
    Array.from({ length: 70 }, (_, n) => String(n)),
  );
  await settled(id, 70);
  const requests = await requestsOf(id);
  const numbers = requests.map((each) => each.number);
  const page = await customers.open(`/portal/webhooks/${id}`);
  await page.getByText("Live", { exact: true }).waitFor();
  await expect.poll(() => shown(page)).toEqual(numbers.slice(0, 50));

  await resend(requests[65] as Known);
  // A later one that is shown proves that the update of the other one came.
  await emit("many", ["last"]);
  await table(page).getByText("thing last").waitFor();
  const [newest] = await requestsOf(id);
  const now = [(newest as Known).number, ...numbers];
  expect(await shown(page)).toEqual(now.slice(0, 51));

  const fails = (route: import("playwright-core").Route) => route.abort();
  await page.route("**/portal/graphql", fails);
  await page.getByRole("button", { name: "Older" }).click();
  await page
    .getByRole("alert")
    .getByText(/Not all of it could be loaded/)
    .waitFor({ timeout: 10_000 });
  await page.unroute("**/portal/graphql", fails);
  await page.getByRole("button", { name: "Try again" }).click();
  await expect.poll(() => shown(page)).toEqual(now);
  await page.getByRole("button", { name: "Older" }).waitFor({ state: "detached" });
  expect(dashboard.mistakes).toEqual([]);
  await page.context().close();
});

test("a log that lost its place, and is not answered when it reads anew, tries again until it is live", { timeout: 120_000 }, async () => {
  const { id } = await make("lost");
  await emit("lost", ["1"]);
  await settled(id, 1);
  const page = await customers.open();
  let [losing, failing] = [1, 2];
  await page.route("**/portal/graphql**", (route) => {
    const stream = route.request().method() === "GET";
    if (stream && losing-- > 0)
      return route.fulfill({ contentType: "text/event-stream", body: 'event: next\ndata: {"errors":[{"message":"too old"}]}\n\n' });
    // The first page came; those that are read after the loss do not.
    if (!stream && losing <= 0 && route.request().postData()?.includes("query PortalLog") && failing-- > 0) return route.abort();
    return route.fallback();
  });
  await page.goto(`${dashboard.installation.url}/portal/webhooks/${id}`);
  await page.getByText("Reconnecting…").waitFor();
  await expect.poll(() => failing, { timeout: 30_000 }).toBeLessThan(1);
  await page.getByText("Live", { exact: true }).waitFor({ timeout: 15_000 });
  await emit("lost", ["2"]);
  await table(page).getByText("thing 2").waitFor({ timeout: 15_000 });
  await page.context().close();
});

async function laneOf(webhookDefinitionId: string): Promise<string> {
  const { lanes } = await dashboard.installation.graphql(
    "query ($filter: LaneFilter) { lanes(first: 1, filter: $filter) { edges { node { id } } } }",
    { filter: { webhookDefinitionId } },
  );
  return lanes.edges[0].node.id;
}

test("Skip is offered for what waits or blocks its lane, and for nothing else", { timeout: 120_000 }, async () => {
  receiver.respond((call) => (call.path === "/fails" ? 500 : 200));
  const failing = { targetUrl: `${receiver.url}/fails`, ordering: "KEY" };
  const waits = await make("waits", { ...failing, retrySchedule: [3_600] });
  const blocks = await make("blocks", { ...failing, retrySchedule: [], onExhausted: "BLOCK" });
  await emit("waits", ["1", "1"]);
  await emit("blocks", ["1", "1"]);
  await settled(waits.id, 1, "WAITING");
  await settled(blocks.id, 1, "REJECTED");
  const page = await customers.open();
  const skip = page.getByRole("button", { name: "Skip…" });
  const open = async ({ number }: Known, state: string) => {
    await page.goto(`${dashboard.installation.url}/portal/requests/${number}`);
    await page.getByRole("heading").getByText(state).waitFor();
  };
  for (const [definition, head] of [
    [waits, "Wait"],
    [blocks, "Rejected"],
  ] as const) {
    const [behind, first] = (await requestsOf(definition.id)) as [Known, Known];
    expect(behind.state).toBe("PENDING");
    await open(behind, "Pending");
    expect(await skip.count(), `behind ${head}`).toBe(0);
    await open(first, head);
    await skip.waitFor({ timeout: 10_000 });
  }
  const lane = await laneOf(blocks.id);
  await mutate(dashboard.installation, "pauseLane", { id: lane }, "... on Lane { id state }");
  await page.reload();
  await page.getByRole("heading").getByText("Rejected").waitFor();
  await skip.waitFor({ timeout: 10_000 });
  await mutate(dashboard.installation, "resumeLane", { id: lane }, "... on Lane { id }");
  // It does what it says: the lane goes on with the next.
  receiver.respond(200);
  await skip.click();
  await page.getByRole("button", { name: "Skip", exact: true }).click();
  await page.getByRole("heading").getByText("Skipped").waitFor();
  expect(await skip.count()).toBe(0);
  await settled(blocks.id, 1);
  await page.context().close();
});
