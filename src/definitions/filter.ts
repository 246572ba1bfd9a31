/**
 * The language of `WebhookDefinition.filter` and `WorkflowRule.condition`: MongoDB's query language, cut down to the
 * operators below. Pure; nothing in a filter is ever run as code.
 *
 * A filter is an object over `payload scope type entity entityId actor changes`. Objects without an operator are
 * entered (`{payload: {total: {$gt: 100}}}` is `{"payload.total": {$gt: 100}}`), any other value means `$eq`; a whole
 * object is compared with an explicit `$eq`. A path that meets an array looks at each of its elements. What is
 * missing equals null. Comparisons only hold between values of the same type.
 */
import type { Issue } from "../errors.ts";
import { echo } from "../text.ts";
import { isRawNumber } from "../wire/json-exact.ts";

/** Operators that hold filters; their nesting is bounded. */
const LOGICAL = new Set(["$and", "$or", "$not", "$elemMatch"]);
const OPERATORS = new Set([...LOGICAL, "$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$nin", "$exists", "$all"]);
const ROOTS = new Set(["payload", "scope", "type", "entity", "entityId", "actor", "changes"]);
/** Names that reach an object's prototype; refused as field names, and inert in documents (predicate.ts). */
const RESERVED = new Set(["__proto__", "constructor", "prototype"]);

export const MAX_DEPTH = 10;
export const MAX_OPERATORS = 200;
/** Values of all lists together, and characters of all names and values. */
export const MAX_LISTED = 1_000;
export const MAX_SIZE = 65_536;
/** Of a name; what is longer is nobody's field. */
const MAX_NAME = 255;
/** Issues told at once: a filter may hold a mistake in every corner. */
const MAX_ISSUES = 20;

type Plain = Record<string, unknown>;

function isPlain(value: unknown): value is Plain {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !isRawNumber(value);
}

interface Walk {
  issues: Issue[];
  operators: number;
  listed: number;
  size: number;
  tooDeep: boolean;
}

/** Whether nothing more need be looked at: what is said already refuses the filter. */
function isOver(walk: Walk): boolean {
  return walk.size > MAX_SIZE || walk.operators > MAX_OPERATORS || walk.listed > MAX_LISTED || walk.issues.length >= MAX_ISSUES;
}

/**
 * What is wrong with a filter; empty: nothing.
 * @param path where the filter stands in the input, for the issues
 */
export function checkFilter(filter: unknown, path = "filter"): Issue[] {
  if (filter === null || filter === undefined) return [];
  if (!isPlain(filter)) return [{ path, message: 'must be an object such as {"payload": {"total": {"$gt": 100}}}' }];
  const walk: Walk = { issues: [], operators: 0, listed: 0, size: 0, tooDeep: false };
  checkCondition(filter, { path, root: true, fields: 0, logical: 0 }, walk);
  const refuseWhole = (message: string) => walk.issues.push({ path, message });
  if (walk.tooDeep) refuseWhole(`is nested too deeply; at most ${MAX_DEPTH} levels`);
  if (walk.operators > MAX_OPERATORS) refuseWhole(`has too many conditions; at most ${MAX_OPERATORS} operators`);
  if (walk.listed > MAX_LISTED) refuseWhole(`has too many values in its lists; at most ${MAX_LISTED} in all`);
  if (walk.size > MAX_SIZE) refuseWhole(`is too large; at most ${MAX_SIZE} characters of names and values`);
  return walk.issues;
}

interface Place {
  path: string;
  /** Field names here must start with one of ROOTS. */
  root: boolean;
  fields: number;
  logical: number;
}

function checkCondition(value: unknown, place: Place, walk: Walk): void {
  if (place.fields > MAX_DEPTH || place.logical > MAX_DEPTH) {
    walk.tooDeep = true;
    return;
  }
  if (!isPlain(value)) {
    walk.operators += 1;
    checkValue(value, place.path, walk, 0);
    return;
  }
  for (const key in value) {
    if (isOver(walk)) return;
    const inner = value[key];
    const path = `${place.path}.${echo(key)}`;
    walk.size += key.length;
    if (key.length > MAX_NAME) walk.issues.push({ path, message: `has a name of more than ${MAX_NAME} characters` });
    else if (key.startsWith("$")) checkOperator(key, inner, { ...place, path }, walk);
    else checkField(key, inner, { ...place, path }, walk);
  }
}

function checkField(key: string, value: unknown, place: Place, walk: Walk): void {
  const segments = key.split(".");
  if (place.root && !ROOTS.has(segments[0] as string)) {
    walk.issues.push({ path: place.path, message: `is not part of an event here; start with one of ${[...ROOTS].join(", ")}` });
  } else if (segments.some((segment) => segment === "" || RESERVED.has(segment) || segment.startsWith("$"))) {
    walk.issues.push({ path: place.path, message: "is not a usable field name" });
  } else {
    checkCondition(value, { ...place, root: false, fields: place.fields + segments.length }, walk);
  }
}

function checkOperator(name: string, value: unknown, place: Place, walk: Walk): void {
  const refuse = (message: string) => walk.issues.push({ path: place.path, message });
  walk.operators += 1;
  if (!OPERATORS.has(name)) {
    refuse(`is not an operator of filters; use one of ${[...OPERATORS].sort().join(" ")}`);
  } else if (place.root && !LOGICAL.has(name)) {
    refuse('needs a field to look at, such as {"payload": {"total": {"$gt": 100}}}');
  } else if (name === "$and" || name === "$or") {
    if (!Array.isArray(value) || value.length === 0) refuse("must be a list of at least one condition");
    else for (let i = 0; i < value.length && !isOver(walk); i++) checkNested(value[i], { ...place, path: `${place.path}.${i}` }, walk);
  } else if (name === "$not") {
    checkNested(value, place, walk);
  } else if (name === "$elemMatch") {
    if (place.root) refuse("needs a field to look at");
    else checkNested(value, place, walk);
  } else {
    checkOperand(name, value, place.path, walk);
  }
}

function checkNested(value: unknown, place: Place, walk: Walk): void {
  if (isPlain(value)) checkCondition(value, { ...place, logical: place.logical + 1 }, walk);
  else walk.issues.push({ path: place.path, message: "must be a condition: an object" });
}

function checkOperand(name: string, value: unknown, path: string, walk: Walk): void {
  const refuse = (message: string) => walk.issues.push({ path, message });
  if (name === "$exists") {
    if (typeof value !== "boolean") refuse("must be true or false");
  } else if (name === "$in" || name === "$nin" || name === "$all") {
    if (!Array.isArray(value)) refuse("must be a list of values");
    else if (value.length > MAX_LISTED) refuse(`must have at most ${MAX_LISTED} values`);
    else if (name === "$all" && value.length === 0) refuse("must have at least one value");
    else {
      walk.listed += value.length;
      checkValue(value, path, walk, 0);
    }
  } else if (name === "$eq" || name === "$ne") {
    checkValue(value, path, walk, 0);
  } else if (typeof value !== "number" && typeof value !== "string" && !isRawNumber(value)) {
    refuse("must be a number or a text");
  } else {
    checkValue(value, path, walk, 0);
  }
}

/** A literal: no operator inside. */
function checkValue(value: unknown, path: string, walk: Walk, depth: number): void {
  walk.size += typeof value === "string" ? value.length : 1;
  if (isOver(walk)) return;
  if (depth > MAX_DEPTH) {
    walk.tooDeep = true;
  } else if (Array.isArray(value)) {
    for (let i = 0; i < value.length && !isOver(walk); i++) checkValue(value[i], path, walk, depth + 1);
  } else if (isPlain(value)) {
    for (const key in value) {
      if (isOver(walk)) return;
      const inner = value[key];
      walk.size += key.length;
      if (key.startsWith("$")) walk.issues.push({ path: `${path}.${echo(key)}`, message: "operators are not allowed inside a value" });
      else checkValue(inner, path, walk, depth + 1);
    }
  }
}
