/** Lanes: the strictly ordered streams of requests. */

import { pauseLane, resumeLane } from "../../delivery/lane-pause.ts";
import type { LaneState as State } from "../../delivery/lane-state.ts";
import { NotFoundError } from "../../errors.ts";
import { countLanes, type LaneRow, listLanes, showLanes } from "../../requests/lanes.ts";
import { pageCursor, pageOf, uuidKey } from "../../requests/page.ts";
import { showRequests } from "../../requests/show.ts";
import { idOf } from "../../wire/ids.ts";
import { builder, guardNode } from "./builder.ts";
import { callerOf } from "./context.ts";
import { byId, inOrder, loader } from "./loader.ts";
import { mutation, type SignedIn, uuidOf } from "./mutation.ts";
import { Lane, WebhookDefinition, WebhookRequest } from "./nodes.ts";
import { connectionType, pageOfRows } from "./page.ts";

const LaneState = builder.enumType("LaneState", {
  description: "Where a lane stands.",
  values: {
    IDLE: { description: "Nothing is queued." },
    READY: { description: "There is work, and nobody does it yet." },
    LEASED: { description: "A worker sends." },
    WAITING: { description: "For the retry of its head, or for lanes of before its definition's ordering changed." },
    BLOCKED: { description: "Its rejected head stands in the way: resend it, skip it, or activate the definition." },
    PAUSED: { description: "By an operator, or because its definition is not ACTIVE. What is queued is kept." },
  } as const satisfies Record<State, { description: string }>,
});

const LaneConnection = connectionType("Lane", Lane);

export const laneOf = loader(async (context, ids) => byId(await showLanes(context.doors.core, callerOf(context).organizationId, ids)));
const requestOf = loader(async (context, ids) => byId(await showRequests(context.doors.core.db, callerOf(context).organizationId, ids)));
export const definitionOf = loader(async (context, ids) => {
  const { organizationId } = callerOf(context);
  return byId(await context.doors.core.db.prisma.webhookDefinition.findMany({ where: { organizationId, id: { in: ids } } }));
});

guardNode("Lane", "webhooks:read");
builder.node(Lane, {
  description: "One strictly ordered stream of requests: a definition, or a definition and an ordering key.",
  id: { resolve: (lane) => lane.id },
  isTypeOf: (value) => typeof value === "object" && value !== null && "settledNumber" in value,
  loadManyWithoutCache: async (ids, context) => inOrder(ids, await showLanes(context.doors.core, callerOf(context).organizationId, ids)),
  fields: (t) => ({
    webhookDefinition: t.field({
      type: WebhookDefinition,
      description: "Whose requests it orders.",
      resolve: async (lane, _args, context) => {
        const definition = await definitionOf(context, lane.definitionId);
        if (!definition) throw new NotFoundError("the webhook definition");
        return definition;
      },
    }),
    state: t.expose("state", { type: LaneState, description: "Where it stands." }),
    key: t.exposeString("key", { nullable: true, description: "Ordering KEY: the entity and its id, as `order/18`; else null." }),
    head: t.field({
      type: WebhookRequest,
      nullable: true,
      description: "The first in its queue; null when nothing is queued.",
      resolve: async (lane, _args, context) => (lane.headId === null ? null : ((await requestOf(context, lane.headId)) ?? null)),
    }),
    pendingCount: t.expose("pendingCount", { type: "SafeInt", description: "How many requests wait behind the head." }),
    reason: t.exposeString("reason", {
      nullable: true,
      description:
        "Why it does not go on: an error code, PAUSED, its definition's state, ALL_PAUSED (by pauseAllDeliveries), or EARLIER_EPOCH: its ordering was changed, and lanes of before are not empty yet.",
    }),
    until: t.expose("until", { type: "DateTime", nullable: true, description: "WAITING: when it goes on." }),
    since: t.expose("since", { type: "DateTime", nullable: true, description: "BLOCKED or PAUSED: since when." }),
    lastNumber: t.expose("lastNumber", { type: "SafeInt", description: "The lane number of its newest request." }),
    settledNumber: t.expose("settledNumber", { type: "SafeInt", description: "Up to this lane number all are settled." }),
  }),
});

const LaneFilter = builder.inputType("LaneFilter", {
  description: "Which lanes: all that is given must hold.",
  fields: (t) => ({
    webhookDefinitionId: t.id({ description: "Of this definition." }),
    state: t.field({ type: [LaneState], description: "In one of these states." }),
  }),
});

/** No row has it. */
const NOBODY = "00000000-0000-0000-0000-000000000000";

builder.queryField("lanes", (t) =>
  t.field({
    type: LaneConnection,
    description: "The lanes of the organization, in the order of their ids.",
    authScopes: { scope: "webhooks:read" },
    args: { filter: t.arg({ type: LaneFilter, description: "Which; all when absent." }), ...t.arg.connectionArgs() },
    resolve: async (_root, args, context) => {
      const { organizationId } = callerOf(context);
      const { webhookDefinitionId: definition, state } = args.filter ?? {};
      const webhookDefinitionId = definition == null ? undefined : (idOf("WebhookDefinition", definition) ?? NOBODY);
      const filter = { webhookDefinitionId, state: state ?? undefined };
      const kind = `lanes:${organizationId}`;
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
  pauseLane: { act: pauseLane, description: "Stops a lane; it still takes new events." },
  resumeLane: { act: resumeLane, description: "Lets a lane go on that an operator paused." },
} as const;

for (const [name, { act, description }] of Object.entries(OPERATIONS)) {
  mutation(name, {
    description,
    type: Lane,
    scope: "webhooks:write",
    input: (t) => ({ id: t.id({ required: true, description: "Which." }) }),
    resolve: async (input, context) => {
      const id = uuidOf("Lane", input.id);
      await act(context.doors.core, context.caller.organizationId, id);
      return shown(context, id);
    },
  });
}
