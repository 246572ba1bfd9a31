/** What went wrong with a call, as a value with a stable code. Pure. Messages name no resolved address. */
import type { ErrorCode, NoReply } from "../wire/dialect.ts";

/** How far a call has come; what a timeout means depends on it. */
export type Phase = "dns" | "connect" | "tls" | "reply";

export function noReply(outcome: NoReply["outcome"], errorCode: ErrorCode, message: string): NoReply {
  return { kind: "NO_REPLY", outcome, errorCode, message };
}

export const invalid = (why: string): NoReply => noReply("REFUSED", "RESPONSE_INVALID", why);
const reset = () => noReply("REFUSED", "CONNECTION_RESET", "the receiver closed the connection without a reply");

/** A resolver or a TLS handshake that stalls is that layer's failure (FAULTS F18, F19); everything later is TIMEOUT. */
export function timedOut(phase: Phase, afterMs: number): NoReply {
  switch (phase) {
    case "dns":
      return noReply("REFUSED", "DNS_ERROR", `the name was not resolved within ${afterMs} ms`);
    case "tls":
      return noReply("REFUSED", "TLS_ERROR", `the TLS handshake did not end within ${afterMs} ms`);
    case "connect":
      return noReply("TIMED_OUT", "TIMEOUT", `no connection within ${afterMs} ms`);
    case "reply":
      return noReply("TIMED_OUT", "TIMEOUT", `no complete reply within ${afterMs} ms`);
  }
}

/** @param replyStarted whether a byte of a reply had come */
export function failure(phase: Phase, error: unknown, replyStarted: boolean): NoReply {
  const code = codeOf(error);
  if (code === "EGRESS_BLOCKED") return noReply("BLOCKED", "EGRESS_BLOCKED", (error as Error).message);
  switch (phase) {
    case "dns":
      return noReply("REFUSED", "DNS_ERROR", `the name could not be resolved (${code})`);
    case "connect":
      if (code === "ETIMEDOUT") return noReply("TIMED_OUT", "TIMEOUT", "no connection: the network timed out");
      if (code === "ECONNRESET") return reset();
      return noReply("REFUSED", "CONNECTION_REFUSED", `no connection (${code})`);
    case "tls":
      return noReply("REFUSED", "TLS_ERROR", `the TLS handshake failed (${code})`);
    case "reply":
      return replyFailure(code, error, replyStarted);
  }
}

function replyFailure(code: string, error: unknown, replyStarted: boolean): NoReply {
  if (code === "UND_ERR_INVALID_ARG")
    return noReply("REFUSED", "INVALID_HEADER", "nothing was sent: a header has a name or value that HTTP forbids");
  if (code === "UND_ERR_HEADERS_OVERFLOW" || code === "HPE_HEADER_OVERFLOW") {
    return noReply("REFUSED", "RESPONSE_TOO_LARGE", "the reply's headers are larger than 16 KiB");
  }
  // Client certificates are asked for after a TLS 1.3 handshake.
  if (code.startsWith("ERR_SSL_") || code.startsWith("ERR_TLS_")) return noReply("REFUSED", "TLS_ERROR", `TLS failed (${code})`);
  if (code.startsWith("HPE_")) return invalid(`the reply is not HTTP/1.1 (${code})`);
  if (code === "ECONNRESET" || code === "EPIPE" || code === "ETIMEDOUT") return reset();
  const text = error instanceof Error ? error.message : "";
  if (text === "bad response" || text === "bad upgrade") return invalid("the reply is an interim or upgrade answer that nobody asked for");
  return replyStarted ? invalid("the reply ended before it was complete") : reset();
}

function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : "unknown";
}
