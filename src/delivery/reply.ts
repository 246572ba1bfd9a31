/** A reply as it comes in: at most 64 KiB are kept, whatever the receiver sends. Pure. */
import type { NoReply, Reply } from "../wire/dialect.ts";

export const MAX_REPLY_BYTES = 64 * 1024;

type Headers = Record<string, string | string[]>;

export class ReplyReader {
  /** 0: no head has come in full. */
  #status = 0;
  #headers: Headers = {};
  /** The first chunk as it came: most replies have no other, and are not copied. */
  #first: Buffer | undefined;
  /** From the second chunk on. One buffer, so that a drip of single bytes costs no more than its 64 KiB. */
  #rest: Buffer | undefined;
  #length = 0;

  head(status: number, headers: Record<string, string | string[] | undefined>): void {
    this.#status = status;
    this.#headers = headers as Headers;
  }

  get hasHead(): boolean {
    return this.#status !== 0;
  }

  /** @returns false when the limit is passed: the reply is cut there */
  add(chunk: Buffer): boolean {
    if (this.#length === 0 && this.#rest === undefined && chunk.length <= MAX_REPLY_BYTES) {
      this.#first = chunk;
      this.#length = chunk.length;
      return true;
    }
    if (this.#rest === undefined) {
      this.#rest = Buffer.allocUnsafe(MAX_REPLY_BYTES);
      this.#first?.copy(this.#rest);
      this.#first = undefined;
    }
    const room = MAX_REPLY_BYTES - this.#length;
    this.#length += chunk.copy(this.#rest, this.#length, 0, Math.min(room, chunk.length));
    return chunk.length <= room;
  }

  /** The receiver will close the connection after this reply. */
  get closes(): boolean {
    const connection = this.#headers["connection"];
    return connection !== undefined && String(connection).toLowerCase().includes("close");
  }

  done(truncated: boolean): Reply {
    const reply: Reply = { kind: "REPLY", status: this.#status, headers: this.#headers, body: "", truncated };
    const bytes = this.#first ?? this.#rest?.subarray(0, this.#length);
    if (bytes === undefined || bytes.length === 0) return reply;
    // Compressed bytes are not inflated (a gzip bomb), and shown as text they would be noise.
    const unread = this.#encoding();
    return unread === undefined ? { ...reply, body: textOf(bytes, truncated) } : { ...reply, unread };
  }

  /** Its end never came. */
  brokenBy(fault: NoReply): Reply {
    return { ...this.done(true), fault };
  }

  /** Undefined: the bytes are the text. */
  #encoding(): string | undefined {
    const header = this.#headers["content-encoding"];
    if (header === undefined) return undefined;
    const named = String(header);
    return named.split(",").every((one) => ["", "identity"].includes(one.trim().toLowerCase())) ? undefined : named;
  }
}

function textOf(bytes: Buffer, truncated: boolean): string {
  const end = truncated ? wholeCharacters(bytes) : bytes.length;
  // A byte order mark says how the text is encoded and is no part of it: JSON does not begin with one.
  const from = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  const text = bytes.toString("utf8", from, end);
  // Postgres stores no NUL, neither in text nor in jsonb.
  return text.includes("\0") ? text.replaceAll("\0", "\uFFFD") : text;
}

/** Where the last whole UTF-8 character ends: a cut through one would show as U+FFFD that the receiver never sent. */
function wholeCharacters(bytes: Buffer): number {
  for (let back = 1; back <= 3 && back <= bytes.length; back += 1) {
    const byte = bytes[bytes.length - back] as number;
    if ((byte & 0xc0) === 0x80) continue;
    const needs = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return needs > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}
