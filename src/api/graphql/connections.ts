/** Connections: targets that several definitions share. */
import {
  countConnections,
  createConnection,
  deleteConnection,
  listConnections,
  shownConnectionHeaders,
  updateConnection,
} from "../../definitions/connections.ts";
import { shownUrl } from "../../definitions/headers.ts";
import { listKind, pageCursor, pageOf, uuidKey } from "../../requests/page.ts";
import { builder, owned } from "./builder.ts";
import { given, unchangedFields } from "./changes.ts";
import { callerOf } from "./context.ts";
import { mutation, uuidOf } from "./mutation.ts";
import { connectionType, pageOfRows } from "./page.ts";

type BuilderTypes = typeof builder extends PothosSchemaTypes.SchemaBuilder<infer T> ? T : never;
type InputFieldBuilder = PothosSchemaTypes.InputFieldBuilder<BuilderTypes, "InputObject">;

const NOTHING = "without `secrets:read` query values and keys in its path are `***`; null: nothing is sent for it.";

export const Connection = builder.prismaNode("Connection", {
  ...owned("Connection", "webhooks:read"),
  description:
    "A target that several definitions and web services may share: a URL for each kind of record event, and headers that go with every call.",
  fields: (t) => ({
    name: t.exposeString("name", { description: "For people to recognise it by; two connections may have the same." }),
    urlAdded: t.string({
      nullable: true,
      description: `Receives \`record.created\`; ${NOTHING}`,
      resolve: (connection, _args, context) => shownUrl(callerOf(context), connection.urlAdded),
    }),
    urlEdited: t.string({
      nullable: true,
      description: `Receives \`record.updated\`; ${NOTHING}`,
      resolve: (connection, _args, context) => shownUrl(callerOf(context), connection.urlEdited),
    }),
    urlDeleted: t.string({
      nullable: true,
      description: `Receives \`record.deleted\`; ${NOTHING}`,
      resolve: (connection, _args, context) => shownUrl(callerOf(context), connection.urlDeleted),
    }),
    urlStatus: t.string({
      nullable: true,
      description: `Receives \`record.status_changed\`; ${NOTHING}`,
      resolve: (connection, _args, context) => shownUrl(callerOf(context), connection.urlStatus),
    }),
    headers: t.field({
      type: "JSON",
      description:
        'Sent with every call to its own origins, as `[{"name": "X-Plant", "value": "7"}]`; credentials are shown as `***`, without `secrets:read` other values too unless they are public.',
      resolve: (connection, _args, context) => shownConnectionHeaders(context.doors.core, callerOf(context), connection),
    }),
    publicHeaders: t.exposeStringList("publicHeaders", { description: "Names of the headers whose values everybody may see." }),
    warning: t.exposeString("warning", {
      nullable: true,
      description:
        "What the last change of its URLs took away, and why: headers go to the origins that they were given for. Null: nothing.",
    }),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When createConnection was called; lists are in this order." }),
    updatedAt: t.expose("updatedAt", { type: "DateTime", description: "When updateConnection last changed it; createdAt until then." }),
  }),
});
const ConnectionConnection = connectionType("Connection", Connection);

builder.queryField("connections", (t) =>
  t.field({
    type: ConnectionConnection,
    description: "The shared targets of the organization, newest first. Needs the scope webhooks:read.",
    authScopes: { scope: "webhooks:read" },
    args: t.arg.connectionArgs(),
    resolve: async (_root, args, context) => {
      const caller = callerOf(context);
      const kind = listKind("connections", caller.organizationId);
      return pageOfRows(
        await listConnections(context.doors.core, caller, pageOf(args, kind, uuidKey)),
        (connection) => pageCursor(kind, connection.id),
        () => countConnections(context.doors.core, caller),
      );
    },
  }),
);

const HEADERS =
  'At most four, as `[{"name": "X-Plant", "value": "7"}]` or `{"X-Plant": "7"}`; they replace the former ones, and `***` keeps the value of a masked one. Encrypted at rest.';
const PUBLIC_HEADERS =
  "Names of headers whose values everybody may see, such as `X-Plant`; credentials are refused. Absent or null: none, or as it was.";
const FOR = "It must be https, or inside HOOKLINE_EGRESS_ALLOW; null for none.";

const urlFields = (t: InputFieldBuilder) => ({
  urlAdded: t.string({ description: `Receives \`record.created\`. ${FOR}` }),
  urlEdited: t.string({ description: `Receives \`record.updated\`. ${FOR}` }),
  urlDeleted: t.string({ description: `Receives \`record.deleted\`. ${FOR}` }),
  urlStatus: t.string({ description: `Receives \`record.status_changed\`. ${FOR}` }),
});

mutation("createConnection", {
  description: "Makes a target for several definitions; nothing is sent before one uses it.",
  type: Connection,
  scope: "webhooks:write",
  input: (t) => ({
    name: t.string({ required: true, description: "1 to 255 characters, for people to recognise it by." }),
    ...urlFields(t),
    headers: t.field({ type: "JSON", description: HEADERS }),
    publicHeaders: t.stringList({ description: PUBLIC_HEADERS }),
  }),
  resolve: (input, { doors, caller }) => createConnection(doors.core, caller, input),
});

mutation("updateConnection", {
  description: "Changes a shared target for every definition that uses it, from the next attempt on: what is absent stays, null clears.",
  type: Connection,
  scope: "webhooks:write",
  input: (t) => ({
    id: t.id({ required: true, description: "The connection to change; NotFoundError when there is none." }),
    name: t.string({ description: "1 to 255 characters, for people to recognise it by." }),
    ...urlFields(t),
    headers: t.field({ type: "JSON", description: HEADERS }),
    publicHeaders: t.stringList({ description: PUBLIC_HEADERS }),
    ...unchangedFields(t),
  }),
  resolve: ({ id, ifUnchangedSince, ...changes }, { doors, caller }) =>
    updateConnection(doors.core, caller, uuidOf("Connection", id), given(changes, ["name"]), ifUnchangedSince),
});

mutation("deleteConnection", {
  description: "Deletes a shared target and answers with it. ConflictError while a definition or web service uses it.",
  type: Connection,
  scope: "webhooks:write",
  input: (t) => ({ id: t.id({ required: true, description: "The connection to delete; none may use it any more." }) }),
  resolve: ({ id }, { doors, caller }) => deleteConnection(doors.core, caller, uuidOf("Connection", id)),
});
