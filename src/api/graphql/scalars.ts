/** How our scalars are read and written. Parsing throws what the client then sees as BAD_USER_INPUT. */
import { GraphQLError, Kind, type ValueNode, valueFromASTUntyped } from "graphql";
import { numberOf } from "../../wire/json-exact.ts";
import { isShowable, UNSHOWABLE } from "../../wire/moment.ts";

function refuse(message: string): never {
  throw new GraphQLError(message, { extensions: { code: "BAD_USER_INPUT" } });
}

const DATE_TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})$/i;
const DATE = /^\d{4}-\d{2}-\d{2}$/;
const DECIMAL = /^[+-]?(\d+(\.\d*)?|\.\d+)$/;

function isCalendarDate(text: string): boolean {
  const day = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(day.getTime()) && day.toISOString().startsWith(text);
}

export function parseDateTime(value: unknown): Date {
  if (typeof value !== "string" || !DATE_TIME.test(value) || !isCalendarDate(value.slice(0, 10))) {
    refuse("a DateTime is ISO 8601 with a time zone, such as 2026-11-01T08:00:00Z");
  }
  const date = new Date(value);
  if (Number.isNaN(date.getTime())) refuse("a DateTime is ISO 8601 with a time zone, such as 2026-11-01T08:00:00Z");
  return isShowable(date) ? date : refuse(`a DateTime ${UNSHOWABLE}`);
}

export function parseCalendarDate(value: unknown): string {
  if (typeof value !== "string" || !DATE.test(value) || !isCalendarDate(value)) refuse("a Date is YYYY-MM-DD, such as 2026-11-01");
  return value;
}

/** Numbers are taken too, as their shortest text; exact decimals come as strings. */
export function parseDecimal(value: unknown): string {
  const text = typeof value === "number" ? String(value) : value;
  if (typeof text !== "string" || !DECIMAL.test(text)) refuse('a Decimal is a string in plain notation, such as "450000.50"');
  return text;
}

export function decimalLiteral(node: ValueNode): string {
  // The literal's own text: 0.10 stays exact.
  if (node.kind === Kind.STRING || node.kind === Kind.INT || node.kind === Kind.FLOAT) return parseDecimal(node.value);
  return refuse('a Decimal is a string in plain notation, such as "450000.50"');
}

const WHOLE = /^[+-]?\d{1,16}$/;

/** Whole numbers that JSON carries exactly, as such or as their decimal text. */
export function parseSafeInt(value: unknown): number {
  const number = typeof value === "string" && WHOLE.test(value) ? Number(value) : value;
  if (typeof number !== "number" || !Number.isSafeInteger(number)) {
    return refuse(`a SafeInt is a whole number from ${Number.MIN_SAFE_INTEGER} to ${Number.MAX_SAFE_INTEGER}`);
  }
  return number === 0 ? 0 : number;
}

export function safeIntLiteral(node: ValueNode): number {
  return parseSafeInt(node.kind === Kind.STRING || node.kind === Kind.INT ? node.value : undefined);
}

export function stringLiteral<T>(parse: (value: unknown) => T): (node: ValueNode) => T {
  return (node) => parse(node.kind === Kind.STRING ? node.value : undefined);
}

/** A literal as the JSON it stands for; its numbers as they are written. */
export function jsonLiteral(node: ValueNode, variables?: Record<string, unknown> | null): unknown {
  switch (node.kind) {
    case Kind.INT:
    case Kind.FLOAT:
      return numberOf(node.value);
    case Kind.LIST:
      return node.values.map((value) => jsonLiteral(value, variables));
    case Kind.OBJECT:
      return Object.fromEntries(node.fields.map(({ name, value }) => [name.value, jsonLiteral(value, variables)]));
    default:
      return valueFromASTUntyped(node, variables as Parameters<typeof valueFromASTUntyped>[1]);
  }
}
