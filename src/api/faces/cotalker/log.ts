/** COTWebhookLog: one attempt as Cotalker shows it. Pure. */
import type { DefinitionAttempt } from "../../../requests/definition-attempts.ts";
import { objectId } from "../../../wire/ids.ts";
import { parseJson } from "../../../wire/json-exact.ts";

export interface CotWebhookLog {
  _id: string;
  company: string;
  createdAt: string;
  status: number;
  retry: number;
  response: string;
  /** The COTEvent that was sent. */
  event: unknown;
  subscription: string;
  /** Ours: tells a status 409 that stands for "no HTTP answer" from a real one. */
  networkError: boolean;
  __v: number;
}

const NO_ANSWER = 409;

function parsed(body: string | null): unknown {
  if (body === null) return null;
  try {
    return parseJson(body);
  } catch {
    // A transformation may send what is no JSON.
    return body;
  }
}

export function cotLog(attempt: DefinitionAttempt, company: string, subscription: string): CotWebhookLog {
  const networkError = attempt.statusCode === null;
  const failure = [attempt.errorCode, attempt.errorDescription].filter((part) => part !== null).join(": ");
  return {
    _id: objectId(attempt.id),
    company,
    createdAt: attempt.startedAt.toISOString(),
    status: attempt.statusCode ?? NO_ANSWER,
    retry: attempt.tryNumber,
    response: networkError ? failure : (attempt.responseBody ?? ""),
    event: parsed(attempt.requestBody),
    subscription,
    networkError,
    __v: 0,
  };
}
