/** doForms' web services: who is notified of the records of a form and project, and may call back. */
import type { Caller } from "../../accounts/caller.ts";
import type { Core } from "../../core.ts";
import { findConnection } from "../../definitions/connections.ts";
import { getDefinitions } from "../../definitions/find.ts";
import {
  createWebService,
  deleteWebService,
  listWebServices,
  type WebService as Service,
  setTarget,
  webServiceOf,
} from "../../definitions/web-services.ts";
import { NotFoundError } from "../../errors.ts";
import { pageCursor, pageOf, sliceOf, uuidKey } from "../../requests/page.ts";
import { builder, guardNode } from "./builder.ts";
import { Connection } from "./connections.ts";
import { callerOf } from "./context.ts";
import { mutation, uuidOf } from "./mutation.ts";
import { WebhookDefinition } from "./nodes.ts";
import { connectionType, pageOfRows } from "./page.ts";

const WebService = builder.objectRef<Service>("WebService");
const WebServiceConnection = connectionType("WebService", WebService);

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
  description: "doForms: whoever is notified of the records of a form and project, and calls back with an id and password of its own.",
  id: { resolve: (service) => service.id },
  isTypeOf: (value) => typeof value === "object" && value !== null && "externalId" in value,
  loadWithoutCache: (id, context) => ownService(context.doors.core, callerOf(context), id),
  fields: (t) => ({
    externalId: t.exposeString("externalId", { description: "Its own id, unique in the installation." }),
    form: t.exposeString("form", { description: "The form whose records it is notified of." }),
    project: t.exposeString("project", { description: "The project whose records it is notified of." }),
    events: t.exposeStringList("events", { description: "added, edited, deleted, status: what it is notified of." }),
    connection: t.field({
      type: Connection,
      nullable: true,
      description: "Where its notifications go; null without a target.",
      resolve: ({ connectionId }, _args, context) =>
        connectionId === null ? null : findConnection(context.doors.core, callerOf(context), connectionId),
    }),
    webhookDefinition: t.field({
      type: WebhookDefinition,
      nullable: true,
      description: "What notifies it; null without a target.",
      resolve: async ({ definitionId }, _args, context) =>
        definitionId === null ? null : ((await getDefinitions(context.doors.core, callerOf(context), [definitionId]))[0] ?? null),
    }),
  }),
});

builder.queryField("webServices", (t) =>
  t.field({
    type: WebServiceConnection,
    description: "The web services of the organization, newest first.",
    authScopes: { scope: "webhooks:read" },
    args: t.arg.connectionArgs(),
    resolve: async (_root, args, context) => {
      const page = pageOf(args, "webServices", uuidKey);
      const all = await listWebServices(context.doors.core, callerOf(context));
      const inside = all.filter(
        ({ id }) => (page.after === undefined || id < page.after) && (page.before === undefined || id > page.before),
      );
      const rows = page.fromBack ? inside.reverse() : inside;
      return pageOfRows(
        sliceOf(page, rows.slice(0, page.limit + 1)),
        (service) => pageCursor("webServices", service.id),
        async () => all.length,
      );
    },
  }),
);

mutation("createWebService", {
  description: "Makes a web service without a target.",
  type: WebService,
  scope: "webhooks:write",
  input: (t) => ({
    externalId: t.string({ required: true, description: "Its own id: visible ASCII without a colon, unique in the installation." }),
    form: t.string({ required: true, description: "The form whose records it is notified of." }),
    project: t.string({ required: true, description: "The project whose records it is notified of." }),
    password: t.string({ required: true, description: "What it calls back with; never shown again." }),
  }),
  resolve: ({ externalId, ...input }, { doors, caller }) => createWebService(doors.core, caller, { id: externalId, ...input }),
});

mutation("setWebServiceTarget", {
  description: "Notifies a web service from now on through a connection of some record events. The first target makes its definition.",
  type: WebService,
  scope: "webhooks:write",
  input: (t) => ({
    id: t.id({ required: true, description: "Which." }),
    connectionId: t.id({ required: true, description: "Through which connection." }),
    events: t.stringList({ required: true, description: "added, edited, deleted, status." }),
  }),
  resolve: async ({ id, connectionId, events }, { doors, caller }) => {
    const { externalId } = await knownService(doors.core, caller, id);
    return setTarget(doors.core, caller, externalId, { connectionId: uuidOf("Connection", connectionId), events }, doors);
  },
});

mutation("deleteWebService", {
  description: "Deletes a web service and its definition; its credentials are good no more.",
  type: WebService,
  scope: "webhooks:write",
  input: (t) => ({ id: t.id({ required: true, description: "Which." }) }),
  resolve: async ({ id }, { doors, caller }) =>
    deleteWebService(doors.core, caller, (await knownService(doors.core, caller, id)).externalId),
});
