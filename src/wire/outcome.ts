/** Verdicts that the dialects share. What a receiver did is a value, never an exception. */
import type { Answer, ErrorCode, NoReply, Reply, Verdict } from "./dialect.ts";

/** Failures that the same bytes would meet again, so no schedule helps. */
const FINAL_CODES: ReadonlySet<ErrorCode> = new Set(["TRANSFORMATION_ERROR", "QUERY_BUDGET", "NO_TARGET", "INTERRUPTED_TOO_OFTEN"]);

const BLANK = {
  errorCode: null,
  errorDescription: null,
  retryable: false,
  gone: false,
  notificationStatus: null,
  notificationMessage: null,
  warning: null,
} as const;

/**
 * Success is a status from `from` to `to`, both inclusive, whatever becomes of the body behind it; every other answer is a
 * failure that the schedule retries.
 */
export function judgeByStatus(answer: Answer, from: number, to: number): Verdict {
  if (answer.kind === "NO_REPLY") return unanswered(answer);
  if (answer.status < from || answer.status > to) return answer.fault ? brokenOff(answer, answer.fault) : refusedBy(answer);
  if (answer.fault) return { ...delivered(), warning: `the reply's body did not come in full: ${answer.fault.message}` };
  return { ...delivered(), warning: unreadBody(answer) };
}

export function delivered(): Verdict {
  return { ...BLANK, outcome: "DELIVERED" };
}

/** An answer that is no success. */
export function refusedBy(reply: Reply): Verdict {
  return {
    ...BLANK,
    outcome: "REJECTED",
    errorCode: "HTTP_STATUS",
    errorDescription: describe(reply),
    retryable: true,
    gone: reply.status === 410,
    warning: unreadBody(reply),
  };
}

/** Without it the log would look as if there had been no body. */
export function unreadBody({ unread }: Reply): string | null {
  return unread === undefined
    ? null
    : `the reply's body was not read: its Content-Encoding is ${unread.slice(0, 100)}, and the request accepts only identity`;
}

/** No usable answer: a timeout, a refused connection, a target the egress guard blocks. */
export function unanswered(answer: NoReply): Verdict {
  return {
    ...BLANK,
    outcome: answer.outcome,
    errorCode: answer.errorCode,
    errorDescription: answer.message,
    retryable: !FINAL_CODES.has(answer.errorCode),
  };
}

/** A reply that was needed whole, and broke off: its fault says what it is, its status stands in the log. */
export function brokenOff(reply: Reply, fault: NoReply): Verdict {
  return { ...unanswered(fault), errorDescription: `${describe(reply)}, then: ${fault.message}`, gone: reply.status === 410 };
}

/** Its worker died; the same bytes are sent again, and the schedule does not count it. */
export function interrupted(): Verdict {
  return {
    ...BLANK,
    outcome: "INTERRUPTED",
    errorCode: "INTERRUPTED",
    errorDescription: "the worker ended before the attempt was settled",
    retryable: true,
  };
}

/** `HTTP 302 (redirects are not followed; Location: https://…)`. */
function describe(reply: Reply): string {
  if (reply.status < 300 || reply.status > 399) return `HTTP ${reply.status}`;
  const header = reply.headers.location;
  const location = Array.isArray(header) ? header[0] : header;
  return `HTTP ${reply.status} (redirects are not followed${location ? `; Location: ${location.slice(0, 500)}` : ""})`;
}
