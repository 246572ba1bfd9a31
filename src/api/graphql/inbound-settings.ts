/** The settings of inbound webhooks that make events, as they are given and as they are shown. */
import type { InboundWebhook } from "../../goals/inbound-webhooks.ts";
import { builder } from "./builder.ts";
import { HmacEncoding } from "./definition-enums.ts";
import { InboundVerificationPreset } from "./inbound-enums.ts";

type BuilderTypes = typeof builder extends PothosSchemaTypes.SchemaBuilder<infer T> ? T : never;
type InputFieldBuilder = PothosSchemaTypes.InputFieldBuilder<BuilderTypes, "InputObject">;
type FieldBuilder = PothosSchemaTypes.ObjectFieldBuilder<BuilderTypes, InboundWebhook>;

const VerificationInput = builder.inputType("InboundVerificationInput", {
  description: "How posts are verified, over the exact bytes that come in.",
  fields: (t) => ({
    preset: t.field({ type: InboundVerificationPreset, required: true, description: "The sender's way to sign; NONE: none." }),
    secret: t.string({
      description:
        "What the sender signs with, 1 to 400 characters; STANDARD_WEBHOOKS: `whsec_…`, or `whpk_…`. Never shown again. In an update it stays when absent, if the preset does.",
    }),
    header: t.string({ description: "HMAC alone: the header that the signature stands in, such as `X-Signature`." }),
    encoding: t.field({
      type: HmacEncoding,
      description: "HMAC alone: how the signature is written, HEX unless said; `sha256=` may stand before it.",
    }),
  }),
});

const DedupeInput = builder.inputType("InboundDedupeInput", {
  description: "Where a post says which one it is: a header, or a place in its JSON or form. One of the two.",
  fields: (t) => ({
    header: t.string({ description: "Such as `X-GitHub-Delivery`." }),
    path: t.string({ description: "Of a text or number, by its names joined with dots, such as `data.id`: at most 200 characters." }),
  }),
});

export const sourceFields = (t: InputFieldBuilder) => ({
  eventType: t.string({
    description:
      "EVENT: the type of the events, such as `order.created`. May hold `{header:x-github-event}` and `{path:type}`; what results must be an event type, else the post is answered 400.",
  }),
  verification: t.field({ type: VerificationInput, description: "EVENT: how posts are verified; none are unless said." }),
  transformation: t.string({
    description:
      "EVENT: JavaScript that defines `function transform(event)`. It gets `{type, headers, payload}` and returns an event's fields (`type`, `entity`, `entityId`, `payload` …; what is absent is as it came) or null for no event.",
  }),
  dedupe: t.field({
    type: DedupeInput,
    description: "EVENT: what makes a post the same as an earlier one of the last 24 hours; null: each is a new one.",
  }),
});

export const InboundVerification = builder.objectRef<InboundWebhook>("InboundVerification").implement({
  description: "How posts to an inbound webhook are verified. The secret is never shown.",
  fields: (t) => ({
    preset: t.field({
      type: InboundVerificationPreset,
      description: "The sender's way to sign.",
      resolve: (webhook) => webhook.verification,
    }),
    secretLastFour: t.string({
      nullable: true,
      description: "The last four characters of the secret, to tell it by; `****` of a short one, null where there is none.",
      resolve: (webhook) => webhook.secretLastFour,
    }),
    header: t.string({
      nullable: true,
      description: "HMAC alone: the header that the signature stands in, in lower case.",
      resolve: (webhook) => webhook.signatureHeader,
    }),
    encoding: t.field({
      type: HmacEncoding,
      description: "HMAC alone: how the signature is written.",
      resolve: (webhook) => webhook.signatureEncoding,
    }),
  }),
});

export const InboundDedupe = builder.objectRef<{ header: string | null; path: string | null }>("InboundDedupe").implement({
  description: "Where a post says which one it is: one of the two.",
  fields: (t) => ({
    header: t.exposeString("header", { nullable: true, description: "The header's name in lower case." }),
    path: t.exposeString("path", { nullable: true, description: "The dotted path in its JSON or form." }),
  }),
});

export const settingsFields = (t: FieldBuilder) => ({
  eventType: t.exposeString("eventType", {
    nullable: true,
    description: "The type of the events, with the places that are filled in from each post; null for a goal's.",
  }),
  transformation: t.exposeString("transformation", {
    nullable: true,
    description: "JavaScript that makes the event of a post; null: the payload is what was posted.",
  }),
  acceptedCount: t.field({
    type: "SafeInt",
    description: "Posts that were accepted since it was made, those skipped too.",
    resolve: (webhook) => webhook.acceptedCount,
  }),
  duplicateCount: t.field({
    type: "SafeInt",
    description: "Posts that were the same as an earlier one, since it was made.",
    resolve: (webhook) => webhook.duplicateCount,
  }),
  refusedCount: t.field({
    type: "SafeInt",
    description: "Posts with the right key that were refused, since it was made; those over the rate are not counted.",
    resolve: (webhook) => webhook.refusedCount,
  }),
});
