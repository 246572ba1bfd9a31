/** What went wrong with a call, as a value with a stable code. Pure. Messages name no resolved address. */
import type { ErrorCode, NoReply } from "../wire/dialect.ts";

/** How far a call has come; what a timeout means depends on it. */
export type Phase = "dns" | "connect" | "tls" | "reply";

export function noReply(outcome: NoReply["outcome"], errorCode: ErrorCode, message: string): NoReply {
  return { kind: "NO_REPLY", outcome, errorCode, message };
}

export const invalid = (why: string): NoReply => noReply("REFUSED", "RESPONSE_INVALID", why);
const reset = (when: string) => noReply("REFUSED", "CONNECTION_RESET", `the receiver closed the connection ${when}`);

/** How much of a reply had come. */
export interface Come {
  /** Bytes before the end of its head; 0: none. */
  bytes: number;
  /** Its head was complete. */
  head: boolean;
  /** What the head itself says against it. */
  contradiction: string | undefined;
}

const NOTHING: Come = { bytes: 0, head: false, contradiction: undefined };

/** A resolver or a TLS handshake that stalls is that layer's failure (FAULTS F18, F19); everything later is TIMEOUT. */
export function timedOut(phase: Phase, afterMs: number, come: Come = NOTHING): NoReply {
  switch (phase) {
    case "dns":
      return noReply("REFUSED", "DNS_ERROR", `the name was not resolved within ${afterMs} ms`);
    case "tls":
      return noReply("REFUSED", "TLS_ERROR", `the TLS handshake did not end within ${afterMs} ms`);
    case "connect":
      return noReply("TIMED_OUT", "TIMEOUT", `no connection within ${afterMs} ms`);
    case "reply":
      if (come.head) return noReply("TIMED_OUT", "TIMEOUT", `the reply's body did not end within ${afterMs} ms`);
      return noReply("TIMED_OUT", "TIMEOUT", `no ${come.bytes > 0 ? "complete reply" : "reply"} within ${afterMs} ms`);
  }
}

export function failure(phase: Phase, error: unknown, come: Come = NOTHING): NoReply {
  const code = codeOf(error);
  if (code === "EGRESS_BLOCKED") return noReply("BLOCKED", "EGRESS_BLOCKED", (error as Error).message);
  switch (phase) {
    case "dns":
      return noReply("REFUSED", "DNS_ERROR", `the name could not be resolved (${code})`);
    case "connect":
      if (code === "ETIMEDOUT") return noReply("TIMED_OUT", "TIMEOUT", "no connection: the network timed out");
      if (code === "ECONNRESET") return reset("before a request was sent");
      return noReply("REFUSED", "CONNECTION_REFUSED", `no connection (${code})`);
    case "tls":
      return noReply("REFUSED", "TLS_ERROR", `the TLS handshake failed (${code})`);
    case "reply":
      return replyFailure(code, error, come);
  }
}

function replyFailure(code: string, error: unknown, come: Come): NoReply {
  if (code === "UND_ERR_INVALID_ARG")
    return noReply("REFUSED", "INVALID_HEADER", "nothing was sent: a header has a name or value that HTTP forbids");
  if (code === "UND_ERR_HEADERS_OVERFLOW" || code === "HPE_HEADER_OVERFLOW") {
    return noReply("REFUSED", "RESPONSE_TOO_LARGE", "the reply's headers are larger than 16 KiB");
  }
  // Client certificates are asked for after a TLS 1.3 handshake.
  if (code.startsWith("ERR_SSL_") || code.startsWith("ERR_TLS_")) return noReply("REFUSED", "TLS_ERROR", `TLS failed (${code})`);
  const text = error instanceof Error ? error.message : "";
  if (text === "bad response" || text === "bad upgrade") return invalid("the reply is an interim or upgrade answer that nobody asked for");
  const broken = error instanceof Error && error.name === "HTTPParserError" ? (inBrackets(text) ?? "not HTTP/1.1") : undefined;
  // Behind a Content-Length the parser takes every mistake in the head for a body of another length.
  if (broken !== undefined || (code === "UND_ERR_RES_CONTENT_LENGTH_MISMATCH" && !come.head)) return brokenHttp(broken, come);
  if (code === "ECONNRESET" || code === "EPIPE" || code === "ETIMEDOUT") {
    if (come.head) return reset("in the middle of its reply");
    return reset(come.bytes > 0 ? "before the head of its reply was complete" : "without a reply");
  }
  return ended(come);
}

/** @param reason the parser's own words */
function brokenHttp(reason: string | undefined, come: Come): NoReply {
  if (reason === "Invalid EOF state") return ended(come);
  if (come.head) return invalid(`the reply's body is not HTTP/1.1: ${reason}`);
  return invalid(`the reply is not HTTP/1.1: ${come.contradiction ?? reason ?? "its head contradicts itself"}`);
}

function ended(come: Come): NoReply {
  if (come.head) return invalid("the reply ended before it was complete");
  return come.bytes > 0 ? invalid("the reply ended before its head was complete") : reset("without a reply");
}

function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : "unknown";
}

/** What stands at the end, from the first opening bracket on. */
function inBrackets(text: string): string | undefined {
  const from = text.indexOf("(");
  return from >= 0 && text.endsWith(")") ? text.slice(from + 1, -1) : undefined;
}
