/** B25: a resend and retention at the same moment: the request is sent again or is gone, never half of each. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { resend } from "../../src/delivery/control.ts";
import { NotFoundError } from "../../src/errors.ts";
import { partitionsOf } from "../../src/requests/partitions.ts";
import { deleteOld } from "../../src/requests/retention.ts";
import { type TestCore, testCore } from "../helpers/database.ts";
import { addDefinition, addPast, addRequest, settle } from "../helpers/log.ts";

let t: TestCore;
beforeAll(async () => {
  t = await testCore({ retentionDays: 1 });
});
afterAll(() => t.close());

const old = () => Date.now() - 3 * 86_400_000;

/** Whether rows of that time have a place. */
async function covered(): Promise<boolean> {
  for (const parent of ["event", "webhook_request", "attempt"] as const) {
    const partitions = await partitionsOf(t.core, parent);
    if (!partitions.some(({ since, until }) => since && since.getTime() < old() - 60_000 && old() < until.getTime())) return false;
  }
  return true;
}

test("B25 resend beside retention: answered OK and queued, or NotFound and gone; no orphans either way", { timeout: 60_000 }, async () => {
  const definition = await addDefinition(t.core, t.organizationId);
  const outcomes = { resent: 0, gone: 0 };
  for (let round = 0; round < 12; round++) {
    // A round after which nothing is left takes the partitions along, some of them later.
    await expect
      .poll(async () => {
        await deleteOld(t.core);
        await addPast(t.core, 5);
        return covered();
      })
      .toBe(true);
    const requests = [];
    for (let i = 0; i < 8; i++) {
      const request = await addRequest(t.core, t.organizationId, definition, {
        createdAt: new Date(old() - i * 1_000),
      });
      await settle(t.core, t.organizationId, [{ request, state: "REJECTED", attempt: { outcome: "REJECTED" } }]);
      requests.push(request);
    }
    await t.core.db.pool.query("UPDATE webhook_request SET settled_at = created_at WHERE settled_at IS NOT NULL");
    const [, ...answers] = await Promise.all([
      deleteOld(t.core),
      ...requests.map((request) =>
        resend(t.core, t.organizationId, request.id).then(
          () => "resent" as const,
          (error: unknown) => (error instanceof NotFoundError ? ("gone" as const) : Promise.reject(error)),
        ),
      ),
    ]);
    for (const [i, answer] of answers.entries()) {
      outcomes[answer] += 1;
      const { rows } = await t.core.db.pool.query<{ there: boolean; queued: boolean }>(
        `SELECT EXISTS (SELECT 1 FROM webhook_request WHERE id = $1) AS there, EXISTS (SELECT 1 FROM lane_entry WHERE request_id = $1) AS queued`,
        [requests[i]?.id],
      );
      expect({ answer, ...rows[0] }).toEqual({ answer, there: answer === "resent", queued: answer === "resent" });
    }
  }
  const orphans = await t.core.db.pool.query(
    `SELECT 1 FROM lane_entry e WHERE NOT EXISTS (SELECT 1 FROM webhook_request r WHERE r.organization_id = e.organization_id AND r.id = e.request_id)
     UNION ALL SELECT 1 FROM attempt a WHERE NOT EXISTS (SELECT 1 FROM webhook_request r WHERE r.organization_id = a.organization_id AND r.id = a.request_id)
     UNION ALL SELECT 1 FROM webhook_request r WHERE NOT EXISTS (SELECT 1 FROM event e WHERE e.organization_id = r.organization_id AND e.id = r.event_id)`,
  );
  expect(orphans.rowCount).toBe(0);
  expect(outcomes.resent + outcomes.gone).toBe(96);
});
