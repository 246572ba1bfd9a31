/** All deliveries of an organization, held up and let go by hand. */
import { type Caller, demand } from "../accounts/caller.ts";
import { getOrganization } from "../accounts/organizations.ts";
import type { Core } from "../core.ts";
import type { Organization } from "../db/generated/prisma/client.ts";
import { pauseAll, resumeAll } from "../delivery/pause-all.ts";
import { record } from "./record.ts";

async function setPaused(core: Core, caller: Caller, paused: boolean, reason: string | undefined): Promise<Organization> {
  demand(caller, "webhooks:write");
  const { organizationId } = caller;
  await core.db.tenantTransaction(organizationId, async (client) => {
    if (!(await (paused ? pauseAll : resumeAll)(client, organizationId))) return;
    await record(core, client, caller, {
      action: paused ? "organization.pauseAllDeliveries" : "organization.resumeAllDeliveries",
      subjectType: "Organization",
      subjectId: organizationId,
      before: { deliveriesPaused: !paused },
      after: { deliveriesPaused: paused, reason },
    });
    // Whoever does what is left to do for its lanes is told.
    await client.query(core.notify.statement("definition", [organizationId]));
  });
  return getOrganization(core, caller);
}

/** What is in flight ends; what comes in is kept, in order. Idempotent. @throws ForbiddenError */
export function pauseAllDeliveries(core: Core, caller: Caller, reason?: string): Promise<Organization> {
  return setPaused(core, caller, true, reason);
}

/** What is queued goes on, in order; what is stopped, paused or blocked by itself stays so. Idempotent. @throws ForbiddenError */
export function resumeAllDeliveries(core: Core, caller: Caller, reason?: string): Promise<Organization> {
  return setPaused(core, caller, false, reason);
}
