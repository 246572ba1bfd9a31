/** What waits for a person: blocked lanes, counted by definition. */
import { NotFoundError } from "../../errors.ts";
import { type BlockedDefinition, type BlockedLanes, blockedLanes, MOST_WORST } from "../../requests/blocked-lanes.ts";
import { builder } from "./builder.ts";
import { callerOf } from "./context.ts";
import { definitionOf } from "./lanes.ts";
import { WebhookDefinition } from "./nodes.ts";
import { narrowing } from "./portal-rows.ts";

const Of = builder.objectRef<BlockedDefinition>("BlockedDefinition").implement({
  description: "The blocked lanes of one definition, and what they hold up.",
  fields: (t) => ({
    webhookDefinition: t.field({
      type: WebhookDefinition,
      description: "ACTIVE and not deleted; its lanes wait at a request that was given up, for somebody to retry or skip it.",
      resolve: async ({ definitionId }, _args, context) => {
        const definition = await definitionOf(context, definitionId);
        if (!definition) throw new NotFoundError("the webhook definition");
        return definition;
      },
    }),
    laneCount: t.int({
      description: "How many of its lanes are BLOCKED: exact up to 10 000, and 10 000 beyond. `lanes` lists the same ones.",
      resolve: ({ lanes }) => lanes.count,
    }),
    laneCountCapped: t.boolean({ description: "True when there are more than `laneCount` says.", resolve: ({ lanes }) => lanes.capped }),
    behindCount: t.int({
      description: "How many unsettled requests stand behind the heads of these lanes: exact up to 10 000, and 10 000 beyond.",
      resolve: ({ behind }) => behind.count,
    }),
    behindCountCapped: t.boolean({
      description: "True when there are, or may be, more than `behindCount` says.",
      resolve: ({ behind }) => behind.capped,
    }),
  }),
});

const All = builder.objectRef<BlockedLanes>("BlockedLanes").implement({
  description: "The lanes of the organization that are BLOCKED: as a whole, and by definition.",
  fields: (t) => ({
    laneCount: t.int({
      description: "How many lanes are BLOCKED: exact up to 10 000, and 10 000 beyond; 0 proves that none is.",
      resolve: ({ lanes }) => lanes.count,
    }),
    laneCountCapped: t.boolean({ description: "True when there are more than `laneCount` says.", resolve: ({ lanes }) => lanes.capped }),
    definitionCount: t.int({
      description: "Exact, also where fewer are listed in `definitions`.",
      resolve: ({ definitions }) => definitions,
    }),
    definitions: t.field({ type: [Of], description: "Those with most blocked lanes, most first.", resolve: ({ worst }) => worst }),
  }),
});

builder.queryField("blockedLanes", (t) =>
  t.field({
    type: All,
    description:
      "Which lanes wait for a person, counted by definition, whatever page of `lanes` one looks at. Lanes that are paused, or whose definition is not ACTIVE, are PAUSED and not among them. Needs the scope webhooks:read.",
    authScopes: { scope: "webhooks:read" },
    complexity: { field: MOST_WORST, multiplier: 1 },
    args: {
      first: t.arg.int({ defaultValue: 5, description: `How many definitions to name, 0 to ${MOST_WORST}; the counts are of all.` }),
    },
    resolve: async (_root, { first }, context) => {
      const { definitionIds } = await narrowing(context);
      return blockedLanes(context.doors.core.db, callerOf(context).organizationId, { first: first ?? 5, definitionIds });
    },
  }),
);
