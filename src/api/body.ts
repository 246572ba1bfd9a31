/** Request bodies: every route gets the bytes, and reads them as far as it needs. */
import type { FastifyRequest } from "fastify";
import { HooklineError, ValidationError } from "../errors.ts";
import { checkJson, deeperThan } from "../wire/json-text.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });

/** A content type that a route does not read, or any Content-Encoding. */
export class UnsupportedMediaTypeError extends HooklineError {
  readonly code = "UNSUPPORTED_MEDIA_TYPE";
  readonly status = 415;
}

/** Nothing is inflated here: a kilobyte may hold a gigabyte. */
export function isEncoded({ "content-encoding": encoding }: FastifyRequest["headers"]): boolean {
  return encoding !== undefined && encoding.trim().toLowerCase() !== "identity";
}

/** @throws UnsupportedMediaTypeError for an encoded body, ValidationError for bytes that are no UTF-8 */
export function textOf(request: FastifyRequest): string {
  if (isEncoded(request.headers)) throw new UnsupportedMediaTypeError("send the body without a Content-Encoding");
  try {
    return utf8.decode((request.body as Buffer | undefined) ?? Buffer.alloc(0));
  } catch {
    throw new ValidationError([{ path: "", message: "the body is no valid UTF-8" }]);
  }
}

/**
 * The body as JSON, and its text.
 * @throws ValidationError for what is no JSON, NUL, half surrogate pairs, nesting deeper than `maxDepth`
 */
export function jsonOf(request: FastifyRequest, maxDepth = 64): { value: unknown; text: string } {
  const text = textOf(request);
  if (text.trim() === "") throw new ValidationError([{ path: "", message: "the body is empty: send JSON" }]);
  if (deeperThan(text, maxDepth)) throw new ValidationError([{ path: "", message: `is nested deeper than ${maxDepth} levels` }]);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    // The parser quotes what stands around the place, and that may be a password.
    const place = /at position \d+/.exec((error as Error).message);
    throw new ValidationError([{ path: "", message: `the body is no JSON${place ? ` (${place[0]})` : ""}` }]);
  }
  const problem = checkJson(text, { maxDepth });
  if (problem) throw new ValidationError([{ path: "", message: problem.message }]);
  return { value, text };
}

/** `application/json` of `application/json; charset=utf-8`; "" when there is none. */
export function mediaType(request: FastifyRequest): string {
  return (request.headers["content-type"] ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
}

export function isJsonType(type: string): boolean {
  return /^(application|text)\/json$|\+json$/.test(type);
}
