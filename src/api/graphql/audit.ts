/** The audit log. */
import { type AuditEntry as AuditRow, listAuditEntries } from "../../accounts/audit.ts";
import { globalId, type NodeType } from "../../wire/ids.ts";
import { list } from "./account-lists.ts";
import { builder, owned } from "./builder.ts";
import { connectionType } from "./page.ts";

const AuditEntry = builder.prismaNode("AuditEntry", {
  ...owned("AuditEntry", "admin"),
  description: "One change that somebody made, written in the same transaction; nothing can alter it.",
  fields: (t) => ({
    action: t.exposeString("action", { description: "Noun and verb, such as `webhookDefinition.update` or `user.create`." }),
    subjectId: t.id({
      nullable: true,
      description: "Global id of the object that was changed, which may be gone; null where there is none.",
      resolve: (row: AuditRow) => (row.subjectId && row.subjectType ? globalId(row.subjectType as NodeType, row.subjectId) : null),
    }),
    userId: t.id({
      nullable: true,
      description: "Global id of the user who did it; null: the system did.",
      resolve: (row: AuditRow) => (row.userId ? globalId("User", row.userId) : null),
    }),
    tokenPrefix: t.exposeString("tokenPrefix", {
      nullable: true,
      description: "The beginning of the API token that was used; null for a session.",
    }),
    address: t.exposeString("address", { nullable: true, description: "IP address that the call came from; null: the system." }),
    before: t.expose("before", {
      type: "JSON",
      nullable: true,
      description: "The object before the change, secrets as `***`; null when it was made.",
    }),
    after: t.expose("after", {
      type: "JSON",
      nullable: true,
      description: "The object after the change, secrets as `***`; null when it was deleted.",
    }),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When the change was made." }),
  }),
});

const AuditEntryConnection = connectionType("AuditEntry", AuditEntry);

builder.queryField("auditEntries", (t) =>
  t.field({
    type: AuditEntryConnection,
    description: "The audit log, newest first: who changed what, and how. Needs the scope admin.",
    authScopes: { scope: "admin" },
    args: t.arg.connectionArgs(),
    resolve: (_root, args, context) => list("auditEntries", listAuditEntries, args, context),
  }),
);
