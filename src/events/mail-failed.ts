/**
 * A mail was given up: an event, never another mail. Told once for an organization and address, until the next mail that goes out to it,
 * or for a day. The job comes from the queue itself, in the transaction that gives the mail's job up: also when the process
 * that had it in hand died at the last try.
 */
import { z } from "zod";
import type { Core } from "../core.ts";
import type { JobKind, Queue } from "../db/queue.ts";
import { hashedId } from "../delivery/lane-id.ts";
import { MAIL_JOB, type Mail } from "../delivery/mail.ts";
import { raiseAlerts } from "./alerts.ts";
import type { Ingest } from "./ingest.ts";
import { endMailEpisode } from "./sql/alert-episodes.ts";

export const MAIL_FAILED_JOB: JobKind<Mail> = { name: MAIL_JOB.givenUpTo, payload: MAIL_JOB.payload };

/** What the queue keeps of an error; none where a process died with the mail in its hand. */
const failureOf = z.object({ code: z.string().optional(), name: z.string().optional(), responseCode: z.number().optional() }).catch({});

const subjectOf = ({ to }: Mail) => hashedId(`mail/${to}`);

/** @param failure why the last try failed, as the queue keeps it */
export async function tellMailFailed(core: Core, ingest: Ingest, queue: Pick<Queue, "send">, mail: Mail, failure: unknown): Promise<void> {
  const { organizationId, definitionId, to, subject } = mail;
  if (organizationId === undefined || !(await mayTell(core, organizationId, definitionId))) return;
  const { code, name, responseCode } = failureOf.parse(failure);
  const payload = { address: to, subject, error: code ?? name ?? "INTERRUPTED", status: responseCode ?? null };
  await raiseAlerts(core, ingest, queue, organizationId, [{ kind: "mail.failed", subjectId: subjectOf(mail), cause: "", payload }]);
}

/** A mail about a definition that takes `hookline.*` is about the alerts' own deliveries. The organization may be gone meanwhile. */
async function mayTell(core: Core, organizationId: string, definitionId: string | undefined): Promise<boolean> {
  const { rows } = await core.db.pool.query(
    `SELECT FROM organization o WHERE o.id = $1 AND NOT EXISTS (
       SELECT FROM webhook_definition d, unnest(d.event_types) p WHERE d.organization_id = o.id AND d.id = $2 AND p LIKE 'hookline.%')`,
    [organizationId, definitionId ?? null],
  );
  return rows.length > 0;
}

/** A mail went out: the next that is given up is told anew. Never throws, for the mail would be sent again. */
export async function mailWentOut(core: Core, mail: Mail): Promise<void> {
  if (mail.organizationId === undefined) return;
  try {
    await endMailEpisode.count(core.db.pool, [mail.organizationId, subjectOf(mail)]);
  } catch (error) {
    core.log.warn({ organizationId: mail.organizationId, err: (error as Error).message }, "an episode of failed mails ends within a day");
  }
}
