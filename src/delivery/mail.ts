/**
 * Mail to the owner of a definition that was stopped by its receiver's errors: once per change of the state to
 * TOO_MANY_ERRORS. It is composed in the transaction that changes the state and sent by a job written there too, so a
 * crash neither loses nor repeats it; only an SMTP server that takes it and dies before saying so gets it twice, with the
 * same Message-ID.
 */
import { createTransport } from "nodemailer";
import { z } from "zod";
import type { Config } from "../config.ts";
import type { Core } from "../core.ts";
import type { PoolClient } from "../db/client.ts";
import type { JobKind } from "../db/queue.ts";
import type { StoppedDefinition } from "./lane-stop.ts";
import { warnOfMail } from "./warn.ts";

export interface Mail {
  to: string;
  subject: string;
  text: string;
  /** The same on every try. */
  messageId: string;
  /** Whom it is about; a mail that 0.1 queued does not say. */
  organizationId?: string | undefined;
  definitionId?: string | undefined;
}

/** Written in the transaction that stops the definition, or tells an alert. */
export const MAIL_JOB: JobKind<Mail> & { givenUpTo: string } = {
  name: "mail",
  givenUpTo: "mail-failed",
  payload: z.object({
    ...{ to: z.string(), subject: z.string(), text: z.string(), messageId: z.string() },
    ...{ organizationId: z.uuid().optional(), definitionId: z.uuid().optional() },
  }),
};

/** Sends what MAIL_JOB brings; without a mail server there is none to send to. @returns whether it went out */
export async function deliverMail(core: Core, mailer: Mailer | undefined, mail: Mail): Promise<boolean> {
  if (!mailer) return false;
  try {
    await mailer.send(mail);
    core.metrics.mail("sent");
    return true;
  } catch (error) {
    core.metrics.mail("failed");
    warnOfMail(core, mail.organizationId, mail.definitionId, error as Error);
    throw error;
  }
}

export interface Mailer {
  /** @throws Error when the SMTP server does not take it */
  send(mail: Mail): Promise<void>;
  close(): void;
}

const TIMEOUTS_MS = { connectionTimeout: 10_000, greetingTimeout: 10_000, socketTimeout: 30_000, dnsTimeout: 10_000 };

/** Undefined without HOOKLINE_SMTP_URL: no mail is sent. */
export function createMailer(config: Pick<Config, "smtpUrl" | "mailFrom">): Mailer | undefined {
  if (config.smtpUrl === undefined) return undefined;
  const transport = createTransport(
    { url: config.smtpUrl, ...TIMEOUTS_MS, disableFileAccess: true, disableUrlAccess: true },
    { from: config.mailFrom },
  );
  return {
    async send({ to, subject, text, messageId }) {
      // An object, so that nothing in the address is read as a list of addresses.
      await transport.sendMail({ to: { name: "", address: to }, subject, text, messageId });
    },
    close: () => transport.close(),
  };
}

interface Row {
  name: string;
  number: number;
  code: string;
  errors_email: string | null;
  event_id: string | null;
  event_type: string | null;
  request_number: number | null;
  attempt_number: number | null;
  status_code: number | null;
  error_code: string | null;
  error_description: string | null;
}

/**
 * What to send about this change, or undefined: another state, or nobody to tell. Reads inside the transaction that
 * stopped the definition, after its attempts were logged.
 */
export async function stateChangeMail(client: Pick<PoolClient, "query">, stop: StoppedDefinition): Promise<Mail | undefined> {
  if (stop.state !== "TOO_MANY_ERRORS") return undefined;
  const { rows } = await client.query<Row>(
    `SELECT d.name, d.number, d.code, d.errors_email, r.event_id, r.event_type, r.number AS request_number,
            a.number AS attempt_number, a.status_code, a.error_code, a.error_description
     FROM webhook_definition d LEFT JOIN webhook_request r ON r.organization_id = d.organization_id AND r.id = $2 AND r.definition_id = d.id
     LEFT JOIN LATERAL (
       SELECT number, status_code, error_code, error_description FROM attempt
       WHERE organization_id = r.organization_id AND request_id = r.id AND outcome <> 'DELIVERED' ORDER BY number DESC LIMIT 1) a ON true
     WHERE d.id = $1`,
    [stop.definitionId, stop.requestId],
  );
  const row = rows[0];
  return row?.errors_email ? compose(row, row.errors_email, stop) : undefined;
}

/** `\r\n` in a name would be a line of its own in the mail. */
const line = (text: string) => text.replace(/\s+/g, " ").trim();

function compose(row: Row, to: string, stop: StoppedDefinition): Mail {
  const status = row.status_code === null ? "no answer" : `HTTP ${row.status_code}`;
  const error = [row.error_code, row.error_description].filter((part) => part !== null).join(": ");
  return {
    to,
    subject: `Webhook "${line(row.name)}" was stopped: too many errors`,
    text: [
      `The webhook "${line(row.name)}" was stopped, because ${line(stop.reason)}.`,
      "",
      `Name:       ${line(row.name)}`,
      `WebhookId:  ${row.number} (${row.code})`,
      `State:      TooManyErrors`,
      `EventId:    ${row.event_id ?? "-"}`,
      `Event:      ${row.event_type ?? "-"}`,
      `Request:    ${row.request_number ?? "-"}`,
      `Status:     ${status}`,
      `Error:      ${line(error === "" ? stop.reason : error)}`,
      "",
      "What is queued is kept, and goes on in order when the webhook is set Active again.",
      "",
    ].join("\n"),
    organizationId: stop.organizationId,
    definitionId: stop.definitionId,
    messageId: `<${stop.definitionId}.${stop.requestId}.${row.attempt_number ?? 0}@hookline>`,
  };
}
