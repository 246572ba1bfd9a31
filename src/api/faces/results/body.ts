/** The body of an inbound post: read with a deadline and a limit, then each property as it was written. */
import type { IncomingMessage } from "node:http";
import { DatumError, PROPERTIES, type Sent, type SentDatum } from "../../../goals/datum.ts";
import { deeperThan, members, numberSource, stringSource } from "../../../wire/json-text.ts";
import { readForm } from "../../form.ts";

export const BODY_LIMIT = 256 * 1024;
/** ABORTED: the client left. */
export type Body = Buffer | "TOO_LARGE" | "TOO_SLOW" | "ABORTED";

/** @param timeoutMs for the whole body, from now */
export function readBody(request: IncomingMessage, timeoutMs: number): Promise<Body> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const timer = setTimeout(() => settle("TOO_SLOW"), timeoutMs);
    const settle = (body: Body) => {
      clearTimeout(timer);
      request.off("data", take);
      request.pause();
      resolve(body);
    };
    const take = (chunk: Buffer) => {
      size += chunk.length;
      if (size <= BODY_LIMIT) chunks.push(chunk);
      else settle("TOO_LARGE");
    };
    request.on("data", take);
    request.once("end", () => settle(Buffer.concat(chunks)));
    request.once("error", () => settle("ABORTED"));
    request.once("close", () => settle("ABORTED"));
  });
}

export type Format = "json" | "form";

/**
 * @param hasBody without a body a missing Content-Type is no mistake of its own
 * @returns undefined: 415
 */
export function formatOf(headers: IncomingMessage["headers"], hasBody: boolean): Format | undefined {
  const encoding = headers["content-encoding"];
  if (encoding !== undefined && encoding.trim().toLowerCase() !== "identity") return undefined;
  if (headers["content-type"] === undefined) return hasBody ? undefined : "json";
  const [type = "", ...parameters] = headers["content-type"].split(";").map((part) => part.trim().toLowerCase());
  const charset = parameters
    .find((parameter) => parameter.startsWith("charset="))
    ?.slice(8)
    .replaceAll('"', "");
  if (charset !== undefined && charset !== "utf-8" && charset !== "utf8") return undefined;
  return type === "application/json" ? "json" : type === "application/x-www-form-urlencoded" ? "form" : undefined;
}

/** @throws DatumError malformed_json */
export function readProperties(format: Format, body: Buffer): SentDatum {
  if (body.length === 0) throw malformed(EMPTY);
  const sent = format === "json" ? fromJson(body) : fromForm(body);
  return Object.fromEntries(PROPERTIES.map((property) => [property, sent(property)])) as SentDatum;
}

const MAX_DEPTH = 64;

type Lookup = (property: string) => Sent;

const EMPTY = 'the body is empty; send a JSON object such as {"date":"2017-03-16","value":500000}';
const malformed = (message: string) => new DatumError([{ property: "", code: "malformed_json", message }]);

function utf8(body: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(body);
  } catch {
    throw malformed("the body is not UTF-8 text");
  }
}

function fromJson(body: Buffer): Lookup {
  const text = utf8(body);
  if (text.trim() === "") throw malformed(EMPTY);
  if (deeperThan(text, MAX_DEPTH)) throw malformed(`the body is nested deeper than ${MAX_DEPTH} levels`);
  try {
    JSON.parse(text);
  } catch {
    throw malformed("the body is not valid JSON");
  }
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

function formOf(text: string): [string, string][] {
  try {
    return readForm(text);
  } catch (error) {
    throw malformed((error as Error).message);
  }
}

function fromForm(body: Buffer): Lookup {
  const fields = new URLSearchParams(formOf(utf8(body)));
  return (property) => {
    const text = fields.get(property);
    return text === null ? undefined : { kind: "text", text };
  };
}
