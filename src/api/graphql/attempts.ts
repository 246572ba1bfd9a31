/** Attempts: the calls made for a request. */
import { type AttemptNode, showAttempts } from "../../requests/attempt.ts";
import { shownContent, shownTarget } from "../../requests/shown.ts";
import { builder, guardNode } from "./builder.ts";
import { type Context, callerOf } from "./context.ts";
import { inOrder } from "./loader.ts";
import { connectionType } from "./page.ts";

const AttemptOutcome = builder.enumType("AttemptOutcome", {
  description: "What one call came to, as the definition's dialect judges it.",
  values: {
    DELIVERED: { description: "The receiver answered with a success: the request is delivered." },
    REJECTED: { description: "The receiver answered, but not with a success; `statusCode` and `responseBody` say how." },
    TIMED_OUT: { description: "No whole answer came within `timeoutMs`." },
    REFUSED: { description: "The receiver could not be reached, or did not answer in HTTP: no name, no connection, no valid TLS." },
    BLOCKED: { description: "The egress guard forbids the address, or the call could not be made from the definition as it is." },
    INTERRUPTED: { description: "The worker died meanwhile, so that nobody knows; it costs no try and the same request is sent again." },
  } as const,
});

export const Attempt = builder.objectRef<AttemptNode>("Attempt");
export const AttemptConnection = connectionType("Attempt", Attempt, "oldest first");

/** The fields that need what was sent or came back. */
export const CONTENT_FIELDS = ["requestHeaders", "requestBody", "responseHeaders", "responseBody", "replyLine"] as const;

const contentOf = async (attempt: AttemptNode, context: Context) =>
  shownContent(context.doors.core, callerOf(context), await attempt.content());

const LINE = 200;

/** The first line that says something. */
function firstLine(text: string | null): string | null {
  const line = text?.split(/[\r\n]+/, 20).find((each) => each.trim() !== "");
  return line === undefined ? null : line.trim().slice(0, LINE);
}

guardNode("Attempt", "webhooks:read");
builder.node(Attempt, {
  description: "One call made for a request: what was sent, what came back, how long it took. Secrets in it are shown as `***`.",
  id: { resolve: (attempt) => attempt.id },
  isTypeOf: (value) => typeof value === "object" && value !== null && "durationMs" in value,
  loadManyWithoutCache: async (ids, context) =>
    inOrder(ids, await showAttempts(context.doors.core.db, callerOf(context).organizationId, ids)),
  fields: (t) => ({
    number: t.exposeInt("number", { description: "Counts the attempts of its request, from 1, without holes." }),
    outcome: t.expose("outcome", { type: AttemptOutcome, description: "How it ended; only DELIVERED is a success." }),
    statusCode: t.exposeInt("statusCode", { nullable: true, description: "The HTTP status of the answer; null when none came." }),
    durationMs: t.exposeInt("durationMs", {
      description: "Milliseconds from the start of the call to its end, name lookup and TLS included.",
    }),
    errorCode: t.exposeString("errorCode", {
      nullable: true,
      description: "Why it failed, for programs, such as `CONNECTION_REFUSED`; null when it was DELIVERED.",
    }),
    errorDescription: t.exposeString("errorDescription", {
      nullable: true,
      description: "Why it failed and what may mend it, for people; null when it was DELIVERED.",
    }),
    warning: t.exposeString("warning", {
      nullable: true,
      description: "Something odd that left the outcome as it is, such as a body that broke off behind a 200; else null.",
    }),
    startedAt: t.expose("startedAt", { type: "DateTime", description: "When the worker began the call." }),
    manual: t.exposeBoolean("manual", { description: "True when somebody asked for it: a resend, or retryWebhookRequestNow." }),
    rerendered: t.exposeBoolean("rerendered", {
      description: "Rendered anew by the definition as it then was: body, URL and headers may differ from the attempts before it.",
    }),
    requestUrl: t.string({
      description:
        "The URL that was called, with the suffix that a transformation gave it; without `secrets:read` query values and keys in its path are `***`.",
      resolve: (attempt, _args, context) => shownTarget(callerOf(context), attempt.requestUrl),
    }),
    requestHeaders: t.field({
      type: "JSON",
      nullable: true,
      description:
        "The headers sent, `{name: value}`; credentials are `***`, without `secrets:read` other custom ones too unless they are public. Null when nothing was sent.",
      resolve: async (attempt, _args, context) => (await contentOf(attempt, context)).requestHeaders,
    }),
    requestBody: t.string({
      nullable: true,
      description:
        "The body as it was sent and signed, character for character; without `secrets:read` properties that are not public are `***`. Null when nothing was sent.",
      resolve: async (attempt, _args, context) => (await contentOf(attempt, context)).requestBody,
    }),
    responseHeaders: t.field({
      type: "JSON",
      nullable: true,
      description: "The headers that came back, `{name: value}`; null when no answer came.",
      resolve: async (attempt, _args, context) => (await contentOf(attempt, context)).responseHeaders,
    }),
    responseBody: t.string({
      nullable: true,
      description: "The first 64 KiB of the body that came back, as text; null when no answer came.",
      resolve: async (attempt, _args, context) => (await contentOf(attempt, context)).responseBody,
    }),
    replyLine: t.string({
      nullable: true,
      description:
        "Of a failed attempt, the first line with text of the body that came back, cut at 200 characters: the receiver's own words. Null when it was DELIVERED, or nothing came.",
      resolve: async (attempt, _args, context) =>
        attempt.outcome === "DELIVERED" ? null : firstLine((await contentOf(attempt, context)).responseBody),
    }),
    responseTruncated: t.exposeBoolean("responseTruncated", { description: "True when more came back than `responseBody` keeps." }),
  }),
});
