/** CloudEvents 1.0 as events of ours: structured, batched or binary. Pure. */
import { isUtf8 } from "node:buffer";
import { createHash } from "node:crypto";
import { BESIDE_PAYLOAD, textIssues } from "../../definitions/text.ts";
import { type Issue, ValidationError } from "../../errors.ts";
import type { EventInput } from "../../events/input.ts";
import { compact, elements, members, stringSource } from "../../wire/json-text.ts";
import { isShowable } from "../../wire/moment.ts";
import { traceOfFields } from "../../wire/trace-context.ts";
import { isJsonType, jsonIn, mediaTypeOf, UnreadableBodyError } from "../body.ts";
import { EVENTS } from "../limits.ts";

/** The data is no JSON. Its message is where that stands. */
export class UnsupportedDataError extends Error {}

interface Attributes {
  specversion: unknown;
  id: unknown;
  source: unknown;
  type: unknown;
  subject: unknown;
  time: unknown;
  datacontenttype: unknown;
  /** An extension of ours: the uid of the application whose event it is. */
  hooklineapplication: unknown;
  /** CloudEvents' extension for distributed tracing. */
  traceparent: unknown;
  tracestate: unknown;
}

const NAMES = [
  "specversion",
  "id",
  "source",
  "type",
  "subject",
  "time",
  "datacontenttype",
  "hooklineapplication",
  "traceparent",
  "tracestate",
] as const;
const KEY_LENGTH = 255;
/** `Date` takes much else: "1" is a year to it, and the 30th of February the 2nd of March. */
const RFC_3339 = /^(\d{4}-\d{2}-(\d{2}))[Tt]((?:[01]\d|2[0-3]):[0-5]\d):([0-5]\d|60)(\.\d{1,30})?([Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/;

/** A leap second is the one before it. Undefined: it is no RFC 3339 time. */
function timeOf(text: string): Date | undefined {
  const [, date, day, minute, second, fraction = "", zone] = RFC_3339.exec(text) ?? [];
  const midnight = new Date(`${date}T00:00:00Z`);
  if (Number.isNaN(midnight.getTime()) || midnight.getUTCDate() !== Number(day)) return undefined;
  const moment = new Date(`${date}T${minute}:${second === "60" ? "59" : second}${fraction.slice(0, 4)}${zone?.toUpperCase()}`);
  return isShowable(moment) ? moment : undefined;
}

/**
 * Source and id together name an event for ever; too long for a key, their hash does. A source is a URI-reference, which has no
 * space: the first one ends it. One that has a space all the same stands behind its length, and behind a space, as no other does.
 */
function keyOf(source: string, id: string): string {
  const key = source.includes(" ") ? ` ${source.length} ${source} ${id}` : `${source} ${id}`;
  return key.length <= KEY_LENGTH ? key : `sha256:${createHash("sha256").update(key).digest("hex")}`;
}

function toInput(attributes: Attributes, data: string | undefined, path: string): EventInput {
  const issues: Issue[] = [];
  const at = (name: string) => (path === "" ? name : `${path}.${name}`);
  const text = (name: keyof Attributes): string => {
    const value = attributes[name];
    if (typeof value === "string" && value !== "") {
      // A header's is decoded behind every other check.
      const found = textIssues(at(name), value, name === "source" ? BESIDE_PAYLOAD.sourceCharacters : Number.POSITIVE_INFINITY);
      issues.push(...found);
      return found.length > 0 ? "" : value;
    }
    issues.push({ path: at(name), message: value === undefined ? "is required" : "must be a text that is not empty" });
    return "";
  };
  if (attributes.specversion !== "1.0") issues.push({ path: at("specversion"), message: 'must be "1.0"' });
  const [id, source, type] = [text("id"), text("source"), text("type")];
  const subject = attributes.subject === undefined ? undefined : text("subject");
  const application = attributes.hooklineapplication === undefined ? undefined : text("hooklineapplication");
  const time = attributes.time === undefined ? undefined : timeOf(text("time"));
  if (attributes.time !== undefined && !time)
    issues.push({ path: at("time"), message: "must be an RFC 3339 time such as 2026-11-01T08:00:00Z" });
  const trace = traceOfFields(attributes, at, issues);
  if (issues.length > 0) throw new ValidationError(issues);
  const contentType = mediaTypeOf({
    "content-type": attributes.datacontenttype === undefined ? "application/json" : String(attributes.datacontenttype),
  });
  if (!isJsonType(contentType.type)) {
    throw new UnsupportedDataError(at("datacontenttype"));
  }
  const slash = subject?.indexOf("/") ?? -1;
  return {
    type,
    payload: data ?? "{}",
    source,
    application: application ?? null,
    ...(trace && { trace }),
    idempotencyKey: keyOf(source, id),
    namedByKey: true,
    ...(subject === undefined
      ? {}
      : slash < 0
        ? { entity: subject }
        : { entity: subject.slice(0, slash), entityId: subject.slice(slash + 1) }),
    ...(time ? { occurredAt: time } : {}),
  };
}

/** One event of `application/cloudevents+json`, from its checked JSON text. @throws ValidationError, UnsupportedDataError */
export function structuredEvent(text: string, path = ""): EventInput {
  const parts = members(text);
  if (!parts) throw new ValidationError([{ path, message: "a CloudEvent is a JSON object" }]);
  // An attribute that is null is one that is absent.
  const attributes = Object.fromEntries(NAMES.map((name) => [name, JSON.parse(parts.get(name) ?? "null") ?? undefined]));
  const data = parts.get("data");
  const base64 = parts.get("data_base64") === "null" ? undefined : parts.get("data_base64");
  if (base64 !== undefined && data !== undefined) {
    throw new ValidationError([
      { path: path === "" ? "data_base64" : `${path}.data_base64`, message: "stands beside data: send one of them" },
    ]);
  }
  const payload = base64 === undefined ? data : decoded(base64, path);
  return toInput(attributes as unknown as Attributes, payload === undefined ? undefined : compact(payload), path);
}

/** As deep as a payload may be. */
const DEPTH = 64;

/** JSON that was sent as bytes. @throws ValidationError it is no base64; UnsupportedDataError it is, but of no JSON text */
function decoded(source: string, path: string): string {
  const at = path === "" ? "data_base64" : `${path}.data_base64`;
  const base64 = stringSource(source);
  if (base64 === undefined || !/^[A-Za-z0-9+/]*={0,2}$/.test(base64) || base64.length % 4 !== 0) {
    throw new ValidationError([{ path: at, message: "must be base64 (RFC 4648, with its padding)" }]);
  }
  const bytes = Buffer.from(base64, "base64");
  if (bytes.length > EVENTS.payloadBytes) throw new ValidationError([{ path: at, message: "must be at most 1 MiB" }]);
  if (!isUtf8(bytes)) throw new UnsupportedDataError(at);
  const text = bytes.toString("utf8");
  try {
    jsonIn(text, DEPTH);
  } catch (error) {
    if (!(error instanceof UnreadableBodyError) || error.fault === "JSON") throw new UnsupportedDataError(at);
    throw new ValidationError([{ path: at, message: error.issues[0]?.message ?? error.message }]);
  }
  return text;
}

/** `application/cloudevents-batch+json`. */
export function batchedEvents(text: string): EventInput[] {
  const list = elements(text);
  if (!list) throw new ValidationError([{ path: "", message: "a batch is a JSON array" }]);
  return list.map((event, i) => structuredEvent(event, `events.${i}`));
}

/** Headers carry the attributes, the body the data. @param data the checked JSON text; undefined: no body */
export function binaryEvent(headers: Record<string, string | string[] | undefined>, data: string | undefined): EventInput {
  const attributes = Object.fromEntries(
    NAMES.map((name) => {
      const value = headers[`ce-${name}`];
      return [name, typeof value === "string" ? decodeHeader(value) : undefined];
    }),
  );
  return toInput(
    { ...(attributes as unknown as Attributes), datacontenttype: undefined },
    data === undefined ? undefined : compact(data),
    "",
  );
}

/** Attribute values are percent-encoded in headers. */
function decodeHeader(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
