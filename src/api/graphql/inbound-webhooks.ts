/** Inbound webhooks: secret URLs that record goal values. Administrators alone see and make them. */

import { NotFoundError } from "../../errors.ts";
import { findGoals } from "../../goals/goals.ts";
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
import { pageCursor, pageOf, uuidKey } from "../../requests/page.ts";
import { builder, guardNode } from "./builder.ts";
import { callerOf } from "./context.ts";
import { Goal } from "./goals.ts";
import { mutation, uuidOf } from "./mutation.ts";
import { connectionType, pageOfRows } from "./page.ts";

const InboundTargetType = builder.enumType("InboundTargetType", {
  description: "What an inbound webhook records for.",
  values: { GOAL: { description: "Values of a goal." } } as const,
});

const InboundError = builder.objectRef<InboundWebhookRow["lastErrors"][number]>("InboundError").implement({
  description: "A post that was refused.",
  fields: (t) => ({
    at: t.field({ type: "DateTime", description: "When.", resolve: (error) => new Date(error.at) }),
    status: t.exposeInt("status", { description: "The HTTP status it was answered with." }),
    message: t.exposeString("message", { description: "Why, for people." }),
  }),
});

const InboundWebhook = builder.objectRef<InboundWebhookRow>("InboundWebhook");
const InboundWebhookConnection = connectionType("InboundWebhook", InboundWebhook);

guardNode("InboundWebhook", "admin");
builder.node(InboundWebhook, {
  description: "A secret URL that records values of a goal. Its key is shown once.",
  id: { resolve: (webhook) => webhook.id },
  isTypeOf: (value) => typeof value === "object" && value !== null && "lastErrors" in value,
  loadWithoutCache: (id, context) => findInboundWebhook(context.doors.core, callerOf(context), id),
  fields: (t) => ({
    targetType: t.expose("targetType", { type: InboundTargetType, description: "What it records for." }),
    goal: t.field({
      type: Goal,
      description: "The goal whose values it records.",
      resolve: async (webhook, _args, { doors }) => {
        const goal = (await findGoals(doors.core, webhook.organizationId, [webhook.goalId]))[0];
        if (!goal) throw new NotFoundError("the goal");
        return goal;
      },
    }),
    name: t.exposeString("name", { description: "Its name; the goal's unless another was given." }),
    description: t.exposeString("description", { nullable: true, description: "To recognise it by: the source system." }),
    enabled: t.exposeBoolean("enabled", { description: "Off: its URL answers 403." }),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When it was made." }),
    lastReceivedAt: t.expose("lastReceivedAt", { type: "DateTime", nullable: true, description: "When it last recorded a value." }),
    lastErrors: t.field({
      type: [InboundError],
      description: "The last refused posts that had its key, newest first, at most ten.",
      resolve: (webhook) => webhook.lastErrors,
    }),
  }),
});

builder.queryField("inboundWebhooks", (t) =>
  t.field({
    type: InboundWebhookConnection,
    description: "The inbound webhooks of the organization, newest first.",
    authScopes: { scope: "admin" },
    args: t.arg.connectionArgs(),
    resolve: async (_root, args, context) => {
      const caller = callerOf(context);
      const kind = `inboundWebhooks:${caller.organizationId}`;
      const slice = await listInboundWebhooks(context.doors.core, caller, pageOf(args, kind, uuidKey));
      return pageOfRows(
        slice,
        (webhook) => pageCursor(kind, webhook.id),
        () => countInboundWebhooks(context.doors.core, caller),
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
  description: "A new inbound webhook, and its URL.",
  fields: (t) => ({
    inboundWebhook: t.field({ type: InboundWebhook, description: "What is kept of it.", resolve: (made) => made.inboundWebhook }),
    targetUrl: t.exposeString("targetUrl", { description: "To copy into the source system; shown once, the key is in it." }),
  }),
});

const RotatedInboundWebhookKey = builder.objectRef<WithUrl>("RotatedInboundWebhookKey").implement({
  description: "An inbound webhook with a new key.",
  fields: (t) => ({
    inboundWebhook: t.field({ type: InboundWebhook, description: "The webhook.", resolve: (made) => made.inboundWebhook }),
    targetUrl: t.exposeString("targetUrl", { description: "The new URL; shown once." }),
  }),
});

mutation("createInboundWebhook", {
  description: "Makes a secret URL that records values of a goal. The organization needs the feature INBOUND_WEBHOOKS.",
  type: CreatedInboundWebhook,
  scope: "admin",
  input: (t) => ({
    goalId: t.id({ required: true, description: "Whose values it records." }),
    name: t.string({ description: "The goal's name when absent." }),
    description: t.string({ description: "To recognise it by: the source system." }),
  }),
  resolve: async ({ goalId, ...input }, { doors, caller }) =>
    withUrl(doors.publicUrl(), await createInboundWebhook(doors.core, caller, { ...input, goalId: uuidOf("Goal", goalId) })),
});

mutation("updateInboundWebhook", {
  description: "Changes an inbound webhook: what is absent stays.",
  type: InboundWebhook,
  scope: "admin",
  input: (t) => ({
    id: t.id({ required: true, description: "Which." }),
    name: t.string({ description: "Its name." }),
    description: t.string({ description: "To recognise it by; null clears it." }),
    enabled: t.boolean({ description: "Off: its URL answers 403." }),
  }),
  resolve: ({ id, ...changes }, { doors, caller }) => updateInboundWebhook(doors.core, caller, uuidOf("InboundWebhook", id), changes),
});

mutation("deleteInboundWebhook", {
  description: "Deletes an inbound webhook: its URL answers 401 from then on.",
  type: InboundWebhook,
  scope: "admin",
  input: (t) => ({ id: t.id({ required: true, description: "Which." }) }),
  resolve: ({ id }, { doors, caller }) => deleteInboundWebhook(doors.core, caller, uuidOf("InboundWebhook", id)),
});

mutation("rotateInboundWebhookKey", {
  description: "Gives an inbound webhook a new key; the old one ends at once, on every process.",
  type: RotatedInboundWebhookKey,
  scope: "admin",
  input: (t) => ({ id: t.id({ required: true, description: "Which." }) }),
  resolve: async ({ id }, { doors, caller }) =>
    withUrl(doors.publicUrl(), await rotateInboundWebhookKey(doors.core, caller, uuidOf("InboundWebhook", id))),
});
