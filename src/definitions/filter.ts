/**
 * The language of `WebhookDefinition.filter` and `WorkflowRule.condition`: MongoDB's query language, cut down to the
 * operators below. Pure; nothing in a filter is ever run as code.
 *
 * A filter is an object over `payload scope type entity entityId actor changes`. Objects without an operator are
 * entered (`{payload: {total: {$gt: 100}}}` is `{"payload.total": {$gt: 100}}`), any other value means `$eq`; a whole
 * object is compared with an explicit `$eq`. A path that meets an array looks at each of its elements. What is
 * missing equals null. Comparisons only hold between values of the same type.
 */
import sift from "sift";
import type { Issue } from "../errors.ts";

/** Operators that hold filters; their nesting is bounded. */
const LOGICAL = new Set(["$and", "$or", "$not", "$elemMatch"]);
const OPERATORS = new Set([...LOGICAL, "$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$nin", "$exists", "$all"]);
const ROOTS = new Set(["payload", "scope", "type", "entity", "entityId", "actor", "changes"]);
/** Names that reach an object's prototype; refused as field names, and inert in documents (`bare`). */
const RESERVED = new Set(["__proto__", "constructor", "prototype"]);

export const MAX_DEPTH = 10;
export const MAX_OPERATORS = 200;
const MAX_LIST = 1000;

type Plain = Record<string, unknown>;

function isPlain(value: unknown): value is Plain {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

interface Walk {
  issues: Issue[];
  operators: number;
  tooDeep: boolean;
}

/**
 * What is wrong with a filter; empty: nothing.
 * @param path where the filter stands in the input, for the issues
 */
export function checkFilter(filter: unknown, path = "filter"): Issue[] {
  if (filter === null || filter === undefined) return [];
  if (!isPlain(filter)) return [{ path, message: 'must be an object such as {"payload": {"total": {"$gt": 100}}}' }];
  const walk: Walk = { issues: [], operators: 0, tooDeep: false };
  checkCondition(filter, { path, root: true, fields: 0, logical: 0 }, walk);
  if (walk.tooDeep) walk.issues.push({ path, message: `is nested too deeply; at most ${MAX_DEPTH} levels` });
  if (walk.operators > MAX_OPERATORS) walk.issues.push({ path, message: `has too many conditions; at most ${MAX_OPERATORS} operators` });
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
  for (const [key, inner] of Object.entries(value)) {
    const path = `${place.path}.${key}`;
    if (key.startsWith("$")) checkOperator(key, inner, { ...place, path }, walk);
    else checkField(key, inner, { ...place, path, fields: place.fields + 1 }, walk);
  }
}

function checkField(key: string, value: unknown, place: Place, walk: Walk): void {
  const segments = key.split(".");
  if (place.root && !ROOTS.has(segments[0] as string)) {
    walk.issues.push({ path: place.path, message: `is not part of an event here; start with one of ${[...ROOTS].join(", ")}` });
  } else if (segments.some((segment) => segment === "" || RESERVED.has(segment) || segment.startsWith("$"))) {
    walk.issues.push({ path: place.path, message: "is not a usable field name" });
  } else {
    checkCondition(value, { ...place, root: false }, walk);
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
    else value.forEach((inner, i) => void checkNested(inner, { ...place, path: `${place.path}.${i}` }, walk));
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
    else if (value.length > MAX_LIST) refuse(`must have at most ${MAX_LIST} values`);
    else if (name === "$all" && value.length === 0) refuse("must have at least one value");
    else checkValue(value, path, walk, 0);
  } else if (name === "$eq" || name === "$ne") {
    checkValue(value, path, walk, 0);
  } else if (typeof value !== "number" && typeof value !== "string") {
    refuse("must be a number or a text");
  }
}

/** A literal: no operator inside. */
function checkValue(value: unknown, path: string, walk: Walk, depth: number): void {
  if (depth > MAX_DEPTH) {
    walk.tooDeep = true;
  } else if (Array.isArray(value)) {
    for (const item of value) checkValue(item, path, walk, depth + 1);
  } else if (isPlain(value)) {
    for (const [key, inner] of Object.entries(value)) {
      if (key.startsWith("$")) walk.issues.push({ path: `${path}.${key}`, message: "operators are not allowed inside a value" });
      else checkValue(inner, path, walk, depth + 1);
    }
  }
}

/** What a filter looks at. */
export interface FilterDocument {
  payload: unknown;
  scope: unknown;
  type: string;
  entity: string | null;
  entityId: string | null;
  actor: string | null;
  changes: readonly string[];
}

/**
 * A copy whose objects have no prototype, so that `payload.constructor` or `payload.toString` is missing like any
 * other name that was not sent.
 */
export function bare(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(bare);
  if (!isPlain(value)) return value;
  const copy = Object.create(null) as Plain;
  for (const [key, inner] of Object.entries(value)) copy[key] = bare(inner);
  return copy;
}

const { $and, $elemMatch, $eq, $exists, $gt, $gte, $in, $lt, $lte, $ne, $nin, $not, $or } = sift;
/** All that sift is given: it has $where and $regex too, but not here. */
const OPERATIONS = { $and, $elemMatch, $eq, $exists, $gt, $gte, $in, $lt, $lte, $ne, $nin, $not, $or };

/**
 * A predicate for documents whose payload and scope went through `bare`.
 * @param filter one that `checkFilter` finds nothing wrong with; null matches everything
 */
export function compileFilter(filter: unknown): (document: FilterDocument) => boolean {
  if (filter === null || filter === undefined) return () => true;
  return sift.createQueryTester<FilterDocument>(translate([], filter), { operations: OPERATIONS, compare: same });
}

/** In place of sift's own, for which {a: null} equals {b: 1}. What is missing equals null; key order does not matter. */
function same(a: unknown, b: unknown): boolean {
  if (a === null || a === undefined) return b === null || b === undefined;
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && a.every((item, i) => same(item, b[i]));
  if (!isPlain(a)) return a === b;
  if (!isPlain(b) || Object.keys(a).length !== Object.keys(b).length) return false;
  return Object.entries(a).every(([key, inner]) => Object.hasOwn(b, key) && same(inner, b[key]));
}

/** Our nested form to sift's, which compares `{a: {b: 1}}` as a whole and knows no `$or` below a field. */
function translate(path: readonly string[], value: unknown): Plain {
  if (!isPlain(value)) return at(path, { $eq: value });
  const clauses = Object.entries(value).map(([key, inner]): Plain => {
    if (key === "$and" || key === "$or") return { [key]: (inner as unknown[]).map((one) => translate(path, one)) };
    if (key === "$not") return { $not: translate(path, inner) };
    if (key === "$all") return { $and: (inner as unknown[]).map((one) => at(path, { $eq: one })) };
    if (key === "$elemMatch") return at(path, { $elemMatch: translate([], inner) });
    if (key.startsWith("$")) return at(path, { [key]: inner });
    return translate([...path, ...key.split(".")], inner);
  });
  return clauses.length === 1 ? (clauses[0] as Plain) : clauses.length === 0 ? {} : { $and: clauses };
}

function at(path: readonly string[], operation: Plain): Plain {
  return path.length === 0 ? operation : { [path.join(".")]: operation };
}
