/** A real SMTP server in this process that keeps what it takes. */
import { EventEmitter } from "node:events";
import type { AddressInfo } from "node:net";
import { SMTPServer } from "smtp-server";

export interface ReceivedMail {
  from: string;
  to: string[];
  subject: string;
  /** Decoded. */
  text: string;
  headers: Record<string, string>;
}

export interface Mailbox {
  /** For HOOKLINE_SMTP_URL. */
  readonly url: string;
  readonly mails: ReceivedMail[];
  /** The next so many mails are refused with 451. */
  refuse(times: number): void;
  /** While true, a mail that was sent is neither taken nor refused. */
  hang(on: boolean): void;
  /** How many of those there were. */
  readonly hanging: number;
  /** Waits until there are so many. */
  waitFor(count: number, timeoutMs?: number): Promise<ReceivedMail[]>;
  close(): Promise<void>;
}

export async function startMailbox(): Promise<Mailbox> {
  const mails: ReceivedMail[] = [];
  const arrived = new EventEmitter();
  let refusals = 0;
  let hangs = false;
  let hanging = 0;
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ["STARTTLS"],
    onData(stream, session, callback) {
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => {
        if (hangs) {
          hanging += 1;
          return;
        }
        if (refusals > 0) {
          refusals -= 1;
          callback(Object.assign(new Error("try again later"), { responseCode: 451 }));
          return;
        }
        const from = session.envelope.mailFrom ? session.envelope.mailFrom.address : "";
        mails.push(
          read(
            Buffer.concat(chunks).toString(),
            from,
            session.envelope.rcptTo.map((to) => to.address),
          ),
        );
        callback();
        arrived.emit("mail");
      });
    },
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.server.address() as AddressInfo;
  return {
    url: `smtp://127.0.0.1:${port}`,
    mails,
    refuse: (times) => {
      refusals = times;
    },
    hang: (on) => {
      hangs = on;
    },
    get hanging() {
      return hanging;
    },
    async waitFor(count, timeoutMs = 10_000) {
      const deadline = AbortSignal.timeout(timeoutMs);
      while (mails.length < count) {
        await new Promise<void>((resolve, reject) => {
          arrived.once("mail", resolve);
          deadline.addEventListener("abort", () => reject(new Error(`${mails.length} of ${count} mails came in ${timeoutMs} ms`)));
        });
      }
      return mails;
    },
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

function read(raw: string, from: string, to: string[]): ReceivedMail {
  const split = raw.indexOf("\r\n\r\n");
  const unfolded = raw.slice(0, split).replace(/\r\n[ \t]+/g, " ");
  const headers = Object.fromEntries(
    unfolded.split("\r\n").map((header) => {
      const at = header.indexOf(":");
      return [header.slice(0, at).toLowerCase(), header.slice(at + 1).trim()];
    }),
  );
  const body = raw.slice(split + 4);
  const encoding = headers["content-transfer-encoding"]?.toLowerCase();
  const text =
    encoding === "base64" ? Buffer.from(body, "base64").toString() : encoding === "quoted-printable" ? quotedPrintable(body) : body;
  return { from, to, subject: encodedWords(headers["subject"] ?? ""), text: text.replaceAll("\r\n", "\n"), headers };
}

function quotedPrintable(text: string): string {
  const bytes = text.replace(/=\r\n/g, "").replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, "latin1").toString();
}

/** RFC 2047. */
function encodedWords(text: string): string {
  return text
    .replace(/\?=\s+=\?/g, "?==?")
    .replace(/=\?utf-8\?([bq])\?([^?]*)\?=/gi, (_, kind: string, data: string) =>
      kind.toLowerCase() === "b" ? Buffer.from(data, "base64").toString() : quotedPrintable(data.replaceAll("_", " ")),
    );
}
