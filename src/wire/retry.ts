/**
 * What happens after a failed attempt: policy is data, and time and chance come in as arguments.
 * The schedule of `standard` and its jitter are Standard Webhooks' own suggestion.
 */
import type { Answer, Policy, Verdict } from "./dialect.ts";

export type Step =
  /** Milliseconds from now. */
  | { kind: "RETRY"; afterMs: number }
  /** The schedule is used up: `Policy.onExhausted` says what now. */
  | { kind: "EXHAUSTED" }
  /** No try would change it: the request is rejected whatever is left of the schedule. */
  | { kind: "FINAL" };

export interface Chance {
  now: Date;
  /** Uniform in [0, 1). */
  random: () => number;
  /** HOOKLINE_RETRY_SCALE. */
  retryScale: number;
}

/** No receiver may hold a lane longer than this by asking. */
export const MAX_RETRY_AFTER_MS = 24 * 60 * 60 * 1000;

/**
 * @param tries failed tries of the present schedule, this one included: 1 after the first. What a dead worker
 *   interrupted is no try: kills never eat the budget.
 * @param answer null when no call was made
 */
export function nextStep(policy: Policy, tries: number, answer: Answer | null, verdict: Verdict, chance: Chance): Step {
  if (!verdict.retryable) return { kind: "FINAL" };
  // A receiver that is gone stops the definition; where it does not, 410 is a failure like any other.
  if (verdict.gone && policy.onGone !== null) return { kind: "FINAL" };
  const wait = policy.waits[tries - 1];
  if (wait === undefined) return { kind: "EXHAUSTED" };
  return { kind: "RETRY", afterMs: waitMs(wait, policy.jitter, answer, chance) };
}

/** Milliseconds until the next round of the schedule (REQUEUE). */
export function requeueAfterMs(policy: Policy, answer: Answer | null, chance: Chance): number {
  return waitMs(policy.requeueWait, policy.jitter, answer, chance);
}

function waitMs(seconds: number, jitter: number, answer: Answer | null, chance: Chance): number {
  const scheduled = seconds * 1000 * (1 + jitter * (2 * chance.random() - 1));
  const header = answer?.kind === "REPLY" ? answer.headers["retry-after"] : undefined;
  const asked = header === undefined ? undefined : parseRetryAfter(Array.isArray(header) ? (header[0] ?? "") : header, chance.now);
  // The bound is for what a receiver asks: a definition's own wait of seven days stands.
  const wait = Math.max(scheduled, Math.min(asked ?? 0, MAX_RETRY_AFTER_MS));
  return Math.round(wait * chance.retryScale);
}

/** What becomes of a request after an attempt. */
export interface Ending {
  /** PENDING: it stays where it is, and is sent again. */
  state: "DELIVERED" | "REJECTED" | "SKIPPED" | "WAITING" | "PENDING";
  /** Failed tries of the present schedule, from now on. */
  tries: number;
  /** WAITING: milliseconds until the next attempt. */
  waitMs: number | null;
  /** To the back of the queue (REQUEUE). */
  requeue: boolean;
  /** Rejected, and stays at the head of its lane (BLOCK). */
  blocks: boolean;
}

/**
 * The policy's word, as one value.
 * @param request.free it stands in a free lane, or in none: what its definition orders by may be another thing by now
 * @param policy undefined: the definition is gone
 * @param verdict null: nothing was called, and nothing is to be
 */
export function endingOf(
  request: { tries: number; isTest: boolean; free: boolean },
  policy: Policy | undefined,
  answer: Answer | null,
  verdict: Verdict | null,
  chance: Chance,
): Ending {
  const ending: Ending = { state: "DELIVERED", tries: request.tries, waitMs: null, requeue: false, blocks: false };
  if (!verdict) return { ...ending, state: "SKIPPED" };
  if (verdict.outcome === "DELIVERED") return ending;
  const tries = request.tries + 1;
  if (!policy || request.isTest) return { ...ending, state: "REJECTED", tries };
  // We gave the call up ourselves: as a kill, it is no try.
  if (verdict.errorCode === "INTERRUPTED") return { ...ending, state: "PENDING" };
  const step = nextStep(policy, tries, answer, verdict, chance);
  if (step.kind === "RETRY") return { ...ending, state: "WAITING", tries, waitMs: step.afterMs };
  if (step.kind === "EXHAUSTED" && policy.onExhausted === "REQUEUE") {
    // On a strict lane there is no back of the queue: the payload stays at the head, and the next cycle begins there.
    return { ...ending, state: "WAITING", tries: 0, waitMs: requeueAfterMs(policy, answer, chance), requeue: request.free };
  }
  return { ...ending, state: "REJECTED", tries, blocks: policy.onExhausted === "BLOCK" && !request.free };
}

/** RFC 9110's three forms. `Date.parse` alone would take "2", "1.5" and much other junk for dates. */
const IMF_FIXDATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;
const RFC_850 = /^[A-Z][a-z]{5,8}, \d{2}-[A-Z][a-z]{2}-\d{2} \d{2}:\d{2}:\d{2} GMT$/;
const ASCTIME = /^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2} \d{4}$/;

/** @returns milliseconds from `now`; undefined for what asks nothing: junk, negative, empty, zero, a date that is past */
export function parseRetryAfter(text: string, now: Date): number | undefined {
  const value = text.trim();
  let ms = Number.NaN;
  if (/^\d+$/.test(value)) ms = Number(value) * 1000;
  else if (IMF_FIXDATE.test(value) || RFC_850.test(value)) ms = Date.parse(value) - now.getTime();
  else if (ASCTIME.test(value)) ms = Date.parse(`${value} GMT`) - now.getTime();
  return ms > 0 ? ms : undefined;
}
