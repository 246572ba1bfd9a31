/** Who calls. */
import type { Caller } from "../../accounts/caller.ts";
import { getOrganization } from "../../accounts/organizations.ts";
import { builder } from "./builder.ts";
import { callerOf } from "./context.ts";
import { Organization } from "./organizations.ts";
import { Role } from "./roles.ts";
import { User } from "./users.ts";

export const Viewer = builder.objectRef<Caller>("Viewer").implement({
  description: "Who calls.",
  fields: (t) => ({
    user: t.field({
      type: User,
      nullable: true,
      description: "As whom the token or session acts.",
      resolve: ({ userId, organizationId }, _args, context) =>
        userId === undefined ? null : context.doors.core.db.prisma.user.findUnique({ where: { id: userId, organizationId } }),
    }),
    organization: t.field({
      type: Organization,
      description: "Whose everything is.",
      resolve: (caller, _args, context) => getOrganization(context.doors.core, caller),
    }),
    role: t.field({ type: Role, description: "What the caller may do at most.", resolve: (caller) => caller.role }),
    scopes: t.stringList({ description: "What the caller may do.", resolve: (caller) => [...caller.scopes] }),
    delivering: t.boolean({
      description: "False when this server was started with HOOKLINE_DELIVERY=off: what comes in waits in its lanes, and nothing is sent.",
      resolve: (_caller, _args, context) => context.doors.core.config.delivery,
    }),
  }),
});

builder.queryField("viewer", (t) =>
  t.field({ type: Viewer, description: "Who calls.", resolve: (_root, _args, context) => callerOf(context) }),
);
