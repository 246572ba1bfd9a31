/** Bodies in, by their content type (S7). */
import type { FastifyRequest } from "fastify";
import { parseJson } from "../../../wire/json-exact.ts";
import { checkJson, deeperThan, members } from "../../../wire/json-text.ts";
import { isEncoded } from "../../body.ts";
import { readForm } from "../../form.ts";
import { FaceError } from "./errors.ts";
import { readXml } from "./xml.ts";

const JSON_TYPES = new Set(["application/json", "text/json", "application/json-patch+json", "application/merge-patch+json"]);
const XML_TYPES = new Set(["application/xml", "text/xml"]);
const FORM_TYPE = "application/x-www-form-urlencoded";

export interface Body {
  /** Undefined: there is none. */
  value: unknown;
  /** Of an XML document. */
  root: string | undefined;
  /** JSON: as it was sent. */
  text: string | undefined;
}

const NONE: Body = { value: undefined, root: undefined, text: undefined };

/** @throws FaceError 415, 400 */
export function readBody({ headers, body }: Pick<FastifyRequest, "headers" | "body">): Body {
  const bytes = body as Buffer | undefined;
  const contentType = headers["content-type"];
  const [type = "", ...parameters] = (contentType ?? "").split(";").map((part) => part.trim().toLowerCase());
  if (bytes === undefined || bytes.length === 0) return NONE;
  if (isEncoded(headers)) throw new FaceError(415, "send the body without a Content-Encoding");
  const charset = parameters.find((parameter) => parameter.startsWith("charset="))?.slice(8);
  if (charset !== undefined && !["utf-8", '"utf-8"', "utf8", "us-ascii"].includes(charset)) {
    throw new FaceError(415, `the charset ${charset} is not supported; send utf-8`);
  }
  if (!JSON_TYPES.has(type) && !XML_TYPES.has(type) && type !== FORM_TYPE) {
    throw new FaceError(415, `the content type ${type || "(none)"} is not supported; send JSON, XML or a form`);
  }
  const text = decode(bytes);
  if (text.trim() === "") return NONE;
  if (JSON_TYPES.has(type)) return { ...NONE, value: readJson(text), text };
  const read = XML_TYPES.has(type) ? readXml(text) : { root: undefined, value: formFields(text) };
  return { ...NONE, ...read };
}

function decode(bytes: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new FaceError(400, "the body is not valid UTF-8");
  }
}

const MAX_DEPTH = 64;

function readJson(text: string): unknown {
  if (deeperThan(text, MAX_DEPTH)) throw new FaceError(400, `the body must not be nested deeper than ${MAX_DEPTH} levels`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new FaceError(400, "the body is not valid JSON");
  }
  const problem = checkJson(text);
  if (problem) throw new FaceError(400, `the body ${problem.message}`);
  // Properties go out as they came in, their numbers as they were written.
  for (const [key, source] of members(text) ?? [])
    if (key.toLowerCase() === "properties") (value as Record<string, unknown>)[key] = parseJson(source);
  return value;
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
  if (typeof value !== "object" || Array.isArray(value)) throw new FaceError(400, `the body must be a ${what} object`);
  return value as Record<string, unknown>;
}

/** The keys of a body's objects by their lower case: some twenty members are asked of each, and it may have 70 000. */
const folded = new WeakMap<object, Map<string, string>>();

/** A member without regard to the case of its name: .NET clients write both forms. */
export function member(object: Record<string, unknown>, name: string): unknown {
  // A whole body may be `true` or `7`: that has no members.
  if (typeof object !== "object") return undefined;
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
