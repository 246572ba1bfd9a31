/** Replays: many requests sent again, with progress. */
import { demand } from "../../accounts/caller.ts";
import { type ReplayRow, showReplays, startReplay } from "../../requests/replay.ts";
import { builder, guardNode } from "./builder.ts";
import { callerOf } from "./context.ts";
import { inOrder } from "./loader.ts";
import { mutation } from "./mutation.ts";
import { requestFilter, WebhookRequestFilter } from "./request-filter.ts";

const ReplayState = builder.enumType("ReplayState", {
  description: "Whether a replay goes on, and how it ended.",
  values: {
    RUNNING: { description: "It goes on in the background, also after a restart." },
    DONE: { description: "Every request was dealt with; final." },
    FAILED: { description: "It cannot go on; what was sent stays sent." },
  } as const,
});

export const Replay = builder.objectRef<ReplayRow>("Replay");

guardNode("Replay", "webhooks:read");
builder.node(Replay, {
  description: "Many requests sent again in the background, oldest first; replayUpdated tells how far it is.",
  id: { resolve: (replay) => replay.id },
  isTypeOf: (value) => typeof value === "object" && value !== null && "done" in value,
  loadManyWithoutCache: async (ids, context) => inOrder(ids, await showReplays(context.doors.core, callerOf(context).organizationId, ids)),
  fields: (t) => ({
    total: t.exposeInt("total", { description: "How many requests matched when it was started." }),
    done: t.exposeInt("done", { description: "How many it has dealt with: sent again, or found changed meanwhile and left alone." }),
    state: t.expose("state", { type: ReplayState, description: "Whether it goes on, and how it ended." }),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When the mutation that made it was called." }),
  }),
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
    return startReplay(doors.core, doors.jobs, caller, requestFilter(input.filter));
  },
});
