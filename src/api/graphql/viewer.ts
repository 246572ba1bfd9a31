/** Who calls. */
import type { Caller } from "../../accounts/caller.ts";
import { getOrganization } from "../../accounts/organizations.ts";
import { builder } from "./builder.ts";
import { callerOf } from "./context.ts";
import { Organization } from "./organizations.ts";
import { Role } from "./roles.ts";
import { User } from "./users.ts";

export const Viewer = builder.objectRef<Caller>("Viewer").implement({
  description: "Whoever sent the operation, and what they may do.",
  fields: (t) => ({
    user: t.field({
      type: User,
      nullable: true,
      description: "The user as whom the token or session acts; null when that is none.",
      resolve: ({ userId, organizationId }, _args, context) =>
        userId === undefined ? null : context.doors.core.db.prisma.user.findUnique({ where: { id: userId, organizationId } }),
    }),
    organization: t.field({
      type: Organization,
      description: "The tenant whose rows all operations of the caller see.",
      resolve: (caller, _args, context) => getOrganization(context.doors.core, caller),
    }),
    role: t.field({
      type: Role,
      description: "The most that the caller may do: the lesser of the user's role and the token's.",
      resolve: (caller) => caller.role,
    }),
    scopes: t.stringList({
      description: "Scopes of the token, or all that the role allows: webhooks:read webhooks:write events:write …",
      resolve: (caller) => [...caller.scopes],
    }),
    delivering: t.boolean({
      description: "False when this server was started with HOOKLINE_DELIVERY=off: what comes in waits in its lanes, and nothing is sent.",
      resolve: (_caller, _args, context) => context.doors.core.config.delivery,
    }),
    deliveriesPausedAt: t.field({
      type: "DateTime",
      nullable: true,
      description:
        "Since when pauseAllDeliveries holds all deliveries of the caller's organization up; null: they go on. For a portal's session, which may not ask for the organization.",
      resolve: async (caller, _args, context) => (await getOrganization(context.doors.core, caller)).deliveriesPausedAt,
    }),
  }),
});

builder.queryField("viewer", (t) =>
  t.field({
    type: Viewer,
    description: "The caller: user, organization, role and scopes; for a dashboard to know what to offer.",
    resolve: (_root, _args, context) => callerOf(context),
  }),
);
