import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { Core } from "../../src/core.ts";
import { createEpoch } from "../../src/db/epoch.ts";
import { BadCursorError, BadInputError, SlowConsumerError } from "../../src/errors.ts";
import { feedCursor } from "../../src/live/cursor.ts";
import { createFeed, type Feed, type RequestChange, type RequestSubscription } from "../../src/live/feed.ts";
import { sequenceAll } from "../../src/live/sequencer.ts";
import { type TestCore, testCore } from "../helpers/database.ts";
import { addDefinition, addRequest, addRequests, type LoggedRequest, settle } from "./writer.ts";

let t: TestCore;
let feed: Feed;
let organizationId: string;
let epoch: string;
beforeAll(async () => {
  t = await testCore();
  organizationId = t.organizationId;
  feed = createFeed(t.core);
  epoch = await createEpoch(t.core.db, t.core.log).look();
  await feed.start();
});
afterAll(async () => {
  await feed.stop();
  await t.close();
});

const stories = (changes: readonly RequestChange[]) =>
  changes.map((c) => `${c.request.number} ${c.request.state} ${c.request.attemptCount}`);

async function take(stream: AsyncIterableIterator<RequestChange>, count: number): Promise<RequestChange[]> {
  const taken: RequestChange[] = [];
  while (taken.length < count) {
    const { done, value } = await stream.next();
    if (done) break;
    taken.push(value);
  }
  return taken;
}

/** A DELIVERED one after a failed attempt. */
async function story(core: Core, definition: { id: string }): Promise<LoggedRequest> {
  const request = await addRequest(core, organizationId, definition);
  await settle(core, organizationId, [{ request, state: "WAITING", errorCode: "CONNECTION_REFUSED" }]);
  await settle(core, organizationId, [{ request, state: "DELIVERED" }]);
  return request;
}

describe("a subscription", () => {
  test("without a cursor shows what is committed after it was acknowledged, and nothing before", async () => {
    const definition = await addDefinition(t.core, organizationId);
    await story(t.core, definition);
    const stream = await feed.requests({ organizationId, filter: {} });
    const { number } = await story(t.core, definition);
    expect(stories(await take(stream, 3))).toEqual([`${number} PENDING 0`, `${number} WAITING 1`, `${number} DELIVERED 2`]);
    await stream.return?.();
  });

  test("shows each request as of its change", async () => {
    const definition = await addDefinition(t.core, organizationId);
    const stream = await feed.requests({ organizationId, filter: { webhookDefinitionId: definition.id } });
    await story(t.core, definition);
    const [pending, waiting, delivered] = await take(stream, 3);
    expect(pending?.request.errorCode).toBeNull();
    expect(waiting?.request.errorCode).toBe("CONNECTION_REFUSED");
    expect(waiting?.request.settledAt).toBeNull();
    expect(delivered?.request.settledAt).toBeInstanceOf(Date);
    await stream.return?.();
  });

  test("filtered to SENDING alone is refused: nothing would ever come", async () => {
    await expect(feed.requests({ organizationId, filter: { state: ["SENDING"] } })).rejects.toThrow(BadInputError);
  });

  test("gets only what its filter wants: the negative is proved by the next positive", async () => {
    const [mine, other] = [await addDefinition(t.core, organizationId), await addDefinition(t.core, organizationId)];
    const filtered = await feed.requests({
      organizationId,
      filter: { webhookDefinitionId: mine.id, state: ["DELIVERED"], eventType: "a.b" },
    });
    await story(t.core, other);
    await story(t.core, mine);
    const wanted = await addRequest(t.core, organizationId, mine, { eventType: "a.b" });
    await settle(t.core, organizationId, [{ request: wanted, state: "DELIVERED" }]);
    expect(stories(await take(filtered, 1))).toEqual([`${wanted.number} DELIVERED 1`]);
    await filtered.return?.();
  });

  test("never sees another organization", async () => {
    const foreign = await t.organization();
    const definition = await addDefinition(t.core, organizationId);
    const theirs = await addDefinition(t.core, foreign.id);
    const stream = await feed.requests({ organizationId: foreign.id, filter: {} });
    await story(t.core, definition);
    const request = await addRequest(t.core, foreign.id, theirs);
    const [change] = await take(stream, 1);
    expect(change?.request.id).toBe(request.id);
    await stream.return?.();
  });

  test("resumes after its cursor, on another process too", async () => {
    const definition = await addDefinition(t.core, organizationId);
    const filter = { webhookDefinitionId: definition.id };
    const first = await feed.requests({ organizationId, filter });
    const a = await story(t.core, definition);
    const [seen] = await take(first, 1);
    await first.return?.();
    const b = await story(t.core, definition);

    const elsewhere = createFeed(await t.another());
    await elsewhere.start();
    const resumed = await elsewhere.requests({ organizationId, filter, after: seen?.cursor });
    expect(stories(await take(resumed, 5))).toEqual([
      `${a.number} WAITING 1`,
      `${a.number} DELIVERED 2`,
      `${b.number} PENDING 0`,
      `${b.number} WAITING 1`,
      `${b.number} DELIVERED 2`,
    ]);
    const c = await story(t.core, definition);
    expect(stories(await take(resumed, 1))).toEqual([`${c.number} PENDING 0`]);
    await elsewhere.stop();
  });

  test("leaves out requests that were deleted meanwhile", async () => {
    const definition = await addDefinition(t.core, organizationId);
    const start = await feed.requests({ organizationId, filter: { webhookDefinitionId: definition.id } });
    const [gone, kept] = [await story(t.core, definition), await story(t.core, definition)];
    const [first] = await take(start, 1);
    await start.return?.();
    await t.core.db.pool.query("DELETE FROM webhook_request WHERE organization_id = $2 AND id = $1", [gone.id, organizationId]);
    const resumed = await feed.requests({ organizationId, filter: { webhookDefinitionId: definition.id }, after: first?.cursor });
    expect(stories(await take(resumed, 1))).toEqual([`${kept.number} PENDING 0`]);
    await resumed.return?.();
  });

  test("ends with its signal, and when the feed stops", async () => {
    const controller = new AbortController();
    const stream = await feed.requests({ organizationId, filter: {}, signal: controller.signal });
    const next = stream.next();
    controller.abort();
    expect(await next).toEqual({ done: true, value: undefined });
    const own = createFeed(t.core);
    await own.start();
    const other = await own.requests({ organizationId, filter: {} });
    const last = other.next();
    await own.stop();
    expect((await last).done).toBe(true);
    expect(own.subscribers).toBe(0);
  });
});

describe("a cursor", () => {
  const at = (options: Partial<RequestSubscription>) => feed.requests({ organizationId, filter: {}, ...options });
  test("that is damaged is refused at once", () => expect(at({ after: "nonsense" })).rejects.toThrow(BadCursorError));
  test("that was never handed out is refused", () =>
    expect(at({ after: feedCursor(organizationId, epoch, 1_000_000_000) })).rejects.toThrow(BadCursorError));
  test("of another organization is refused", async () => {
    const foreign = await t.organization();
    await expect(at({ after: feedCursor(foreign.id, epoch, 0) })).rejects.toThrow(BadInputError);
  });
  test("older than what is kept is refused, rather than leaving a hole", async () => {
    const { id } = await t.organization();
    const definition = await addDefinition(t.core, id);
    for (let i = 0; i < 3; i++) await addRequest(t.core, id, definition);
    await sequenceAll(t.core);
    await t.core.db.pool.query("DELETE FROM feed_entry WHERE organization_id = $1 AND sequence <= 2", [id]);
    await expect(at({ organizationId: id, after: feedCursor(id, epoch, 1) })).rejects.toThrow(BadCursorError);
    const fits = await at({ organizationId: id, after: feedCursor(id, epoch, 2) });
    expect((await take(fits, 1))[0]?.sequence).toBe(3);
    await fits.return?.();
    await t.core.db.pool.query("DELETE FROM feed_entry WHERE organization_id = $1", [id]);
    await expect(at({ organizationId: id, after: feedCursor(id, epoch, 2) })).rejects.toThrow(BadCursorError);
    await (await at({ organizationId: id, after: feedCursor(id, epoch, 3) })).return?.();
  });
});

test("B32 a catch-up that retention overtakes ends with an error, not with a hole", async () => {
  const { id } = await t.organization();
  const definition = await addDefinition(t.core, id);
  for (let i = 0; i < 5; i++) await addRequests(t.core, id, definition, 200);
  const stream = await feed.requests({ organizationId: id, filter: {}, after: feedCursor(id, epoch, 0) });
  const seen = await take(stream, 10);
  await t.core.db.pool.query("DELETE FROM feed_entry WHERE organization_id = $1 AND sequence <= 800", [id]);
  await expect(
    (async () => {
      for (;;) seen.push(...(await take(stream, 1)));
    })(),
  ).rejects.toThrow(BadCursorError);
  expect(seen.map((c) => c.sequence)).toEqual(seen.map((_, i) => i + 1));
  expect(seen.length).toBeLessThan(800);
});

test("a cursor in the midst of a transaction goes on with its next change", async () => {
  const { id } = await t.organization();
  const definition = await addDefinition(t.core, id);
  const made = await addRequests(t.core, id, definition, 600);
  await feed.cursor(id);
  const stream = await feed.requests({ organizationId: id, filter: {}, after: feedCursor(id, epoch, 123) });
  expect((await take(stream, 477)).map((c) => c.request.id)).toEqual(made.slice(123).map((r) => r.id));
  await stream.return?.();
});

describe("a slow consumer", () => {
  test("is closed once too much waits for it; the quick one beside it gets everything, and it may resume", async () => {
    const own = createFeed(t.core, { queue: 5 });
    await own.start();
    const definition = await addDefinition(t.core, organizationId);
    const filter = { webhookDefinitionId: definition.id };
    const onSlow = vi.fn();
    const slow = await own.requests({ organizationId, filter, onSlow });
    const quick = await own.requests({ organizationId, filter });
    const [first] = await Promise.all([slow.next(), addRequest(t.core, organizationId, definition)]);
    const seen: RequestChange[] = await take(quick, 1);
    for (let i = 0; i < 9; i++) {
      await addRequest(t.core, organizationId, definition);
      seen.push(...(await take(quick, 1)));
    }
    expect(seen).toHaveLength(10);
    expect(onSlow).toHaveBeenCalledTimes(1);
    await expect(slow.next()).rejects.toThrow(SlowConsumerError);
    expect((await slow.next()).done).toBe(true);
    const resumed = await own.requests({ organizationId, filter, after: first.value?.cursor });
    expect(stories(await take(resumed, 9))).toEqual(stories(seen.slice(1)));
    await own.stop();
  });

  test("is none for what this process itself has not written yet: the next changes wait, and nothing is lost", async () => {
    const own = createFeed(t.core, { queue: 300 });
    await own.start();
    const { id } = await t.organization();
    const definition = await addDefinition(t.core, id);
    const onSlow = vi.fn();
    const [busy, idle] = [
      await own.requests({ organizationId: id, filter: {}, onSlow, blocked: () => false }),
      await own.requests({ organizationId: id, filter: {}, onSlow }),
    ];
    const reading = take(idle, 900);
    const made = await addRequests(t.core, id, definition, 900);
    const seen: RequestChange[] = [];
    while (seen.length < 900) {
      seen.push(...(await take(busy, 50)));
      await sleep(10);
    }
    expect(seen.map((c) => c.request.id)).toEqual(made.map((r) => r.id));
    expect(await reading).toHaveLength(900);
    expect(onSlow).not.toHaveBeenCalled();
    await own.stop();
  });

  test("is closed too when it takes nothing for long, though little waits", async () => {
    const own = createFeed(t.core, { stallMs: 50, pollMs: 20 });
    await own.start();
    const definition = await addDefinition(t.core, organizationId);
    const slow = await new Promise<RequestChange[]>((resolve) => {
      void own
        .requests({ organizationId, filter: { webhookDefinitionId: definition.id }, onSlow: () => resolve([]) })
        .then(() => addRequest(t.core, organizationId, definition));
    });
    expect(slow).toEqual([]);
    expect(own.subscribers).toBe(0);
    await own.stop();
  });
});

describe("what is lost on the way does not matter", () => {
  test("no notification comes: the poll finds the change", async () => {
    const deaf = await t.another();
    await deaf.notify.stop();
    const own = createFeed(deaf, { pollMs: 50 });
    await own.start();
    const definition = await addDefinition(t.core, organizationId);
    const stream = await own.requests({ organizationId, filter: { webhookDefinitionId: definition.id } });
    const { number } = await addRequest(t.core, organizationId, definition);
    expect(stories(await take(stream, 1))).toEqual([`${number} PENDING 0`]);
    await own.stop();
  });

  test("every connection is cut: live and resumed subscriptions go on without a gap", async () => {
    const core = await t.another();
    const own = createFeed(core, { pollMs: 50 });
    await own.start();
    const definition = await addDefinition(t.core, organizationId);
    const filter = { webhookDefinitionId: definition.id };
    const live = await own.requests({ organizationId, filter });
    const before = await addRequest(t.core, organizationId, definition);
    const [first] = await take(live, 1);
    const resumed = await own.requests({ organizationId, filter, after: first?.cursor });
    await t.asServer(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
    );
    const numbers = [];
    for (let i = 0; i < 5; i++) {
      for (;;) {
        const written = await addRequest(t.core, organizationId, definition).catch(() => sleep(20));
        if (!written) continue;
        numbers.push(written.number);
        break;
      }
    }
    expect((await take(live, 5)).map((c) => c.request.number)).toEqual(numbers);
    expect((await take(resumed, 5)).map((c) => c.request.number)).toEqual(numbers);
    expect(before.number).toBeLessThan(numbers[0] as number);
    await own.stop();
  });
});

describe("a watched row", () => {
  test("tells of each change of it and of no other, and ends when it is gone", async () => {
    const [mine, other] = [await addDefinition(t.core, organizationId), await addDefinition(t.core, organizationId)];
    const stream = await feed.watch.changes("definition", { organizationId, id: mine.id });
    const rename = async (id: string) => {
      await t.core.db.pool.query("UPDATE webhook_definition SET name = 'New' WHERE id = $1", [id]);
      await t.core.db.pool.query(t.core.notify.statement("definition", [id]));
    };
    await rename(other.id);
    await rename(mine.id);
    expect((await stream.next()).value).toEqual({ id: mine.id });
    // Had the other's change been told of too, there would be one more before the end.
    const last = stream.next();
    await t.core.db.pool.query("DELETE FROM webhook_definition WHERE id = $1", [mine.id]);
    await t.core.db.pool.query(t.core.notify.statement("definition", []));
    expect((await last).done).toBe(true);
  });

  test("of another organization is not there", async () => {
    const foreign = await t.organization();
    const { id } = await addDefinition(t.core, organizationId);
    expect((await (await feed.watch.changes("definition", { organizationId: foreign.id, id })).next()).done).toBe(true);
  });
});
