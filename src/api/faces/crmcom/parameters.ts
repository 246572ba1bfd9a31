/**
 * Parameters as this product's clients send them: a query or form of texts, where an identifier is `field=value`, or JSON,
 * where it is an object. Null is absent, wherever it stands.
 */
import type { FastifyRequest } from "fastify";
import { uuidFromHex } from "../../../wire/ids.ts";
import { parseJson } from "../../../wire/json-exact.ts";
import { members } from "../../../wire/json-text.ts";
import { jsonOf, mediaType, textOf } from "../../body.ts";
import { FORM_TYPE, readForm } from "../../form.ts";
import { CrmcomError } from "./errors.ts";

/** Texts and lists of texts (a parameter given twice) from a query or form, JSON values from a JSON body. */
export interface Parameters {
  values: Readonly<Record<string, unknown>>;
  /** Values are JSON: types count. */
  json: boolean;
}

const read = new WeakMap<FastifyRequest, Parameters>();

/** Of a GET's query, of a POST's body; read once a call. @throws CrmcomError INVALID_VALUE ValidationError */
export function parametersOf(request: FastifyRequest): Parameters {
  const known = read.get(request);
  if (known) return known;
  const parameters = request.method === "POST" ? inBody(request) : { values: request.query as Record<string, unknown>, json: false };
  read.set(request, parameters);
  return parameters;
}

function inBody(request: FastifyRequest): Parameters {
  if (mediaType(request) === FORM_TYPE) {
    const values: Record<string, unknown> = Object.create(null);
    for (const [name, value] of readForm(textOf(request))) values[name] = name in values ? [values[name], value].flat() : value;
    return { values, json: false };
  }
  if (textOf(request) === "") return { values: {}, json: true };
  const { value, text } = jsonOf(request);
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new CrmcomError("INVALID_VALUE", "the body must be a JSON object");
  // The numbers of a condition are compared as they were written.
  const condition = members(text)?.get("conditions_set");
  return { values: { ...value, ...(condition !== undefined && { conditions_set: parseJson(condition) }) }, json: true };
}

export type Identifier<Field extends string> = { field: Field; value: string };

export const absent = (value: unknown) => value === undefined || value === null || value === "";

/** @throws CrmcomError INVALID_VALUE for anything but a text; undefined when absent or empty */
export function text({ values }: Parameters, name: string): string | undefined {
  const value = values[name];
  if (absent(value)) return undefined;
  if (typeof value !== "string") throw new CrmcomError("INVALID_VALUE", `${name} must be one text`);
  if (value.includes("\0")) throw new CrmcomError("INVALID_VALUE", `${name} must not hold NUL`);
  return value;
}

/** @throws CrmcomError MISSING_PARAMETER */
export function required(parameters: Parameters, name: string): string {
  const value = text(parameters, name);
  if (value === undefined) throw new CrmcomError("MISSING_PARAMETER", `${name} is mandatory`);
  return value;
}

/** @throws CrmcomError INVALID_VALUE */
export function oneOf<Value extends string>(parameters: Parameters, name: string, allowed: readonly Value[]): Value | undefined {
  const value = text(parameters, name);
  if (value === undefined) return undefined;
  const found = allowed.find((each) => each === value);
  if (found === undefined) throw new CrmcomError("INVALID_VALUE", `${name} must be one of ${allowed.join(", ")}`);
  return found;
}

/** @throws CrmcomError INVALID_VALUE */
export function wholeNumber(parameters: Parameters, name: string, range: { min: number; max: number; otherwise: number }): number {
  const value = text(parameters, name);
  if (value === undefined) return range.otherwise;
  const number = /^\d{1,10}$/.test(value) ? Number(value) : Number.NaN;
  if (!(number >= range.min && number <= range.max)) {
    throw new CrmcomError("INVALID_VALUE", `${name} must be a whole number from ${range.min} to ${range.max}`);
  }
  return number;
}

/** Undefined when the parameter is absent; a field that is null is too. @throws CrmcomError INVALID_IDENTIFIER unless exactly one allowed field is given */
export function identifier<Field extends string>(
  parameters: Parameters,
  name: string,
  fields: readonly Field[],
): Identifier<Field> | undefined {
  const value = parameters.values[name];
  if (absent(value)) return undefined;
  const pairs =
    typeof value === "object" && !Array.isArray(value)
      ? Object.entries(value as object).filter(([, content]) => content !== null)
      : [value].flat().flatMap((each) => split(name, each, fields));
  const given = pairs.map(([field, content]) => [field, typeof content === "number" ? String(content) : content] as const);
  const [first] = given;
  const field = fields.find((each) => each === first?.[0]);
  if (given.length !== 1 || field === undefined || typeof first?.[1] !== "string" || first[1] === "" || first[1].includes("\0")) {
    throw new CrmcomError("INVALID_IDENTIFIER", `${name} takes exactly one of ${fields.join(", ")}`);
  }
  return { field, value: first[1] };
}

/** @throws CrmcomError MISSING_PARAMETER INVALID_IDENTIFIER */
export function requiredIdentifier<Field extends string>(
  parameters: Parameters,
  name: string,
  fields: readonly Field[],
): Identifier<Field> {
  const found = identifier(parameters, name, fields);
  if (!found) throw new CrmcomError("MISSING_PARAMETER", `${name} is mandatory`);
  return found;
}

/** `id=…` or `id=…,number=…`: a comma parts fields only where an allowed name and `=` follow, since names may hold commas. */
function split(name: string, value: unknown, fields: readonly string[]): [string, string][] {
  if (typeof value !== "string") throw new CrmcomError("INVALID_IDENTIFIER", `${name} takes exactly one of ${fields.join(", ")}`);
  const found: string[] = [];
  let from = 0;
  for (let comma = value.indexOf(","); comma >= 0; comma = value.indexOf(",", comma + 1)) {
    if (!fields.some((field) => value.startsWith(`${field}=`, comma + 1))) continue;
    found.push(value.slice(from, comma));
    from = comma + 1;
  }
  return [...found, value.slice(from)].map((part) => {
    const at = part.indexOf("=");
    return [part.slice(0, Math.max(at, 0)), at < 0 ? "" : part.slice(at + 1)];
  });
}

/** 32 hex digits as a UUID; undefined for anything else: it names nothing. */
export function uuidOf(id: string): string | undefined {
  return /^[0-9A-Fa-f]{32}$/.test(id) ? uuidFromHex(id) : undefined;
}
