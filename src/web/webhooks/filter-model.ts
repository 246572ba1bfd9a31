/** The filter as rows to click, where it has that form; anything else is edited as JSON. Pure. */
import { roundedNumber } from "../graphql/json-text.ts";

export const OPERATORS = [
  { value: "$eq", label: "is" },
  { value: "$ne", label: "is not" },
  { value: "$gt", label: "is more than" },
  { value: "$gte", label: "is at least" },
  { value: "$lt", label: "is less than" },
  { value: "$lte", label: "is at most" },
  { value: "$in", label: "is one of" },
  { value: "$nin", label: "is none of" },
  { value: "$exists", label: "exists" },
] as const;
export type Operator = (typeof OPERATORS)[number]["value"];

export interface Condition {
  /** Dotted, from the event: `payload.total`, `entity`. */
  path: string;
  operator: Operator;
  /** As typed; lists by commas. */
  value: string;
}

export interface FilterRows {
  join: "$and" | "$or";
  conditions: Condition[];
}

/** `120`, `true`, `null` and `"120"` are what they look like; any other text is text. */
export function parseValue(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? text : value;
  } catch {
    return text;
  }
}

function printValue(value: unknown): string {
  if (typeof value !== "string") return JSON.stringify(value);
  return parseValue(value) === value ? value : JSON.stringify(value);
}

function conditionJson({ path, operator, value }: Condition): Record<string, unknown> {
  const operand =
    operator === "$in" || operator === "$nin"
      ? value.split(",").map((each) => parseValue(each.trim()))
      : operator === "$exists"
        ? value !== "false"
        : parseValue(value);
  const names = path.split(".").filter((name) => name !== "");
  return names.reduceRight<unknown>((inner, name) => ({ [name]: inner }), { [operator]: operand }) as Record<string, unknown>;
}

/** `payload.` is what a new condition begins with. */
const isComplete = ({ path }: Condition): boolean => path.trim() !== "" && !path.trim().endsWith(".");

/** A number of a condition that a browser would make another one of. */
function roundedIn({ operator, value }: Condition): string | undefined {
  const texts = operator === "$in" || operator === "$nin" ? value.split(",") : [value];
  return texts.map((each) => (typeof parseValue(each.trim()) === "number" ? roundedNumber(each) : undefined)).find((each) => each);
}

/** Names the first condition that says nothing yet, or another number than was typed; null when there is none. */
export function incomplete({ conditions }: FilterRows): string | null {
  for (const [index, each] of conditions.entries()) {
    if (!isComplete(each)) return `Condition ${index + 1} needs a path, such as payload.total; or remove it`;
    const rounded = roundedIn(each);
    if (rounded !== undefined) return `Condition ${index + 1}: ${rounded} has more digits than a browser keeps; the API takes it`;
  }
  return null;
}

/** Null when nothing is asked. */
export function toFilter({ join, conditions }: FilterRows): Record<string, unknown> | null {
  const complete = conditions.filter(isComplete);
  if (complete.length === 0) return null;
  const [only] = complete;
  return complete.length === 1 && only ? conditionJson(only) : { [join]: complete.map(conditionJson) };
}

function readCondition(json: unknown, path: string[] = []): Condition | undefined {
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    return path.length === 0 ? undefined : { path: path.join("."), operator: "$eq", value: printValue(json) };
  }
  const entries = Object.entries(json);
  const [name, value] = entries[0] ?? [];
  if (entries.length !== 1 || name === undefined) return undefined;
  if (!name.startsWith("$")) return name.includes(".") ? undefined : readCondition(value, [...path, name]);
  const operator = OPERATORS.find((each) => each.value === name)?.value;
  if (operator === undefined || path.length === 0) return undefined;
  if (operator === "$in" || operator === "$nin") {
    return Array.isArray(value) ? { path: path.join("."), operator, value: value.map(printValue).join(", ") } : undefined;
  }
  return typeof value === "object" && value !== null ? undefined : { path: path.join("."), operator, value: printValue(value) };
}

/** Undefined when the filter is richer than rows can show. */
export function fromFilter(filter: unknown): FilterRows | undefined {
  if (filter === null || filter === undefined) return { join: "$and", conditions: [] };
  if (typeof filter !== "object") return undefined;
  const names = Object.keys(filter);
  const join = names.length === 1 && (names[0] === "$and" || names[0] === "$or") ? names[0] : undefined;
  const parts: unknown = join ? (filter as Record<string, unknown>)[join] : [filter];
  if (!Array.isArray(parts)) return undefined;
  const conditions = parts.map((part) => readCondition(part));
  return conditions.every((each) => each !== undefined) ? { join: join ?? "$and", conditions } : undefined;
}
