import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { countLanes, listLanes, showLanes } from "../../src/requests/lanes.ts";
import { type TestCore, testCore } from "../helpers/database.ts";
import { addDefinition, addRequest } from "../helpers/log.ts";

let t: TestCore;
let definition: { id: string; laneId: string };
beforeAll(async () => {
  t = await testCore();
  definition = await addDefinition(t.core, t.organizationId);
});
afterAll(() => t.close());

const PAGE = { limit: 20, fromBack: false, after: undefined, before: undefined };

test("the state that filters (SQL) is the state that is shown (laneState), whatever the row says", async () => {
  const when = fc.option(fc.constantFrom("-1 minute", "1 minute"), { nil: null });
  const rows = fc.record({
    paused: when,
    stopped: fc.boolean(),
    early: fc.boolean(),
    blocked: fc.boolean(),
    leased: when,
    retry: when,
    queued: fc.integer({ min: 0, max: 2 }),
  });
  const request = await addRequest(t.core, t.organizationId, definition, { errorCode: "TIMEOUT" });
  await fc.assert(
    fc.asyncProperty(rows, async (row) => {
      await t.core.db.pool.query(
        `UPDATE lane SET last_number = 7, last_position = 7, settled_number = 3, paused_at = now() + $2::interval, epoch = $3, blocked_request_id = $4,
           leased_until = now() + $5::interval, retry_at = now() + $6::interval WHERE id = $1`,
        [definition.laneId, row.paused, row.early ? 1 : 0, row.blocked ? request.id : null, row.leased, row.retry],
      );
      await t.core.db.pool.query("UPDATE webhook_definition SET state = $2 WHERE id = $1", [
        definition.id,
        row.stopped ? "STOPPED" : "ACTIVE",
      ]);
      await t.core.db.pool.query("DELETE FROM lane_entry WHERE lane_id = $1", [definition.laneId]);
      for (let i = 0; i < row.queued; i++) {
        await t.core.db.pool.query("INSERT INTO lane_entry (organization_id, lane_id, position, request_id) VALUES ($1, $2, $3, $4)", [
          t.organizationId,
          definition.laneId,
          i,
          request.id,
        ]);
      }
      const [lane] = await showLanes(t.core, t.organizationId, [definition.laneId]);
      expect(lane?.pendingCount).toBe(Math.max(0, row.queued - 1));
      expect([lane?.lastNumber, lane?.settledNumber]).toEqual([7, row.queued === 0 ? 7 : 3]);
      const found = await listLanes(t.core, t.organizationId, { state: [lane?.state ?? "IDLE"] }, PAGE);
      expect(found.rows.map((l) => l.id)).toEqual([definition.laneId]);
      const others = (["IDLE", "READY", "LEASED", "WAITING", "BLOCKED", "PAUSED"] as const).filter((state) => state !== lane?.state);
      expect(await countLanes(t.core, t.organizationId, { state: others })).toEqual({ count: 0, capped: false });
      const early = lane?.state === "WAITING" && row.retry !== "1 minute";
      expect(lane?.until === null).toBe(lane?.state !== "WAITING" || early);
      if (early) expect(row.early).toBe(true);
      if (lane?.state === "READY") expect(row.early).toBe(false);
      if (lane?.state === "WAITING") expect(lane.reason).toBe(early ? "EARLIER_EPOCH" : "TIMEOUT");
      if (lane?.state === "PAUSED") expect(lane.reason).toBe(row.paused ? "PAUSED" : "STOPPED");
    }),
    { numRuns: 100 },
  );
});

test("lanes of deleted definitions and of other organizations are not listed", async () => {
  const gone = await addDefinition(t.core, t.organizationId);
  await t.core.db.pool.query("UPDATE webhook_definition SET deleted_at = now() WHERE id = $1", [gone.id]);
  const foreign = await t.organization();
  const theirs = await addDefinition(t.core, foreign.id);
  expect((await listLanes(t.core, t.organizationId, {}, PAGE)).rows.map((l) => l.id)).toEqual([definition.laneId]);
  expect(await countLanes(t.core, t.organizationId, {})).toEqual({ count: 1, capped: false });
  expect(await showLanes(t.core, t.organizationId, [theirs.laneId])).toEqual([]);
});
