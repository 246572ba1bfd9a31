/** An attempt and the policy's word on it, as the value that is written. */
import type { Clock } from "../clock.ts";
import { dialects } from "../wire/dialects.ts";
import { type Ending, endingOf } from "../wire/retry.ts";
import type { Attempted } from "./attempted.ts";
import type { Plan } from "./plan.ts";
import type { QueuedRequest } from "./queued.ts";
import type { Settlement } from "./settlement.ts";

/** @param free its lane is, or it has none */
export function settlementOf(
  request: QueuedRequest,
  attempted: Attempted,
  plan: Plan | undefined,
  free: boolean,
  chance: { clock: Clock; retryScale: number },
): Settlement {
  const { attempt, verdict, answer } = attempted;
  const { tries, isTest } = request;
  const dice = { now: chance.clock.now(), random: chance.clock.random, retryScale: chance.retryScale };
  const decided = endingOf({ tries, isTest, free }, plan?.definition.policy, answer, attempt && verdict, dice);
  const ending: Ending = attempted.unsent ? { ...decided, state: "PENDING" } : decided;
  if (attempt && verdict?.errorCode === "INTERRUPTED") attempt.outcome = "INTERRUPTED";
  // A notification that nobody took has failed.
  const failed = ending.state === "REJECTED" && dialects[request.dialect].callsBack && !request.isTest;
  return {
    ...ending,
    request,
    attempt,
    url: attempted.url,
    authenticationCode: attempted.authenticationCode,
    fieldsSet: plan?.definition.fieldsSet ?? [],
    notificationStatus: failed ? "FAILED" : (verdict?.notificationStatus ?? null),
    notificationMessage: verdict?.notificationMessage ?? null,
    lastError: attempted.lastError,
  };
}
