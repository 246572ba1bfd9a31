/** Deliveries over time, from real ones. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type TestApp, testApp } from "../helpers/app.ts";
import { data, graphql } from "../helpers/graphql.ts";
import { type Receiver, startReceiver } from "../helpers/receiver.ts";

let app: TestApp;
let receiver: Receiver;
beforeAll(async () => {
  app = await testApp({ retryScale: 0.001 }, { worker: true });
  receiver = await startReceiver();
});
afterAll(async () => {
  await app?.close();
  await receiver?.close();
});

// biome-ignore lint/suspicious/noExplicitAny: a test says what it expects by its expectations
const ask = (query: string, variables?: Record<string, unknown>): Promise<any> => data(app, app.adminToken, query, variables);
const STATISTICS = `query ($since: DateTime!, $buckets: Int) { deliveryStatistics(since: $since, buckets: $buckets) {
  delivered retried rejected p50Ms p99Ms buckets { at delivered retried rejected p50Ms }
  definitions { delivered retried rejected webhookDefinition { name } } } }`;
const ago = (milliseconds: number) => new Date(Date.now() - milliseconds).toISOString();

test("attempts are counted as delivered, retried and rejected, in their buckets and by definition", async () => {
  const create = `mutation ($input: CreateWebhookDefinitionInput!) { createWebhookDefinition(input: $input) { __typename } }`;
  const make = (name: string) =>
    ask(create, {
      input: { name, targetUrl: `${receiver.url}/${name}`, eventTypes: [`${name}.happened`], retrySchedule: [1, 1], ordering: "NONE" },
    });
  await make("good");
  await make("flaky");
  await make("bad");
  let flaky = 0;
  receiver.respond((call) => (call.path === "/good" ? 200 : call.path === "/bad" ? 500 : flaky++ === 0 ? 503 : 200));
  for (const type of ["good.happened", "good.happened", "flaky.happened", "bad.happened"]) {
    await ask(`mutation ($input: EmitEventInput!) { emitEvent(input: $input) { __typename } }`, { input: { type, payload: {} } });
  }

  await expect
    .poll(async () => (await ask(STATISTICS, { since: ago(60_000), buckets: 6 })).deliveryStatistics, { timeout: 15_000 })
    .toMatchObject({ delivered: 3, retried: 3, rejected: 1 });
  const { deliveryStatistics: statistics } = await ask(STATISTICS, { since: ago(60_000), buckets: 6 });
  expect(statistics.buckets).toHaveLength(6);
  expect(statistics.buckets.reduce((sum: number, bucket: { delivered: number }) => sum + bucket.delivered, 0)).toBe(3);
  expect(statistics.p50Ms).toBeGreaterThanOrEqual(0);
  expect(statistics.p99Ms).toBeGreaterThanOrEqual(statistics.p50Ms);
  const byName = Object.fromEntries(
    statistics.definitions.map(({ webhookDefinition, ...counts }: { webhookDefinition: { name: string } }) => [
      webhookDefinition.name,
      counts,
    ]),
  );
  expect(byName).toEqual({
    good: { delivered: 2, retried: 0, rejected: 0 },
    flaky: { delivered: 1, retried: 1, rejected: 0 },
    bad: { delivered: 0, retried: 2, rejected: 1 },
  });

  // What lies before the minute of `since` is not counted, and nobody else's is.
  await app.t.core.db.pool.query("UPDATE delivery_minute SET minute = minute - interval '2 minutes'");
  expect((await ask(STATISTICS, { since: ago(1), buckets: 1 })).deliveryStatistics).toMatchObject({
    delivered: 0,
    p50Ms: null,
    definitions: [],
  });
  const stranger = await app.t.organization();
  const token = await app.token({ organizationId: stranger.admin.organizationId });
  const other = await data(app, token, STATISTICS, { since: ago(60_000) });
  expect(other).toMatchObject({ deliveryStatistics: { delivered: 0, retried: 0, rejected: 0 } });
});

test("a window that makes no sense is refused", async () => {
  for (const variables of [
    { since: ago(-60_000) },
    { since: ago(31 * 86_400_000) },
    { since: ago(60_000), buckets: 0 },
    { since: ago(60_000), buckets: 241 },
  ]) {
    const { body } = await graphql(app, STATISTICS, { token: app.adminToken, variables });
    expect(body.errors[0].extensions.code).toBe("BAD_USER_INPUT");
  }
});
