/** What one attempt came to, whichever way it went. */
import type { Answer, NoReply, RequestView, Verdict } from "../wire/dialect.ts";
import type { QueuedRequest } from "./queued.ts";
import type { AttemptRow } from "./settlement.ts";

/** Characters kept of what a receiver said last (SuperOffice LastError). */
export const LAST_ERROR_LIMIT = 4000;

export interface Attempted {
  /** Null: the definition's transformation said "do not send". */
  attempt: AttemptRow | null;
  answer: Answer | null;
  verdict: Verdict | null;
  url: string | null;
  authenticationCode: string | null;
  /** Of a failure: the receiver's answer as text, or `CODE: message`; at most 4000 characters. */
  lastError: string | null;
  /** Not sent after all: the definition is about to be stopped. The request goes back to its place. */
  unsent?: boolean;
}

/** Nothing was called: the transformation says so, or `unsent`. */
export const NOT_CALLED: Attempted = {
  attempt: null,
  answer: null,
  verdict: null,
  url: null,
  authenticationCode: null,
  lastError: null,
};

/** A failure before any byte left. */
export function notSent(errorCode: NoReply["errorCode"], message: string): NoReply {
  return { kind: "NO_REPLY", outcome: "BLOCKED", errorCode, message };
}

export function viewOf(request: QueuedRequest): RequestView {
  return { id: request.id, number: request.number, retries: request.attemptCount, isTest: request.isTest, createdAt: request.createdAt };
}
