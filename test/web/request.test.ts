/** One request: two of its attempts against each other, and its event sent once more with another payload. */
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type Receiver, startReceiver } from "../helpers/receiver.ts";
import { looked } from "./helpers/axe.ts";
import { type Dashboard, openDashboard } from "./helpers/dashboard.ts";
import { createDefinition, mutate } from "./helpers/seed.ts";

let dashboard: Dashboard;
let receiver: Receiver;
let number: number;

const PAYLOAD = '{"total":12345678901234567890.10,"b":1,"a":[1.50]}';

beforeAll(async () => {
  receiver = await startReceiver();
  dashboard = await openDashboard({ HOOKLINE_RETRY_SCALE: "0.01" });
  const { installation } = dashboard;
  receiver.respond((_call, index) =>
    index < 2
      ? { status: 503, body: { error: "busy", try: index }, headers: { "x-node": "one" } }
      : { status: 422, body: { error: "unknown field", try: index }, headers: { "x-node": "two" } },
  );
  await createDefinition(installation, {
    name: "Ledger",
    targetUrl: `${receiver.url}/ledger`,
    eventTypes: ["order.*"],
    // The last two are of different seconds, and so of different timestamps.
    retrySchedule: [1, 150],
  });
  const posted = await fetch(`${installation.url}/v1/events`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${installation.token}` },
    body: `{"type":"order.created","entity":"order","entityId":"18","changes":["total"],"scope":{"workflow":"w"},"payload":${PAYLOAD}}`,
  });
  expect(posted.status).toBe(202);
  await receiver.waitFor(3);
  const found = async () =>
    (await installation.graphql("{ webhookRequests(filter: { state: [REJECTED] }) { edges { node { number } } } }")).webhookRequests.edges;
  await vi.waitFor(async () => expect(await found()).toHaveLength(1), { timeout: 30_000 });
  number = (await found())[0].node.number;
}, 120_000);
afterAll(async () => {
  await dashboard?.close();
  await receiver?.close();
});

test("Skip is offered for the request that blocks its lane, also while it is paused, and for no other that was rejected", {
  timeout: 120_000,
}, async () => {
  const { installation } = dashboard;
  receiver.respond(422);
  const { id } = await createDefinition(installation, {
    name: "Strict",
    targetUrl: `${receiver.url}/strict`,
    eventTypes: ["strict.*"],
    ordering: "DEFINITION",
    onExhausted: "SKIP",
    retrySchedule: [],
  });
  const requests = async () =>
    (
      await installation.graphql(
        "query ($id: ID) { webhookRequests(filter: { webhookDefinitionId: $id }) { edges { node { number state lane { id state } } } } }",
        { id },
      )
    ).webhookRequests.edges.map(({ node }: { node: { number: number; state: string; lane: { id: string; state: string } } }) => node);
  const rejected = (count: number) =>
    vi.waitFor(async () => expect((await requests()).filter(({ state }: { state: string }) => state === "REJECTED")).toHaveLength(count), {
      timeout: 30_000,
    });
  const emit = () => installation.emit({ type: "strict.made", payload: {} });
  await emit();
  await rejected(1);
  await mutate(installation, "updateWebhookDefinition", { id, onExhausted: "BLOCK" }, "... on WebhookDefinition { id }");
  await emit();
  await rejected(2);
  const [head, passed] = await requests();
  expect(head.lane).toMatchObject({ state: "BLOCKED" });
  await mutate(installation, "pauseLane", { id: head.lane.id }, "... on Lane { id }");

  const page = await dashboard.open(`/log/${passed.number}`);
  await page.getByRole("button", { name: "Resend" }).waitFor();
  expect(await page.getByRole("button", { name: "Skip…" }).count()).toBe(0);
  await page.goto(`${installation.url}/log/${head.number}`);
  await page.getByText("Its lane is blocked until it is resent or skipped.").waitFor();
  await page.getByRole("button", { name: "Skip…" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Skip", exact: true }).click();
  await vi.waitFor(async () => expect((await requests())[0]).toMatchObject({ state: "SKIPPED" }), { timeout: 20_000 });
  await page.close();
});

test("two attempts are compared: the last two at first, any others by choice, and the address keeps them", {
  timeout: 200_000,
}, async () => {
  const page = await dashboard.open(`/log/${number}`);
  await page.getByRole("button", { name: "Compare two" }).click();
  const comparison = page.getByRole("region", { name: "Comparison" });
  const row = (name: string) => comparison.locator("dl > div").filter({ has: page.locator("dt", { hasText: new RegExp(`^${name}$`) }) });
  await row("Outcome").getByText("Receiver answered 503").waitFor();
  await row("Outcome").getByText("Receiver answered 422").waitFor();
  await row("webhook-timestamp").getByText("Attempt 3").waitFor();
  await row("x-node").getByText("two").waitFor();
  await comparison.getByText("The same body, byte for byte").waitFor();
  const reply = comparison.getByRole("group", { name: "Differences of the reply body" });
  await reply.getByText('"error": "busy"').waitFor();
  await reply.getByText('"error": "unknown field"').waitFor();
  expect(await looked(page, "comparison")).toEqual([]);

  await comparison.getByRole("combobox", { name: "with" }).click();
  await page.getByRole("option", { name: /^Attempt 1/ }).click();
  await row("Outcome").getByText("Receiver answered 503, both").waitFor();
  expect(new URL(page.url()).search).toBe("?compare=2-1");
  await page.reload();
  await row("Outcome").getByText("Receiver answered 503, both").waitFor();
  await comparison.getByRole("button", { name: "End comparison" }).click();
  await page.getByRole("heading", { name: "Received" }).waitFor();
  expect(new URL(page.url()).search).toBe("");
  expect(dashboard.mistakes).toEqual([]);
  await page.close();
});

test("the payload is changed and sent as a test, to the last digit, and the answer is shown", { timeout: 200_000 }, async () => {
  const page = await dashboard.open(`/log/${number}`);
  await page.getByRole("group", { name: "payload" }).getByText("12345678901234567890.10").waitFor();
  await page.getByRole("button", { name: "Send as a test" }).click();
  const panel = page.getByRole("dialog", { name: "Test Ledger" });
  const payload = panel.getByLabel("Payload");
  expect((await payload.inputValue()).replaceAll(/\s/g, "")).toBe(PAYLOAD);
  expect(await looked(page, "send as a test")).toEqual([]);

  await payload.fill(`${await payload.inputValue()}}`);
  await panel.getByText("This is no JSON").waitFor();
  expect(await panel.getByRole("button", { name: "Send", exact: true }).isDisabled()).toBe(true);
  await panel.getByRole("button", { name: "Back to the payload as it was" }).click();
  const changed = PAYLOAD.replace('"b":1', '"b":99999999999999999999');
  await payload.fill(changed);
  receiver.respond({ status: 200, body: { taken: true } });
  await panel.getByRole("button", { name: "Send", exact: true }).click();
  const reply = panel.getByRole("region", { name: "Reply" });
  await reply.getByText("HTTP 200").waitFor();
  await reply.getByText('"taken"').waitFor();
  const sent = receiver.calls.at(-1)?.body.toString() ?? "";
  expect(sent).toContain(`"data":${changed}`);
  expect(JSON.parse(sent)).toMatchObject({ type: "order.created", subject: "order/18" });

  // A body that was not read is told apart from none.
  const odd = "its Content-Encoding is gzip, and the request accepts only identity";
  receiver.respond({ status: 200, headers: { "content-encoding": "gzip" }, body: gzipSync("{}") });
  await panel.getByRole("button", { name: "Send", exact: true }).click();
  await reply.getByText(odd).waitFor();
  await reply.getByText("No body of the reply is kept.").waitFor();

  await reply.getByRole("link", { name: /^Request #/ }).click();
  await page.getByRole("heading", { name: /Test/ }).waitFor();
  await page.getByText(odd).waitFor();
  const { webhookRequest } = await dashboard.installation.graphql(
    "query ($number: SafeInt) { webhookRequest(number: $number) { isTest event { changes scope } } }",
    { number: Number(new URL(page.url()).pathname.split("/").at(-1)) },
  );
  expect(webhookRequest).toEqual({ isTest: true, event: { changes: ["total"], scope: { workflow: "w" } } });
  expect(dashboard.mistakes).toEqual([]);
  await page.close();
});
