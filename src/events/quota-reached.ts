/** A quota refused something: told once an episode, which ends when nothing was refused for ten minutes (sql/alert-episodes.ts). */
import { newId } from "../clock.ts";
import type { Core } from "../core.ts";
import type { Queue } from "../db/queue.ts";
import { hashedId } from "../delivery/lane-id.ts";
import type { Refusal } from "../observe/refusals.ts";
import { tellAlerts } from "./alerts.ts";
import type { Ingest } from "./ingest.ts";
import { seeRefusal } from "./sql/alert-episodes.ts";

/** @returns 1, or 0: this episode was told */
export function tellQuotaReached(core: Core, ingest: Ingest, queue: Pick<Queue, "send">, refusal: Refusal): Promise<number> {
  const { organizationId, quota, limit, agoMs } = refusal;
  const subjectId = hashedId(`quota/${quota}`);
  const cause = newId(core.clock);
  return tellAlerts(core, ingest, queue, organizationId, async (client) => {
    const [row] = await seeRefusal.rows(client, [organizationId, subjectId, cause, agoMs]);
    return row?.began ? [{ kind: "quota.reached", subjectId, cause, payload: { quota, limit } }] : [];
  });
}
