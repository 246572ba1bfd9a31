/** Events: what happened. Emitting them, and the log of what was accepted. */

import { isEventType } from "../../definitions/match.ts";
import { isPlainObject, jsonIssues } from "../../definitions/text.ts";
import { type Issue, ValidationError } from "../../errors.ts";
import type { EventInput } from "../../events/input.ts";
import { countEvents, type EventNode, listEvents, readEvents } from "../../requests/event.ts";
import { countRequestsOfEvent, requestsOfEvent } from "../../requests/event-requests.ts";
import { pageCursor, pageOf, uuidKey } from "../../requests/page.ts";
import { idOf } from "../../wire/ids.ts";
import { JsonSource } from "../../wire/json-source.ts";
import { checkJson } from "../../wire/json-text.ts";
import { EVENTS } from "../limits.ts";
import { builder, guardNode } from "./builder.ts";
import { callerOf } from "./context.ts";
import { type EventFields, eventFields } from "./event-input.ts";
import { inOrder } from "./loader.ts";
import { mutation, type SignedIn } from "./mutation.ts";
import { WebhookRequestConnection } from "./nodes.ts";
import { connectionType, pageOfRows } from "./page.ts";

export const Event = builder.objectRef<EventNode>("Event");
const EventConnection = connectionType("Event", Event);

guardNode("Event", "webhooks:read");
builder.node(Event, {
  description: "Something that happened.",
  id: { resolve: (event) => event.id },
  isTypeOf: (value) => typeof value === "object" && value !== null && "texts" in value,
  loadManyWithoutCache: async (ids, context) =>
    inOrder(ids, await readEvents(context.doors.core.db, callerOf(context).organizationId, ids)),
  fields: (t) => ({
    type: t.exposeString("type", { description: "What happened, such as `contact.created`." }),
    entity: t.exposeString("entity", { nullable: true, description: "The kind of thing it happened to." }),
    entityId: t.exposeString("entityId", { nullable: true, description: "Which one." }),
    payload: t.field({
      type: "JSON",
      nullable: true,
      description: "What the emitter sent along.",
      resolve: async (event) => new JsonSource((await event.texts()).payload),
    }),
    previous: t.field({
      type: "JSON",
      nullable: true,
      description: "The entity before the change.",
      resolve: async (event) => {
        const { previous } = await event.texts();
        return previous === null ? null : new JsonSource(previous);
      },
    }),
    changes: t.exposeStringList("changes", { description: "The names of the fields that changed." }),
    scope: t.expose("scope", { type: "JSON", nullable: true, description: "Where it belongs: workflow, survey, group, form, project." }),
    actor: t.exposeString("actor", { nullable: true, description: "Who did it." }),
    source: t.exposeString("source", { nullable: true, description: "Its CloudEvents source, when it came as one." }),
    occurredAt: t.expose("occurredAt", { type: "DateTime", description: "When it happened." }),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When it was accepted." }),
    requests: t.field({
      type: WebhookRequestConnection,
      description: "The requests it made, one per definition that wanted it; newest first.",
      authScopes: { scope: "webhooks:read" },
      args: t.arg.connectionArgs(),
      resolve: async (event, args, { doors }) => {
        const kind = `requests:${event.organizationId}`;
        return pageOfRows(
          await requestsOfEvent(doors.core.db, event, pageOf(args, kind, uuidKey)),
          (request) => pageCursor(kind, request.id),
          () => countRequestsOfEvent(doors.core.db, event),
        );
      },
    }),
  }),
});

builder.queryFields((t) => ({
  events: t.field({
    type: EventConnection,
    description: "What was accepted, newest first, also what no definition wanted.",
    authScopes: { scope: "webhooks:read" },
    args: t.arg.connectionArgs(),
    resolve: async (_root, args, context) => {
      const { organizationId } = callerOf(context);
      const { db } = context.doors.core;
      const kind = `events:${organizationId}`;
      return pageOfRows(
        await listEvents(db, organizationId, pageOf(args, kind, uuidKey)),
        (event) => pageCursor(kind, event.id),
        () => countEvents(db, organizationId),
      );
    },
  }),
  event: t.field({
    type: Event,
    nullable: true,
    description: "An event by its id; null when it is unknown.",
    authScopes: { scope: "webhooks:read" },
    args: { id: t.arg.id({ required: true, description: "Its global id." }) },
    resolve: async (_root, args, context) => {
      const id = idOf("Event", args.id);
      return (id && (await readEvents(context.doors.core.db, callerOf(context).organizationId, [id]))[0]) || null;
    },
  }),
}));

/** Characters of type, entity, entityId, actor and key. */
const SHORT = 255;
const PAYLOAD_BYTES = 2 ** 20;
const DEPTH = 64;

function issuesOf(event: EventFields, texts: { payload: string; previous: string | null }, at: (field: string) => string): Issue[] {
  const issues: Issue[] = [];
  const say = (field: string, message: string) => issues.push({ path: at(field), message });
  if (!isEventType(event.type)) say("type", "must be letters, digits, _ . -, at most 128, and start with a letter, a digit or _");
  for (const field of ["entity", "entityId", "actor", "idempotencyKey"] as const) {
    if ((event[field]?.length ?? 0) > SHORT) say(field, `must have at most ${SHORT} characters`);
  }
  if (event.idempotencyKey === "") say("idempotencyKey", "must not be empty");
  if (event.scope != null && !isPlainObject(event.scope)) say("scope", "must be an object");
  else issues.push(...jsonIssues(at("scope"), event.scope, PAYLOAD_BYTES));
  for (const field of ["payload", "previous"] as const) {
    const text = texts[field];
    if (text === null) continue;
    const problem = checkJson(text, { maxDepth: DEPTH });
    if (problem) say(field, problem.message);
    if (Buffer.byteLength(text) > PAYLOAD_BYTES) say(field, "must not be larger than 1 MiB");
  }
  return issues;
}

/** @throws ValidationError naming every mistake */
function eventInputs(events: readonly EventFields[], at: (i: number, field: string) => string): EventInput[] {
  const issues: Issue[] = [];
  const inputs = events.map((event, i): EventInput => {
    const texts = {
      payload: JSON.stringify(event.payload ?? {}),
      previous: event.previous == null ? null : JSON.stringify(event.previous),
    };
    issues.push(...issuesOf(event, texts, (field) => at(i, field)));
    return {
      type: event.type,
      entity: event.entity ?? null,
      entityId: event.entityId ?? null,
      ...texts,
      changes: event.changes ?? [],
      scope: (event.scope ?? null) as EventInput["scope"] & object,
      actor: event.actor ?? null,
      ...(event.occurredAt ? { occurredAt: event.occurredAt } : {}),
      ...(event.idempotencyKey == null ? {} : { idempotencyKey: event.idempotencyKey }),
    };
  });
  if (issues.length > 0) throw new ValidationError(issues);
  return inputs;
}

async function emit({ doors, caller }: SignedIn, inputs: EventInput[]): Promise<EventNode[]> {
  const { events } = await doors.ingest.emit(
    caller.organizationId,
    inputs.map((input) => ({ ...input, callerNumber: caller.userNumber })),
    { token: caller.tokenRate },
  );
  const ids = events.map((event) => event.id);
  return inOrder(ids, await readEvents(doors.core.db, caller.organizationId, ids)).filter((event) => event !== null);
}

const EmitEventInput = mutation("emitEvent", {
  description: "Takes an event in: once this answers with it, it is committed, and so are the requests it makes.",
  type: Event,
  scope: "events:write",
  input: eventFields,
  resolve: async (input, context) => {
    try {
      const [event] = await emit(
        context,
        eventInputs([input], (_, field) => field),
      );
      if (!event) throw new Error("an event that was just accepted is not there");
      return event;
    } catch (error) {
      // The domain counts events; here there is but one.
      if (!(error instanceof ValidationError)) throw error;
      throw new ValidationError(error.issues.map(({ path, message }) => ({ path: path.replace(/^events\.0\.?/, ""), message })));
    }
  },
});

const EmittedEvents = builder.objectRef<{ events: EventNode[] }>("EmittedEvents").implement({
  description: "Events that were taken in together.",
  fields: (t) => ({ events: t.expose("events", { type: [Event], description: "In the order they were given." }) }),
});

mutation("emitEvents", {
  description: "Takes several events in, in their order: all or nothing.",
  type: EmittedEvents,
  scope: "events:write",
  input: (t) => ({ events: t.field({ type: [EmitEventInput], required: true, description: "At least one, at most 1000." }) }),
  resolve: async ({ events }, context) => {
    if (events.length < 1 || events.length > EVENTS.perCall) {
      throw new ValidationError([{ path: "events", message: `must be 1 to ${EVENTS.perCall} events` }]);
    }
    return {
      events: await emit(
        context,
        eventInputs(events, (i, field) => `events.${i}.${field}`),
      ),
    };
  },
});
