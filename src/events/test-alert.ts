/** An alert to try out the way of alerts: event and mail. */
import { audit } from "../accounts/audit.ts";
import { type Caller, demand } from "../accounts/caller.ts";
import { rateStatements } from "../accounts/rate-limit.ts";
import type { Core } from "../core.ts";
import type { Queue } from "../db/queue.ts";
import { RateLimitedError } from "../errors.ts";
import { tellAlerts } from "./alerts.ts";
import type { Ingest } from "./ingest.ts";

/** Of an organization. */
const LIMIT = { count: 10, seconds: 3_600 };

/** @throws ForbiddenError RateLimitedError */
export async function testAlert(core: Core, ingest: Ingest, queue: Pick<Queue, "send">, caller: Caller): Promise<void> {
  demand(caller, "admin");
  const { organizationId } = caller;
  const rate = await rateStatements.hit(core, `alert-test ${organizationId}`, LIMIT);
  if (rate.exceeded) throw new RateLimitedError(rate.resetSeconds);
  const cause = core.clock.now().toISOString();
  const payload = { message: "This is a test: somebody asked for it.", at: cause };
  await audit(core, caller, "organization.testAlert", { type: "Organization", id: organizationId }, null, null);
  await tellAlerts(core, ingest, queue, organizationId, async () => [{ kind: "test", subjectId: organizationId, cause, payload }]);
}
