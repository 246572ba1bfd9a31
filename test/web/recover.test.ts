/** Nothing is lost by a stop or a broken receiver: what was missed and what failed is sent after all, from the dashboard. */
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

const bodies = (mark: string) => receiver.calls.map((call) => call.body.toString()).filter((body) => body.includes(mark));
const emit = (type: string, mark: string, count: number) =>
  dashboard.installation.emit(
    Array.from({ length: count }, (_, n) => ({ type, entity: "thing", entityId: `${mark}-${n}`, payload: { mark, n } })),
  );

async function waitForState(id: string, count: number, state: string) {
  await expect
    .poll(
      async () => {
        const { webhookRequests } = await dashboard.installation.graphql(
          "query ($filter: WebhookRequestFilter) { webhookRequests(first: 1, filter: $filter) { totalCount } }",
          { filter: { webhookDefinitionId: id, state: [state] } },
        );
        return webhookRequests.totalCount;
      },
      { timeout: 20_000 },
    )
    .toBe(count);
}

test("B96 stopping says what it costs; activating offers what was missed since the stop, and sends it", { timeout: 200_000 }, async () => {
  const webhook = await createDefinition(dashboard.installation, { name: "Pausing", targetUrl: receiver.url, eventTypes: ["pause.*"] });
  const page = await dashboard.open(`/webhooks/${webhook.id}`);
  await page.getByRole("button", { name: "Stop", exact: true }).click();
  const stop = page.getByRole("dialog", { name: "Stop Pausing?" });
  await stop.getByText("are not queued for it").waitFor();
  await stop.getByRole("button", { name: "Stop webhook" }).click();
  await page.getByText("Pausing is stopped").waitFor();
  await emit("pause.event", "missed", 5);

  // A later setting moves the proposal no further.
  await page.getByRole("button", { name: "Edit" }).click();
  const editor = page.getByRole("dialog", { name: "Edit Pausing" });
  await editor.getByLabel("Description").fill("Renovating");
  await editor.getByRole("button", { name: "Save" }).click();
  await page.getByText("Pausing is saved").waitFor();
  expect(bodies("missed")).toEqual([]);

  await page.getByRole("button", { name: "Activate" }).click();
  const question = page.getByRole("dialog", { name: "Activate Pausing?" });
  await question.getByRole("region", { name: "Plan" }).getByText("5 events").waitFor();
  expect(await question.getByLabel("Also send what it missed").isChecked()).toBe(true);
  await question.getByRole("button", { name: "Activate and send 5" }).click();
  await page.getByText("5 missed events are being sent").waitFor();
  await receiver.waitFor(() => bodies("missed").length === 5);
  expect(new Set(bodies("missed").map((body) => JSON.parse(body).data.n)).size).toBe(5);

  // Nothing missed: nothing is asked.
  await page.getByRole("button", { name: "Stop", exact: true }).click();
  await stop.getByRole("button", { name: "Stop webhook" }).click();
  await page.getByRole("button", { name: "Activate" }).click();
  await page.getByText("Pausing is active", { exact: true }).waitFor();
  await page.close();
});

test("B96 several stopped webhooks are offered what they missed together", { timeout: 200_000 }, async () => {
  for (const name of ["Left", "Right"])
    await createDefinition(dashboard.installation, { name, targetUrl: receiver.url, eventTypes: ["both.*"] });
  const page = await dashboard.open("/webhooks");
  await page.getByLabel("Select Left").check();
  await page.getByLabel("Select Right").check();
  await page.getByText("are not queued for them").waitFor();
  await page.getByRole("button", { name: "Stop", exact: true }).click();
  await page.getByText("2 webhooks stopped").waitFor();
  await emit("both.event", "both", 3);
  await page.getByLabel("Select Left").check();
  await page.getByLabel("Select Right").check();
  await page.getByRole("button", { name: "Activate" }).click();
  const question = page.getByRole("dialog", { name: "Activate 2 webhooks?" });
  await question.getByRole("region", { name: "Plan" }).getByText("6 events").waitFor();
  expect(await question.getByRole("listitem").allTextContents()).toEqual(expect.arrayContaining([expect.stringMatching(/Left.*3/)]));
  await question.getByRole("button", { name: "Activate and send 6" }).click();
  await receiver.waitFor(() => bodies('"both"').length === 6);
  await page.close();
});

test("B96 a stop that was a slip is taken back, and nothing that came in between is lost", { timeout: 150_000 }, async () => {
  const webhook = await createDefinition(dashboard.installation, { name: "Slip", targetUrl: receiver.url, eventTypes: ["slip.*"] });
  const page = await dashboard.open(`/webhooks/${webhook.id}`);
  await page.getByRole("button", { name: "Stop", exact: true }).click();
  await page.getByRole("button", { name: "Stop webhook" }).click();
  await page.getByText("Slip is stopped").waitFor();
  await emit("slip.event", "slip", 2);
  await page.getByRole("button", { name: "Undo" }).click();
  await page.getByText("Active again").waitFor();
  await receiver.waitFor(() => bodies('"slip"').length === 2);
  await page.close();
});

test("B96 what failed is planned, sent again at a rate, cancelled half way, and finished from the log", { timeout: 120_000 }, async () => {
  const { installation } = dashboard;
  const webhook = await createDefinition(installation, {
    name: "Broken",
    targetUrl: receiver.url,
    eventTypes: ["broken.*"],
    ordering: "NONE",
    retrySchedule: [],
  });
  receiver.respond(422);
  await emit("broken.event", "again", 12);
  await waitForState(webhook.id, 12, "REJECTED");
  receiver.respond(200);
  const before = bodies("again").length;

  const page = await dashboard.open(`/webhooks/${webhook.id}`);
  await page.getByRole("button", { name: "Recover…" }).click();
  const panel = page.getByRole("dialog", { name: "Recover Broken" });
  const plan = panel.getByRole("region", { name: "Plan" });
  await plan.getByText("12 requests").waitFor();
  // The plan follows the range; nothing was sent by it.
  await panel.getByLabel("Until").fill("2020-01-01T00:00:00");
  await panel.getByRole("alert").filter({ hasText: "Until" }).waitFor();
  expect(await panel.getByRole("button", { name: "Recover", exact: true }).isDisabled()).toBe(true);
  await panel.getByLabel("Until").fill("");
  await plan.getByText("12 requests").waitFor();
  expect(bodies("again").length).toBe(before);

  await panel.getByLabel("At most").fill("2");
  await panel.getByRole("button", { name: "Recover 12" }).click();
  const run = panel.getByRole("region", { name: "Recovery of Broken" });
  await run.getByText(/Sending: [1-9]\d* of 12/).waitFor();
  await run.getByRole("button", { name: "Cancel recovery" }).click();
  await run.getByText(/Cancelled: \d+ of 12/).waitFor();
  await page.close();

  const log = await dashboard.open(`/log?definition=${webhook.id}&state=REJECTED`);
  await log.getByRole("button", { name: "Recover…" }).click();
  const rest = log.getByRole("dialog", { name: "Recover Broken" });
  await rest
    .getByRole("region", { name: "Plan" })
    .getByText(/\d+ requests?/)
    .waitFor();
  await rest.getByRole("button", { name: /^Recover \d+$/ }).click();
  await rest.getByText(/Done: \d+ of \d+/).waitFor();
  await receiver.waitFor(() => bodies("again").length - before === 12);
  expect(await rest.getByRole("link", { name: "What failed again" }).count()).toBe(1);
  expect(dashboard.mistakes).toEqual([]);
  await log.close();
});

test("a recovery of which some could not be queued ends with a full bar, and says how many", { timeout: 120_000 }, async () => {
  const webhook = await createDefinition(dashboard.installation, {
    name: "Erased",
    targetUrl: receiver.url,
    eventTypes: ["erased.*"],
    ordering: "NONE",
    retrySchedule: [],
  });
  receiver.respond(422);
  await emit("erased.event", "erased", 3);
  await waitForState(webhook.id, 3, "REJECTED");
  receiver.respond(200);
  const page = await dashboard.open(`/webhooks/${webhook.id}`);
  await page.getByRole("button", { name: "Recover…" }).click();
  const panel = page.getByRole("dialog", { name: "Recover Erased" });
  await panel.getByRole("region", { name: "Plan" }).getByText("3 requests").waitFor();
  // After the plan: what was planned is erased before it is sent.
  const erasure = await mutate(
    dashboard.installation,
    "erasePayloads",
    { filter: { webhookDefinitionId: webhook.id, entityId: "erased-1" } },
    "... on Erasure { id }",
  );
  await expect
    .poll(() =>
      dashboard.installation.graphql("query ($id: ID!) { node(id: $id) { ... on Erasure { state erased } } }", { id: erasure.id }),
    )
    .toEqual({ node: { state: "DONE", erased: 1 } });
  await panel.getByRole("button", { name: "Recover 3" }).click();
  await panel.getByText("Done: 2 of 3").waitFor();
  await panel.getByText("1 request could not be queued").waitFor();
  expect(await panel.getByRole("progressbar", { name: "Progress of Erased" }).getAttribute("aria-valuenow")).toBe("100");
  await page.close();
});

test("B96 a webhook that was made later takes in what came before it", { timeout: 200_000 }, async () => {
  await emit("late.event", "late", 4);
  const webhook = await createDefinition(dashboard.installation, { name: "Late", targetUrl: receiver.url, eventTypes: ["late.*"] });
  const page = await dashboard.open(`/webhooks/${webhook.id}`);
  await page.getByRole("button", { name: "Recover…" }).click();
  const panel = page.getByRole("dialog", { name: "Recover Late" });
  await panel.getByText("What was missed").click();
  await panel.getByRole("region", { name: "Plan" }).getByText("4 events").waitFor();
  await panel.getByRole("button", { name: "Recover 4" }).click();
  await panel.getByText("Done: 4 of 4").waitFor();
  await receiver.waitFor(() => bodies('"late"').length === 4);
  await page.close();
});

test("a view is resent as its window says: what was rejected, unless the view names other states", { timeout: 200_000 }, async () => {
  const { installation } = dashboard;
  const webhook = await createDefinition(installation, {
    ...{ name: "Mixed", targetUrl: receiver.url, eventTypes: ["mixed.*"], ordering: "NONE", retrySchedule: [] },
  });
  receiver.respond(422);
  await mutate(installation, "testWebhookDefinition", { id: webhook.id }, "... on WebhookRequest { id }");
  await emit("mixed.event", "bad", 3);
  await waitForState(webhook.id, 4, "REJECTED");
  receiver.respond(200);
  await emit("mixed.event", "fine", 5);
  await waitForState(webhook.id, 5, "DELIVERED");

  const page = await dashboard.open(`/log?definition=${webhook.id}`);
  page.setDefaultTimeout(20_000);
  await page.getByText("9 match").waitFor();
  await page.getByRole("button", { name: "Resend all…" }).click();
  const question = page.getByRole("dialog", { name: "Resend requests" });
  // Neither the test nor what was delivered.
  await question.getByRole("region", { name: "Plan" }).getByText("3 requests", { exact: true }).waitFor();
  await question.getByText("that were rejected").waitFor();
  expect(await looked(page, "resend requests")).toEqual([]);
  await question.getByRole("button", { name: "Resend 3" }).click();
  await question.getByText("Done: 3 of 3").waitFor();
  await receiver.waitFor(() => bodies('"bad"').length === 6);
  expect(bodies('"fine"').length).toBe(5);
  await waitForState(webhook.id, 8, "DELIVERED");

  // What was delivered goes again where the view names it: the server counts the tests among them.
  await page.goto(`${installation.url}/log?definition=${webhook.id}&state=DELIVERED,PENDING`);
  await page.getByRole("button", { name: "Resend all…" }).click();
  await question.getByRole("region", { name: "Plan" }).getByText("Up to 8 requests").waitFor();
  await question.getByText("that were delivered").waitFor();

  // Only a test was rejected now.
  await page.goto(`${installation.url}/log?definition=${webhook.id}&state=REJECTED`);
  await page.getByRole("button", { name: "Resend all…" }).click();
  await question.getByText("Nothing to resend").waitFor();
  expect(await question.getByRole("button", { name: /^Resend/ }).count()).toBe(0);
  expect(dashboard.mistakes).toEqual([]);
  await page.close();
});

test("a view of what is still queued has nothing to resend", { timeout: 150_000 }, async () => {
  const { installation } = dashboard;
  const webhook = await createDefinition(installation, {
    ...{ name: "Queued", targetUrl: receiver.url, eventTypes: ["queued.*"], ordering: "KEY", retrySchedule: [600_000] },
  });
  receiver.respond(503);
  await emit("queued.event", "queued", 2);
  await waitForState(webhook.id, 2, "WAITING");
  receiver.respond(200);
  const page = await dashboard.open(`/log?definition=${webhook.id}&state=PENDING,WAITING`);
  page.setDefaultTimeout(20_000);
  await page.getByRole("button", { name: "Resend all…" }).click();
  const question = page.getByRole("dialog", { name: "Resend requests" });
  await question.getByText("Nothing to resend").waitFor();
  expect(await question.getByRole("button", { name: /^Resend/ }).count()).toBe(0);
  await page.close();
});

test("how far a resend is: the window says when the server is away, and when it is over", { timeout: 150_000 }, async () => {
  const { installation } = dashboard;
  const webhook = await createDefinition(installation, {
    ...{ name: "Away", targetUrl: receiver.url, eventTypes: ["away.*"], ordering: "NONE", retrySchedule: [] },
  });
  receiver.respond(422);
  await emit("away.event", "away", 2);
  await waitForState(webhook.id, 2, "REJECTED");
  receiver.respond(200);
  // They leave this view as they are sent.
  const page = await dashboard.open(`/log?definition=${webhook.id}&state=REJECTED`);
  page.setDefaultTimeout(20_000);
  await page.getByText("2 match").waitFor();
  await page.route("**/graphql", (route) =>
    route.request().postData()?.includes("query Replay") ? route.abort("connectionrefused") : route.continue(),
  );
  await page.getByRole("button", { name: "Resend all…" }).click();
  const window = page.getByRole("dialog");
  await window.getByRole("button", { name: /^Resend/ }).click();
  await window.getByText("The server does not answer").waitFor();
  await window.getByText("You may close this").waitFor();
  await page.unrouteAll({ behavior: "ignoreErrors" });
  await window.getByText(/: 2 of 2/).waitFor();
  await window.getByText("It took").waitFor();
  expect(await window.getByText("You may close this").count()).toBe(0);
  expect(await window.getByText("The server does not answer").count()).toBe(0);

  // Another view is no longer that of the window.
  await window.getByRole("link", { name: "What failed again" }).click();
  await window.waitFor({ state: "hidden" });
  await page.close();
});
