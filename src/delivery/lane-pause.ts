/** Lanes held up by an operator. */
import { type AuditCaller, audit } from "../accounts/audit.ts";
import type { Core } from "../core.ts";
import { NotFoundError } from "../errors.ts";
import { laneRef } from "./lane-id.ts";
import { DUE } from "./lane-touch.ts";

async function setPaused(core: Core, organizationId: string, laneId: string, paused: boolean, by?: AuditCaller): Promise<void> {
  await core.db.transaction(async (client) => {
    const { rows } = await client.query<{ held: boolean }>(
      `UPDATE lane SET paused_at = CASE WHEN $3 THEN COALESCE(paused_at, now()) END, revision = revision + 1
       WHERE organization_id = $1 AND id = $2 RETURNING lease_token IS NOT NULL AS held`,
      [organizationId, laneId, paused],
    );
    const lane = rows[0];
    if (!lane) throw new NotFoundError("the lane");
    if (!paused) await client.query(DUE, [organizationId, [laneId]]);
    // One that is held stays there until its lease has ended: its holder may die with something in flight.
    else if (!lane.held) await client.query("DELETE FROM lane_due WHERE organization_id = $1 AND lane_id = $2", [organizationId, laneId]);
    if (by) await audit(core, by, paused ? "lane.pause" : "lane.resume", { type: "Lane", id: laneId }, undefined, undefined, client);
    await client.query(core.notify.statement("lane", [laneRef(organizationId, laneId)]));
  });
}

/** Nothing more of the lane is sent; new events still join it. Idempotent. */
export function pauseLane(core: Core, organizationId: string, laneId: string, by?: AuditCaller): Promise<void> {
  return setPaused(core, organizationId, laneId, true, by);
}

export function resumeLane(core: Core, organizationId: string, laneId: string, by?: AuditCaller): Promise<void> {
  return setPaused(core, organizationId, laneId, false, by);
}
