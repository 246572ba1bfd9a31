/** A definition that its receiver's errors stop: how many calls are made. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { activateDefinitions } from "../../src/definitions/state.ts";
import { createErrorGate } from "../../src/delivery/error-gate.ts";
import type { Plan } from "../../src/delivery/plan.ts";
import { type Receiver, startReceiver } from "../helpers/receiver.ts";
import { type Delivery, openDelivery } from "./delivery-setup.ts";

let d: Delivery;
let receiver: Receiver;

beforeAll(async () => {
  d = await openDelivery({ retryScale: 0.01 });
  receiver = await startReceiver();
});
afterAll(async () => {
  await d?.close();
  await receiver?.close();
});

async function stateOf(id: string): Promise<{ state: string; errors: number; sending: number; waiting: number }> {
  const { rows } = await d.t.core.db.pool.query(
    `SELECT d.state, c.consecutive_errors AS errors,
       (SELECT count(*)::int FROM webhook_request r WHERE r.definition_id = d.id AND r.state = 'SENDING') AS sending,
       (SELECT count(*)::int FROM webhook_request r WHERE r.definition_id = d.id AND r.state IN ('PENDING', 'WAITING')) AS waiting
     FROM webhook_definition d JOIN definition_counter c ON c.definition_id = d.id WHERE d.id = $1`,
    [id],
  );
  return rows[0];
}

async function stopped(id: string) {
  for (const deadline = Date.now() + 20_000; Date.now() < deadline; await sleep(20)) {
    const now = await stateOf(id);
    if (now.state === "TOO_MANY_ERRORS" && now.sending === 0) return now;
  }
  throw new Error(`it was not stopped: ${JSON.stringify(await stateOf(id))}`);
}

describe("B38 superoffice: nine failures in a row, and at most two more calls", () => {
  it.each([
    ["that fails at once", "NONE", 100, (n: number) => (n % 3) * 5],
    ["that is slow", "NONE", 10, () => 100],
    ["whose replies come all together", "NONE", 10, (n: number) => (n < 10 ? 400 - n : 50)],
    ["in order", "DEFINITION", 1, () => 5],
    ["keyed", "KEY", 1, () => 20],
  ] as const)("a receiver %s (%s)", async (name, ordering, concurrency, delayMs) => {
    const type = `fails.${name.replaceAll(/\W/g, "")}`;
    const id = await d.definition({
      targetUrl: `${receiver.url}/${type}`,
      eventTypes: [type],
      dialect: "SUPEROFFICE",
      ordering,
      ...(ordering === "NONE" && { concurrency }),
    });
    receiver.respond((_, n) => ({ status: 500, delayMs: delayMs(n) }));
    const first = receiver.calls.length;
    await Promise.all(Array.from({ length: 40 }, (_, n) => d.emit(type, { entity: "e", entityId: String(n) })));
    const now = await stopped(id);
    const calls = () => receiver.calls.slice(first).filter((call) => call.path === `/${type}`).length;
    const made = calls();
    expect(made).toBeGreaterThanOrEqual(9);
    expect(made).toBeLessThanOrEqual(11);
    expect(now).toMatchObject({ errors: made, waiting: 40 });
    // Active again: all of it goes out, each once more at least, and the count begins at nothing.
    receiver.respond(200);
    await activateDefinitions(d.t.core, d.t.admin, [id]);
    const left = async () => (({ waiting, sending }) => waiting + sending)(await stateOf(id));
    for (const deadline = Date.now() + 20_000; (await left()) > 0 && Date.now() < deadline; await sleep(20));
    expect(await stateOf(id)).toMatchObject({ state: "ACTIVE", errors: 0, waiting: 0, sending: 0 });
    expect(calls()).toBe(made + 40);
  });

  it("a success in between begins the count anew", async () => {
    const id = await d.definition({
      targetUrl: `${receiver.url}/recovers`,
      eventTypes: ["recovers.now"],
      dialect: "SUPEROFFICE",
      retrySchedule: [],
      onExhausted: "SKIP",
    });
    let n = 0;
    receiver.respond(() => (++n % 9 === 0 ? 200 : 500));
    for (let i = 0; i < 40; i += 1) await d.emit("recovers.now");
    for (const deadline = Date.now() + 20_000; n < 40 && Date.now() < deadline; await sleep(20));
    expect(n).toBe(40);
    expect((await stateOf(id)).state).toBe("ACTIVE");
  });
});

describe("B38 the gate", () => {
  const plan = (consecutiveErrors = 0) =>
    ({ definition: { id: "d", policy: { maxConsecutiveErrors: 9 } }, consecutiveErrors }) as unknown as Plan;
  let now = 0;
  const clock = { monotonic: () => now };

  it("lets through what may still fail, and no more, and gives the others back", async () => {
    const gate = createErrorGate(clock);
    const one = plan();
    const asked = Array.from({ length: 20 }, () => gate.enter(one));
    let through = 0;
    for (const each of asked) void each.then((yes) => (through += yes ? 1 : 0));
    await sleep(1);
    expect(through).toBe(11);
    for (let n = 0; n < 11; n += 1) gate.leave(one, true);
    expect(await Promise.all(asked)).toEqual([...Array(11).fill(true), ...Array(9).fill(false)]);
  });

  it("knows from a plan that is loaded later what others counted, and that it was activated", async () => {
    const gate = createErrorGate(clock);
    expect(await gate.enter(plan(9))).toBe(false);
    now += 1_500;
    expect(await gate.enter(plan(0))).toBe(true);
  });

  it("tries again when failures that it counted were never settled", async () => {
    const gate = createErrorGate(clock);
    const one = plan();
    for (let n = 0; n < 9; n += 1) {
      await gate.enter(one);
      gate.leave(one, true);
    }
    expect(await gate.enter(one)).toBe(false);
    now += 2_001;
    expect(await gate.enter(one)).toBe(true);
  });
});
