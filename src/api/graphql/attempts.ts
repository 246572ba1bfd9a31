/** Attempts: the calls made for a request. */
import { type AttemptNode, showAttempts } from "../../requests/attempt.ts";
import { shownContent, shownTarget } from "../../requests/shown.ts";
import { builder, guardNode } from "./builder.ts";
import { type Context, callerOf } from "./context.ts";
import { inOrder } from "./loader.ts";
import { connectionType } from "./page.ts";

const AttemptOutcome = builder.enumType("AttemptOutcome", {
  description: "What one call came to.",
  values: {
    DELIVERED: { description: "The receiver took it." },
    REJECTED: { description: "It answered, but not with a success." },
    TIMED_OUT: { description: "It did not answer in time." },
    REFUSED: { description: "It could not be reached, or did not answer in HTTP." },
    BLOCKED: { description: "The target may not be reached, or the call could not be made." },
    INTERRUPTED: { description: "The worker died meanwhile; it does not count against the schedule." },
  } as const,
});

export const Attempt = builder.objectRef<AttemptNode>("Attempt");
export const AttemptConnection = connectionType("Attempt", Attempt);

const contentOf = async (attempt: AttemptNode, context: Context) =>
  shownContent(context.doors.core, callerOf(context), await attempt.content());

guardNode("Attempt", "webhooks:read");
builder.node(Attempt, {
  description: "One call made for a request: what was sent, what came back, how long it took.",
  id: { resolve: (attempt) => attempt.id },
  isTypeOf: (value) => typeof value === "object" && value !== null && "durationMs" in value,
  loadManyWithoutCache: async (ids, context) =>
    inOrder(ids, await showAttempts(context.doors.core.db, callerOf(context).organizationId, ids)),
  fields: (t) => ({
    number: t.exposeInt("number", { description: "Per request, from 1." }),
    outcome: t.expose("outcome", { type: AttemptOutcome, description: "What it came to." }),
    statusCode: t.exposeInt("statusCode", { nullable: true, description: "The HTTP status; null when nothing was answered." }),
    durationMs: t.exposeInt("durationMs", { description: "How long it took, in milliseconds." }),
    errorCode: t.exposeString("errorCode", { nullable: true, description: "Why it failed: a stable code." }),
    errorDescription: t.exposeString("errorDescription", { nullable: true, description: "Why it failed, for people." }),
    warning: t.exposeString("warning", { nullable: true, description: "Something odd that did not change the outcome." }),
    startedAt: t.expose("startedAt", { type: "DateTime", description: "When the call was made." }),
    manual: t.exposeBoolean("manual", { description: "Asked for by hand: a resend, or retry now." }),
    rerendered: t.exposeBoolean("rerendered", {
      description: "Rendered anew by the definition as it then was: body, URL and headers may differ from the attempts before it.",
    }),
    requestUrl: t.string({
      description: "Where it was sent; without `secrets:read` query values and keys in its path are shown as ***.",
      resolve: (attempt, _args, context) => shownTarget(callerOf(context), attempt.requestUrl),
    }),
    requestHeaders: t.field({
      type: "JSON",
      nullable: true,
      description: "The headers sent, {name: value}; without `secrets:read` custom values that are not public are ***, credentials always.",
      resolve: async (attempt, _args, context) => (await contentOf(attempt, context)).requestHeaders,
    }),
    requestBody: t.string({
      nullable: true,
      description: "The exact text sent; without `secrets:read` properties that are not public are shown as ***.",
      resolve: async (attempt, _args, context) => (await contentOf(attempt, context)).requestBody,
    }),
    responseHeaders: t.field({
      type: "JSON",
      nullable: true,
      description: "The headers that came back, {name: value}.",
      resolve: async (attempt, _args, context) => (await contentOf(attempt, context)).responseHeaders,
    }),
    responseBody: t.string({
      nullable: true,
      description: "The text that came back: at most 64 KiB of it.",
      resolve: async (attempt, _args, context) => (await contentOf(attempt, context)).responseBody,
    }),
    responseTruncated: t.exposeBoolean("responseTruncated", { description: "More came back than is kept." }),
  }),
});
