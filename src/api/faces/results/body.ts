/** The body of an inbound post: each property as it was written. */
import type { IncomingMessage } from "node:http";
import { DatumError, PROPERTIES, type Sent, type SentDatum } from "../../../goals/datum.ts";
import { members, numberSource, stringSource } from "../../../wire/json-text.ts";
import { anyJsonIn, type BodyFault, isEncoded, isUtf8, mediaTypeOf, UnreadableBodyError, utf8Of } from "../../body.ts";
import { FORM_TYPE, readForm } from "../../form.ts";

export type Format = "json" | "form";

/**
 * @param hasBody without a body a missing Content-Type is no mistake of its own
 * @returns undefined: 415
 */
export function formatOf(headers: IncomingMessage["headers"], hasBody: boolean): Format | undefined {
  if (isEncoded(headers)) return undefined;
  if (headers["content-type"] === undefined) return hasBody ? undefined : "json";
  const { type, charset } = mediaTypeOf(headers);
  if (!isUtf8(charset)) return undefined;
  return type === "application/json" ? "json" : type === FORM_TYPE ? "form" : undefined;
}

/** @throws DatumError malformed_json */
export function readProperties(format: Format, body: Buffer): SentDatum {
  if (body.length === 0) throw malformed(EMPTY);
  const sent = format === "json" ? fromJson(body) : fromForm(body);
  return Object.fromEntries(PROPERTIES.map((property) => [property, sent(property)])) as SentDatum;
}

type Lookup = (property: string) => Sent;

const EMPTY = 'the body is empty; send a JSON object such as {"date":"2017-03-16","value":500000}';
const malformed = (message: string) => new DatumError([{ property: "", code: "malformed_json", message }]);

/** This product's words for a body that cannot be read. */
const SAID: Partial<Record<BodyFault, string>> = {
  UTF8: "the body is not UTF-8 text",
  DEPTH: "the body is nested deeper than 64 levels",
  JSON: "the body is no valid JSON",
};

/** @throws DatumError malformed_json */
function readable<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof UnreadableBodyError) throw malformed(SAID[error.fault] ?? error.message);
    throw error;
  }
}

function fromJson(body: Buffer): Lookup {
  const text = readable(() => utf8Of(body));
  if (text.trim() === "") throw malformed(EMPTY);
  readable(() => anyJsonIn(text));
  // From the source text: a double would lose digits of 0.1234567890123456789.
  const sources = members(text);
  if (!sources) throw malformed("the body must be a JSON object");
  return (property) => {
    const source = sources.get(property);
    if (source === undefined || source === "null") return undefined;
    const number = numberSource(source);
    if (number !== undefined) return { kind: "number", source: number };
    const string = stringSource(source);
    return string === undefined ? { kind: "other" } : { kind: "text", text: string };
  };
}

function fromForm(body: Buffer): Lookup {
  const fields = new URLSearchParams(readable(() => readForm(utf8Of(body))));
  return (property) => {
    const text = fields.get(property);
    return text === null ? undefined : { kind: "text", text };
  };
}
