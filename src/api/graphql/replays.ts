/** Replays: what was rejected is sent again, what was missed is sent after all, with progress. */
import type { InputShapeFromFields } from "@pothos/core";
import { demand } from "../../accounts/caller.ts";
import { NotFoundError } from "../../errors.ts";
import { type ReplayInput as Asked, createReplay, planReplay } from "../../events/recovery.ts";
import type { ReplayPlan as Plan } from "../../requests/plan-replay.ts";
import { cancelReplay, type ReplayRow, showReplays, startReplay } from "../../requests/replay.ts";
import { builder, guardNode } from "./builder.ts";
import { callerOf } from "./context.ts";
import { definitionOf } from "./lanes.ts";
import { inOrder } from "./loader.ts";
import { mutation, uuidOf } from "./mutation.ts";
import { WebhookDefinition } from "./nodes.ts";
import { requestFilter, WebhookRequestFilter } from "./request-filter.ts";

type BuilderTypes = typeof builder extends PothosSchemaTypes.SchemaBuilder<infer T> ? T : never;
type InputFieldBuilder = PothosSchemaTypes.InputFieldBuilder<BuilderTypes, "InputObject">;

const ReplayKind = builder.enumType("ReplayKind", {
  description: "What a replay sends.",
  values: {
    REJECTED: { description: "Requests that were given up: again, with the same number and id, before what is pending in their lanes." },
    MISSED: {
      description:
        "Events that a definition takes today and never had a request for, since it was stopped or made later: new requests, behind what is queued, in the order of the events.",
    },
  } as const,
});

const ReplayState = builder.enumType("ReplayState", {
  description: "How far a replay is.",
  values: {
    RUNNING: { description: "It goes on, also after a restart." },
    DONE: { description: "All requests were dealt with." },
    FAILED: { description: "It cannot go on: of MISSED, its definition was stopped or deleted meanwhile." },
    CANCELLED: { description: "Somebody cancelled it; what it had come to stays sent." },
  } as const,
});

export const Replay = builder.objectRef<ReplayRow>("Replay");

guardNode("Replay", "webhooks:read");
builder.node(Replay, {
  description: "Many requests sent again, or made for events that were missed; oldest first.",
  id: { resolve: (replay) => replay.id },
  isTypeOf: (value) => typeof value === "object" && value !== null && "done" in value,
  loadManyWithoutCache: async (ids, context) => inOrder(ids, await showReplays(context.doors.core, callerOf(context).organizationId, ids)),
  fields: (t) => ({
    kind: t.expose("kind", { type: ReplayKind, description: "What it sends." }),
    total: t.exposeInt("total", {
      description:
        "How many requests it sends, counted when it began. MISSED: at most 10000 are counted ahead; it grows with what is found.",
    }),
    done: t.exposeInt("done", { description: "How many it has dealt with: sent, or found changed meanwhile and left alone." }),
    failed: t.exposeInt("failed", { description: "How many could not be sent: their definition was deleted." }),
    ratePerSecond: t.exposeInt("ratePerSecond", {
      nullable: true,
      description: "At most so many a second are queued; null: as fast as they are read.",
    }),
    state: t.expose("state", { type: ReplayState, description: "How far it is." }),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When it was started." }),
    finishedAt: t.expose("finishedAt", { type: "DateTime", nullable: true, description: "When it ended; null while it goes on." }),
  }),
});

const replayFields = (t: InputFieldBuilder) => ({
  kind: t.field({ type: ReplayKind, required: true, description: "What it sends." }),
  webhookDefinitionId: t.id({ description: "Of this definition; needed with MISSED." }),
  since: t.field({ type: "DateTime", required: true, description: "What was accepted then or later." }),
  until: t.field({ type: "DateTime", description: "And not later than that; until now when absent." }),
  filter: t.field({
    type: WebhookRequestFilter,
    description: "Further conditions. With MISSED only on the events: eventType, entity, entityId, createdAfter, createdBefore.",
  }),
  ratePerSecond: t.int({ description: "At most so many a second: 1 to 1000. As fast as its receivers take them when absent." }),
});

const ReplayInput = builder.inputType("ReplayInput", { description: "What is to be sent again, or after all.", fields: replayFields });

/** @throws NotFoundError for an id that is no definition's */
function asked(input: InputShapeFromFields<ReturnType<typeof replayFields>>): Asked {
  const { kind, webhookDefinitionId, since, until, filter, ratePerSecond } = input;
  return {
    ...{ kind, since, until, ratePerSecond, filter: requestFilter(filter) },
    ...(webhookDefinitionId == null ? {} : { webhookDefinitionId: uuidOf("WebhookDefinition", webhookDefinitionId) }),
  };
}

const ReplayShare = builder.objectRef<{ definitionId: string; total: number }>("ReplayShare").implement({
  description: "What a replay sends of one definition.",
  fields: (t) => ({
    webhookDefinition: t.field({
      type: WebhookDefinition,
      description: "Whose requests they are.",
      resolve: async ({ definitionId }, _args, context) => {
        const definition = await definitionOf(context, definitionId);
        if (!definition) throw new NotFoundError("the webhook definition");
        return definition;
      },
    }),
    total: t.exposeInt("total", { description: "How many." }),
  }),
});

const ReplayPlan = builder.objectRef<Plan>("ReplayPlan").implement({
  description: "What a replay would send. Nothing was written.",
  fields: (t) => ({
    total: t.exposeInt("total", { description: "How many requests: exact up to 10000." }),
    totalCapped: t.exposeBoolean("totalCapped", {
      description: "Whether there are more, or may be; then the plan tells of the oldest that were looked at.",
    }),
    oldest: t.expose("oldest", { type: "DateTime", nullable: true, description: "When the first of their events was accepted." }),
    newest: t.expose("newest", { type: "DateTime", nullable: true, description: "When the last of them was accepted." }),
    webhookDefinitions: t.field({
      type: [ReplayShare],
      description: "How many of each definition, the most first.",
      resolve: (plan) => plan.shares,
    }),
  }),
});

mutation("planReplay", {
  description: "What createReplay would send, and how many. Writes nothing.",
  type: ReplayPlan,
  scope: "webhooks:read",
  input: replayFields,
  inputType: ReplayInput,
  resolve: (input, { doors, caller }) => planReplay(doors.core, caller, asked(input)),
});

mutation("createReplay", {
  description:
    "Sends what was rejected again, or what a definition missed after all: in the background, oldest first, in the order of each lane. A second one finds nothing more to send.",
  type: Replay,
  scope: "webhooks:write",
  input: replayFields,
  inputType: ReplayInput,
  resolve: (input, { doors, caller }) => createReplay(doors.core, doors.jobs, caller, asked(input)),
});

mutation("cancelReplay", {
  description: "Ends a replay that goes on: what it has not come to yet stays as it is.",
  type: Replay,
  scope: "webhooks:write",
  input: (t) => ({ id: t.id({ required: true, description: "Which." }) }),
  resolve: ({ id }, { doors, caller }) => cancelReplay(doors.core, caller, uuidOf("Replay", id)),
});

mutation("resendWebhookRequests", {
  description:
    "Sends all requests that match again, oldest first, in the background. Only REJECTED ones, unless the filter names other settled states; ids of others match nothing.",
  type: Replay,
  scope: "webhooks:write",
  input: (t) => ({ filter: t.field({ type: WebhookRequestFilter, required: true, description: "Which." }) }),
  resolve: (input, { doors, caller }) => {
    demand(caller, "webhooks:write");
    return startReplay(doors.core, doors.jobs, caller, requestFilter(input.filter));
  },
});
