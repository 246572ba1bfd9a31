/** The audit log. */
import { type AuditEntry as AuditRow, listAuditEntries } from "../../accounts/audit.ts";
import { globalId, type NodeType } from "../../wire/ids.ts";
import { list } from "./account-lists.ts";
import { builder, owned } from "./builder.ts";
import { connectionType } from "./page.ts";

const AuditEntry = builder.prismaNode("AuditEntry", {
  ...owned("AuditEntry", "admin"),
  description: "Who did what; nothing can change it.",
  fields: (t) => ({
    action: t.exposeString("action", { description: "Such as `webhookDefinition.update`." }),
    subjectId: t.id({
      nullable: true,
      description: "The global id of what it was done to.",
      resolve: (row: AuditRow) => (row.subjectId && row.subjectType ? globalId(row.subjectType as NodeType, row.subjectId) : null),
    }),
    userId: t.id({
      nullable: true,
      description: "The global id of who did it; null: the system.",
      resolve: (row: AuditRow) => (row.userId ? globalId("User", row.userId) : null),
    }),
    tokenPrefix: t.exposeString("tokenPrefix", { nullable: true, description: "The first characters of the token it was done with." }),
    address: t.exposeString("address", { nullable: true, description: "From which address." }),
    before: t.expose("before", { type: "JSON", nullable: true, description: "What it was before, secrets masked." }),
    after: t.expose("after", { type: "JSON", nullable: true, description: "What it was after, secrets masked." }),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When." }),
  }),
});

const AuditEntryConnection = connectionType("AuditEntry", AuditEntry);

builder.queryField("auditEntries", (t) =>
  t.field({
    type: AuditEntryConnection,
    description: "Who did what, newest first.",
    authScopes: { scope: "admin" },
    args: t.arg.connectionArgs(),
    resolve: (_root, args, context) => list("auditEntries", listAuditEntries, args, context),
  }),
);
