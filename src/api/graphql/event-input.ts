/** An event as clients give it: emitEvent, tests of a definition, dry runs. */
import type { InputShapeFromFields } from "@pothos/core";
import { newId } from "../../clock.ts";
import type { Core } from "../../core.ts";
import { changesIssues, scopeIssues } from "../../definitions/text.ts";
import { ValidationError } from "../../errors.ts";
import type { EventView } from "../../wire/dialect.ts";
import { builder } from "./builder.ts";
import { payloadText } from "./written-json.ts";

type BuilderTypes = typeof builder extends PothosSchemaTypes.SchemaBuilder<infer T> ? T : never;
type InputFieldBuilder = PothosSchemaTypes.InputFieldBuilder<BuilderTypes, "InputObject">;

export const eventFields = (t: InputFieldBuilder) => ({
  type: t.string({
    required: true,
    description: "What happened, such as `contact.created`: 1 to 128 letters, digits, `_`, `.` and `-`; case counts.",
  }),
  entity: t.string({
    description: "The kind of thing it happened to, such as `contact`: at most 255 characters. Workflow rules are of one entity.",
  }),
  entityId: t.string({
    description:
      "The id of that thing in your system, such as `18`: at most 255 characters. With entity it makes the lane of ordering KEY.",
  }),
  payload: t.field({
    type: "JSON",
    description: "Any JSON value of at most 1 MiB, delivered with its numbers as they are written; an empty object when absent.",
  }),
  previous: t.field({
    type: "JSON",
    description: "The entity before the change, any JSON value of at most 1 MiB; for filters and transformations.",
  }),
  changes: t.stringList({
    description:
      'Names of the fields that changed, such as `["name"]`, at most 1 000 of at most 255 characters; filters and scripts see them.',
  }),
  scope: t.field({
    type: "JSON",
    description:
      'Where it belongs, an object such as `{"form": "1234"}` of at most 65 536 characters; filters and web services ask for it.',
  }),
  actor: t.string({ description: "Who did it, by the id in your system: at most 255 characters." }),
  occurredAt: t.field({
    type: "DateTime",
    description: "The moment of what happened, for receivers; now when absent. Order is by acceptance, never by this.",
  }),
  idempotencyKey: t.string({
    description:
      "At most 255 characters, unique in the organization: the same event with the same key is taken once, another one is a ConflictError.",
  }),
});

export type EventFields = InputShapeFromFields<ReturnType<typeof eventFields>>;

/** Of an event that is emitted: whose it is decides who gets it. */
export const emittedFields = (t: InputFieldBuilder) => ({
  ...eventFields(t),
  application: t.string({
    description:
      "The uid of the application whose event it is: it goes to that one's definitions and to those without an application. Absent: to the latter alone.",
  }),
  traceparent: t.string({
    description:
      "W3C Trace Context of what made it happen, such as `00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01`: its deliveries belong to that trace. Absent: that of the call's own header `traceparent`, if it has one.",
  }),
  tracestate: t.string({ description: "W3C `tracestate` that goes with traceparent: at most 512 characters." }),
});

export type EmittedFields = InputShapeFromFields<ReturnType<typeof emittedFields>>;

export const EventInput = builder.inputType("EventInput", {
  description: "An event to try something out with; it is not kept in the log of events.",
  fields: eventFields,
});

/** The event as if it had come in just now; nothing is stored. @throws ValidationError for one that could not come */
export function imagined(core: Core, organizationId: string, input: EventFields): EventView {
  const issues = [...changesIssues("event.changes", input.changes), ...scopeIssues("event.scope", input.scope)];
  if (issues.length > 0) throw new ValidationError(issues);
  const now = core.clock.now();
  return {
    id: newId(core.clock),
    organizationId,
    type: input.type,
    entity: input.entity ?? null,
    entityId: input.entityId ?? null,
    payload: payloadText(input.payload),
    previous: input.previous === null || input.previous === undefined ? null : JSON.stringify(input.previous),
    changes: input.changes ?? [],
    scope: (input.scope ?? null) as EventView["scope"],
    actor: input.actor ?? null,
    occurredAt: input.occurredAt ?? now,
    acceptedAt: now,
  };
}
