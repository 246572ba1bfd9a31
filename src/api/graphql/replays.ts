/** Replays: what was rejected is sent again, what was missed is sent after all, with progress. */
import type { InputShapeFromFields } from "@pothos/core";
import type { Caller } from "../../accounts/caller.ts";
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
  description: "Whether a replay repeats what was given up, or makes up for what was never tried.",
  values: {
    REJECTED: { description: "Requests that were given up: again, with the same number and id, before what is pending in their lanes." },
    MISSED: {
      description:
        "Events that a definition takes today and never had a request for, since it was stopped or made later: new requests, behind what is queued, in the order of the events.",
    },
  } as const,
});

const ReplayState = builder.enumType("ReplayState", {
  description: "Whether a replay goes on, and how it ended.",
  values: {
    RUNNING: { description: "It goes on in the background, also after a restart." },
    DONE: { description: "Every request was dealt with; final." },
    FAILED: { description: "It cannot go on, as when the definition of a MISSED one is stopped or deleted; what was sent stays sent." },
    CANCELLED: { description: "cancelReplay ended it; what was sent stays sent." },
  } as const,
});

export const Replay = builder.objectRef<ReplayRow>("Replay");

guardNode("Replay", "webhooks:read");
builder.node(Replay, {
  description:
    "Many requests sent again, or made for events that a definition missed: in the background, oldest first; replayUpdated tells how far it is.",
  id: { resolve: (replay) => replay.id },
  isTypeOf: (value) => typeof value === "object" && value !== null && "done" in value,
  loadManyWithoutCache: async (ids, context) => inOrder(ids, await showReplays(context.doors.core, callerOf(context).organizationId, ids)),
  fields: (t) => ({
    kind: t.expose("kind", { type: ReplayKind, description: "REJECTED requests sent again, or MISSED events sent after all." }),
    total: t.exposeInt("total", {
      description:
        "How many requests matched when it was started; it grows with what is found beyond. Counted ahead are those among the oldest 100000 that its filter looks at; of MISSED at most 10000.",
    }),
    done: t.exposeInt("done", { description: "How many it has dealt with: sent, or found changed meanwhile and left alone." }),
    failed: t.exposeInt("failed", {
      description: "How many could not be sent, since their definition was deleted or their payload erased.",
    }),
    ratePerSecond: t.exposeInt("ratePerSecond", {
      nullable: true,
      description: "The most requests that it queues a second; null for as fast as they are read.",
    }),
    state: t.expose("state", { type: ReplayState, description: "Whether it goes on, and how it ended." }),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When the mutation that made it was called." }),
    finishedAt: t.expose("finishedAt", { type: "DateTime", nullable: true, description: "When it ended; null while it is RUNNING." }),
  }),
});

const replayFields = (t: InputFieldBuilder) => ({
  kind: t.field({ type: ReplayKind, required: true, description: "REJECTED: requests again; MISSED: events that have none." }),
  webhookDefinitionId: t.id({ description: "Only of this definition, which must not be deleted; needed with MISSED." }),
  since: t.field({
    type: "DateTime",
    required: true,
    description: "The first moment of acceptance, inclusive; no event older than the retention.",
  }),
  until: t.field({ type: "DateTime", description: "The last moment of acceptance, inclusive; now when absent." }),
  filter: t.field({
    type: WebhookRequestFilter,
    description: "Narrows it further. With MISSED only by the events: eventType, entity, entityId, createdAfter, createdBefore.",
  }),
  ratePerSecond: t.int({ description: "1 to 1000 requests queued a second at most; as fast as they are read when absent." }),
});

const ReplayInput = builder.inputType("ReplayInput", {
  description: "For planReplay and createReplay: which requests are sent again, or which missed events after all, and how fast.",
  fields: replayFields,
});

/** @throws NotFoundError for an id that is no definition's */
function asked(caller: Caller, input: InputShapeFromFields<ReturnType<typeof replayFields>>): Asked {
  const { kind, webhookDefinitionId, since, until, filter, ratePerSecond } = input;
  return {
    ...{ kind, since, until, ratePerSecond, filter: requestFilter(caller, filter) },
    ...(webhookDefinitionId == null ? {} : { webhookDefinitionId: uuidOf("WebhookDefinition", webhookDefinitionId) }),
  };
}

const ReplayShare = builder.objectRef<{ definitionId: string; total: number }>("ReplayShare").implement({
  description: "How much of a planned replay belongs to one definition.",
  fields: (t) => ({
    webhookDefinition: t.field({
      type: WebhookDefinition,
      description: "The definition that sends them, also one that was deleted since.",
      resolve: async ({ definitionId }, _args, context) => {
        const definition = await definitionOf(context, definitionId);
        if (!definition) throw new NotFoundError("the webhook definition");
        return definition;
      },
    }),
    total: t.exposeInt("total", { description: "Requests of this definition, as far as the plan counted." }),
  }),
});

const ReplayPlan = builder.objectRef<Plan>("ReplayPlan").implement({
  description: "What createReplay would send for the same input. Nothing was written.",
  fields: (t) => ({
    total: t.exposeInt("total", {
      description:
        "Requests that would be sent, those whose payload was erased left out: exact where at most 10000 match; else as many as the oldest 10000 have.",
    }),
    totalCapped: t.exposeBoolean("totalCapped", {
      description: "Whether there are more, or may be; then the plan tells of the oldest that were looked at.",
    }),
    oldest: t.expose("oldest", {
      type: "DateTime",
      nullable: true,
      description: "The earliest moment at which one of them was accepted; null for none.",
    }),
    newest: t.expose("newest", {
      type: "DateTime",
      nullable: true,
      description: "The latest moment at which one of them was accepted; null for none.",
    }),
    webhookDefinitions: t.field({
      type: [ReplayShare],
      description: "The same by definition, the largest share first.",
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
  resolve: (input, { doors, caller }) => planReplay(doors.core, caller, asked(caller, input)),
});

mutation("createReplay", {
  description:
    "Sends what was rejected again, or what a definition missed after all: in the background, oldest first, in the order of each lane. A second one finds nothing more to send.",
  type: Replay,
  scope: "webhooks:write",
  input: replayFields,
  inputType: ReplayInput,
  resolve: (input, { doors, caller }) => createReplay(doors.core, doors.jobs, caller, asked(caller, input)),
});

mutation("cancelReplay", {
  description: "Ends a replay that is RUNNING, or ConflictError (NOT_RUNNING): what it has not come to yet stays as it is.",
  type: Replay,
  scope: "webhooks:write",
  input: (t) => ({
    id: t.id({ required: true, description: "Global id of a RUNNING replay, `rpl_…`; NotFoundError when there is none." }),
  }),
  resolve: ({ id }, { doors, caller }) => cancelReplay(doors.core, caller, uuidOf("Replay", id)),
});

mutation("resendWebhookRequests", {
  description:
    "Sends all requests that match again, oldest first, in the background. Only REJECTED ones, unless the filter names other settled states; ids of others match nothing.",
  type: Replay,
  scope: "webhooks:write",
  input: (t) => ({
    filter: t.field({
      type: WebhookRequestFilter,
      required: true,
      description: "The requests to send again; REJECTED ones, unless it names states.",
    }),
  }),
  resolve: (input, { doors, caller }) => {
    demand(caller, "webhooks:write");
    return startReplay(doors.core, doors.jobs, caller, requestFilter(caller, input.filter));
  },
});
