/** The audit log: who did what. */
import type { AuditEntry as AuditRow } from "../../accounts/audit.ts";
import { actorsOf, DELETED_USER, type AuditFilter as Filter, listAuditEntries } from "../../accounts/audit-log.ts";
import { BadInputError } from "../../errors.ts";
import { globalId, idToFind, type NodeType, parseGlobalId } from "../../wire/ids.ts";
import { list } from "./account-lists.ts";
import { builder, owned } from "./builder.ts";
import { callerOf } from "./context.ts";
import { loader } from "./loader.ts";
import { connectionType } from "./page.ts";

const actors = loader((context, ids) => actorsOf(context.doors.core, callerOf(context).organizationId, ids));

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
    actor: t.string({
      nullable: true,
      description: "The name, or else the e-mail, of who did it; `deleted user` once they are deleted; null: the system.",
      resolve: async ({ userId }: AuditRow, _args, context) => userId && ((await actors(context, userId)) ?? DELETED_USER),
    }),
    tokenPrefix: t.exposeString("tokenPrefix", {
      nullable: true,
      description: "The beginning of the API token that was used; null for a session.",
    }),
    address: t.exposeString("address", {
      nullable: true,
      description: "IP address that the call came from; null: the system, or a user who is deleted.",
    }),
    before: t.expose("before", {
      type: "JSON",
      nullable: true,
      description: "The object before the change, secrets and hidden values as `***`; null when it was made.",
    }),
    after: t.expose("after", {
      type: "JSON",
      nullable: true,
      description: "The object after the change, secrets and hidden values as `***`; null when it was deleted.",
    }),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When the change was made." }),
  }),
});

const AuditEntryConnection = connectionType("AuditEntry", AuditEntry);

const AuditFilter = builder.inputType("AuditFilter", {
  description: "Narrows a list: all that is given must hold.",
  fields: (t) => ({
    action: t.string({ description: "An action such as `webhookDefinition.update`, or `webhookDefinition.*` for all of its family." }),
    subjectId: t.id({ description: "Global id of the object that was changed, also when it is gone." }),
    userId: t.id({ description: "Global id of a user, also of a deleted one; the entries of what they did." }),
    since: t.field({ type: "DateTime", description: "Entries of this moment and later." }),
    until: t.field({ type: "DateTime", description: "Entries before this moment." }),
  }),
});

type Given = { [Name in keyof Filter]?: Filter[Name] | null };

/** @throws BadInputError for what is no id at all */
function filterOf(given: Given | null | undefined): Filter {
  const { subjectId, userId, ...rest } = Object.fromEntries(Object.entries(given ?? {}).filter(([, value]) => value != null)) as Filter;
  const subject = subjectId === undefined ? undefined : parseGlobalId(subjectId)?.id;
  if (subjectId !== undefined && subject === undefined) throw new BadInputError("filter.subjectId must be an id");
  return {
    ...rest,
    ...(subject !== undefined && { subjectId: subject }),
    ...(userId !== undefined && { userId: idToFind("User", userId) }),
  };
}

builder.queryField("auditEntries", (t) =>
  t.field({
    type: AuditEntryConnection,
    description: "The audit log, newest first: who changed what, and how. Needs the scope admin.",
    authScopes: { scope: "admin" },
    args: {
      filter: t.arg({ type: AuditFilter, description: "Narrows the list; absent, it holds every entry." }),
      ...t.arg.connectionArgs(),
    },
    resolve: (_root, { filter, ...args }, context) =>
      list("auditEntries", (core, caller, page) => listAuditEntries(core, caller, page, filterOf(filter)), args, context),
  }),
);
