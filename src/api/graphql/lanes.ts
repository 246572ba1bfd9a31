/** Lanes: the strictly ordered streams of requests. */

import { pauseLane, resumeLane } from "../../delivery/lane-pause.ts";
import type { LaneState as State } from "../../delivery/lane-state.ts";
import { NotFoundError } from "../../errors.ts";
import { countLanes, type LaneRow, listLanes, showLanes } from "../../requests/lanes.ts";
import { listKind, pageCursor, pageOf, uuidKey } from "../../requests/page.ts";
import { showRequests } from "../../requests/show.ts";
import { idToFind } from "../../wire/ids.ts";
import { builder, guardNode } from "./builder.ts";
import { callerOf } from "./context.ts";
import { byId, inOrder, loader } from "./loader.ts";
import { mutation, type SignedIn, uuidOf } from "./mutation.ts";
import { Lane, WebhookDefinition, WebhookRequest } from "./nodes.ts";
import { connectionType, pageOfRows } from "./page.ts";
import { narrowing } from "./portal-rows.ts";

const LaneState = builder.enumType("LaneState", {
  description: "Whether a worker sends, or what it waits for: a retry, an operator, or work.",
  values: {
    IDLE: { description: "Its queue is empty; a lane that is idle for 24 hours is no longer listed." },
    READY: { description: "Requests are queued, and no worker has taken it yet." },
    LEASED: { description: "A worker holds it and sends, one request after another." },
    WAITING: { description: "Its head waits for a retry, or it waits for lanes of before its definition's ordering changed." },
    BLOCKED: {
      description:
        "Its head was REJECTED and stands in the way (onExhausted BLOCK): resend it, skip it, try it again, or activate the definition.",
    },
    PAUSED: { description: "pauseLane stopped it, or its definition is not ACTIVE; what is queued is kept, and events are still taken." },
  } as const satisfies Record<State, { description: string }>,
});

const LaneConnection = connectionType("Lane", Lane, "in the order of their ids");

export const laneOf = loader(async (context, ids) => byId(await showLanes(context.doors.core, callerOf(context).organizationId, ids)));
const requestOf = loader(async (context, ids) => byId(await showRequests(context.doors.core.db, callerOf(context).organizationId, ids)));
export const definitionOf = loader(async (context, ids) => {
  const { organizationId } = callerOf(context);
  return byId(await context.doors.core.db.prisma.webhookDefinition.findMany({ where: { organizationId, id: { in: ids } } }));
});

guardNode("Lane", "webhooks:read");
builder.node(Lane, {
  description:
    "A strictly ordered queue of requests: of a definition, or of one key of it with ordering KEY. The next request is not sent before the head is settled.",
  id: { resolve: (lane) => lane.id },
  isTypeOf: (value) => typeof value === "object" && value !== null && "settledNumber" in value,
  loadManyWithoutCache: async (ids, context) => inOrder(ids, await showLanes(context.doors.core, callerOf(context).organizationId, ids)),
  fields: (t) => ({
    webhookDefinition: t.field({
      type: WebhookDefinition,
      description: "Whose requests stand in it; a deleted definition too.",
      resolve: async (lane, _args, context) => {
        const definition = await definitionOf(context, lane.definitionId);
        if (!definition) throw new NotFoundError("the webhook definition");
        return definition;
      },
    }),
    state: t.expose("state", { type: LaneState, description: "What it does or waits for, as of this moment; stored nowhere." }),
    key: t.exposeString("key", { nullable: true, description: "With ordering KEY the entity and its id, such as `order/18`; else null." }),
    head: t.field({
      type: WebhookRequest,
      nullable: true,
      description: "The request that all others in it wait for; null when nothing is queued.",
      resolve: async (lane, _args, context) => (lane.headId === null ? null : ((await requestOf(context, lane.headId)) ?? null)),
    }),
    pendingCount: t.expose("pendingCount", { type: "SafeInt", description: "How many unsettled requests stand behind the head." }),
    reason: t.exposeString("reason", {
      nullable: true,
      description:
        "Why it does not go on: an error code, PAUSED, its definition's state, ALL_PAUSED (by pauseAllDeliveries), or EARLIER_EPOCH: its ordering was changed, and lanes of before are not empty yet.",
    }),
    until: t.expose("until", { type: "DateTime", nullable: true, description: "While WAITING, when it goes on; else null." }),
    since: t.expose("since", { type: "DateTime", nullable: true, description: "Since when it is BLOCKED or PAUSED; else null." }),
    lastNumber: t.expose("lastNumber", { type: "SafeInt", description: "The lane number of its newest request; 0 before the first." }),
    settledNumber: t.expose("settledNumber", { type: "SafeInt", description: "Every request up to this lane number is settled." }),
  }),
});

const LaneFilter = builder.inputType("LaneFilter", {
  description: "Narrows a list of lanes: all that is given must hold.",
  fields: (t) => ({
    webhookDefinitionId: t.id({ description: "Lanes of this definition; none for an unknown one." }),
    state: t.field({ type: [LaneState], description: "Lanes in one of these states, as of this moment; an empty list matches none." }),
  }),
});

builder.queryField("lanes", (t) =>
  t.field({
    type: LaneConnection,
    description:
      "The lanes of the organization in the order of their ids, idle ones of the last 24 hours included. A page by `state` reads at most 100 000 lanes: it may be shorter than asked for while `hasNextPage` is true; go on from `endCursor`. Needs the scope webhooks:read.",
    authScopes: { scope: "webhooks:read" },
    args: { filter: t.arg({ type: LaneFilter, description: "Only lanes that match; all when absent." }), ...t.arg.connectionArgs() },
    resolve: async (_root, args, context) => {
      const { organizationId } = callerOf(context);
      const { webhookDefinitionId: definition, state } = args.filter ?? {};
      const webhookDefinitionId = definition == null ? undefined : idToFind("WebhookDefinition", definition);
      const filter = { webhookDefinitionId, state: state ?? undefined, ...(await narrowing(context)) };
      const kind = listKind("lanes", organizationId);
      return pageOfRows(
        await listLanes(context.doors.core, organizationId, filter, pageOf(args, kind, uuidKey)),
        (lane) => pageCursor(kind, lane.id),
        () => countLanes(context.doors.core, organizationId, filter),
        (id) => pageCursor(kind, id),
      );
    },
  }),
);

async function shown({ doors, caller }: SignedIn, id: string): Promise<LaneRow> {
  const [lane] = await showLanes(doors.core, caller.organizationId, [id]);
  if (!lane) throw new NotFoundError("the lane");
  return lane;
}

const OPERATIONS = {
  pauseLane: {
    act: pauseLane,
    description: "Stops a lane after the request in flight; it still takes new events. Pausing a paused one changes nothing.",
  },
  resumeLane: {
    act: resumeLane,
    description: "Lets a lane go on that pauseLane stopped, from its head; one that is blocked or of a stopped definition stays so.",
  },
} as const;

for (const [name, { act, description }] of Object.entries(OPERATIONS)) {
  mutation(name, {
    description,
    type: Lane,
    scope: "webhooks:write",
    input: (t) => ({ id: t.id({ required: true, description: "Global id of the lane, `lan_…`; NotFoundError when there is none." }) }),
    resolve: async (input, context) => {
      const id = uuidOf("Lane", input.id);
      await act(context.doors.core, context.caller.organizationId, id, context.caller);
      return shown(context, id);
    },
  });
}
