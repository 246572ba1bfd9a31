/** A collector that takes nothing costs spans, and nothing else. */
import { expect, test } from "vitest";
import { createDefinition } from "../../src/definitions/definitions.ts";
import { createTracing } from "../../src/observe/opentelemetry.ts";
import { testApp } from "../helpers/app.ts";
import { startCollector } from "../helpers/collector.ts";
import { startReceiver } from "../helpers/receiver.ts";

const QUEUE = 40;
const config = (url: string, timeoutMs: number) => ({
  ...{ url: `${url}/v1/traces`, headers: {}, timeoutMs, serviceName: undefined, delayMs: 10, queue: QUEUE },
  ...{ sampler: "always_on" as const, samplerRatio: 1 },
});

test("deliveries go on behind a collector that hangs, and a stop does not wait for it", { timeout: 180_000 }, async () => {
  const [collector, receiver] = await Promise.all([startCollector(), startReceiver()]);
  collector.http.hold();
  const app = await testApp({ tracing: config(collector.url, 600_000) }, { worker: true });
  await createDefinition(app.t.core, app.t.admin, { name: "All", targetUrl: receiver.url, eventTypes: ["*"] }, app.doors);
  // More than may wait for the collector.
  for (let i = 0; i < 5; i++) {
    const events = Array.from({ length: QUEUE }, (_, n) => ({ type: "a.b", entityId: `${i}-${n}` }));
    const response = await fetch(`${app.url}/v1/events`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${app.adminToken}` },
      body: JSON.stringify(events),
    });
    expect(response.status).toBe(202);
  }
  await receiver.waitFor(5 * QUEUE, 100_000);
  await collector.http.waitFor(1);
  // It would be held for ten minutes.
  await app.close();
  expect(collector.http.inFlight).toBeGreaterThan(0);
  await Promise.all([collector.close(), receiver.close()]);
});

test("what is lost is warned of, and the collector's return is found", async () => {
  const collector = await startCollector();
  const warned: unknown[][] = [];
  const tracing = createTracing(config(collector.url, 100), { warn: (...told) => void warned.push(told) });
  const span = () => tracing.ingest({ organization: "org_1", events: 1, type: "a.b" }, undefined, []).end({ error: null });
  collector.http.respond(400);
  span();
  await expect.poll(() => warned.length).toBeGreaterThan(0);
  expect(warned[0]?.slice(0, 2)).toEqual(["spans-lost", "collector"]);
  collector.http.respond(200);
  const before = collector.http.calls.length;
  span();
  await collector.http.waitFor(before + 1);
  await tracing.close(3_000);
  expect(collector.spans("hookline ingest")).toHaveLength(2);
  await collector.close();
});

test("that more wait than may is warned of", async () => {
  const collector = await startCollector();
  const warned: unknown[][] = [];
  const tracing = createTracing({ ...config(collector.url, 10_000), queue: 5 }, { warn: (...told) => void warned.push(told) });
  const span = () => tracing.ingest({ organization: "org_1", events: 1, type: "a.b" }, undefined, []).end({ error: null });
  collector.http.hold();
  for (let i = 0; i < 20; i++) span();
  await collector.http.waitFor(1);
  collector.http.release();
  // The SDK says so once there is room again.
  const said = () => {
    span();
    return warned;
  };
  await expect.poll(said).toContainEqual(["spans-lost", "collector", { err: expect.stringContaining("Dropped") }, expect.any(String)]);
  await tracing.close(3_000);
  await collector.close();
});

test("spans that wait are sent before it closes", async () => {
  const collector = await startCollector();
  const tracing = createTracing({ ...config(collector.url, 10_000), delayMs: 600_000 }, { warn: () => undefined });
  for (let i = 0; i < 3; i++) tracing.ingest({ organization: "org_1", events: 1, type: "a.b" }, undefined, []).end({ error: null });
  await tracing.close(10_000);
  expect(collector.spans()).toHaveLength(3);
  await collector.close();
});
