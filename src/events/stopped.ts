/**
 * What follows when a receiver's errors stop a definition: its state event, and a mail to its owner. The work of a job
 * (STOPPED_QUEUE) written with the change itself: a crash loses neither, and a job that runs again tells nothing twice.
 */
import type { Core } from "../core.ts";
import type { StoppedJob } from "../db/queue.ts";
import { stateEvents } from "../definitions/state.ts";
import { type Mailer, stateChangeMail } from "../delivery/mail.ts";
import type { DialectName } from "../wire/dialect.ts";
import type { Ingest } from "./ingest.ts";

/** @param parts.mailer undefined without HOOKLINE_SMTP_URL */
export function createStoppedHandler(
  core: Core,
  parts: { ingest: Ingest; mailer: Mailer | undefined },
): (job: StoppedJob) => Promise<void> {
  return async (job) => {
    await signal(core, parts.ingest, job);
    const mail = await stateChangeMail(core.db.pool, job);
    if (!mail) return;
    if (parts.mailer) await parts.mailer.send(mail);
    else core.log.info({ definitionId: job.definitionId }, "no HOOKLINE_SMTP_URL: the owner of a stopped definition is not mailed");
  };
}

async function signal(core: Core, ingest: Ingest, job: StoppedJob): Promise<void> {
  const { definitionId, organizationId, requestId, state } = job;
  const { rows } = await core.db.pool.query<{ number: number; name: string; dialect: DialectName; attempt: string | null }>(
    `SELECT d.number, d.name, d.dialect, (SELECT a.id FROM attempt a WHERE a.request_id = $2 ORDER BY a.number DESC LIMIT 1) AS attempt
     FROM webhook_definition d WHERE d.id = $1`,
    [definitionId, requestId],
  );
  const definition = rows[0];
  if (!definition) return;
  const change = { ...definition, definitionId, before: "ACTIVE" as const, after: state };
  // One attempt stops a definition once: its id tells a job's second run from a second change.
  const idempotencyKey = `hookline:stopped:${definition.attempt ?? requestId}`;
  await ingest.emit(
    organizationId,
    stateEvents([change]).map((event) => ({ ...event, idempotencyKey })),
  );
}
