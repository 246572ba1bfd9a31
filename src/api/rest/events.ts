/** POST /v1/events: one event, an array, or CloudEvents. All or nothing; 202 means it is committed. */
import { createHash } from "node:crypto";
import type { FastifyPluginAsync, FastifyRequest } from "fastify";
import { z } from "zod";
import { demand } from "../../accounts/caller.ts";
import { isEventType, reservedType } from "../../definitions/match.ts";
import { BESIDE_PAYLOAD, scopeIssues } from "../../definitions/text.ts";
import { type Issue, TooLargeError, ValidationError } from "../../errors.ts";
import type { AcceptedEvent, EventInput } from "../../events/input.ts";
import { globalId } from "../../wire/ids.ts";
import { parseJson } from "../../wire/json-exact.ts";
import { checkJson, compact, elements, members } from "../../wire/json-text.ts";
import { isShowable, UNSHOWABLE } from "../../wire/moment.ts";
import { traceOfFields } from "../../wire/trace-context.ts";
import { ownedBy } from "../arriving.ts";
import { isEncoded, isJsonType, jsonOf, mediaType, UnsupportedMediaTypeError } from "../body.ts";
import type { Doors } from "../doors.ts";
import { EVENTS } from "../limits.ts";
import { askedFirst, requireCaller } from "../session.ts";
import { batchedEvents, binaryEvent, structuredEvent, UnsupportedDataError } from "./cloud-events.ts";
import { type Sources, scanEvents } from "./scan-events.ts";

/** Of a payload; a whole body may be deeper by the array and the event around it. */
const DEPTH = 64;
const AROUND = 2;

const TYPES = "send application/json, application/cloudevents+json or application/cloudevents-batch+json; data must be JSON";

const short = z.string().max(255, "must have at most 255 characters");
const shape = z.strictObject({
  type: short.min(1, "must not be empty"),
  entity: short.nullish(),
  entityId: short.nullish(),
  payload: z.unknown().optional(),
  previous: z.unknown().optional(),
  changes: z
    .array(z.string().max(BESIDE_PAYLOAD.changeCharacters, `must have at most ${BESIDE_PAYLOAD.changeCharacters} characters`))
    .max(BESIDE_PAYLOAD.changes, `must be at most ${BESIDE_PAYLOAD.changes} names`)
    .nullish(),
  scope: z.record(z.string(), z.unknown()).nullish(),
  actor: short.nullish(),
  application: z.string().nullish(),
  occurredAt: z.iso
    .datetime({ offset: true, message: "must be ISO 8601 with a time zone, such as 2026-11-01T08:00:00Z" })
    .refine((text) => isShowable(new Date(text)), UNSHOWABLE)
    .nullish(),
  idempotencyKey: short.min(1, "must not be empty").nullish(),
  traceparent: z.string().nullish(),
  tracestate: z.string().nullish(),
});

/** One event of ours, from what its JSON means and what stays as it was written. */
function plainEvent(value: unknown, { payload = "{}", previous = "null", scope }: Sources, path: string): EventInput {
  const parsed = shape.safeParse(value);
  if (!parsed.success) {
    throw new ValidationError(
      parsed.error.issues.flatMap((issue): Issue[] => {
        const at = [...(path === "" ? [] : [path]), ...issue.path.map(String)].join(".");
        if (issue.code === "unrecognized_keys") {
          return issue.keys.map((key) => ({ path: at === "" ? key : `${at}.${key}`, message: "is no field of an event" }));
        }
        return [{ path: at, message: issue.message }];
      }),
    );
  }
  const event = parsed.data;
  const issues: Issue[] = [];
  const trace = traceOfFields(event, (name) => (path === "" ? name : `${path}.${name}`), issues);
  if (issues.length > 0) throw new ValidationError(issues);
  return {
    type: event.type,
    payload,
    entity: event.entity ?? null,
    entityId: event.entityId ?? null,
    previous: previous === "null" ? null : previous,
    changes: event.changes ?? [],
    scope: exactScope(scope, path),
    actor: event.actor ?? null,
    application: event.application ?? null,
    ...(trace && { trace }),
    ...(event.occurredAt ? { occurredAt: new Date(event.occurredAt) } : {}),
    ...(event.idempotencyKey ? { idempotencyKey: event.idempotencyKey } : {}),
  };
}

/** Its numbers as they were written. @throws ValidationError for one that Postgres does not take */
function exactScope(text: string | undefined, path: string): Record<string, unknown> | null {
  if (text === undefined) return null;
  const scope = parseJson(text) as Record<string, unknown> | null;
  const issues = scopeIssues(path === "" ? "scope" : `${path}.scope`, scope);
  if (issues.length > 0) throw new ValidationError(issues);
  return scope;
}

interface Call {
  inputs: EventInput[];
  /** Answered with `{"events": […]}`. */
  many: boolean;
  /** What `checkJson` looks for is known not to be in it. */
  checked?: boolean;
}

function checkCount(value: unknown): void {
  if (Array.isArray(value) && value.length > EVENTS.perCall) throw new TooLargeError(`at most ${EVENTS.perCall} events in one call`);
}

/** Of an event's text: `payload` and `previous` without white space. */
function sourcesOf(text: string): Sources {
  const parts = members(text);
  const [payload, previous, scope] = [parts?.get("payload"), parts?.get("previous"), parts?.get("scope")];
  return {
    ...(payload === undefined ? {} : { payload: compact(payload) }),
    ...(previous === undefined ? {} : { previous: compact(previous) }),
    ...(scope === undefined ? {} : { scope }),
  };
}

function plainCall(request: FastifyRequest): Call {
  const scanned = scanEvents(request.body as Buffer, EVENTS.perCall);
  if (scanned) {
    const at = (i: number) => (scanned.many ? `events.${i}` : "");
    return { inputs: scanned.events.map(({ value, sources }, i) => plainEvent(value, sources, at(i))), many: scanned.many, checked: true };
  }
  const { text, value } = jsonOf(request, DEPTH + AROUND);
  if (!Array.isArray(value)) return { inputs: [plainEvent(value, sourcesOf(text), "")], many: false };
  checkCount(value);
  const list = elements(text) as string[];
  return { inputs: list.map((event, i) => plainEvent(value[i], sourcesOf(event), `events.${i}`)), many: true };
}

function callOf(request: FastifyRequest): Call {
  if (isEncoded(request.headers)) throw new UnsupportedMediaTypeError("send the body without a Content-Encoding");
  const type = mediaType(request);
  const binary = Object.keys(request.headers).some((name) => name.startsWith("ce-"));
  const structured = type === "application/cloudevents+json" || type === "application/cloudevents-batch+json";
  const empty = ((request.body as Buffer | undefined)?.length ?? 0) === 0;
  if (binary && !structured) {
    if (empty) return { inputs: [binaryEvent(request.headers, undefined)], many: false };
    if (!isJsonType(type)) throw new UnsupportedMediaTypeError(TYPES);
    return { inputs: [binaryEvent(request.headers, jsonOf(request, DEPTH).text)], many: false };
  }
  if (!structured && type !== "application/json") throw new UnsupportedMediaTypeError(TYPES);
  if (type === "application/json") return plainCall(request);
  const { text, value } = jsonOf(request, DEPTH + AROUND);
  if (type === "application/cloudevents+json") return { inputs: [structuredEvent(text)], many: false };
  checkCount(value);
  return { inputs: batchedEvents(text), many: true };
}

function checkEvents({ inputs, many, checked }: Call): void {
  if (inputs.length === 0) throw new ValidationError([{ path: "", message: "an array of events holds at least one" }]);
  for (const [i, input] of inputs.entries()) {
    const at = (name: string) => (many ? `events.${i}.${name}` : name);
    if (!isEventType(input.type)) {
      throw new ValidationError([
        { path: at("type"), message: "must be 1 to 128 letters, digits, _ . - (not first . or -), such as order.created" },
      ]);
    }
    const reserved = reservedType(input.type);
    if (reserved) throw new ValidationError([{ path: at("type"), message: reserved }]);
    for (const name of ["entity", "entityId"] as const) {
      if ((input[name]?.length ?? 0) > 255) throw new ValidationError([{ path: at(name), message: "must have at most 255 characters" }]);
    }
    for (const name of ["payload", "previous"] as const) {
      const text = input[name];
      if (text === null || text === undefined) continue;
      if (Buffer.byteLength(text) > EVENTS.payloadBytes) throw new ValidationError([{ path: at(name), message: "must be at most 1 MiB" }]);
      const problem = checked ? undefined : checkJson(text, { maxDepth: DEPTH });
      if (problem) throw new ValidationError([{ path: at(name), message: problem.message }]);
    }
  }
}

function idempotencyOf(request: FastifyRequest): { key: string; bodyHash: Uint8Array } | undefined {
  const key = request.headers["idempotency-key"];
  if (key === undefined) return undefined;
  if (typeof key !== "string" || !/^[\x21-\x7e]{1,255}$/.test(key)) {
    throw new ValidationError([{ path: "Idempotency-Key", message: "must be 1 to 255 visible ASCII characters" }]);
  }
  const hash = createHash("sha256").update((request.body as Buffer | undefined) ?? "");
  // A binary CloudEvent is headers too; who asks again does so in a span of its own.
  for (const [name, value] of Object.entries(request.headers).sort())
    if (name.startsWith("ce-") && !name.startsWith("ce-trace")) hash.update(`\n${name}: ${String(value)}`);
  return { key, bodyHash: new Uint8Array(hash.digest()) };
}

export function eventRoutes({ core, ingest }: Doors): FastifyPluginAsync {
  return async (app) => {
    const sender = askedFirst(async (request) => {
      const caller = await requireCaller(core, request);
      demand(caller, "events:write");
      ownedBy(request, caller.organizationId);
      return caller;
    });
    app.post("/v1/events", { bodyLimit: EVENTS.bodyBytes, onRequest: sender.onRequest }, async (request, reply) => {
      const caller = await sender.of(request, reply);
      const idempotency = idempotencyOf(request);
      const call = guarded(() => callOf(request));
      checkEvents(call);
      const shown = (event: AcceptedEvent) => ({ id: globalId("Event", event.id), type: event.type });
      const answer = (events: AcceptedEvent[]) => ({
        status: 202,
        answer: JSON.stringify(call.many ? { events: events.map(shown) } : shown(events[0] as AcceptedEvent)),
      });
      const inputs = call.inputs.map((input) => ({ ...input, callerNumber: caller.userNumber }));
      const result = await ingest
        .emit(caller.organizationId, inputs, {
          ...(idempotency ? { idempotency } : {}),
          answer,
          token: caller.tokenRate,
          trace: caller.trace,
        })
        .catch((error: unknown) => {
          throw call.many ? error : alone(error);
        });
      const given = result.replayed ?? answer(result.events);
      return reply.code(given.status).type("application/json; charset=utf-8").send(given.answer);
    });
  };
}

/** Ingest counts events; in a call of one there is nothing to count. */
function alone(error: unknown): unknown {
  if (!(error instanceof ValidationError)) return error;
  return new ValidationError(error.issues.map((issue) => ({ ...issue, path: issue.path.replace(/^events\.0\.?/, "") })));
}

function guarded<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof UnsupportedDataError)) throw error;
    throw new UnsupportedMediaTypeError(`${error.message}: ${TYPES}`);
  }
}
