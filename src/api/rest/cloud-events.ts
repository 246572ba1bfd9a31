/** CloudEvents 1.0 as events of ours: structured, batched or binary. Pure. */
import { createHash } from "node:crypto";
import { type Issue, ValidationError } from "../../errors.ts";
import type { EventInput } from "../../events/input.ts";
import { compact, elements, members } from "../../wire/json-text.ts";
import { isJsonType } from "../body.ts";

/** The data is no JSON. */
export class UnsupportedDataError extends Error {}

interface Attributes {
  specversion: unknown;
  id: unknown;
  source: unknown;
  type: unknown;
  subject: unknown;
  time: unknown;
  datacontenttype: unknown;
}

const NAMES = ["specversion", "id", "source", "type", "subject", "time", "datacontenttype"] as const;
const KEY_LENGTH = 255;
/** `Date` takes much else: "1" is a year to it. */
const RFC_3339 = /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:[Zz]|[+-]\d{2}:\d{2})$/;

/** Source and id together name an event for ever; too long for a key, their hash does. */
function keyOf(source: string, id: string): string {
  const key = `${source} ${id}`;
  return key.length <= KEY_LENGTH ? key : `sha256:${createHash("sha256").update(key).digest("hex")}`;
}

function toInput(attributes: Attributes, data: string | undefined, path: string): EventInput {
  const issues: Issue[] = [];
  const at = (name: string) => (path === "" ? name : `${path}.${name}`);
  const text = (name: keyof Attributes): string => {
    const value = attributes[name];
    if (typeof value === "string" && value !== "") return value;
    issues.push({ path: at(name), message: value === undefined ? "is required" : "must be a text that is not empty" });
    return "";
  };
  if (attributes.specversion !== "1.0") issues.push({ path: at("specversion"), message: 'must be "1.0"' });
  const [id, source, type] = [text("id"), text("source"), text("type")];
  const subject = attributes.subject === undefined ? undefined : text("subject");
  const time = attributes.time === undefined ? undefined : new Date(text("time"));
  if (time && (!RFC_3339.test(String(attributes.time)) || Number.isNaN(time.getTime())))
    issues.push({ path: at("time"), message: "must be an RFC 3339 time such as 2026-11-01T08:00:00Z" });
  if (issues.length > 0) throw new ValidationError(issues);
  if (attributes.datacontenttype !== undefined && !isJsonType(String(attributes.datacontenttype).split(";")[0]?.trim() ?? "")) {
    throw new UnsupportedDataError();
  }
  const slash = subject?.indexOf("/") ?? -1;
  return {
    type,
    payload: data ?? "{}",
    source,
    idempotencyKey: keyOf(source, id),
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
  if (parts.has("data_base64")) throw new UnsupportedDataError();
  const attributes = Object.fromEntries(NAMES.map((name) => [name, parts.has(name) ? JSON.parse(parts.get(name) as string) : undefined]));
  const data = parts.get("data");
  return toInput(attributes as unknown as Attributes, data === undefined ? undefined : compact(data), path);
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
