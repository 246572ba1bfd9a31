/** Bodies in, by their content type (S7). */
import type { FastifyRequest } from "fastify";
import { isRawNumber, MOST_RAW_NUMBERS, parseJson, RawNumbersError } from "../../../wire/json-exact.ts";
import { members } from "../../../wire/json-text.ts";
import { isUtf8, jsonIn, mediaTypeOf, textOf, UnsupportedMediaTypeError } from "../../body.ts";
import { FORM_TYPE, readForm } from "../../form.ts";
import { FaceError } from "./errors.ts";
import { readXml } from "./xml.ts";

const JSON_TYPES = new Set(["application/json", "text/json", "application/json-patch+json", "application/merge-patch+json"]);
const XML_TYPES = new Set(["application/xml", "text/xml"]);

export interface Body {
  /** Undefined: there is none. Numbers that a double would change are raw (json-exact.ts). */
  value: unknown;
  /** Of an XML document. */
  root: string | undefined;
  /** JSON: as it was sent. */
  text: string | undefined;
}

const NONE: Body = { value: undefined, root: undefined, text: undefined };

/**
 * Without loss, as far as anything is stored: Properties have room for far fewer such numbers, and a signal's data goes on as
 * the text it is.
 */
function exactly(text: string): unknown {
  try {
    return parseJson(text, MOST_RAW_NUMBERS);
  } catch (error) {
    if (error instanceof RawNumbersError) return JSON.parse(text);
    throw error;
  }
}

/** @throws UnsupportedMediaTypeError UnreadableBodyError FaceError */
export function readBody(request: Pick<FastifyRequest, "headers" | "body">): Body {
  const bytes = request.body as Buffer | undefined;
  if (bytes === undefined || bytes.length === 0) return NONE;
  const { type, charset } = mediaTypeOf(request.headers);
  if (!isUtf8(charset) && charset !== "us-ascii")
    throw new UnsupportedMediaTypeError(`the charset ${charset} is not supported; send utf-8`, "CHARSET");
  if (!JSON_TYPES.has(type) && !XML_TYPES.has(type) && type !== FORM_TYPE)
    throw new UnsupportedMediaTypeError(`the content type ${type || "(none)"} is not supported; send JSON, XML or a form`);
  const text = textOf(request);
  if (text.trim() === "") return NONE;
  if (JSON_TYPES.has(type)) return { ...NONE, value: jsonIn(text, 64, exactly), text };
  if (XML_TYPES.has(type)) return { ...NONE, ...readXml(text) };
  return { ...NONE, value: formFields(text) };
}

/** Flat fields; Events may be repeated; an empty field is null. */
function formFields(text: string): Record<string, unknown> {
  const fields = new URLSearchParams(readForm(text));
  return Object.fromEntries(
    [...new Set(fields.keys())].map((name) => {
      const values = fields.getAll(name);
      return [name, name.toLowerCase() === "events" ? values.filter((one) => one !== "") : values.at(-1) || null];
    }),
  );
}

/** @throws FaceError 400 when it is no object */
export function objectOf(body: Body, what: string): Record<string, unknown> {
  const { value } = body;
  if (value === undefined || value === null) throw new FaceError(400, `the body holds no ${what}`);
  if (typeof value !== "object" || Array.isArray(value) || isRawNumber(value))
    throw new FaceError(400, `the body must be a ${what} object`);
  return value as Record<string, unknown>;
}

/** The keys of a body's objects by their lower case: some twenty members are asked of each, and it may have 70 000. */
const folded = new WeakMap<object, Map<string, string>>();

/** A member without regard to the case of its name: .NET clients write both forms. */
export function member(object: Record<string, unknown>, name: string): unknown {
  // A whole body may be `true`, `7` or a list: that has no members.
  if (typeof object !== "object" || Array.isArray(object)) return undefined;
  if (Object.hasOwn(object, name)) return object[name];
  let keys = folded.get(object);
  if (!keys) {
    // The first of several spellings, as a search would find it.
    keys = new Map(
      Object.keys(object)
        .reverse()
        .map((key) => [key.toLowerCase(), key]),
    );
    folded.set(object, keys);
  }
  const key = keys.get(name.toLowerCase());
  return key === undefined ? undefined : object[key];
}

/** A member that is a text, a whole number or nothing: `7.0` is 7. */
export function plainMember(object: Record<string, unknown>, name: string): unknown {
  const value = member(object, name);
  return isRawNumber(value) ? Number(value.rawJSON) : value;
}

/** A text, number or truth value as text; undefined for whatever has none, such as a list or an object. */
export function scalarText(value: unknown): string | undefined {
  if (isRawNumber(value)) return value.rawJSON;
  return ["string", "number", "boolean"].includes(typeof value) ? String(value) : undefined;
}

/** The id that a webhook names; undefined: it is a new one's. */
export function givenId(webhook: Record<string, unknown>): unknown {
  const id = plainMember(webhook, "WebhookId") ?? 0;
  return id === 0 || id === "0" ? undefined : id;
}

/** A member as it was sent, where the body is JSON: number tokens and escapes stay. */
export function sourceOf({ text, value }: Body, name: string): string | undefined {
  const wanted = member(value as Record<string, unknown>, name);
  if (text === undefined || wanted === undefined) return undefined;
  const sources = members(text);
  const key = sources?.has(name) ? name : [...(sources?.keys() ?? [])].find((each) => each.toLowerCase() === name.toLowerCase());
  return key === undefined ? undefined : sources?.get(key);
}
