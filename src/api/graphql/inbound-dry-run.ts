/** Trying out what an inbound webhook makes of a post. */

import type { Caller } from "../../accounts/caller.ts";
import { MOST_TRIED } from "../../delivery/sandbox/queue.ts";
import { NotFoundError, ValidationError } from "../../errors.ts";
import { findInboundWebhook } from "../../goals/inbound-webhooks.ts";
import { eventOfPost, type MadeInSandbox } from "../../inbound/event-of-post.ts";
import { type SourceSettings, sourceAfter } from "../../inbound/source.ts";
import { JsonSource } from "../../wire/json-source.ts";
import { UnsupportedMediaTypeError } from "../body.ts";
import { BODY_LIMIT } from "../posted-body.ts";
import { payloadOf } from "../posted-payload.ts";
import { builder } from "./builder.ts";
import { mutation, type SignedIn, uuidOf } from "./mutation.ts";

const eventIn = (made: MadeInSandbox) => (made.kind === "EVENT" ? made.event : undefined);
const jsonOf = (text: string | null | undefined) => (text === null || text === undefined ? null : new JsonSource(text));

const InboundDryRun = builder.objectRef<MadeInSandbox>("InboundDryRun").implement({
  description: "The event that a post would be. Nothing was written; no signature was asked for.",
  fields: (t) => ({
    accepted: t.boolean({
      description: "Whether there would be an event: false when it would be skipped, or refused (`error`).",
      resolve: (made) => made.kind === "EVENT",
    }),
    skipped: t.boolean({
      description: "Whether the transformation returned null: the post would be answered 202 with no event.",
      resolve: (made) => made.kind === "SKIP",
    }),
    error: t.string({
      nullable: true,
      description: "Why the post would be refused, as its log would say; null when it would not be.",
      resolve: (made) => (made.kind === "REFUSED" ? made.reason : null),
    }),
    status: t.int({
      description: "The HTTP status of the answer: 202, 400 or 422.",
      resolve: (made) => (made.kind === "REFUSED" ? made.status : 202),
    }),
    type: t.string({
      nullable: true,
      description: "The event's type, with its places filled in; null without an event.",
      resolve: (made) => eventIn(made)?.type ?? null,
    }),
    entity: t.string({
      nullable: true,
      description: "The kind of thing it happened to, which only a transformation says.",
      resolve: (made) => eventIn(made)?.entity ?? null,
    }),
    entityId: t.string({
      nullable: true,
      description: "The id of that thing, which only a transformation says.",
      resolve: (made) => eventIn(made)?.entityId ?? null,
    }),
    payload: t.field({
      type: "JSON",
      nullable: true,
      description: "The event's payload, its numbers as they were written; null without an event.",
      resolve: (made) => jsonOf(eventIn(made)?.payload),
    }),
    previous: t.field({
      type: "JSON",
      nullable: true,
      description: "The entity before the change, which only a transformation says.",
      resolve: (made) => jsonOf(eventIn(made)?.previous),
    }),
    changes: t.stringList({
      description: "Names of the fields that changed, which only a transformation says.",
      resolve: (made) => eventIn(made)?.changes ?? [],
    }),
    scope: t.field({
      type: "JSON",
      nullable: true,
      description: "Where it belongs, which only a transformation says.",
      resolve: (made) => eventIn(made)?.scope ?? null,
    }),
    actor: t.string({
      nullable: true,
      description: "Who did it, which only a transformation says.",
      resolve: (made) => eventIn(made)?.actor ?? null,
    }),
    occurredAt: t.field({
      type: "DateTime",
      nullable: true,
      description: "When it happened, where the transformation says so; else when it comes in.",
      resolve: (made) => eventIn(made)?.occurredAt ?? null,
    }),
    console: t.exposeStringList("console", { description: "The lines that the transformation wrote to the console: 64 KiB at most." }),
  }),
});

/** Names of headers in lower case, as they come in. @throws ValidationError */
function headersOf(given: unknown): Record<string, string> {
  if (given === null || given === undefined) return {};
  const entries = typeof given === "object" && !Array.isArray(given) ? Object.entries(given) : undefined;
  if (!entries || entries.length > 100 || entries.some(([, value]) => typeof value !== "string" || value.length > 4_096))
    throw new ValidationError([
      { path: "headers", message: 'must be an object of at most 100 texts, such as {"content-type": "text/plain"}' },
    ]);
  return Object.fromEntries(entries.map(([name, value]) => [name.toLowerCase(), value as string]));
}

/** Those of a webhook, if one is named, with what else is given in their place. */
async function settingsOf(
  input: { id?: string | null | undefined; eventType?: string | null | undefined; transformation?: string | null | undefined },
  { doors, caller }: SignedIn & { caller: Caller },
): Promise<SourceSettings> {
  const { core, sandbox } = doors;
  const found = input.id ? await findInboundWebhook(core, caller, uuidOf("InboundWebhook", input.id)) : undefined;
  if (found === null) throw new NotFoundError("the inbound webhook");
  if (found?.eventType === null)
    throw new ValidationError([{ path: "id", message: "is an inbound webhook of a goal, which makes no events" }]);
  const { transformation } = input;
  const eventType = input.eventType ?? undefined;
  const mistakes = transformation
    ? await sandbox.check(transformation, { kind: "TRANSFORMATION", organizationId: caller.organizationId })
    : [];
  return sourceAfter(found && { ...found, eventType: found.eventType as string }, { eventType, transformation }, mistakes);
}

mutation("dryRunInboundWebhook", {
  description: "Shows what event an inbound webhook would make of a post. Writes nothing, and asks for no signature.",
  type: InboundDryRun,
  scope: "admin",
  input: (t) => ({
    id: t.id({ description: "The inbound webhook whose settings are tried; without one, eventType is needed." }),
    eventType: t.string({ description: "In place of the webhook's, such as `github.{header:x-github-event}`." }),
    transformation: t.string({ description: "In place of the webhook's; null: none." }),
    headers: t.field({ type: "JSON", description: "Of the post, `{name: value}`; content-type is application/json unless said." }),
    body: t.string({ required: true, description: "What would be posted, as text: at most 256 KiB." }),
  }),
  resolve: async ({ body, headers: given, ...input }, context) => {
    const headers = { "content-type": "application/json", ...headersOf(given) };
    const bytes = Buffer.from(body);
    if (bytes.length > BODY_LIMIT) throw new ValidationError([{ path: "body", message: "must be at most 256 KiB" }]);
    const settings = await settingsOf(input, context);
    const payload = await payloadOf(headers, bytes).catch((error: unknown) => {
      throw error instanceof UnsupportedMediaTypeError ? new ValidationError([{ path: "headers", message: error.message }]) : error;
    });
    const { caller, doors } = context;
    const owner = { organizationId: caller.organizationId, key: "dry-run", most: MOST_TRIED, now: doors.core.clock.now() };
    return eventOfPost(settings, { headers, payload }, doors.sandbox, owner);
  },
});
