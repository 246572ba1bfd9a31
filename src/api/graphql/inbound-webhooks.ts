/** Inbound webhooks: secret URLs that record goal values, or make events. Administrators alone see and make them. */
import { ValidationError } from "../../errors.ts";
import { changesSource, createInboundSource, updateInboundSource } from "../../goals/inbound-sources.ts";
import {
  countInboundWebhooks,
  createInboundWebhook,
  deleteInboundWebhook,
  findInboundWebhook,
  type InboundWebhook as InboundWebhookRow,
  type InboundWebhookWithKey,
  inboundWebhookUrl,
  listInboundWebhooks,
  rotateInboundWebhookKey,
  updateInboundWebhook,
} from "../../goals/inbound-webhooks.ts";
import { listKind, pageCursor, pageOf, uuidKey } from "../../requests/page.ts";
import { builder, guardNode } from "./builder.ts";
import { callerOf } from "./context.ts";
import { Goal, goalOf } from "./goals.ts";
import { InboundTargetType } from "./inbound-enums.ts";
import { inboundPosts } from "./inbound-posts.ts";
import { InboundDedupe, InboundVerification, settingsFields, sourceFields } from "./inbound-settings.ts";
import { mutation, uuidOf } from "./mutation.ts";
import { connectionType, pageOfRows } from "./page.ts";

const InboundError = builder.objectRef<InboundWebhookRow["lastErrors"][number]>("InboundError").implement({
  description: "One refused post to an inbound webhook, for whoever looks why nothing arrives.",
  fields: (t) => ({
    at: t.field({ type: "DateTime", description: "When the post was refused.", resolve: (error) => new Date(error.at) }),
    status: t.exposeInt("status", { description: "The HTTP status of the answer, such as 400." }),
    message: t.exposeString("message", { description: "What was wrong with the post and how to mend it, as the sender was told." }),
  }),
});

const InboundWebhook = builder.objectRef<InboundWebhookRow>("InboundWebhook");
const InboundWebhookConnection = connectionType("InboundWebhook", InboundWebhook);

guardNode("InboundWebhook", "admin");
builder.node(InboundWebhook, {
  description:
    "A secret URL that records values of a goal, or makes events: whoever knows it may post. Its key is shown once and stored as a hash.",
  id: { resolve: (webhook) => webhook.id },
  isTypeOf: (value) => typeof value === "object" && value !== null && "lastErrors" in value,
  loadWithoutCache: (id, context) => findInboundWebhook(context.doors.core, callerOf(context), id),
  fields: (t) => ({
    targetType: t.expose("targetType", { type: InboundTargetType, description: "What a post makes; GOAL: a value of `goal`." }),
    goal: t.field({
      type: Goal,
      nullable: true,
      description: "Where the posted values are recorded; a deleted goal too, which answers posts with 410. Null where posts make events.",
      resolve: (webhook, _args, context) => (webhook.goalId === null ? null : goalOf(context, webhook.goalId)),
    }),
    name: t.exposeString("name", { description: "For people; that of the goal unless another was given." }),
    description: t.exposeString("description", {
      nullable: true,
      description: "For people, such as which system posts; null when nobody said.",
    }),
    enabled: t.exposeBoolean("enabled", { description: "While false, the URL answers 403 and records nothing." }),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When createInboundWebhook was called; lists are in this order." }),
    lastReceivedAt: t.expose("lastReceivedAt", {
      type: "DateTime",
      nullable: true,
      description: "When a post last recorded a value; null before the first.",
    }),
    lastErrors: t.field({
      type: [InboundError],
      description: "The latest refused posts that knew the key, newest first: ten at most.",
      resolve: (webhook) => webhook.lastErrors,
    }),
    ...settingsFields(t),
    verification: t.field({
      type: InboundVerification,
      nullable: true,
      description: "How a post proves where it comes from; null for a goal's, whose key is all there is.",
      resolve: (webhook) => (webhook.eventType === null ? null : webhook),
    }),
    dedupe: t.field({
      type: InboundDedupe,
      nullable: true,
      description: "What makes a post the same as one of the last 24 hours, which it is then answered as; null: each is a new one.",
      resolve: ({ dedupeHeader, dedupePath }) =>
        dedupeHeader === null && dedupePath === null ? null : { header: dedupeHeader, path: dedupePath },
    }),
    posts: inboundPosts(t),
  }),
});

builder.queryField("inboundWebhooks", (t) =>
  t.field({
    type: InboundWebhookConnection,
    description: "The secret URLs of the organization without their keys, newest first. Needs the scope admin.",
    authScopes: { scope: "admin" },
    args: {
      ...t.arg.connectionArgs(),
      targetType: t.arg({
        type: InboundTargetType,
        required: true,
        defaultValue: "GOAL",
        description: "GOAL: those that record values; EVENT: those that make events.",
      }),
    },
    resolve: async (_root, { targetType, ...args }, context) => {
      const caller = callerOf(context);
      const kind = listKind(targetType === "GOAL" ? "inboundWebhooks" : `inboundWebhooks:${targetType}`, caller.organizationId);
      const slice = await listInboundWebhooks(context.doors.core, caller, pageOf(args, kind, uuidKey), targetType);
      return pageOfRows(
        slice,
        (webhook) => pageCursor(kind, webhook.id),
        () => countInboundWebhooks(context.doors.core, caller, targetType),
      );
    },
  }),
);

interface WithUrl {
  inboundWebhook: InboundWebhookRow;
  targetUrl: string;
}

function withUrl(publicUrl: string, { inboundWebhook, key }: InboundWebhookWithKey): WithUrl {
  return { inboundWebhook, targetUrl: inboundWebhookUrl(publicUrl, inboundWebhook, key) };
}

const CreatedInboundWebhook = builder.objectRef<WithUrl>("CreatedInboundWebhook").implement({
  description: "What createInboundWebhook made, with the URL that is shown this once.",
  fields: (t) => ({
    inboundWebhook: t.field({
      type: InboundWebhook,
      description: "All that can be read of it later, which the key is not.",
      resolve: (made) => made.inboundWebhook,
    }),
    targetUrl: t.exposeString("targetUrl", {
      description:
        "To copy into the system that posts: `https://…/inbound/goals/{goal}/{key}` or `https://…/inbound/events/{id}/{key}`. Never shown again.",
    }),
  }),
});

const RotatedInboundWebhookKey = builder.objectRef<WithUrl>("RotatedInboundWebhookKey").implement({
  description: "What rotateInboundWebhookKey made: the URL with the new key, shown this once.",
  fields: (t) => ({
    inboundWebhook: t.field({
      type: InboundWebhook,
      description: "The inbound webhook whose key was replaced; nothing else of it changed.",
      resolve: (made) => made.inboundWebhook,
    }),
    targetUrl: t.exposeString("targetUrl", {
      description:
        "To copy into the system that posts in place of the former URL, which answers 401, or 404 where it makes events. Never shown again.",
    }),
  }),
});

mutation("createInboundWebhook", {
  description:
    "Makes a secret URL that records values of a goal, or makes events. ForbiddenError while the organization's feature INBOUND_WEBHOOKS is off.",
  type: CreatedInboundWebhook,
  scope: "admin",
  input: (t) => ({
    targetType: t.field({ type: InboundTargetType, defaultValue: "GOAL", description: "GOAL needs goalId; EVENT needs eventType." }),
    goalId: t.id({ description: "GOAL: the goal that posts record values of; several webhooks may feed one goal." }),
    name: t.string({ description: "1 to 255 characters, for people; the goal's name, or the event type, when absent." }),
    description: t.string({ description: "For people, such as which system posts: at most 2000 characters." }),
    ...sourceFields(t),
  }),
  resolve: async ({ targetType, goalId, ...input }, { doors, caller }) => {
    const { core } = doors;
    if (targetType === "EVENT") {
      if (goalId) throw new ValidationError([{ path: "goalId", message: "belongs to targetType GOAL; leave it out" }]);
      return withUrl(doors.publicUrl(), await createInboundSource(core, caller, input, doors));
    }
    if (changesSource(input))
      throw new ValidationError([{ path: "targetType", message: "must be EVENT for eventType, verification, transformation or dedupe" }]);
    if (!goalId) throw new ValidationError([{ path: "goalId", message: "is needed: the goal that posts record values of" }]);
    return withUrl(doors.publicUrl(), await createInboundWebhook(core, caller, { ...input, goalId: uuidOf("Goal", goalId) }));
  },
});

mutation("updateInboundWebhook", {
  description: "Changes an inbound webhook, or switches it on and off: what is absent stays.",
  type: InboundWebhook,
  scope: "admin",
  input: (t) => ({
    id: t.id({ required: true, description: "The inbound webhook to change; NotFoundError when there is none." }),
    name: t.string({ description: "1 to 255 characters, for people." }),
    description: t.string({ description: "For people, such as which system posts: at most 2000 characters; null clears it." }),
    enabled: t.boolean({ description: "false: the URL answers 403 and records nothing, until it is switched on again." }),
    ...sourceFields(t),
  }),
  resolve: ({ id, ...changes }, { doors, caller }) =>
    changesSource(changes)
      ? updateInboundSource(doors.core, caller, uuidOf("InboundWebhook", id), changes, doors)
      : updateInboundWebhook(doors.core, caller, uuidOf("InboundWebhook", id), changes),
});

mutation("deleteInboundWebhook", {
  description: "Deletes an inbound webhook and answers with it: its URL answers 401, or 404 where it made events. Values and events stay.",
  type: InboundWebhook,
  scope: "admin",
  input: (t) => ({ id: t.id({ required: true, description: "The inbound webhook to delete; NotFoundError when there is none." }) }),
  resolve: ({ id }, { doors, caller }) => deleteInboundWebhook(doors.core, caller, uuidOf("InboundWebhook", id)),
});

mutation("rotateInboundWebhookKey", {
  description: "Gives an inbound webhook a new key; the old one ends at once, on every process.",
  type: RotatedInboundWebhookKey,
  scope: "admin",
  input: (t) => ({
    id: t.id({ required: true, description: "The inbound webhook whose URL is to end; NotFoundError when there is none." }),
  }),
  resolve: async ({ id }, { doors, caller }) =>
    withUrl(doors.publicUrl(), await rotateInboundWebhookKey(doors.core, caller, uuidOf("InboundWebhook", id))),
});
