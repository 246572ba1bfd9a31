/** What the latest attempt sent and got, as one object each: the `request` and `response` of a webhook request. */
import type { LatestAttempt } from "./related.ts";

export interface SentRequest {
  method: "POST";
  url: string;
  headers: Record<string, unknown>;
  body: string | null;
}

/** A script has no URL to call; what it was given stands as the body. */
export function sentRequest({ attempt, content }: LatestAttempt): SentRequest {
  return { method: "POST", url: attempt.requestUrl, headers: content.requestHeaders ?? {}, body: content.requestBody };
}

/** Null when nothing was answered. A script's answer is {result, console}, as it stands in the body. */
export function sentResponse({ attempt, content }: LatestAttempt): object | null {
  if (attempt.statusCode !== null)
    return { status: attempt.statusCode, headers: content.responseHeaders ?? {}, body: content.responseBody };
  if (!attempt.requestUrl.startsWith("crmscript:") || content.responseBody === null) return null;
  return JSON.parse(content.responseBody) as object;
}
