/** P6 (b), counted: a tenant at full speed cannot hold all places of ingest, or all that read. */
import { expect, test } from "vitest";
import { Shares } from "../../src/db/shares.ts";
import { RateLimitedError } from "../../src/errors.ts";
import { createLine, type Turn, type Waiting } from "../../src/events/line.ts";

interface Call extends Waiting {
  name: string;
}

let lanes = 0;
const call = (organizationId: string, more: Partial<Call> = {}): Call => ({
  ...{ organizationId, name: organizationId, events: 20, bytes: 1_000, requests: 100, long: false, keys: [] },
  lanes: new Set([`${organizationId}/${lanes++}` as never]),
  ...more,
});

/** Turns that begin and do not end, until they are let. */
function world(short: number) {
  const running: { calls: Call[]; turn: Turn; end: () => void }[] = [];
  const line = createLine<Call>(
    { events: 100_000, bytes: 2 ** 30, short, slow: 2 },
    (calls, turn) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      running.push({ calls, turn, end: resolve });
      return promise;
    },
    () => performance.now(),
  );
  const of = (organizationId: string, turn: Turn) =>
    running.filter((each) => each.turn === turn && each.calls.some((one) => one.organizationId === organizationId)).length;
  return { line, running, of };
}

/** A turn begins once the event loop has taken in what has come. */
async function begun(): Promise<void> {
  for (let i = 0; i < 2; i++) await new Promise((resolve) => setImmediate(resolve));
}

test.each([2, 4, 10])(
  "P6 of %i places of ingest one tenant holds all but one at most, and another's first event begins at once",
  async (short) => {
    const { line, of } = world(short);
    for (let i = 0; i < 500; i++) line.join(call("noisy"));
    await begun();
    expect(of("noisy", "SHORT")).toBeLessThanOrEqual(Math.max(1, short - 1));
    line.join(call("calm", { events: 1, requests: 1 }));
    await begun();
    expect(of("calm", "SHORT")).toBe(1);
  },
);

test("P6 calls of 1 000 events by 100 definitions: one at a time, beside it another tenant's", async () => {
  const { line, of } = world(4);
  for (let i = 0; i < 20; i++) line.join(call("noisy", { events: 1_000, requests: 100_000, long: true }));
  await begun();
  expect([of("noisy", "LONG"), of("noisy", "SHORT")]).toEqual([1, 0]);
  line.join(call("calm", { events: 1_000, requests: 100_000, long: true }));
  line.join(call("calm"));
  await begun();
  expect([of("calm", "LONG"), of("calm", "SHORT")]).toEqual([1, 1]);
});

test("P6 when a turn ends, the tenant that was served longest ago comes next", async () => {
  const { line, running } = world(2);
  for (let i = 0; i < 300; i++) line.join(call("noisy"));
  for (const name of ["a", "b", "c"]) line.join(call(name));
  await begun();
  const served: string[] = [];
  for (let i = 0; i < 6; i++) {
    const first = running.shift();
    if (!first) break;
    served.push(first.calls[0]?.organizationId ?? "");
    first.end();
    await begun();
  }
  expect(served).toEqual(expect.arrayContaining(["a", "b", "c"]));
});

test("P6 what one tenant has waiting is bounded: it is told to come again, the others are not", () => {
  const { line } = world(4);
  let refused = 0;
  for (let i = 0; i < 10_000; i++) {
    try {
      line.join(call("noisy"));
    } catch (error) {
      expect(error).toBeInstanceOf(RateLimitedError);
      refused += 1;
    }
  }
  expect(refused).toBeGreaterThan(0);
  expect(line.stats.events).toBeLessThanOrEqual(50_000);
  expect(() => line.join(call("calm"))).not.toThrow();
});

test("P6 of the connections that read one tenant holds half, and another's read begins at once", async () => {
  const shares = new Shares({ most: 3, waiting: 100, patienceMs: 50 });
  let [reading, refused] = [0, 0];
  const asked = Array.from({ length: 1_000 }, () =>
    shares.enter("noisy").then(
      () => (reading += 1),
      () => (refused += 1),
    ),
  );
  await shares.enter("calm");
  expect(reading).toBeLessThanOrEqual(3);
  await Promise.all(asked);
  expect([reading, refused, shares.refused]).toEqual([3, 997, 997]);
});
