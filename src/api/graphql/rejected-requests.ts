/** What was given up, grouped by what it has in common. */
import { NotFoundError } from "../../errors.ts";
import { groupRejected, type RejectedGroup } from "../../requests/plan-replay.ts";
import { builder } from "./builder.ts";
import { callerOf } from "./context.ts";
import { definitionOf } from "./lanes.ts";
import { WebhookDefinition } from "./nodes.ts";
import { requestFilter, WebhookRequestFilter } from "./request-filter.ts";

const RejectedRequestGroup = builder.objectRef<RejectedGroup>("RejectedRequestGroup").implement({
  description: "REJECTED requests of one definition with one error.",
  fields: (t) => ({
    webhookDefinition: t.field({
      type: WebhookDefinition,
      description: "Whose requests they are, even when it was deleted since.",
      resolve: async ({ definitionId }, _args, context) => {
        const definition = await definitionOf(context, definitionId);
        if (!definition) throw new NotFoundError("the webhook definition");
        return definition;
      },
    }),
    errorCode: t.exposeString("errorCode", { nullable: true, description: "Why their latest attempt failed: a stable code." }),
    count: t.exposeInt("count", { description: "How many failed so, among the newest 100000 that were given up." }),
    oldest: t.expose("oldest", { type: "DateTime", description: "When the first of them was made." }),
    newest: t.expose("newest", { type: "DateTime", description: "When the last of them was made." }),
    capped: t.exposeBoolean("capped", {
      description: "Whether only the newest 100000 rejected requests were looked at, and there are older ones.",
    }),
  }),
});

builder.queryField("rejectedRequests", (t) =>
  t.field({
    type: [RejectedRequestGroup],
    description:
      "What was given up: REJECTED requests by definition and error, the largest groups first, at most 500. createReplay with kind REJECTED sends them again.",
    authScopes: { scope: "webhooks:read" },
    args: {
      filter: t.arg({
        type: WebhookRequestFilter,
        description: "Narrows them, by definition, error or time; every rejected request when absent.",
      }),
    },
    resolve: (_root, { filter }, context) =>
      groupRejected(context.doors.core.db, callerOf(context).organizationId, requestFilter(callerOf(context), filter)),
  }),
);
