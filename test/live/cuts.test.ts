/**
 * Several writers at once, each on connections of its own, and subscribers that are cut off at random moments and
 * come back, on either of two processes, with their last cursor: nothing is missing and nothing comes twice.
 */
import { setTimeout as sleep, setImmediate as turn } from "node:timers/promises";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Core } from "../../src/core.ts";
import { readEntries, requestsAsOf } from "../../src/live/entries.ts";
import { createFeed, type Feed } from "../../src/live/feed.ts";
import { sequenceFeed } from "../../src/live/sequencer.ts";
import type { RequestFilter } from "../../src/requests/filter.ts";
import type { RequestRow } from "../../src/requests/row.ts";
import { type TestCore, testCore } from "../helpers/database.ts";
import { addDefinition, addRequest, settle } from "./writer.ts";

const WRITERS = 4;
const ROUNDS = 12;

let t: TestCore;
let cores: Core[];
let feeds: Feed[];
beforeAll(async () => {
  t = await testCore();
  cores = [t.core, await t.another()];
  feeds = cores.map((core) => createFeed(core, { pollMs: 50 }));
  await Promise.all(feeds.map((feed) => feed.start()));
});
afterAll(async () => {
  await Promise.all(feeds.map((feed) => feed.stop()));
  await t.close();
});

interface Change {
  sequence: number;
  text: string;
  definitionId: string;
  state: string;
}

/** Everything the table holds, in its order: what a perfect subscriber has seen. */
async function truth(organizationId: string, after: number): Promise<Change[]> {
  const { sequence: through } = await sequenceFeed(t.core, organizationId);
  const entries = await readEntries(t.core, organizationId, { after, through });
  const rows = await requestsAsOf(t.core, organizationId, entries);
  return entries.map((entry) => {
    const { number, state, attemptCount } = rows.get(entry.sequence) as RequestRow;
    return { sequence: entry.sequence, text: `${number} ${state} ${attemptCount}`, definitionId: entry.topicId, state };
  });
}

interface Plan {
  /** After how many updates each connection is cut; the last one stays. */
  cuts: number[];
  /** Milliseconds away after each cut. */
  away: number;
  narrow: boolean;
}

/** Reads until the change numbered `until()` was seen, cut as planned. */
async function subscriber(
  plan: Plan,
  organizationId: string,
  filter: RequestFilter,
  last: Promise<number>,
  ready: () => void,
): Promise<string[]> {
  const seen: string[] = [];
  let after: string | undefined;
  let position = 0;
  let until = Number.POSITIVE_INFINITY;
  let controller = new AbortController();
  void last.then((sequence) => {
    until = sequence;
    // It may have seen the last change before it could know that this was the last.
    if (position >= until) controller.abort();
  });
  for (let connection = 0; ; connection++) {
    const feed = feeds[connection % 2] as Feed;
    controller = new AbortController();
    const stream = await feed.requests({ organizationId, filter, after, signal: controller.signal });
    if (connection === 0) ready();
    if (position >= until) controller.abort();
    for (let left = plan.cuts[connection] ?? Number.POSITIVE_INFINITY; left > 0; left--) {
      const { done, value } = await stream.next();
      if (done && position >= until) return seen;
      if (done) throw new Error("the stream ended by itself");
      after = value.cursor;
      position = value.sequence;
      const { request } = value;
      seen.push(`${request.number} ${request.state} ${request.attemptCount}`);
      if (position >= until) controller.abort();
    }
    controller.abort();
    if (position >= until) return seen;
    await sleep(plan.away);
  }
}

/** Ends with a change that every filter here wants, so that subscribers know when they are through. */
async function write(organizationId: string, definitions: { id: string }[]): Promise<number> {
  await Promise.all(
    Array.from({ length: WRITERS }, async (_, writer) => {
      const core = cores[writer % 2] as Core;
      for (let round = 0; round < ROUNDS; round++) {
        // All writers meet on the lanes too.
        const batch = [];
        for (const definition of definitions) batch.push(await addRequest(core, organizationId, definition));
        await settle(
          core,
          organizationId,
          batch.map((request) => ({ request, state: "WAITING" })),
        );
        await settle(
          core,
          organizationId,
          batch.map((request) => ({ request, state: "DELIVERED" })),
        );
        if (round % 3 === 0) await turn();
      }
    }),
  );
  const request = await addRequest(t.core, organizationId, definitions[0] as { id: string });
  await settle(t.core, organizationId, [{ request, state: "DELIVERED" }]);
  return (await sequenceFeed(t.core, organizationId)).sequence;
}

const plans = fc.array(
  fc.record({
    cuts: fc.array(fc.integer({ min: 1, max: 30 }), { maxLength: 8 }),
    away: fc.integer({ min: 0, max: 20 }),
    narrow: fc.boolean(),
  }),
  { minLength: 3, maxLength: 6 },
);

test("cut at random and resumed: nothing is missing, nothing comes twice", async () => {
  await fc.assert(
    fc.asyncProperty(plans, async (given) => {
      const { id: organizationId } = await t.organization();
      const definitions = [await addDefinition(t.core, organizationId, "A"), await addDefinition(t.core, organizationId, "B")];
      await addRequest(t.core, organizationId, definitions[0] as { id: string });
      const written = Promise.withResolvers<number>();
      let waiting = given.length;
      const allReady = Promise.withResolvers<void>();
      const ready = () => {
        if (--waiting === 0) allReady.resolve();
      };
      const filterOf = (plan: Plan): RequestFilter =>
        plan.narrow ? { webhookDefinitionId: definitions[0]?.id as string, state: ["DELIVERED"] } : {};
      const seen = given.map((plan) => subscriber(plan, organizationId, filterOf(plan), written.promise, ready));
      await allReady.promise;
      written.resolve(await write(organizationId, definitions));
      const all = await truth(organizationId, 1);
      expect(all).toHaveLength(WRITERS * ROUNDS * 6 + 2);
      for (const [i, plan] of given.entries()) {
        const mine = all.filter((c) => !plan.narrow || (c.definitionId === definitions[0]?.id && c.state === "DELIVERED"));
        expect(await seen[i]).toEqual(mine.map((c) => c.text));
      }
    }),
    { numRuns: 10 },
  );
}, 120_000);
