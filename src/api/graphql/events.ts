/** Events: what happened. Emitting them, and the log of what was accepted. */

import { isEventType, reservedType } from "../../definitions/match.ts";
import { changesIssues, scopeIssues } from "../../definitions/text.ts";
import { type Issue, ValidationError } from "../../errors.ts";
import type { EventInput, IncomingEvent } from "../../events/input.ts";
import { type EventNode, readEvents, writtenEvents } from "../../requests/event.ts";
import { countEvents, listEvents } from "../../requests/event-list.ts";
import { countRequestsOfEvent, requestsOfEvent } from "../../requests/event-requests.ts";
import { timeOf } from "../../requests/id-range.ts";
import { listKind, pageCursor, pageOf, uuidKey } from "../../requests/page.ts";
import { idOf } from "../../wire/ids.ts";
import { JsonSource } from "../../wire/json-source.ts";
import { checkJson } from "../../wire/json-text.ts";
import { traceOfFields } from "../../wire/trace-context.ts";
import { EVENTS } from "../limits.ts";
import { applicationOf } from "./applications.ts";
import { builder, guardNode } from "./builder.ts";
import { callerOf } from "./context.ts";
import { EventFilter, eventFilter } from "./event-filter.ts";
import { type EmittedFields, emittedFields } from "./event-input.ts";
import { inOrder } from "./loader.ts";
import { mutation, type SignedIn } from "./mutation.ts";
import { Application, WebhookRequestConnection } from "./nodes.ts";
import { connectionType, pageOfRows } from "./page.ts";
import { payloadText, readAnew, WrittenJson, writtenText } from "./written-json.ts";

export const Event = builder.objectRef<EventNode>("Event");
const EventConnection = connectionType("Event", Event);
builder.objectField(EventConnection, "stoppedAt", (t) =>
  t.field({
    type: "DateTime",
    nullable: true,
    description:
      "How far the page has looked, where it read as much as it may before it was full: `endCursor`, or `startCursor` of `last`, goes on from the events of this moment. Null: it is full, or there are no more.",
    resolve: ({ stoppedAt }) => (stoppedAt === undefined ? null : timeOf(stoppedAt)),
  }),
);

guardNode("Event", "webhooks:read");
builder.node(Event, {
  description: "Something that happened and was accepted: each definition that takes it has one request for it.",
  id: { resolve: (event) => event.id },
  isTypeOf: (value) => typeof value === "object" && value !== null && "texts" in value,
  loadManyWithoutCache: async (ids, context) =>
    inOrder(ids, await readEvents(context.doors.core.db, callerOf(context).organizationId, ids)),
  fields: (t) => ({
    type: t.exposeString("type", { description: "What definitions match: `contact.created`, at most 128 characters; case counts." }),
    entity: t.exposeString("entity", {
      nullable: true,
      description: "The kind of thing it happened to, such as `contact`; with entityId it makes the lane of ordering KEY.",
    }),
    entityId: t.exposeString("entityId", { nullable: true, description: "The id of that thing in the emitter's system, such as `18`." }),
    payload: t.field({
      type: "JSON",
      nullable: true,
      description: "What the emitter sent along, numbers as they were written: at most 1 MiB; an empty object when nothing was.",
      resolve: async (event) => new JsonSource((await event.texts()).payload),
    }),
    previous: t.field({
      type: "JSON",
      nullable: true,
      description: "The entity before the change, where the emitter gave it; null else.",
      resolve: async (event) => {
        const { previous } = await event.texts();
        return previous === null ? null : new JsonSource(previous);
      },
    }),
    changes: t.exposeStringList("changes", {
      description: "Names of the fields that changed, as the emitter gave them; scripts see them as Changes.",
    }),
    scope: t.expose("scope", {
      type: "JSON",
      nullable: true,
      description: 'Where it belongs, such as `{"form": "1234", "project": "5678"}`; filters may ask for it.',
    }),
    actor: t.exposeString("actor", {
      nullable: true,
      description: "Who did it, by the id in the emitter's system; null when nobody said.",
    }),
    application: t.field({
      type: Application,
      nullable: true,
      description: "Whose event it is, as the emitter said; null: nobody's, and no application's definitions saw it.",
      resolve: async ({ applicationId }, _args, context) => (applicationId && (await applicationOf(context, applicationId))) || null,
    }),
    traceparent: t.exposeString("traceparent", {
      nullable: true,
      description:
        "W3C Trace Context that it came with: its own, else that of the call that brought it. Each delivery carries the trace on. Null: there was none.",
    }),
    tracestate: t.exposeString("tracestate", {
      nullable: true,
      description: "W3C `tracestate` beside traceparent, at most 512 characters; null else.",
    }),
    source: t.exposeString("source", { nullable: true, description: "The `source` of the CloudEvent that it came as; null else." }),
    occurredAt: t.expose("occurredAt", {
      type: "DateTime",
      description: "When it happened, as the emitter said; when it was accepted where nobody said.",
    }),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When it was accepted: lists and lanes are in this order." }),
    requests: t.field({
      type: WebhookRequestConnection,
      description: "The requests that it made, newest first: one for each definition that took it.",
      authScopes: { scope: "webhooks:read" },
      args: t.arg.connectionArgs(),
      resolve: async (event, args, { doors }) => {
        const kind = listKind("requests", event.organizationId);
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
    description:
      "What was accepted, newest first, also what no definition took, as far back as retention. A page with a filter may be shorter than asked for while `hasNextPage` is true: go on from `endCursor`. Needs the scope webhooks:read.",
    authScopes: { scope: "webhooks:read" },
    args: {
      filter: t.arg({ type: EventFilter, description: "Only events that match; all when absent." }),
      ...t.arg.connectionArgs(),
    },
    resolve: async (_root, args, context) => {
      const caller = callerOf(context);
      const { organizationId } = caller;
      const { db } = context.doors.core;
      const kind = listKind("events", organizationId);
      const filter = await eventFilter(context.doors.core, caller, args.filter);
      return pageOfRows(
        await listEvents(db, organizationId, pageOf(args, kind, uuidKey), filter),
        (event) => pageCursor(kind, event.id),
        () => countEvents(db, organizationId, filter),
        (id) => pageCursor(kind, id),
      );
    },
  }),
  event: t.field({
    type: Event,
    nullable: true,
    description: "One event; null when the id is unknown, another organization's, or retention took it.",
    authScopes: { scope: "webhooks:read" },
    args: { id: t.arg.id({ required: true, description: "Global id, `evt_…`, as emitEvent and `POST /v1/events` answer it." }) },
    resolve: async (_root, args, context) => {
      const id = idOf("Event", args.id);
      return (id && (await readEvents(context.doors.core.db, callerOf(context).organizationId, [id]))[0]) || null;
    },
  }),
}));

/** Characters of type, entity, entityId, actor and key. */
const SHORT = 255;
const DEPTH = 64;

function issuesOf(
  event: EmittedFields,
  texts: { payload: string; previous: string | null },
  at: (field: string) => string,
  issues: Issue[],
): void {
  const say = (field: string, message: string) => issues.push({ path: at(field), message });
  if (!isEventType(event.type)) say("type", "must be letters, digits, _ . -, at most 128, and start with a letter, a digit or _");
  const reserved = reservedType(event.type);
  if (reserved) say("type", reserved);
  for (const field of ["entity", "entityId", "actor", "idempotencyKey"] as const) {
    if ((event[field]?.length ?? 0) > SHORT) say(field, `must have at most ${SHORT} characters`);
  }
  if (event.idempotencyKey === "") say("idempotencyKey", "must not be empty");
  issues.push(...scopeIssues(at("scope"), event.scope), ...changesIssues(at("changes"), event.changes));
  for (const field of ["payload", "previous"] as const) {
    const text = texts[field];
    if (text === null) continue;
    // What came as it is written was looked at on its way (scan-operation.ts).
    const problem = event[field] instanceof WrittenJson ? undefined : checkJson(text, { maxDepth: DEPTH });
    if (problem) say(field, problem.message);
    // A character is at least a byte, and three at most.
    if (text.length * 3 > EVENTS.payloadBytes && Buffer.byteLength(text) > EVENTS.payloadBytes) say(field, "must not be larger than 1 MiB");
  }
}

/** Of one with a key a hash is kept. */
const keyed = (event: EmittedFields): EmittedFields => ({ ...event, payload: readAnew(event.payload), previous: readAnew(event.previous) });

/** @throws ValidationError naming every mistake */
function eventInputs(events: readonly EmittedFields[], at: (i: number, field: string) => string): EventInput[] {
  const issues: Issue[] = [];
  const inputs = events.map((given, i): EventInput => {
    const event = given.idempotencyKey == null ? given : keyed(given);
    const texts = {
      payload: payloadText(event.payload),
      previous: event.previous == null ? null : writtenText(event.previous),
    };
    const path = (field: string) => at(i, field);
    issuesOf(event, texts, path, issues);
    const trace = traceOfFields(event, path, issues);
    return {
      type: event.type,
      entity: event.entity ?? null,
      entityId: event.entityId ?? null,
      ...texts,
      changes: event.changes ?? [],
      scope: (event.scope ?? null) as EventInput["scope"] & object,
      actor: event.actor ?? null,
      application: event.application ?? null,
      ...(trace && { trace }),
      ...(event.occurredAt ? { occurredAt: event.occurredAt } : {}),
      ...(event.idempotencyKey == null ? {} : { idempotencyKey: event.idempotencyKey }),
    };
  });
  if (issues.length > 0) throw new ValidationError(issues);
  return inputs;
}

const shownEvent = ({ trace, ...event }: IncomingEvent) => ({
  ...event,
  createdAt: event.acceptedAt,
  traceparent: trace?.traceparent ?? null,
  tracestate: trace?.tracestate ?? null,
});

/** @returns reads them as nodes, for who asks for more than whether they were taken */
async function emit({ doors, caller }: SignedIn, inputs: EventInput[]): Promise<() => Promise<EventNode[]>> {
  const { events, fresh } = await doors.ingest.emit(
    caller.organizationId,
    inputs.map((input) => ({ ...input, callerNumber: caller.userNumber })),
    { token: caller.tokenRate, trace: caller.trace },
  );
  return async () => {
    const ids = events.map((event) => event.id);
    // A scope is read back: the database has it in a form of its own.
    const known = writtenEvents(fresh.filter(({ scope }) => scope === null).map(shownEvent));
    const written = new Set(known.map(({ id }) => id));
    const others = ids.filter((id) => !written.has(id));
    const read = others.length > 0 ? await readEvents(doors.core.db, caller.organizationId, others) : [];
    return inOrder(ids, [...known, ...read]).filter((event) => event !== null);
  };
}

const EmitEventInput = mutation("emitEvent", {
  description: "Takes an event in: once this answers with it, it is committed together with the requests that it makes.",
  type: Event,
  scope: "events:write",
  input: emittedFields,
  resolve: async (input, context) => {
    try {
      const accepted = await emit(
        context,
        eventInputs([input], (_, field) => field),
      );
      const [event] = await accepted();
      if (!event) throw new Error("an event that was just accepted is not there");
      return event;
    } catch (error) {
      // The domain counts events; here there is but one.
      if (!(error instanceof ValidationError)) throw error;
      throw new ValidationError(error.issues.map(({ path, message }) => ({ path: path.replace(/^events\.0\.?/, ""), message })));
    }
  },
});

const EmittedEvents = builder.objectRef<{ events: () => Promise<EventNode[]> }>("EmittedEvents").implement({
  description: "What emitEvents accepted, in one transaction.",
  fields: (t) => ({
    events: t.field({
      type: [Event],
      description: "As they were given: their requests are numbered in this order.",
      resolve: ({ events }) => events(),
    }),
  }),
});

mutation("emitEvents", {
  description: "Takes several events in, in their order, all or nothing: a mistake is named by its place, such as `events.3.type`.",
  type: EmittedEvents,
  scope: "events:write",
  input: (t) => ({
    events: t.field({
      type: [EmitEventInput],
      required: true,
      description: "1 to 1000 events; more than 200 000 requests from one call are refused with their number.",
    }),
  }),
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
