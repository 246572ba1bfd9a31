/**
 * Mail to the owner of a definition that was stopped by its receiver's errors: once per change of the state to
 * TOO_MANY_ERRORS. It is composed in the transaction that changes the state and sent by a job written there too, so a
 * crash neither loses nor repeats it; only an SMTP server that takes it and dies before saying so gets it twice, with the
 * same Message-ID.
 */
import { connect, type Socket } from "node:net";
import { createTransport } from "nodemailer";
import type SMTPTransport from "nodemailer/lib/smtp-transport/index.js";
import { z } from "zod";
import type { Config } from "../config.ts";
import type { Core } from "../core.ts";
import type { PoolClient } from "../db/client.ts";
import type { JobKind } from "../db/queue.ts";
import { oneLine } from "../text.ts";
import { globalId } from "../wire/ids.ts";
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

/** At once, so that a relay that is slow with one tenant's addresses does not keep the others' mails. */
export const MAILS_AT_ONCE = 3;

/** Sends what MAIL_JOB brings; without a mail server there is none to send to. @returns whether it went out */
export async function deliverMail(core: Core, mailer: Mailer | undefined, mail: Mail): Promise<boolean> {
  if (!mailer || (await isErased(core, mail))) return false;
  try {
    await mailer.send(withLink(mail, core.config.publicUrl));
    core.metrics.mail("sent");
    return true;
  } catch (error) {
    core.metrics.mail("failed");
    warnOfMail(core, mail.organizationId, mail.definitionId, error as Error);
    throw error;
  }
}

/** Where to look: at the webhook, or at what needs attention. Without HOOKLINE_PUBLIC_URL nobody knows where the reader reaches us. */
function withLink(mail: Mail, publicUrl: string | undefined): Mail {
  if (publicUrl === undefined) return mail;
  const page = mail.definitionId === undefined ? "" : `webhooks/${globalId("WebhookDefinition", mail.definitionId)}`;
  return { ...mail, text: `${mail.text}\nDashboard:  ${publicUrl}/${page}\n` };
}

/** Nobody is to hear of an organization that is gone, or going. */
async function isErased(core: Core, { organizationId }: Mail): Promise<boolean> {
  if (organizationId === undefined) return false;
  const { rowCount } = await core.db.pool.query(
    `SELECT FROM organization o WHERE o.id = $1 AND NOT EXISTS (SELECT FROM organization_erasure e WHERE e.organization_id = o.id)`,
    [organizationId],
  );
  return rowCount === 0;
}

export interface Mailer {
  /** @throws Error when the SMTP server does not take it */
  send(mail: Mail): Promise<void>;
}

const TIMEOUTS_MS = { greetingTimeout: 10_000, socketTimeout: 30_000 };
const CONNECT_MS = 10_000;
/** A whole conversation: each of nodemailer's own limits begins anew with every line that comes. */
const SEND_MS = 60_000;

const late = (what: string) => Object.assign(new Error(`the mail server ${what}`), { code: "ETIMEDOUT" });

/** Undefined without HOOKLINE_SMTP_URL: no mail is sent. @param limits.sendMs how long one mail may take */
export function createMailer(config: Pick<Config, "smtpUrl" | "mailFrom">, { sendMs = SEND_MS } = {}): Mailer | undefined {
  const { smtpUrl: url, mailFrom: from } = config;
  if (url === undefined) return undefined;
  return {
    async send({ to, subject, text, messageId }) {
      let socket: Socket | undefined;
      const getSocket: SMTPTransport["getSocket"] = ({ host, port, secure }, told) => {
        const opened = connect({ host: host ?? "localhost", port: Number(port) || (secure ? 465 : 587), autoSelectFamily: true });
        socket = opened;
        const slow = setTimeout(() => opened.destroy(late("does not answer")), CONNECT_MS);
        const failed = (error: Error) => told(error, {});
        opened.once("error", failed);
        opened.once("connect", () => {
          clearTimeout(slow);
          opened.removeListener("error", failed);
          told(null, { connection: opened });
        });
      };
      const transport = createTransport({ url, ...TIMEOUTS_MS, getSocket, disableFileAccess: true, disableUrlAccess: true }, { from });
      const deadline = setTimeout(() => socket?.destroy(late(`did not take the mail within ${sendMs / 1_000} s`)), sendMs);
      try {
        // An object, so that nothing in the address is read as a list of addresses.
        await transport.sendMail({ to: { name: "", address: to }, subject, text, messageId });
      } finally {
        clearTimeout(deadline);
        transport.close();
      }
    },
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

function compose(row: Row, to: string, stop: StoppedDefinition): Mail {
  const status = row.status_code === null ? "no answer" : `HTTP ${row.status_code}`;
  const error = [row.error_code, row.error_description].filter((part) => part !== null).join(": ");
  return {
    to,
    subject: `Webhook "${oneLine(row.name)}" was stopped: too many errors`,
    text: [
      `The webhook "${oneLine(row.name)}" was stopped, because ${oneLine(stop.reason)}.`,
      "",
      `Name:       ${oneLine(row.name)}`,
      `WebhookId:  ${row.number} (${row.code})`,
      `State:      TooManyErrors`,
      `EventId:    ${row.event_id ?? "-"}`,
      `Event:      ${row.event_type ?? "-"}`,
      `Request:    ${row.request_number ?? "-"}`,
      `Status:     ${status}`,
      `Error:      ${oneLine(error === "" ? stop.reason : error)}`,
      "",
      "What is queued is kept, and goes on in order when the webhook is set Active again.",
      "",
    ].join("\n"),
    organizationId: stop.organizationId,
    definitionId: stop.definitionId,
    messageId: `<${stop.definitionId}.${stop.requestId}.${row.attempt_number ?? 0}@hookline>`,
  };
}
