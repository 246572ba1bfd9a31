/** Connections: targets that several definitions share. */
import type { Connection as ConnectionRow } from "../../db/generated/prisma/client.ts";
import {
  countConnections,
  createConnection,
  deleteConnection,
  findConnection,
  listConnections,
  shownConnectionHeaders,
  updateConnection,
} from "../../definitions/connections.ts";
import { shownUrl } from "../../definitions/headers.ts";
import { pageCursor, pageOf, uuidKey } from "../../requests/page.ts";
import { builder, guardNode } from "./builder.ts";
import { given } from "./changes.ts";
import { callerOf } from "./context.ts";
import { mutation, uuidOf } from "./mutation.ts";
import { connectionType, pageOfRows } from "./page.ts";

export const Connection = builder.objectRef<ConnectionRow>("Connection");
const ConnectionConnection = connectionType("Connection", Connection);

guardNode("Connection", "webhooks:read");
builder.node(Connection, {
  description: "A target that several definitions may share: a URL per record action, and headers sent with every request.",
  id: { resolve: (connection) => connection.id },
  isTypeOf: (value) => typeof value === "object" && value !== null && "urlAdded" in value,
  loadWithoutCache: (id, context) => findConnection(context.doors.core, callerOf(context), id),
  fields: (t) => ({
    name: t.exposeString("name", { description: "Its name." }),
    urlAdded: t.string({
      nullable: true,
      description: "Where records that were added go; null: nothing is sent for them.",
      resolve: (connection, _args, context) => shownUrl(callerOf(context), connection.urlAdded),
    }),
    urlEdited: t.string({
      nullable: true,
      description: "Where records that were edited go.",
      resolve: (connection, _args, context) => shownUrl(callerOf(context), connection.urlEdited),
    }),
    urlDeleted: t.string({
      nullable: true,
      description: "Where records that were deleted go.",
      resolve: (connection, _args, context) => shownUrl(callerOf(context), connection.urlDeleted),
    }),
    urlStatus: t.string({
      nullable: true,
      description: "Where changes of a dispatch status go.",
      resolve: (connection, _args, context) => shownUrl(callerOf(context), connection.urlStatus),
    }),
    headers: t.field({
      type: "JSON",
      description:
        "A list of {name, value}. Credentials are shown as *** to everybody, other values to those without `secrets:read` unless they are public.",
      resolve: (connection, _args, context) => shownConnectionHeaders(context.doors.core, callerOf(context), connection),
    }),
    publicHeaders: t.exposeStringList("publicHeaders", { description: "Names of headers whose values everybody may see." }),
    warning: t.exposeString("warning", {
      nullable: true,
      description: "What its last change of URLs took away, and why: its headers go to its own origins only. Null: nothing.",
    }),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When it was made." }),
    updatedAt: t.expose("updatedAt", { type: "DateTime", description: "When it was last changed." }),
  }),
});

builder.queryField("connections", (t) =>
  t.field({
    type: ConnectionConnection,
    description: "The connections of the organization, newest first.",
    authScopes: { scope: "webhooks:read" },
    args: t.arg.connectionArgs(),
    resolve: async (_root, args, context) => {
      const caller = callerOf(context);
      return pageOfRows(
        await listConnections(context.doors.core, caller, pageOf(args, "connections", uuidKey)),
        (connection) => pageCursor("connections", connection.id),
        () => countConnections(context.doors.core, caller),
      );
    },
  }),
);

const HEADERS = "At most four, as a list of {name, value} or an object {name: value}; *** keeps the stored value.";
const PUBLIC_HEADERS = "Names of headers whose values everybody may see; those of credentials are refused. Absent: none, or as it was.";

mutation("createConnection", {
  description: "Makes a connection.",
  type: Connection,
  scope: "webhooks:write",
  input: (t) => ({
    name: t.string({ required: true, description: "Its name." }),
    urlAdded: t.string({ description: "Where records that were added go." }),
    urlEdited: t.string({ description: "Where records that were edited go." }),
    urlDeleted: t.string({ description: "Where records that were deleted go." }),
    urlStatus: t.string({ description: "Where changes of a dispatch status go." }),
    headers: t.field({ type: "JSON", description: HEADERS }),
    publicHeaders: t.stringList({ description: PUBLIC_HEADERS }),
  }),
  resolve: (input, { doors, caller }) => createConnection(doors.core, caller, input),
});

mutation("updateConnection", {
  description: "Changes a connection, for every definition that uses it: what is absent stays, null clears.",
  type: Connection,
  scope: "webhooks:write",
  input: (t) => ({
    id: t.id({ required: true, description: "Which." }),
    name: t.string({ description: "Its name." }),
    urlAdded: t.string({ description: "Where records that were added go." }),
    urlEdited: t.string({ description: "Where records that were edited go." }),
    urlDeleted: t.string({ description: "Where records that were deleted go." }),
    urlStatus: t.string({ description: "Where changes of a dispatch status go." }),
    headers: t.field({ type: "JSON", description: HEADERS }),
    publicHeaders: t.stringList({ description: PUBLIC_HEADERS }),
  }),
  resolve: ({ id, ...changes }, { doors, caller }) =>
    updateConnection(doors.core, caller, uuidOf("Connection", id), given(changes, ["name"])),
});

mutation("deleteConnection", {
  description: "Deletes a connection. ConflictError while a definition uses it.",
  type: Connection,
  scope: "webhooks:write",
  input: (t) => ({ id: t.id({ required: true, description: "Which." }) }),
  resolve: ({ id }, { doors, caller }) => deleteConnection(doors.core, caller, uuidOf("Connection", id)),
});
