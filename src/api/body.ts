/**
 * Request bodies: every route gets the bytes, and reads them as far as it needs. Encodings, charsets, UTF-8, JSON and its
 * depth are judged here, for all doors; a face says it in its own words by `fault`.
 */
import type { FastifyRequest } from "fastify";
import { HooklineError, ValidationError } from "../errors.ts";
import { checkJson, overBounds, saysOver } from "../wire/json-text.ts";
import { JSON_BODY } from "./limits.ts";

/** What makes a body unreadable. The first three are 415, the others 400. */
export type BodyFault = "ENCODED" | "TYPE" | "CHARSET" | "UTF8" | "JSON" | "DEPTH" | "SIZE" | "CONTENT" | "FORM";

/** A content type that a route does not read, or any Content-Encoding. */
export class UnsupportedMediaTypeError extends HooklineError {
  readonly code = "UNSUPPORTED_MEDIA_TYPE";
  readonly status = 415;
  readonly fault: BodyFault;
  constructor(message: string, fault: "ENCODED" | "TYPE" | "CHARSET" = "TYPE") {
    super(message);
    this.fault = fault;
  }
}

/** Bytes that are not what their content type says. */
export class UnreadableBodyError extends ValidationError {
  readonly fault: BodyFault;
  constructor(fault: "UTF8" | "JSON" | "DEPTH" | "SIZE" | "CONTENT" | "FORM", message: string) {
    super([{ path: "", message }]);
    this.fault = fault;
  }
}

type Headers = FastifyRequest["headers"];

/** Nothing is inflated here: a kilobyte may hold a gigabyte. */
export function isEncoded({ "content-encoding": encoding }: Headers): boolean {
  return encoding !== undefined && encoding.trim().toLowerCase() !== "identity";
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });

/** @throws UnreadableBodyError for bytes that are no UTF-8 */
export function utf8Of(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new UnreadableBodyError("UTF8", "the body is no valid UTF-8");
  }
}

/** @throws UnsupportedMediaTypeError for an encoded body, UnreadableBodyError for bytes that are no UTF-8 */
export function textOf(request: Pick<FastifyRequest, "headers" | "body">): string {
  if (isEncoded(request.headers)) throw new UnsupportedMediaTypeError("send the body without a Content-Encoding", "ENCODED");
  return utf8Of((request.body as Buffer | undefined) ?? Buffer.alloc(0));
}

/**
 * The body as JSON, and its text.
 * @throws UnreadableBodyError for what is no JSON, NUL, half surrogate pairs, nesting deeper than `maxDepth`
 */
export function jsonOf(request: Pick<FastifyRequest, "headers" | "body">, maxDepth = 64): { value: unknown; text: string } {
  const text = textOf(request);
  if (text.trim() === "") throw new UnreadableBodyError("JSON", "the body is empty: send JSON");
  return { value: jsonIn(text, maxDepth), text };
}

/**
 * @param parse is given no text that is deeper than it may be
 * @throws UnreadableBodyError
 */
export function jsonIn(text: string, maxDepth = 64, parse: (text: string) => unknown = JSON.parse): unknown {
  const value = anyJsonIn(text, maxDepth, parse);
  const problem = checkJson(text, { maxDepth });
  if (problem) throw new UnreadableBodyError("CONTENT", problem.message);
  return value;
}

/** The same where no text of it is stored: NUL and half surrogate pairs pass. @throws UnreadableBodyError */
export function anyJsonIn(text: string, maxDepth = 64, parse: (text: string) => unknown = JSON.parse): unknown {
  const bounds = { ...JSON_BODY, depth: maxDepth };
  const over = overBounds(text, bounds);
  if (over !== undefined) throw new UnreadableBodyError(over === "depth" ? "DEPTH" : "SIZE", saysOver(over, bounds));
  try {
    return parse(text);
  } catch (error) {
    // The parser quotes what stands around the place, and that may be a password.
    const place = /at position \d+/.exec((error as Error).message);
    throw new UnreadableBodyError("JSON", `the body is no JSON${place ? ` (${place[0]})` : ""}`);
  }
}

export interface MediaType {
  /** `application/json` of `application/json; charset=utf-8`, in lower case; "" when there is none. */
  type: string;
  charset: string | undefined;
}

export function mediaTypeOf(headers: Headers): MediaType {
  const [type = "", ...parameters] = (headers["content-type"] ?? "").split(";").map((part) => part.trim().toLowerCase());
  const charset = parameters
    .find((parameter) => parameter.startsWith("charset="))
    ?.slice("charset=".length)
    .replaceAll('"', "");
  return { type, charset };
}

export const isUtf8 = (charset: string | undefined) => charset === undefined || charset === "utf-8" || charset === "utf8";

export function mediaType(request: FastifyRequest): string {
  return mediaTypeOf(request.headers).type;
}

export function isJsonType(type: string): boolean {
  return /^(application|text)\/json$|\+json$/.test(type);
}
