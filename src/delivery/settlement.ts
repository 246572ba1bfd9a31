/** What one attempt came to, as it is written: the values that a lane's run hands to the transaction that settles. */
import type { AttemptOutcome, ErrorCode, NotificationStatus } from "../wire/dialect.ts";
import type { Ending } from "../wire/retry.ts";
import type { QueuedRequest } from "./queued.ts";

/** One call made, as the log keeps it. */
export interface AttemptRow {
  number: number;
  outcome: AttemptOutcome;
  manual: boolean;
  statusCode: number | null;
  durationMs: number;
  errorCode: ErrorCode | null;
  errorDescription: string | null;
  warning: string | null;
  requestUrl: string;
  /** Secrets masked. */
  requestHeaders: Record<string, string> | null;
  /** Null: as the latest attempt before it that noted one. */
  requestBody: string | null;
  /** What a transformation made beside the body, sealed (draft.ts); null: nothing. */
  rendering: string | null;
  /** Made anew by the definition as it then was, though an earlier attempt had sent something. */
  rerendered: boolean;
  responseHeaders: Record<string, string | string[]> | null;
  responseBody: string | null;
  responseTruncated: boolean;
  /** Of the trace that it belongs to, as it was sent; for our own log alone. */
  traceparent: string | null;
  startedAt: Date;
}

/** Of an attempt that begins now. */
export function blankAttempt(request: QueuedRequest, startedAt: Date): AttemptRow {
  return {
    number: request.attemptCount + 1,
    outcome: "BLOCKED",
    manual: request.manual,
    statusCode: null,
    durationMs: 0,
    errorCode: null,
    errorDescription: null,
    warning: null,
    requestUrl: "",
    requestHeaders: null,
    requestBody: null,
    rendering: null,
    rerendered: false,
    responseHeaders: null,
    responseBody: null,
    responseTruncated: false,
    traceparent: null,
    startedAt,
  };
}

/** What becomes of a request after an attempt. */
export interface Settlement extends Ending {
  request: QueuedRequest;
  /** Null when nothing was called (a transformation said: do not send). */
  attempt: AttemptRow | null;
  url: string | null;
  authenticationCode: string | null;
  fieldsSet: readonly string[];
  notificationStatus: NotificationStatus | null;
  notificationMessage: string | null;
  /** Of a failed attempt, for DefinitionCounter.lastError. */
  lastError: string | null;
}

export interface LaneStep {
  organizationId: string;
  laneId: string;
  definitionId: string;
  token: string;
  /** The lane's revision when `marks` were chosen: when it moved, an operator changed the queue, and none is marked. */
  revision: number;
  settlements: Settlement[];
  /** To be sent next: SENDING from now on. */
  marks: string[];
  /** Marked, but not sent after all. */
  unmarks: string[];
  /** WAIT: let the lane go until its head (a free lane: the first of its requests) is due. */
  release: { kind: "WAIT"; reason: string | null } | { kind: "BLOCK"; requestId: string; reason: string } | null;
  /** Ordered NONE. */
  free: boolean;
  /** A strict lane: nothing unsettled stands below this position; null: not known. */
  readFrom: number | null;
  /** Failed attempts in a row that stop the definition; null: never. */
  stopAt: number | null;
  /** Its receiver said 410, and the dialect takes that for good. */
  gone: { state: "STOPPED" | "TOO_MANY_ERRORS"; requestId: string } | null;
}

export interface StepResult {
  /** False: the lease was lost, nothing of this step was written, but for `stand`. */
  valid: boolean;
  /** Not valid, but these stand: their COMMIT's answer had been lost, and the lane was let go of with it, or by now. */
  stand?: readonly Settlement[];
  revision: number;
  lastNumber: number;
  /** Version of the organization's catalogue: a definition's settings as of it are known. */
  catalogVersion: number;
  /** Paused, stopped or blocked by an operator: stop sending. */
  held: boolean;
  marked: Set<string>;
  /** Failed attempts of the definition in a row, after this step; null when it made none. */
  consecutiveErrors: number | null;
}

const SETTLED = new Set(["DELIVERED", "REJECTED", "SKIPPED"]);

export const isSettled = (settlement: Settlement): boolean => SETTLED.has(settlement.state);
