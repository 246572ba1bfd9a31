/** An event as clients give it: emitEvent, tests of a definition, dry runs. */
import type { InputShapeFromFields } from "@pothos/core";
import { newId } from "../../clock.ts";
import type { Core } from "../../core.ts";
import type { EventView } from "../../wire/dialect.ts";
import { builder } from "./builder.ts";

type BuilderTypes = typeof builder extends PothosSchemaTypes.SchemaBuilder<infer T> ? T : never;
type InputFieldBuilder = PothosSchemaTypes.InputFieldBuilder<BuilderTypes, "InputObject">;

export const eventFields = (t: InputFieldBuilder) => ({
  type: t.string({ required: true, description: "What happened, such as `contact.created`." }),
  entity: t.string({ description: "The kind of thing it happened to, such as `contact`." }),
  entityId: t.string({ description: "Which one, by its id in your system." }),
  payload: t.field({ type: "JSON", description: "Any JSON value; an empty object when absent." }),
  previous: t.field({ type: "JSON", description: "The entity before the change." }),
  changes: t.stringList({ description: "The names of the fields that changed." }),
  scope: t.field({ type: "JSON", description: "Where it belongs, an object: workflow, survey, group, form, project." }),
  actor: t.string({ description: "Who did it, by the id in your system." }),
  occurredAt: t.field({ type: "DateTime", description: "When it happened; now when absent." }),
  idempotencyKey: t.string({ description: "Sent again with the same key, the same event is taken once." }),
});

export type EventFields = InputShapeFromFields<ReturnType<typeof eventFields>>;

export const EventInput = builder.inputType("EventInput", { description: "An event that is not logged.", fields: eventFields });

/** The event as if it had come in just now; nothing is stored. */
export function imagined(core: Core, organizationId: string, input: EventFields): EventView {
  const now = core.clock.now();
  return {
    id: newId(core.clock),
    organizationId,
    type: input.type,
    entity: input.entity ?? null,
    entityId: input.entityId ?? null,
    payload: JSON.stringify(input.payload ?? {}),
    previous: input.previous === null || input.previous === undefined ? null : JSON.stringify(input.previous),
    changes: input.changes ?? [],
    scope: (input.scope ?? null) as EventView["scope"],
    actor: input.actor ?? null,
    occurredAt: input.occurredAt ?? now,
    acceptedAt: now,
  };
}
