/** A definition was stopped by its receiver: its state event goes to whoever subscribed to it. */
import { z } from "zod";
import type { Core } from "../core.ts";
import type { JobKind, Queue } from "../db/queue.ts";
import { stateEvents } from "../definitions/state.ts";
import type { StoppedDefinition } from "../delivery/lane-stop.ts";
import { warnOfStop } from "../delivery/warn.ts";
import type { DialectName } from "../wire/dialect.ts";
import { globalId } from "../wire/ids.ts";
import { type Alert, raiseAlerts } from "./alerts.ts";
import type { Ingest } from "./ingest.ts";

/** Written in the transaction that stops the definition. */
export const STOPPED_JOB: JobKind<StoppedDefinition> = {
  name: "definition-stopped",
  payload: z.object({
    organizationId: z.uuid(),
    definitionId: z.uuid(),
    state: z.enum(["STOPPED", "TOO_MANY_ERRORS"]),
    reason: z.string(),
    requestId: z.uuid(),
  }),
};

/** @param jobId makes a second run of the same job say nothing twice */
export async function announceStopped(
  core: Core,
  ingest: Ingest,
  queue: Pick<Queue, "send">,
  stop: StoppedDefinition,
  jobId: string,
): Promise<void> {
  warnOfStop(core, stop);
  const { rows } = await core.db.pool.query<{ number: number; name: string; dialect: DialectName; told: boolean }>(
    `SELECT number, name, dialect, EXISTS (SELECT 1 FROM unnest(event_types) p WHERE p LIKE 'hookline.%') AS told
     FROM webhook_definition WHERE id = $1 AND organization_id = $2`,
    [stop.definitionId, stop.organizationId],
  );
  const definition = rows[0];
  if (!definition) return;
  const payload = {
    webhookDefinitionId: globalId("WebhookDefinition", stop.definitionId),
    ...{ webhook: definition.number, name: definition.name, state: stop.state, reason: stop.reason },
    webhookRequestId: globalId("WebhookRequest", stop.requestId),
  };
  const alert: Alert = { kind: "definition.stopped", subjectId: stop.definitionId, cause: jobId, payload };
  // One that takes alerts is not told of itself.
  if (!definition.told) await raiseAlerts(core, ingest, queue, stop.organizationId, [alert]);
  const events = stateEvents([{ definitionId: stop.definitionId, ...definition, before: "ACTIVE", after: stop.state }]);
  if (events.length === 0) return;
  await ingest.emit(
    stop.organizationId,
    events.map((event) => ({ ...event, idempotencyKey: `state ${jobId}` })),
    { exempt: true },
  );
}
