/** All deliveries of an organization, held up and let go. */
import { pauseAllDeliveries, resumeAllDeliveries } from "../../definitions/deliveries.ts";
import { builder } from "./builder.ts";
import { mutation } from "./mutation.ts";
import { Organization } from "./organizations.ts";

builder.prismaObjectField(Organization, "deliveriesPausedAt", (t) =>
  t.expose("deliveriesPausedAt", {
    type: "DateTime",
    nullable: true,
    description: "Since when pauseAllDeliveries holds all of its deliveries up; null: they go on.",
  }),
);

const OPERATIONS = {
  pauseAllDeliveries: {
    act: pauseAllDeliveries,
    description:
      "Holds up all deliveries of the organization: what is in flight ends, events are taken and queued as before, nothing more is sent but by testWebhookDefinition. In the audit log.",
  },
  resumeAllDeliveries: {
    act: resumeAllDeliveries,
    description:
      "Lets the deliveries go on, in the order of each lane; what is stopped, paused or blocked by itself stays so. In the audit log.",
  },
} as const;

for (const [name, { act, description }] of Object.entries(OPERATIONS)) {
  mutation(name, {
    description,
    type: Organization,
    scope: "webhooks:write",
    optionalInput: true,
    input: (t) => ({ reason: t.string({ description: "Why, for the audit log." }) }),
    resolve: ({ reason }, { doors, caller }) => act(doors.core, caller, reason ?? undefined),
  });
}
