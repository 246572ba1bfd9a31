/** Spans of ingest calls and attempts, as a collector gets them. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { TracingConfig } from "../../src/config/tracing.ts";
import { createDefinition } from "../../src/definitions/definitions.ts";
import { globalId } from "../../src/wire/ids.ts";
import { type TestApp, testApp } from "../helpers/app.ts";
import { startCollector } from "../helpers/collector.ts";
import { startReceiver } from "../helpers/receiver.ts";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT = "00f067aa0ba902b7";
const given = `00-${TRACE}-${PARENT}-01`;

const [collector, receiver] = await Promise.all([startCollector(), startReceiver()]);

const config = (over: Partial<TracingConfig> = {}): TracingConfig => ({
  url: `${collector.url}/v1/traces`,
  headers: { "api-key": "of-the-collector" },
  timeoutMs: 10_000,
  serviceName: "hooks-of-a-test",
  sampler: "parentbased_always_on",
  samplerRatio: 1,
  delayMs: 20,
  queue: 2_048,
  ...over,
});

let app: TestApp;
beforeAll(async () => {
  app = await testApp({ tracing: config(), retryScale: 0.001 }, { worker: true });
});
afterAll(async () => {
  await app.close();
  await Promise.all([collector.close(), receiver.close()]);
});

let names = 0;
/** One that takes events of a type of its own. */
async function definition(over: { headers?: Record<string, string>; path?: string; url?: string } = {}) {
  names += 1;
  const type = `trace.n${names}`;
  const targetUrl = over.url ?? `${receiver.url}${over.path ?? `/${type}`}`;
  const settings = { name: type, targetUrl, eventTypes: [type], retrySchedule: [1, 1], ...(over.headers && { headers: over.headers }) };
  const made = await createDefinition(app.t.core, app.t.admin, settings, app.doors);
  const calls = () => receiver.calls.filter(({ path }) => path.startsWith(over.path?.split("?")[0] ?? `/${type}`));
  const attempts = () =>
    collector
      .spans("hookline attempt")
      .filter((span) => span.attributes["hookline.webhook"] === globalId("WebhookDefinition", made.definition.id));
  return { type, id: made.definition.id, calls, attempts };
}

async function emit(body: object, headers: Record<string, string> = {}): Promise<{ id: string; events: { id: string }[] }> {
  const response = await fetch(`${app.url}/v1/events`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${app.adminToken}`, ...headers },
    body: JSON.stringify(body),
  });
  expect(response.status).toBe(202);
  return (await response.json()) as { id: string; events: { id: string }[] };
}

const ingestOf = (type: string) =>
  collector.spans("hookline ingest").filter(({ attributes }) => attributes["hookline.event.type"] === type);

test("the call and its attempt are spans of the caller's trace, and the receiver is told of the attempt's", async () => {
  const { type, id, calls, attempts } = await definition({ path: "/of-a-caller?token=not-to-be-seen" });
  const event = await emit({ type, payload: { secret: "in-the-payload" } }, { traceparent: given, tracestate: "rojo=1" });
  await expect.poll(attempts).toHaveLength(1);
  await expect.poll(() => ingestOf(type)).toHaveLength(1);

  const [ingest, attempt] = [ingestOf(type)[0], attempts()[0]];
  expect(ingest).toMatchObject({ traceId: TRACE, parentId: PARENT, state: "rojo=1", kind: 4, status: { code: 0 } });
  expect(ingest?.resource).toMatchObject({ "service.name": "hooks-of-a-test" });
  expect(attempt).toMatchObject({ traceId: TRACE, parentId: PARENT, state: "rojo=1", kind: 3, status: { code: 0 } });
  expect(attempt?.attributes).toEqual({
    "hookline.organization": globalId("Organization", app.t.organizationId),
    "hookline.webhook": globalId("WebhookDefinition", id),
    "hookline.request": expect.stringMatching(/^req_[0-9a-f]{32}$/),
    "hookline.event": event.id,
    "hookline.attempt": 1,
    "hookline.outcome": "DELIVERED",
    "http.request.method": "POST",
    "http.response.status_code": 200,
    "server.address": "127.0.0.1",
    "server.port": receiver.port,
    "url.full": `${receiver.url}/of-a-caller?token=***`,
  });
  expect(calls()[0]?.headers).toMatchObject({ traceparent: `00-${TRACE}-${attempt?.spanId}-01`, tracestate: "rojo=1" });
  for (const hidden of ["not-to-be-seen", "in-the-payload", "user-agent", "webhook-signature"])
    expect(collector.text()).not.toContain(hidden);
  expect(collector.http.calls[0]?.headers).toMatchObject({ "api-key": "of-the-collector" });
});

test("retried attempts are spans of their own in one trace, with their errors; a resend too", async () => {
  const { type, calls, attempts } = await definition();
  receiver.respond((call) => (call.path.startsWith(`/${type}`) && calls().length < 3 ? 503 : 200));
  const event = await emit({ type }, { traceparent: given });
  await expect.poll(attempts).toHaveLength(3);
  // The span ends with the answer, which is settled a little later.
  const settled = "SELECT id FROM webhook_request WHERE event_type = $1 AND state = 'DELIVERED'";
  await expect.poll(async () => (await app.t.core.db.pool.query(settled, [type])).rowCount).toBe(1);
  const { rows } = await app.t.core.db.pool.query<{ id: string }>(settled, [type]);
  const resend = await fetch(`${app.url}/graphql`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      authorization: `Bearer ${app.adminToken}`,
      traceparent: given.replace(TRACE, "1".repeat(32)),
    },
    body: JSON.stringify({
      query: "mutation ($input: ResendWebhookRequestInput!) { resendWebhookRequest(input: $input) { __typename } }",
      variables: { input: { id: globalId("WebhookRequest", rows[0]?.id as string), force: true } },
    }),
  });
  expect(await resend.json()).toEqual({ data: { resendWebhookRequest: { __typename: "WebhookRequest" } } });
  await expect.poll(attempts).toHaveLength(4);
  receiver.respond(200);

  const inOrder = attempts().sort((a, b) => Number(a.attributes["hookline.attempt"]) - Number(b.attributes["hookline.attempt"]));
  expect(inOrder.map(({ attributes }) => attributes["hookline.attempt"])).toEqual([1, 2, 3, 4]);
  expect(inOrder.map(({ attributes }) => attributes["hookline.event"])).toEqual(Array(4).fill(event.id));
  expect(inOrder.map(({ status }) => status)).toEqual([
    { code: 2, message: "HTTP_STATUS" },
    { code: 2, message: "HTTP_STATUS" },
    { code: 0, message: "" },
    { code: 0, message: "" },
  ]);
  expect(new Set(inOrder.map(({ traceId }) => traceId))).toEqual(new Set([TRACE]));
  expect(new Set(inOrder.map(({ spanId }) => spanId)).size).toBe(4);
  expect(calls().map(({ headers }) => headers["traceparent"])).toEqual(inOrder.map(({ spanId }) => `00-${TRACE}-${spanId}-01`));
});

test("without a trace of the caller one begins at the call, and its attempts belong to it", async () => {
  const { type, calls, attempts } = await definition();
  await emit({ type });
  await expect.poll(attempts).toHaveLength(1);
  await expect.poll(() => ingestOf(type)).toHaveLength(1);
  const [ingest, attempt] = [ingestOf(type)[0], attempts()[0]];
  expect(ingest?.parentId).toBe("");
  expect(attempt).toMatchObject({ traceId: ingest?.traceId, parentId: ingest?.spanId });
  expect(calls()[0]?.headers["traceparent"]).toBe(`00-${ingest?.traceId}-${attempt?.spanId}-01`);
});

test("the caller's flags are kept: what it does not sample is not exported, and goes on as not sampled", async () => {
  const { type, calls, attempts } = await definition();
  await emit({ type }, { traceparent: `00-${TRACE}-${PARENT}-02` });
  await expect.poll(calls).toHaveLength(1);
  expect(calls()[0]?.headers["traceparent"]).toMatch(new RegExp(`^00-${TRACE}-(?!${PARENT})[0-9a-f]{16}-02$`));
  // What comes later is there, so it would be too.
  await emit({ type }, { traceparent: given });
  await expect.poll(attempts).toHaveLength(1);
});

test("events of other traces are links of the call's span", async () => {
  const { type, attempts } = await definition();
  const own = given.replace(TRACE, "2".repeat(32));
  await emit(
    [
      { type, traceparent: own },
      { type, entityId: "2" },
      { type, traceparent: own },
    ],
    { traceparent: given },
  );
  await expect.poll(attempts).toHaveLength(3);
  const ingests = () => collector.spans("hookline ingest").filter(({ links }) => links.length > 0);
  await expect.poll(ingests).toHaveLength(1);
  expect(ingests()[0]).toMatchObject({ traceId: TRACE, links: ["2".repeat(32)], attributes: { "hookline.events": 3 } });
  expect(attempts().map(({ traceId }) => traceId)).toEqual(["2".repeat(32), TRACE, "2".repeat(32)]);
});

test("a header of that name that the definition sets wins; the attempt is told of all the same", async () => {
  const theirs = given.replace(TRACE, "3".repeat(32));
  const { type, calls, attempts } = await definition({ headers: { TraceParent: theirs } });
  await emit({ type }, { traceparent: given, tracestate: "rojo=1" });
  await expect.poll(attempts).toHaveLength(1);
  expect(calls()[0]?.headers["traceparent"]).toBe(theirs);
  expect(calls()[0]?.headers).not.toHaveProperty("tracestate");
  expect(attempts()[0]?.traceId).toBe(TRACE);
});

test("what was refused and what nobody answered are errors", async () => {
  const gone = await startReceiver();
  await gone.close();
  const { type, attempts } = await definition({ url: gone.url });
  await emit({ type });
  await expect.poll(() => attempts().length).toBeGreaterThan(0);
  expect(attempts()[0]).toMatchObject({
    status: { code: 2, message: "CONNECTION_REFUSED" },
    attributes: { "error.type": "CONNECTION_REFUSED" },
  });
  expect(attempts()[0]?.attributes).not.toHaveProperty("http.response.status_code");
});
