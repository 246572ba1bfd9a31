/** The test button of a definition. */
import { testDefinition } from "../../definitions/test-definition.ts";
import { NotFoundError } from "../../errors.ts";
import { showRequest } from "../../requests/show.ts";
import { EventInput } from "./event-input.ts";
import { mutation, uuidOf } from "./mutation.ts";
import { WebhookRequest } from "./nodes.ts";

mutation("testWebhookDefinition", {
  description:
    "Sends an event to one definition at once, outside its lane and whatever its state and filter, and answers once it is settled. The request is in the log, with isTest.",
  type: WebhookRequest,
  scope: "webhooks:write",
  input: (t) => ({
    id: t.id({ required: true, description: "The definition to try out; NotFoundError for an unknown or deleted one." }),
    event: t.field({
      type: EventInput,
      description:
        "The event to send; when absent the first example of an event type that it takes, else one of type `test`. Without a payload: the first example of its type.",
    }),
  }),
  resolve: async ({ id, event }, { doors, caller }) => {
    const requestId = await testDefinition(doors.core, doors, caller, uuidOf("WebhookDefinition", id), event ?? undefined);
    const request = await showRequest(doors.core.db, caller.organizationId, { id: requestId });
    if (!request) throw new NotFoundError("the webhook request");
    return request;
  },
});
