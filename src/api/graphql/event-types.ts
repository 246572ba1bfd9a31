/** The organization's catalogue of event types. */
import { countEventTypes, createEventType, deleteEventType, listEventTypes, updateEventType } from "../../definitions/event-types.ts";
import { pageCursor, pageOf, uuidKey } from "../../requests/page.ts";
import { builder, owned } from "./builder.ts";
import { callerOf } from "./context.ts";
import { mutation, uuidOf } from "./mutation.ts";
import { connectionType, pageOfRows } from "./page.ts";

const EventType = builder.prismaNode("EventType", {
  ...owned("EventType", "webhooks:read"),
  description: "An entry of the organization's catalogue. Events of other types are accepted too, unless it enforces its catalogue.",
  fields: (t) => ({
    name: t.exposeString("name", { description: "What events carry as their `type`, such as `order.created`; never changed." }),
    description: t.exposeString("description", {
      nullable: true,
      description: "For people who choose event types: when such an event happens.",
    }),
    schema: t.expose("schema", {
      type: "JSON",
      nullable: true,
      description: "JSON Schema of the payload, for people; events are not judged by it.",
    }),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When createEventType was called; lists are in this order." }),
  }),
});
const EventTypeConnection = connectionType("EventType", EventType);

builder.queryField("eventTypes", (t) =>
  t.field({
    type: EventTypeConnection,
    description: "The organization's catalogue of event types, newest first. Needs the scope webhooks:read.",
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
  description: "Adds an event type to the catalogue. ConflictError when its name stands there already.",
  type: EventType,
  scope: "webhooks:write",
  input: (t) => ({
    name: t.string({
      required: true,
      description: "1 to 128 letters, digits, `_`, `.` and `-`, such as `order.created`; case counts. It never changes.",
    }),
    description: t.string({ description: "For people who choose event types: when such an event happens. At most 4000 characters." }),
    schema: t.field({ type: "JSON", description: "JSON Schema of the payload, an object of at most 64 KiB; for people." }),
  }),
  resolve: (input, { doors, caller }) => createEventType(doors.core, caller, input),
});

mutation("updateEventType", {
  description: "Changes how an event type is described, never its name: what is absent stays, null clears.",
  type: EventType,
  scope: "webhooks:write",
  input: (t) => ({
    id: t.id({ required: true, description: "The event type to describe anew; NotFoundError when there is none." }),
    description: t.string({ description: "When such an event happens, in at most 4000 characters; null clears it." }),
    schema: t.field({ type: "JSON", description: "JSON Schema of the payload, an object of at most 64 KiB; null clears it." }),
  }),
  resolve: ({ id, ...changes }, { doors, caller }) => updateEventType(doors.core, caller, uuidOf("EventType", id), changes),
});

mutation("deleteEventType", {
  description:
    "Takes an event type out of the catalogue and answers with it. Definitions that name it go on; where the catalogue is enforced such events are refused from now on.",
  type: EventType,
  scope: "webhooks:write",
  input: (t) => ({ id: t.id({ required: true, description: "The event type to take out; NotFoundError when there is none." }) }),
  resolve: ({ id }, { doors, caller }) => deleteEventType(doors.core, caller, uuidOf("EventType", id)),
});
