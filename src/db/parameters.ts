/**
 * Parameters as Postgres reads them with the least work: arrays in its binary form, everything else as text. An array as text is
 * escaped character by character here and read character by character there, twice for a payload full of quotes.
 * What has another JavaScript type than its cast says goes as text: Postgres then judges it.
 */
import { Outgoing } from "./outgoing.ts";

/** Elements of arrays, by the name that a cast gives them. Enums have numbers of their own in each database. */
const ELEMENTS: Readonly<Record<string, { oid: number; write(out: Outgoing, value: unknown): boolean }>> = {
  uuid: {
    oid: 2950,
    write(out, value) {
      out.int32(16);
      return typeof value === "string" && out.uuid(value);
    },
  },
  text: {
    oid: 25,
    write(out, value) {
      if (typeof value !== "string") return false;
      writeText(out, value);
      return true;
    },
  },
  bool: {
    oid: 16,
    write(out, value) {
      out.int32(1);
      out.byte(value === true ? 1 : 0);
      return typeof value === "boolean";
    },
  },
  int4: {
    oid: 23,
    write(out, value) {
      out.int32(4);
      out.int32(value as number);
      return typeof value === "number" && value === (value | 0);
    },
  },
  int8: {
    oid: 20,
    write(out, value) {
      if (!Number.isSafeInteger(value)) return false;
      out.int32(8);
      out.int64(value as number);
      return true;
    },
  },
  float8: {
    oid: 701,
    write(out, value) {
      if (typeof value !== "number") return false;
      out.int32(8);
      out.float64(value);
      return true;
    },
  },
  timestamptz: {
    oid: 1184,
    write(out, value) {
      const ms = value instanceof Date ? value.getTime() - EPOCH_MS : Number.NaN;
      if (!Number.isSafeInteger(ms)) return false;
      out.int32(8);
      out.int64(Number.isSafeInteger(ms * 1_000) ? ms * 1_000 : BigInt(ms) * 1_000n);
      return true;
    },
  },
  jsonb: {
    oid: 3802,
    write(out, value) {
      if (typeof value !== "string") return false;
      const at = out.skip(4);
      out.byte(JSONB_VERSION);
      out.text(value);
      out.set32(at, out.length - at - 4);
      return true;
    },
  },
  bytea: {
    oid: 17,
    write(out, value) {
      if (!(value instanceof Uint8Array)) return false;
      out.int32(value.length);
      out.bytes(value);
      return true;
    },
  },
};
/** Of Postgres: 2000-01-01. */
const EPOCH_MS = 946_684_800_000;
const JSONB_VERSION = 1;
const NULL = -1;
const [AS_TEXT, AS_BINARY] = [0, 1];

/** Types that a statement's casts give its parameters, in order: `uuid[]`, `int8`. */
export function parametersOf(text: string): string[] {
  const types: string[] = [];
  for (const [, number, type] of text.matchAll(/\$(\d+)::([a-z_0-9]+(?:\[\])?)/g)) types[Number(number) - 1] = type as string;
  return types;
}

function writeText(out: Outgoing, value: string): void {
  const at = out.skip(4);
  out.text(value);
  out.set32(at, out.length - at - 4);
}

/** Length and value. @returns false, and nothing was written: it has to go as text */
function writeArray(out: Outgoing, type: string, values: readonly unknown[]): boolean {
  const element = ELEMENTS[type.slice(0, -2)];
  if (element === undefined) return false;
  const start = out.skip(4);
  out.int32(values.length === 0 ? 0 : 1);
  const nulls = out.skip(4);
  out.set32(nulls, 0);
  out.int32(element.oid);
  if (values.length > 0) {
    out.int32(values.length);
    // They are counted from 1.
    out.int32(1);
  }
  for (const value of values) {
    if (value === null || value === undefined) {
      out.int32(NULL);
      out.set32(nulls, 1);
    } else if (!element.write(out, value)) {
      out.back(start);
      return false;
    }
  }
  out.set32(start, out.length - start - 4);
  return true;
}

const isArrayType = (type: string | undefined): type is string => type?.endsWith("[]") ?? false;

/** @returns the value as text; null for none */
function textOf(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  if (typeof value === "string") return value;
  // Postgres writes years beyond 9999 without a sign.
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? String(value) : value.toISOString().replace(/^\+0*/, "");
  if (Array.isArray(value)) return `{${value.map(elementText).join(",")}}`;
  if (typeof value === "object") return JSON.stringify(value);
  return String(value);
}

function elementText(value: unknown): string {
  const text = value instanceof Uint8Array ? `\\x${Buffer.from(value).toString("hex")}` : textOf(value);
  return text === null ? "NULL" : `"${text.replace(/[\\"]/g, "\\$&")}"`;
}

/** A parameter in a message that binds: its length and its bytes. @returns its format */
export function writeParameter(out: Outgoing, type: string | undefined, value: unknown): number {
  if (isArrayType(type) && Array.isArray(value) && writeArray(out, type, value)) return AS_BINARY;
  if (value instanceof Uint8Array) {
    out.int32(value.length);
    out.bytes(value);
    return AS_BINARY;
  }
  const text = textOf(value);
  if (text === null) out.int32(NULL);
  else writeText(out, text);
  return AS_TEXT;
}

/** As node-postgres takes it: bytes are sent in binary form. */
export function preparedValue(type: string | undefined, value: unknown): unknown {
  if (!isArrayType(type) || !Array.isArray(value)) return value;
  const out = new Outgoing();
  // Behind its length, which node-postgres writes itself.
  return writeArray(out, type, value) ? out.take().subarray(4) : value;
}
