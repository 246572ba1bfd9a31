/** What operators are told of deliveries, by a platform that delivers: figures at /metrics, and lines. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { createMailer } from "../../src/delivery/mail.ts";
import { createWarnings, type Warnings } from "../../src/observe/warnings.ts";
import { type TestApp, testApp } from "../helpers/app.ts";
import { data, post } from "../helpers/graphql.ts";
import { collectLines } from "../helpers/lines.ts";
import { type Mailbox, startMailbox } from "../helpers/mailbox.ts";
import { figureOf, parseMetrics } from "../helpers/metrics.ts";
import { type Receiver, startReceiver } from "../helpers/receiver.ts";

let app: TestApp;
let receiver: Receiver;
let mailbox: Mailbox;
const { log, lines } = collectLines();
const ofKind = (kind: string) => lines.filter(({ warning }) => warning === kind);

beforeAll(async () => {
  mailbox = await startMailbox();
  receiver = await startReceiver();
  app = await testApp({ retryScale: 0.001, smtpUrl: mailbox.url }, { worker: true });
  (app.t.core as { warnings: Warnings }).warnings = createWarnings(log);
});
afterAll(async () => {
  await app?.close();
  await receiver?.close();
  await mailbox?.close();
});

// biome-ignore lint/suspicious/noExplicitAny: a test says what it expects by its expectations
const ask = (query: string, variables?: Record<string, unknown>): Promise<any> => data(app, app.adminToken, query, variables);
const CREATE = `mutation ($input: CreateWebhookDefinitionInput!) { createWebhookDefinition(input: $input) {
  __typename ... on CreatedWebhookDefinition { definition { id code } } ... on Error { message } } }`;
async function define(name: string, input: Record<string, unknown>): Promise<{ id: string; code: string }> {
  const answer = await ask(CREATE, { input: { name, targetUrl: `${receiver.url}/${name}`, eventTypes: [`${name}.*`], ...input } });
  expect(answer.createWebhookDefinition.__typename, JSON.stringify(answer)).toBe("CreatedWebhookDefinition");
  return answer.createWebhookDefinition.definition;
}
const EMIT = `mutation ($input: EmitEventInput!) { emitEvent(input: $input) { __typename ... on Event { requests(first: 5) { edges { node { id number } } } } } }`;
const emit = async (type: string, more: Record<string, unknown> = {}) =>
  (await ask(EMIT, { input: { type, payload: {}, ...more } })).emitEvent.requests.edges[0]?.node as { id: string; number: number };
const scrape = async () => parseMetrics(await (await fetch(`${app.url}/metrics`)).text());

test("B40 a blocked lane: one line with names and numbers as people know them, however many lanes, and its figures", async () => {
  receiver.respond((call) => (call.path === "/locked" ? 500 : 200));
  const { id, code } = await define("locked", { ordering: "KEY", onExhausted: "BLOCK", retrySchedule: [] });
  const first = await emit("locked.up", { entity: "door", entityId: "18" });
  await expect.poll(() => ofKind("lane-blocked").length, { timeout: 10_000 }).toBe(1);
  expect(ofKind("lane-blocked")[0]).toMatchObject({
    ...{ level: 40, organization: "First", webhookDefinition: id, code, name: "locked" },
    ...{ request: first.number, requestId: first.id, event: "locked.up", entity: "door", entityId: "18", status: 500 },
  });
  expect(JSON.stringify(lines)).not.toContain(receiver.url);
  for (let i = 0; i < 20; i++) await emit("locked.up", { entity: "door", entityId: `other-${i}` });
  await emit("locked.up", { entity: "door", entityId: "18" });
  await expect
    .poll(async () => figureOf(await scrape(), "hookline_lanes", { state: "blocked" }), { timeout: 40_000, interval: 500 })
    .toBe(21);
  const shown = await scrape();
  expect(figureOf(shown, "hookline_queued_requests", { lane_state: "blocked" })).toBe(22);
  expect(figureOf(shown, "hookline_oldest_waiting_seconds")).toBe(0);
  expect(ofKind("lane-blocked")).toHaveLength(1);
}, 60_000);

test("B40 a stopped webhook and a mail server that refuses: a line each, counted, and the mail arrives in the end", async () => {
  mailbox.refuse(1);
  receiver.respond((call) => (call.path === "/failing" ? 503 : 200));
  const { id, code } = await define("failing", {
    maxConsecutiveErrors: 2,
    retrySchedule: [0.001, 0.001, 0.001],
    errorsEmail: "ops@example.test",
  });
  const request = await emit("failing.now");
  await expect.poll(() => ofKind("definition-stopped").length, { timeout: 15_000 }).toBe(1);
  expect(ofKind("definition-stopped")[0]).toMatchObject({
    ...{ level: 40, organization: "First", webhookDefinition: id, code, name: "failing", request: request.number },
    ...{ state: "TOO_MANY_ERRORS", reason: "2 failed attempts in a row" },
  });
  await expect.poll(() => ofKind("mail-failed").length, { timeout: 15_000 }).toBe(1);
  expect(ofKind("mail-failed")[0]).toMatchObject({ organization: "First", webhookDefinition: id, code, name: "failing", status: 451 });
  await mailbox.waitFor(1, 30_000);
  await expect.poll(async () => figureOf(await scrape(), "hookline_mails_total", { outcome: "sent" })).toBe(1);
  await expect
    .poll(async () => figureOf(await scrape(), "hookline_definitions", { state: "too_many_errors" }), { timeout: 40_000, interval: 500 })
    .toBe(1);
  const shown = await scrape();
  expect(figureOf(shown, "hookline_mails_total", { outcome: "failed" })).toBe(1);
  expect(figureOf(shown, "hookline_definitions", { state: "active" })).toBe(1);
  expect(figureOf(shown, "hookline_lanes", { state: "paused" })).toBe(1);
  expect(JSON.stringify(lines)).not.toMatch(/ops@example|secret/);
}, 60_000);

test("B40 events are counted once each, also in bulk, and not when an idempotency key answers", async () => {
  const before = figureOf(await scrape(), "hookline_events_total") as number;
  expect(before).toBeGreaterThan(0);
  const send = (body: unknown) =>
    fetch(`${app.url}/v1/events`, {
      method: "POST",
      headers: { authorization: `Bearer ${app.adminToken}`, "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  const event = { type: "counted.once", payload: {}, idempotencyKey: "one" };
  for (let i = 0; i < 3; i++) expect((await send(event)).status).toBe(202);
  expect((await send([1, 2, 3].map(() => ({ type: "counted.bulk", payload: {} })))).status).toBe(202);
  expect((await send({ type: "" })).status).toBe(400);
  expect(figureOf(await scrape(), "hookline_events_total")).toBe(before + 4);
});

test("B40 sign-ins that were refused are counted", async () => {
  const before = figureOf(await scrape(), "hookline_sign_in_failures_total") as number;
  const SIGN_IN = `mutation ($input: SignInInput!) { signIn(input: $input) { __typename } }`;
  await post(app, { query: SIGN_IN, variables: { input: { email: "nobody", password: "wrong" } } });
  expect(figureOf(await scrape(), "hookline_sign_in_failures_total")).toBe(before + 1);
});

test("without a mail server nothing is sent, and nothing fails", () => {
  expect(createMailer({ smtpUrl: undefined, mailFrom: "x@y" })).toBeUndefined();
});
