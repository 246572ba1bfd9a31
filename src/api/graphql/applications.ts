/** Applications: the organization's own customers, each with definitions of its own. */
import { createApplication, deleteApplication, updateApplication } from "../../applications/applications.ts";
import {
  countApplications,
  countDefinitionsOfEach,
  definitionsOfEach,
  getApplication,
  getApplications,
  listApplications,
} from "../../applications/find.ts";
import { BadInputError } from "../../errors.ts";
import { listKind, numberKey, type PageOf, pageCursor, pageOf, sliceOf, uuidKey } from "../../requests/page.ts";
import { idOf } from "../../wire/ids.ts";
import { builder, owned } from "./builder.ts";
import { given } from "./changes.ts";
import { callerOf } from "./context.ts";
import { WebhookDefinitionConnection } from "./definitions.ts";
import { byId, loader, loaderBy } from "./loader.ts";
import { mutation, uuidOf } from "./mutation.ts";
import { Application } from "./nodes.ts";
import { connectionType, pageOfRows } from "./page.ts";
import { Viewer } from "./viewer.ts";

const definitionPages = loaderBy((context, ids: string[], page: PageOf<number>) =>
  definitionsOfEach(context.doors.core, callerOf(context), ids, page),
);
const definitionCounts = loader((context, ids) => countDefinitionsOfEach(context.doors.core, callerOf(context), ids));

builder.prismaNode("Application", {
  ...owned("Application", "webhooks:read", { living: true }),
  description:
    "One customer of the organization. Events that are emitted for it go to its own definitions and to those that are nobody's; no other application's definitions ever see them.",
  fields: (t) => ({
    uid: t.exposeString("uid", { description: "Your own id of it, as events name it: unique in the organization." }),
    name: t.exposeString("name", { description: "For people; two applications may have the same." }),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When createApplication was called; lists are in this order." }),
    webhookDefinitions: t.field({
      type: WebhookDefinitionConnection,
      description: "Its own definitions, newest first, without deleted ones.",
      args: t.arg.connectionArgs(),
      resolve: async ({ id }, args, context) => {
        const kind = listKind("webhookDefinitions", id);
        const page = pageOf(args, kind, numberKey);
        return pageOfRows(
          (await definitionPages(context, id, page)) ?? sliceOf(page, []),
          (definition) => pageCursor(kind, definition.number),
          async () => (await definitionCounts(context, id)) ?? 0,
        );
      },
    }),
  }),
});
const ApplicationConnection = connectionType("Application", Application);

/** Of whatever names its application by id; deleted ones too. */
export const applicationOf = loader(async (context, ids) => byId(await getApplications(context.doors.core, callerOf(context), ids)));

builder.objectField(Viewer, "application", (t) =>
  t.field({
    type: Application,
    nullable: true,
    description: "All that a portal's session sees, by the link that began it; null for everybody else.",
    resolve: (viewer, _args, context) => (viewer.portal ? applicationOf(context, viewer.portal.applicationId) : null),
  }),
);

builder.queryFields((t) => ({
  application: t.field({
    type: Application,
    nullable: true,
    description: "One application by exactly one of id and uid; null when it is unknown, deleted or another organization's.",
    authScopes: { scope: "webhooks:read" },
    args: {
      id: t.arg.id({ description: "Global id, `app_…`." }),
      uid: t.arg.string({ description: "Your own id of it; case counts." }),
    },
    resolve: (_root, args, context) => {
      if ((args.id == null) === (args.uid == null)) throw new BadInputError("give exactly one of id and uid");
      if (args.uid != null) return getApplication(context.doors.core, callerOf(context), { uid: args.uid });
      const id = idOf("Application", args.id ?? "");
      return id === undefined ? null : getApplication(context.doors.core, callerOf(context), { id });
    },
  }),
  applications: t.field({
    type: ApplicationConnection,
    description: "The applications of the organization, newest first, without deleted ones. Needs the scope webhooks:read.",
    authScopes: { scope: "webhooks:read" },
    args: t.arg.connectionArgs(),
    resolve: async (_root, args, context) => {
      const caller = callerOf(context);
      const kind = listKind("applications", caller.organizationId);
      return pageOfRows(
        await listApplications(context.doors.core, caller, pageOf(args, kind, uuidKey)),
        (application) => pageCursor(kind, application.id),
        () => countApplications(context.doors.core, caller),
      );
    },
  }),
}));

const UID = "1 to 255 visible ASCII characters without spaces, unique in the organization: ConflictError when it is taken.";

mutation("createApplication", {
  description: "Makes an application: a customer of yours, whom events and definitions can name.",
  type: Application,
  scope: "webhooks:write",
  input: (t) => ({
    uid: t.string({ required: true, description: `Your own id of it: ${UID}` }),
    name: t.string({ required: true, description: "1 to 400 characters, for people." }),
  }),
  resolve: (input, { doors, caller }) => createApplication(doors.core, caller, input),
});

mutation("updateApplication", {
  description: "Changes an application: what is absent stays. Events name it by its new uid from then on.",
  type: Application,
  scope: "webhooks:write",
  input: (t) => ({
    id: t.id({ required: true, description: "The application to change; NotFoundError for an unknown or deleted one." }),
    uid: t.string({ description: UID }),
    name: t.string({ description: "1 to 400 characters, for people." }),
  }),
  resolve: ({ id, uid, name }, { doors, caller }) =>
    updateApplication(doors.core, caller, uuidOf("Application", id), given({ uid, name }, ["uid", "name"])),
});

mutation("deleteApplication", {
  description:
    "Deletes an application with its definitions, and answers with it. Its events and requests stay in the log, its uid is free again. ConflictError while requests are queued for it.",
  type: Application,
  scope: "webhooks:write",
  input: (t) => ({
    id: t.id({ required: true, description: "The application to delete; NotFoundError for an unknown or deleted one." }),
    cancelQueued: t.boolean({
      defaultValue: false,
      description: "Deletes it all the same: what is queued for it becomes CANCELLED (DEFINITION_DELETED).",
    }),
  }),
  resolve: ({ id, cancelQueued }, { doors, caller }) =>
    deleteApplication(doors.core, caller, uuidOf("Application", id), cancelQueued ?? false),
});
