/** doForms' web services: who is notified of the records of a form and project, and may call back. */
import type { Caller } from "../../accounts/caller.ts";
import type { Core } from "../../core.ts";
import { type DefinitionsAlong, getDefinitions } from "../../definitions/find.ts";
import type { DefinitionRow } from "../../definitions/settings.ts";
import {
  createWebService,
  deleteWebService,
  listWebServices,
  type WebService as Service,
  setTarget,
  webServiceOf,
} from "../../definitions/web-services.ts";
import { NotFoundError } from "../../errors.ts";
import { listKind, pageCursor, pageOf, sliceOf, uuidKey } from "../../requests/page.ts";
import { builder, guardNode } from "./builder.ts";
import { Connection } from "./connections.ts";
import { callerOf } from "./context.ts";
import { byId, loader, loaderBy } from "./loader.ts";
import { mutation, uuidOf } from "./mutation.ts";
import { WebhookDefinition } from "./nodes.ts";
import { along, connectionType, pageOfRows } from "./page.ts";

const WebService = builder.objectRef<Service>("WebService");
const WebServiceConnection = connectionType("WebService", WebService);

// Whose definition was deleted has no target: its rows are not the table's, so that Prisma cannot read them for us.
const connectionOf = loader(async (context, ids) => {
  const { organizationId } = callerOf(context);
  return byId(await context.doors.core.db.prisma.connection.findMany({ where: { organizationId, id: { in: ids } } }));
});
const definitionOf = loaderBy<DefinitionsAlong, DefinitionRow>(async (context, ids, related) =>
  byId(await getDefinitions(context.doors.core, callerOf(context), ids, related)),
);

async function ownService(core: Core, caller: Caller, id: string): Promise<Service | null> {
  const service = await webServiceOf(core, id);
  return service?.organizationId === caller.organizationId ? service : null;
}

/** @throws NotFoundError */
async function knownService(core: Core, caller: Caller, id: string): Promise<Service> {
  const service = await ownService(core, caller, uuidOf("WebService", id));
  if (!service) throw new NotFoundError("the web service");
  return service;
}

guardNode("WebService", "webhooks:read");
builder.node(WebService, {
  description:
    "doForms: a system that is notified of the records of one form and project, and calls back with an id and password of its own.",
  id: { resolve: (service) => service.id },
  isTypeOf: (value) => typeof value === "object" && value !== null && "externalId" in value,
  loadWithoutCache: (id, context) => ownService(context.doors.core, callerOf(context), id),
  fields: (t) => ({
    externalId: t.exposeString("externalId", {
      description: "What the system calls itself, such as `acme$$1234$$Published$$5678`: unique in the installation.",
    }),
    form: t.exposeString("form", { description: "Notified of events whose scope names this form." }),
    project: t.exposeString("project", { description: "Notified of events whose scope names this project, and the form." }),
    events: t.exposeStringList("events", {
      description: "Notified of these of `added`, `edited`, `deleted` and `status`; empty without a target.",
    }),
    connection: t.field({
      type: Connection,
      nullable: true,
      description: "The shared target whose URLs its notifications go to; null before setWebServiceTarget.",
      resolve: async ({ connectionId }, _args, context) =>
        connectionId === null ? null : ((await connectionOf(context, connectionId)) ?? null),
    }),
    webhookDefinition: t.field({
      type: WebhookDefinition,
      nullable: true,
      description: "The definition of the dialect DOFORMS that sends its notifications; null before setWebServiceTarget.",
      resolve: async ({ definitionId }, _args, context, info) => {
        if (definitionId === null) return null;
        return (await definitionOf(context, definitionId, along<DefinitionsAlong>(context, info, []))) ?? null;
      },
    }),
  }),
});

builder.queryField("webServices", (t) =>
  t.field({
    type: WebServiceConnection,
    description: "The doForms web services of the organization, newest first. Needs the scope webhooks:read.",
    authScopes: { scope: "webhooks:read" },
    args: t.arg.connectionArgs(),
    resolve: async (_root, args, context) => {
      const caller = callerOf(context);
      const kind = listKind("webServices", caller.organizationId);
      const page = pageOf(args, kind, uuidKey);
      const all = await listWebServices(context.doors.core, caller);
      const inside = all.filter(
        ({ id }) => (page.after === undefined || id < page.after) && (page.before === undefined || id > page.before),
      );
      const rows = page.fromBack ? inside.reverse() : inside;
      return pageOfRows(
        sliceOf(page, rows.slice(0, page.limit + 1)),
        (service) => pageCursor(kind, service.id),
        async () => all.length,
      );
    },
  }),
);

mutation("createWebService", {
  description: "Registers a doForms web service. It is notified of nothing before setWebServiceTarget.",
  type: WebService,
  scope: "webhooks:write",
  input: (t) => ({
    externalId: t.string({
      required: true,
      description: "What the system calls itself: 1 to 200 visible ASCII characters without a colon, unique in the installation.",
    }),
    form: t.string({ required: true, description: "1 to 255 characters; matches events whose `scope.form` equals it." }),
    project: t.string({ required: true, description: "1 to 255 characters; matches events whose `scope.project` equals it." }),
    password: t.string({
      required: true,
      description: "1 to 400 characters that it calls back with; stored as a hash, never shown again.",
    }),
  }),
  resolve: ({ externalId, ...input }, { doors, caller }) => createWebService(doors.core, caller, { id: externalId, ...input }),
});

mutation("setWebServiceTarget", {
  description:
    "Has a web service notified, from now on, of some record events through a connection. The first target makes its definition, a later one changes that.",
  type: WebService,
  scope: "webhooks:write",
  input: (t) => ({
    id: t.id({ required: true, description: "The web service to notify; NotFoundError when there is none." }),
    connectionId: t.id({
      required: true,
      description: "The shared target with a URL for each kind of record event; NotFoundError for an unknown one.",
    }),
    events: t.stringList({
      required: true,
      description: "Any of `added`, `edited`, `deleted` and `status`; they replace the former ones.",
    }),
  }),
  resolve: async ({ id, connectionId, events }, { doors, caller }) => {
    const { externalId } = await knownService(doors.core, caller, id);
    return setTarget(doors.core, caller, externalId, { connectionId: uuidOf("Connection", connectionId), events }, doors);
  },
});

mutation("deleteWebService", {
  description: "Deletes a web service and its definition, and answers with it: its id and password open nothing any more.",
  type: WebService,
  scope: "webhooks:write",
  input: (t) => ({ id: t.id({ required: true, description: "The web service to delete; NotFoundError when there is none." }) }),
  resolve: async ({ id }, { doors, caller }) =>
    deleteWebService(doors.core, caller, (await knownService(doors.core, caller, id)).externalId),
});
