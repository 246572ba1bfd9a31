/** What a sender of any kind posts, as JSON text: JSON as it is written, a form as an object of its fields, a text as a string. */
import type { IncomingHttpHeaders } from "node:http";
import { TooLargeError } from "../errors.ts";
import { compact } from "../wire/json-text.ts";
import { isEncoded, isJsonType, isUtf8, jsonIn, mediaTypeOf, UnreadableBodyError, UnsupportedMediaTypeError, utf8Of } from "./body.ts";
import { FORM_TYPE, MOST_FIELDS, readForm } from "./form.ts";
import { EVENTS } from "./limits.ts";

const MULTIPART = "multipart/form-data";
const TYPES =
  "send JSON, a form (application/x-www-form-urlencoded or multipart/form-data) or text, in UTF-8 and without a Content-Encoding";
const DEPTH = 64;

type Kind = "JSON" | "FORM" | "MULTIPART" | "TEXT";

/** Before the body is read. @throws UnsupportedMediaTypeError */
export function kindOf(headers: IncomingHttpHeaders): Kind {
  if (isEncoded(headers)) throw new UnsupportedMediaTypeError(TYPES, "ENCODED");
  const { type, charset } = mediaTypeOf(headers);
  if (!isUtf8(charset)) throw new UnsupportedMediaTypeError(TYPES, "CHARSET");
  if (isJsonType(type)) return "JSON";
  if (type === FORM_TYPE) return "FORM";
  if (type === MULTIPART) return "MULTIPART";
  if (type.startsWith("text/")) return "TEXT";
  throw new UnsupportedMediaTypeError(TYPES);
}

/** @throws UnsupportedMediaTypeError UnreadableBodyError TooLargeError */
export async function payloadOf(headers: IncomingHttpHeaders, body: Uint8Array): Promise<string> {
  const kind = kindOf(headers);
  const text = utf8Of(body);
  if (kind === "JSON") {
    if (text.trim() === "") throw new UnreadableBodyError("JSON", "the body is empty: send JSON");
    jsonIn(text, DEPTH);
    return compact(text);
  }
  const payload =
    kind === "TEXT" ? JSON.stringify(text) : fieldsJson(kind === "FORM" ? readForm(text) : await readMultipart(headers, body, text));
  // Escaped it may be six times as long.
  if (Buffer.byteLength(payload) > EVENTS.payloadBytes) throw new TooLargeError("as JSON the body would be larger than 1 MiB");
  // What a text must not hold is judged alike, however it came.
  jsonIn(payload, DEPTH);
  return payload;
}

/** Built as text: a field called __proto__ is a field. One that comes twice is a list. */
function fieldsJson(fields: readonly (readonly [name: string, value: string])[]): string {
  const named = Map.groupBy(fields, ([name]) => name);
  const members = [...named].map(([name, all]) => {
    const values = all.map(([, value]) => JSON.stringify(value));
    return `${JSON.stringify(name)}:${values.length === 1 ? values[0] : `[${values.join(",")}]`}`;
  });
  return `{${members.join(",")}}`;
}

async function readMultipart(headers: IncomingHttpHeaders, body: Uint8Array, text: string): Promise<[string, string][]> {
  const type = headers["content-type"] ?? "";
  const boundary = /;\s*boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))/i.exec(type);
  const mark = boundary?.[1] ?? boundary?.[2];
  if (mark === undefined) throw new UnreadableBodyError("FORM", "multipart/form-data needs a boundary of 1 to 70 characters");
  let parts = 0;
  for (let at = text.indexOf(`--${mark}`); at >= 0; at = text.indexOf(`--${mark}`, at + 1)) {
    parts += 1;
    if (parts > MOST_FIELDS + 1) throw new UnreadableBodyError("FORM", `a form may have ${MOST_FIELDS} fields`);
  }
  // Read by the boundary by which its parts were counted, whatever else the header says.
  const read = { "content-type": `${MULTIPART}; boundary="${mark}"` };
  const form = await new Response(new Uint8Array(body), { headers: read }).formData().catch(() => {
    throw new UnreadableBodyError("FORM", "the body is no multipart/form-data of the boundary that Content-Type names");
  });
  return [...form.entries()].map(([name, value]): [string, string] => {
    if (typeof value !== "string") throw new UnreadableBodyError("FORM", "a form may have fields, and no files");
    return [name, value];
  });
}
