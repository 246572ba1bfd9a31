/** The organization's catalogue of event types. */
import { countEventTypes, createEventType, deleteEventType, listEventTypes, updateEventType } from "../../definitions/event-types.ts";
import { type Imported, importEventTypes } from "../../definitions/import-event-types.ts";
import { listKind, pageCursor, pageOf, uuidKey } from "../../requests/page.ts";
import { JsonSource } from "../../wire/json-source.ts";
import { elements } from "../../wire/json-text.ts";
import { builder, owned } from "./builder.ts";
import { callerOf } from "./context.ts";
import { exactJson } from "./exact-json.ts";
import { mutation, uuidOf } from "./mutation.ts";
import { connectionType, pageOfRows } from "./page.ts";

const exactSchema = exactJson("event_type", "schema");
const exactExamples = exactJson("event_type", "examples");

const EventType = builder.prismaNode("EventType", {
  ...owned("EventType", "webhooks:read"),
  description: "An entry of the organization's catalogue. Events of other types are accepted too, unless it enforces its catalogue.",
  fields: (t) => ({
    name: t.exposeString("name", { description: "What events carry as their `type`, such as `order.created`; never changed." }),
    description: t.exposeString("description", {
      nullable: true,
      description: "For people who choose event types: when such an event happens.",
    }),
    schema: t.field({
      type: "JSON",
      nullable: true,
      resolve: (type, _args, context) => exactSchema(type, type.schema, context),
      description: "JSON Schema 2020-12 of the payload; events are judged by it where eventTypeEnforcement is SCHEMAS.",
    }),
    examples: t.field({
      type: ["JSON"],
      description: "Payloads that fit the schema, numbers as they were written; testWebhookDefinition sends the first.",
      resolve: async (type, _args, context) => {
        const exact = await exactExamples(type, type.examples, context);
        return exact instanceof JsonSource ? (elements(exact.text) ?? []).map((each) => new JsonSource(each)) : (exact as unknown[]);
      },
    }),
    version: t.exposeInt("version", { description: "1 of a new one, and one more with each change of its schema." }),
    deprecated: t.exposeBoolean("deprecated", {
      description: "Nobody new should build on it. Its events are accepted and delivered as before.",
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
      const kind = listKind("eventTypes", caller.organizationId);
      return pageOfRows(
        await listEventTypes(context.doors.core, caller, pageOf(args, kind, uuidKey)),
        (type) => pageCursor(kind, type.id),
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
    schema: t.field({
      type: "JSON",
      description: "JSON Schema 2020-12 of the payload: true, false, or an object of at most 64 KiB without references to elsewhere.",
    }),
    examples: t.field({ type: ["JSON"], description: "Payloads that fit the schema: at most 20, each of at most 64 KiB." }),
    deprecated: t.boolean({ description: "true: nobody new should build on it; false when absent." }),
  }),
  resolve: (input, { doors, caller }) => createEventType(doors.core, caller, input),
});

mutation("updateEventType", {
  description:
    "Changes an event type, never its name: what is absent stays, null clears. Schema and examples must fit each other, also where only one of them is given.",
  type: EventType,
  scope: "webhooks:write",
  input: (t) => ({
    id: t.id({ required: true, description: "The event type to describe anew; NotFoundError when there is none." }),
    description: t.string({ description: "When such an event happens, in at most 4000 characters; null clears it." }),
    schema: t.field({
      type: "JSON",
      description: "JSON Schema of the payload: true, false, or an object of at most 64 KiB; null clears it.",
    }),
    examples: t.field({ type: ["JSON"], description: "All of them anew, at most 20, each of at most 64 KiB; an empty list clears them." }),
    deprecated: t.boolean({ description: "true: nobody new should build on it; false takes that back." }),
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

const ImportedEventTypes = builder.objectRef<Imported>("ImportedEventTypes").implement({
  description: "What importEventTypes did, or with dryRun would do, by the names of the event types.",
  fields: (t) => ({
    created: t.exposeStringList("created", { description: "Those that were not in the catalogue, in the document's order." }),
    updated: t.exposeStringList("updated", { description: "Those whose description, schema, examples or deprecation changed." }),
    unchanged: t.exposeStringList("unchanged", { description: "Those that stand in the catalogue as the document says." }),
  }),
});

mutation("importEventTypes", {
  description:
    "Takes event types from an OpenAPI 3.1 document's `webhooks`, or the messages of an AsyncAPI 3 document's channels, into the catalogue, all or nothing. Types that the document does not name stay as they are.",
  type: ImportedEventTypes,
  scope: "webhooks:write",
  input: (t) => ({
    document: t.field({
      type: "JSON",
      required: true,
      description: "The document itself, an object of at most 4 MiB and 1000 event types, with local references only.",
    }),
    dryRun: t.boolean({ defaultValue: false, description: "true checks everything and says what would be done, and writes nothing." }),
  }),
  resolve: (input, { doors, caller }) => importEventTypes(doors.core, caller, { document: input.document, dryRun: input.dryRun ?? false }),
});
