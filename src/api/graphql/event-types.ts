/** The organization's catalogue of event types. */
import type { EventType as EventTypeRow } from "../../db/generated/prisma/client.ts";
import {
  countEventTypes,
  createEventType,
  deleteEventType,
  findEventType,
  listEventTypes,
  updateEventType,
} from "../../definitions/event-types.ts";
import { pageCursor, pageOf, uuidKey } from "../../requests/page.ts";
import { builder, guardNode } from "./builder.ts";
import { callerOf } from "./context.ts";
import { mutation, uuidOf } from "./mutation.ts";
import { connectionType, pageOfRows } from "./page.ts";

const EventType = builder.objectRef<EventTypeRow>("EventType");
const EventTypeConnection = connectionType("EventType", EventType);

guardNode("EventType", "webhooks:read");
builder.node(EventType, {
  description: "A type of event that the organization knows. Others are accepted too, unless it enforces its catalogue.",
  id: { resolve: (type) => type.id },
  isTypeOf: (value) => typeof value === "object" && value !== null && "schema" in value && "name" in value,
  loadWithoutCache: (id, context) => findEventType(context.doors.core, callerOf(context), id),
  fields: (t) => ({
    name: t.exposeString("name", { description: "What events carry as their type, such as `order.created`." }),
    description: t.exposeString("description", { nullable: true, description: "When it happens." }),
    schema: t.expose("schema", { type: "JSON", nullable: true, description: "A JSON schema of its payload, for people; not enforced." }),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When it was added." }),
  }),
});

builder.queryField("eventTypes", (t) =>
  t.field({
    type: EventTypeConnection,
    description: "The organization's catalogue of event types, newest first.",
    authScopes: { scope: "webhooks:read" },
    args: t.arg.connectionArgs(),
    resolve: async (_root, args, context) => {
      const caller = callerOf(context);
      return pageOfRows(
        await listEventTypes(context.doors.core, caller, pageOf(args, "eventTypes", uuidKey)),
        (type) => pageCursor("eventTypes", type.id),
        () => countEventTypes(context.doors.core, caller),
      );
    },
  }),
);

mutation("createEventType", {
  description: "Adds a type of event to the catalogue.",
  type: EventType,
  scope: "webhooks:write",
  input: (t) => ({
    name: t.string({ required: true, description: "Letters, digits, _ . -, at most 128, such as `order.created`. It never changes." }),
    description: t.string({ description: "When it happens." }),
    schema: t.field({ type: "JSON", description: "A JSON schema of its payload, for people." }),
  }),
  resolve: (input, { doors, caller }) => createEventType(doors.core, caller, input),
});

mutation("updateEventType", {
  description: "Changes how an event type is described: what is absent stays, null clears.",
  type: EventType,
  scope: "webhooks:write",
  input: (t) => ({
    id: t.id({ required: true, description: "Which." }),
    description: t.string({ description: "When it happens." }),
    schema: t.field({ type: "JSON", description: "A JSON schema of its payload, for people." }),
  }),
  resolve: ({ id, ...changes }, { doors, caller }) => updateEventType(doors.core, caller, uuidOf("EventType", id), changes),
});

mutation("deleteEventType", {
  description: "Takes an event type out of the catalogue. Definitions that name it go on.",
  type: EventType,
  scope: "webhooks:write",
  input: (t) => ({ id: t.id({ required: true, description: "Which." }) }),
  resolve: ({ id }, { doors, caller }) => deleteEventType(doors.core, caller, uuidOf("EventType", id)),
});
