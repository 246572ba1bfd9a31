/** Organizations, users, API tokens, signing in, the audit log. */

import { pageCursor, pageOf, sliceOf, uuidKey } from "../../requests/page.ts";
import { builder, owned } from "./builder.ts";
import { callerOf } from "./context.ts";
import { mutation } from "./mutation.ts";
import { connectionType, pageOfRows } from "./page.ts";

export const User = builder.prismaNode("User", {
  ...owned("User", "admin"),
  description: "Somebody of an organization.",
  fields: (t) => ({
    email: t.exposeString("email"),
    name: t.exposeString("name", { nullable: true }),
    apiTokens: t.relation("apiTokens"),
  }),
});

export const ApiToken = builder.prismaNode("ApiToken", { ...owned("ApiToken"), fields: (t) => ({ name: t.exposeString("name") }) });
const UserConnection = connectionType("User", User);

builder.queryField("users", (t) =>
  t.field({
    type: UserConnection,
    authScopes: { scope: "admin" },
    args: { ...t.arg.connectionArgs() },
    resolve: async (_root, args, context) => {
      const { organizationId } = callerOf(context);
      const page = pageOf(args, "users", uuidKey);
      const rows = await context.doors.core.db.prisma.user.findMany({ where: { organizationId }, take: page.limit + 1 });
      return pageOfRows(
        sliceOf(page, rows),
        (row) => pageCursor("users", row.id),
        () => context.doors.core.db.prisma.user.count({ where: { organizationId } }),
      );
    },
  }),
);

mutation("createUser", {
  description: "x",
  type: User,
  scope: "admin",
  input: (t) => ({ email: t.string({ required: true }), name: t.string() }),
  resolve: async (input, context) => {
    const e: string = input.email;
    const n: string | null | undefined = input.name;
    return context.doors.core.db.prisma.user.create({
      data: { organizationId: context.caller.organizationId, email: e, username: e, name: n ?? null, role: "MEMBER" },
    });
  },
});
