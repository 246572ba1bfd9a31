/** Erasure: of payloads by a filter, and of a whole organization. */
import { deleteOrganization, findErasure, type OrganizationErasure as Row } from "../../accounts/erase-organization.ts";
import { type ErasureRow, erasePayloads, showErasures } from "../../requests/erase.ts";
import { globalId, idOf } from "../../wire/ids.ts";
import { builder, guardNode } from "./builder.ts";
import { callerOf } from "./context.ts";
import { inOrder } from "./loader.ts";
import { mutation, uuidOf } from "./mutation.ts";
import { requestFilter, WebhookRequestFilter } from "./request-filter.ts";

const ErasureState = builder.enumType("ErasureState", {
  description: "How far an erasure of payloads is.",
  values: {
    RUNNING: { description: "It goes on in the background, also after a restart." },
    DONE: { description: "Every request that the filter found was dealt with." },
    FAILED: { description: "It cannot go on; what was erased stays erased." },
  } as const,
});

const Erasure = builder.objectRef<ErasureRow>("Erasure");

guardNode("Erasure", "admin");
builder.node(Erasure, {
  description: "Payloads erased from the log: the rows stay, their texts are null.",
  id: { resolve: (erasure) => erasure.id },
  isTypeOf: (value) => typeof value === "object" && value !== null && "leftOut" in value,
  loadManyWithoutCache: async (ids, context) => inOrder(ids, await showErasures(context.doors.core, callerOf(context).organizationId, ids)),
  fields: (t) => ({
    total: t.exposeInt("total", {
      description:
        "How many requests the filter found when it began, as far as it looked (100 000 requests), and as many as were found since.",
    }),
    erased: t.exposeInt("erased", { description: "How many of them have lost their texts so far." }),
    leftOut: t.exposeInt("leftOut", {
      description: "How many were left alone: not settled, or of an event that another request has still to send.",
    }),
    state: t.expose("state", { type: ErasureState, description: "RUNNING until every request that the filter found was dealt with." }),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When erasePayloads was called." }),
  }),
});

mutation("erasePayloads", {
  description:
    "Erases the texts of all requests that match, in the background: payload, previous and scope of their events, what was sent and what came back. " +
    "The rows stay, and none of them can be sent again. Backups keep what they have.",
  type: Erasure,
  scope: "admin",
  only: "ADMIN",
  input: (t) => ({
    filter: t.field({
      type: WebhookRequestFilter,
      required: true,
      description: 'Picks the requests whose texts go, such as `{entity: "person", entityId: "18"}`; `{}` picks all.',
    }),
    cancelQueued: t.boolean({
      defaultValue: false,
      description: "Gives up what is still to be sent of these events; else those requests are left out.",
    }),
  }),
  resolve: (input, { doors, caller }) =>
    erasePayloads(doors.core, doors.jobs, caller, requestFilter(caller, input.filter), input.cancelQueued ?? false),
});

const OrganizationErasure = builder.objectRef<Row>("OrganizationErasure").implement({
  description: "An organization that is being erased, or was.",
  fields: (t) => ({
    organizationId: t.id({
      description: "Its former global id.",
      resolve: ({ organizationId }) => globalId("Organization", organizationId),
    }),
    total: t.field({
      type: "SafeInt",
      description:
        "How many rows there were when it began; of each table at most 10 000 are counted. When more than these are gone, as many as are gone.",
      resolve: ({ total }) => total,
    }),
    done: t.field({ type: "SafeInt", description: "How many are gone.", resolve: ({ done }) => done }),
    startedAt: t.expose("startedAt", { type: "DateTime", description: "When deleteOrganization was called." }),
    finishedAt: t.expose("finishedAt", { type: "DateTime", nullable: true, description: "When nothing of it was left; null: it goes on." }),
  }),
});

mutation("deleteOrganization", {
  description:
    "Erases an organization: from now on nobody can sign in to it and nothing is sent; then all its rows go, the audit log with them. " +
    "One entry in the operator's own log stays. ConflictError for the operator's own organization.",
  type: OrganizationErasure,
  scope: "admin",
  only: "operator",
  input: (t) => ({
    id: t.id({
      required: true,
      description: "Global id, `org_…`; NotFoundError for an unknown one, ConflictError for the operator's own.",
    }),
    name: t.string({ required: true, description: "Its name, typed again; ValidationError for any other." }),
  }),
  resolve: ({ id, name }, { doors, caller }) =>
    deleteOrganization(doors.core, doors.jobs, caller, { id: uuidOf("Organization", id), name }),
});

builder.queryField("organizationErasure", (t) =>
  t.field({
    type: OrganizationErasure,
    nullable: true,
    description: "How far the erasure of an organization is; null when there is none. The operator's.",
    authScopes: { scope: "admin" },
    args: { organizationId: t.arg.id({ required: true, description: "Its global id, also when it is gone." }) },
    resolve: (_root, { organizationId }, context) => {
      const id = idOf("Organization", organizationId);
      return id === undefined ? null : findErasure(context.doors.core, callerOf(context), id);
    },
  }),
);
