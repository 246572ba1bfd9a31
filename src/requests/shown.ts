/** What an attempt sent and got, as a caller may see it: hidden values are in clear for `secrets:read` alone. */
import type { Caller } from "../accounts/caller.ts";
import type { Core } from "../core.ts";
import { shownText, shownValues } from "../delivery/log-seal.ts";
import { maskTarget } from "../wire/mask.ts";
import type { AttemptContent } from "./attempt.ts";
import type { LatestAttempt } from "./related.ts";

const seesSecrets = (caller: Caller) => caller.scopes.has("secrets:read");

export function shownContent({ vault }: Pick<Core, "vault">, caller: Caller, content: AttemptContent): AttemptContent {
  const sealer = { vault, organizationId: caller.organizationId };
  const inClear = seesSecrets(caller);
  const text = (value: string | null) => value && shownText(sealer, value, inClear);
  return {
    requestHeaders: shownValues(sealer, content.requestHeaders, inClear),
    requestBody: text(content.requestBody),
    responseHeaders: shownValues(sealer, content.responseHeaders, inClear),
    responseBody: text(content.responseBody),
  };
}

/** Of an attempt as products without requests show it. */
export function shownBodies(core: Pick<Core, "vault">, caller: Caller, attempt: Pick<AttemptContent, "requestBody" | "responseBody">) {
  const { requestBody, responseBody } = shownContent(core, caller, {
    ...{ requestHeaders: null, responseHeaders: null },
    ...{ requestBody: attempt.requestBody, responseBody: attempt.responseBody },
  });
  return { requestBody, responseBody };
}

/** An address of the log. */
export const shownTarget = <Url extends string | null>(caller: Caller, url: Url): Url =>
  (url === null || seesSecrets(caller) ? url : maskTarget(url)) as Url;

export function shownLatest(core: Pick<Core, "vault">, caller: Caller, latest: LatestAttempt): LatestAttempt {
  const { attempt, content } = latest;
  return {
    attempt: { ...attempt, requestUrl: shownTarget(caller, attempt.requestUrl) },
    content: shownContent(core, caller, content),
  };
}
