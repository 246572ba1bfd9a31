/** Deliveries over time: what the overview of the dashboard shows. */
import { NotFoundError } from "../../errors.ts";
import {
  type DeliveryBucket as Bucket,
  deliveryStatistics,
  MOST_BUCKETS,
  type DeliveryStatistics as Statistics,
} from "../../requests/statistics.ts";
import { idToFind } from "../../wire/ids.ts";
import { builder } from "./builder.ts";
import { callerOf } from "./context.ts";
import { byId, loader } from "./loader.ts";
import { WebhookDefinition } from "./nodes.ts";

// Deleted ones too: their attempts count.
const definitionOf = loader(async (context, ids) => {
  const { organizationId } = callerOf(context);
  return byId(await context.doors.core.db.prisma.webhookDefinition.findMany({ where: { organizationId, id: { in: ids } } }));
});

const COUNTS = {
  delivered: "Attempts that the receiver accepted, as its dialect judges replies.",
  retried: "Failed attempts that another attempt of the same request follows.",
  rejected: "Failed attempts after which their request was given up.",
} as const;

const DeliveryBucket = builder.objectRef<Bucket>("DeliveryBucket").implement({
  description: "Attempts in one of the equal slices of the time asked for.",
  fields: (t) => ({
    at: t.expose("at", { type: "DateTime", description: "When the slice begins; it ends where the next one does." }),
    delivered: t.exposeInt("delivered", { description: COUNTS.delivered }),
    retried: t.exposeInt("retried", { description: COUNTS.retried }),
    rejected: t.exposeInt("rejected", { description: COUNTS.rejected }),
    p50Ms: t.exposeFloat("p50Ms", {
      nullable: true,
      description: "Half of the answers took at most so many milliseconds, rounded up by at most 60 %.",
    }),
    p99Ms: t.exposeFloat("p99Ms", {
      nullable: true,
      description: "99 of 100 answers took at most so many milliseconds, rounded up by at most 60 %.",
    }),
  }),
});

const DefinitionStatistics = builder.objectRef<Statistics["definitions"][number]>("DefinitionStatistics").implement({
  description: "The share of one definition in the attempts since the moment asked for.",
  fields: (t) => ({
    webhookDefinition: t.field({
      type: WebhookDefinition,
      description: "Whose attempts these are; a deleted definition too.",
      resolve: async ({ definitionId }, _args, context) => {
        const definition = await definitionOf(context, definitionId);
        if (!definition) throw new NotFoundError("the webhook definition");
        return definition;
      },
    }),
    delivered: t.exposeInt("delivered", { description: COUNTS.delivered }),
    retried: t.exposeInt("retried", { description: COUNTS.retried }),
    rejected: t.exposeInt("rejected", { description: COUNTS.rejected }),
  }),
});

const DeliveryStatistics = builder.objectRef<Statistics>("DeliveryStatistics").implement({
  description:
    "Attempts since a moment, by whole minutes; ten minutes of more than two hours ago, and hours of more than two days ago, count as a whole.",
  fields: (t) => ({
    delivered: t.exposeInt("delivered", { description: COUNTS.delivered }),
    retried: t.exposeInt("retried", { description: COUNTS.retried }),
    rejected: t.exposeInt("rejected", { description: COUNTS.rejected }),
    p50Ms: t.exposeFloat("p50Ms", {
      nullable: true,
      description: "Half of the answers took at most so many milliseconds, rounded up by at most 60 %.",
    }),
    p99Ms: t.exposeFloat("p99Ms", {
      nullable: true,
      description: "99 of 100 answers took at most so many milliseconds, rounded up by at most 60 %.",
    }),
    buckets: t.field({
      type: [DeliveryBucket],
      description: "The time since then in equal slices, oldest first; one without attempts is all zeros.",
      resolve: (all) => all.buckets,
    }),
    definitions: t.field({
      type: [DefinitionStatistics],
      description: "Per definition, of those only that had attempts.",
      resolve: (all) => all.definitions,
    }),
  }),
});

builder.queryField("deliveryStatistics", (t) =>
  t.field({
    type: DeliveryStatistics,
    description: "How deliveries went since a moment: as a whole, over time and per definition. Needs the scope webhooks:read.",
    authScopes: { scope: "webhooks:read" },
    complexity: { field: MOST_BUCKETS, multiplier: 1 },
    args: {
      webhookDefinitionId: t.arg.id({ description: "Attempts of this definition alone; of all when absent. An unknown one had none." }),
      since: t.arg({ type: "DateTime", required: true, description: "The moment to count from: at most 30 days ago." }),
      buckets: t.arg.int({ defaultValue: 60, description: `Into how many slices the time is cut: at most ${MOST_BUCKETS}.` }),
    },
    resolve: (_root, { since, buckets, webhookDefinitionId }, context) => {
      const { core } = context.doors;
      const definitionId = webhookDefinitionId == null ? undefined : idToFind("WebhookDefinition", webhookDefinitionId);
      const asked = { since, buckets: buckets ?? 60, now: core.clock.now(), definitionId };
      return deliveryStatistics(core.db, callerOf(context).organizationId, asked);
    },
  }),
);
