/**
 * A filter as a predicate over events. Pure; the meaning is MongoDB's as `sift` has it (test/definitions/predicate.test.ts
 * compares the two), with two differences: `$in` and `$nin` look their values up in a set, and every look costs a step. An
 * event that costs a filter more than its steps does not match: filters are one tenant's, the process is everybody's.
 */

import { comparable, compareNumbers, type ExactNumber, exactKey, isExactNumber } from "../wire/decimal.ts";
import { isRawNumber } from "../wire/json-exact.ts";

/** Steps that one filter may take on one event; a step is one value that is looked at. */
export const MOST_STEPS = 100_000;

type Plain = Record<string, unknown>;

/** What a filter looks at. Payload and scope went through `bare`. */
export interface FilterDocument {
  payload: unknown;
  scope: unknown;
  type: string;
  entity: string | null;
  entityId: string | null;
  actor: string | null;
  changes: readonly string[];
}

export type Predicate = (document: FilterDocument) => boolean;

function isPlain(value: unknown): value is Plain {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !isExactNumber(value);
}

/**
 * A copy whose objects have no prototype, so that `payload.constructor` or `payload.toString` is missing like any
 * other name that was not sent; and whose numbers can be compared, however many digits they have.
 */
export function bare(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(bare);
  if (isRawNumber(value)) return comparable(value);
  if (!isPlain(value)) return value;
  const copy = Object.create(null) as Plain;
  for (const [key, inner] of Object.entries(value)) copy[key] = bare(inner);
  return copy;
}

class OutOfSteps extends Error {}

interface Budget {
  left: number;
}

function spend(budget: Budget, steps = 1): void {
  budget.left -= steps;
  if (budget.left < 0) throw new OutOfSteps();
}

type Key = string | number | undefined;

/**
 * One operation, which is shown every value on its path and remembers what it saw: `{tags: "red"}` holds when one of the
 * tags is, `{tags: {$ne: "red"}}` when none is.
 */
interface Operation {
  /** Holds, by what was seen so far. */
  keep: boolean;
  /** Nothing more can change it. */
  done: boolean;
  reset(): void;
  /** @param leaf the value stands at the end of the path, not somewhere on the way */
  see(value: unknown, key: Key, owner: unknown, leaf: boolean): void;
}

/**
 * @param filter one that `checkFilter` finds nothing wrong with; null matches everything
 * @param onExhausted told when an event cost more than `MOST_STEPS`; it does not match
 */
export function compileFilter(filter: unknown, onExhausted?: () => void): Predicate {
  if (filter === null || filter === undefined) return () => true;
  const budget: Budget = { left: 0 };
  const operation = compile([], comparableIn(filter), budget);
  return (document) => {
    budget.left = MOST_STEPS;
    try {
      operation.reset();
      operation.see(document, undefined, undefined, true);
      return operation.keep;
    } catch (error) {
      if (!(error instanceof OutOfSteps)) throw error;
      onExhausted?.();
      return false;
    }
  };
}

/** As `bare`, of a filter; its objects keep their prototype. */
function comparableIn(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(comparableIn);
  if (isRawNumber(value)) return comparable(value);
  return isPlain(value) ? Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, comparableIn(inner)])) : value;
}

/** Objects without an operator are entered; each operator looks along the path down to it. */
function compile(path: readonly string[], value: unknown, budget: Budget): Operation {
  if (!isPlain(value)) return along(path, isEqual(value, budget), budget);
  const clauses = Object.entries(value).map(([key, inner]): Operation => {
    switch (key) {
      case "$and":
        return along([], all((inner as unknown[]).map((one) => compile(path, one, budget))), budget);
      case "$or":
        return along([], any((inner as unknown[]).map((one) => compile(path, one, budget))), budget);
      case "$not":
        return along([], not(compile(path, inner, budget)), budget);
      case "$all":
        return along([], all((inner as unknown[]).map((one) => along(path, isEqual(one, budget), budget))), budget);
      case "$elemMatch":
        return along(path, someElement(compile([], inner, budget), budget), budget);
      default:
        return key.startsWith("$")
          ? along(path, comparison(key, inner, budget), budget)
          : compile([...path, ...key.split(".")], inner, budget);
    }
  });
  return clauses.length === 1 ? (clauses[0] as Operation) : clauses.length === 0 ? all([]) : along([], all(clauses), budget);
}

function comparison(name: string, operand: unknown, budget: Budget): Operation {
  switch (name) {
    case "$ne":
      return noneIs((value) => same(operand, value, budget));
    case "$in":
      return oneIs(memberOf(operand as unknown[], budget));
    case "$nin":
      return noneIs(memberOf(operand as unknown[], budget));
    case "$exists":
      return exists(operand as boolean);
    case "$gt":
      return oneIs(ordered(operand, (order) => order > 0));
    case "$gte":
      return oneIs(ordered(operand, (order) => order >= 0));
    case "$lt":
      return oneIs(ordered(operand, (order) => order < 0));
    case "$lte":
      return oneIs(ordered(operand, (order) => order <= 0));
    default:
      return isEqual(operand, budget);
  }
}

type Test = (value: unknown) => boolean;

const isNumber = (value: unknown): value is number | ExactNumber => typeof value === "number" || isExactNumber(value);

/** Only values of one type have an order. */
function ordered(than: unknown, holds: (order: number) => boolean): Test {
  return (value) => {
    if (isNumber(value) && isNumber(than)) return holds(compareNumbers(value, than));
    if (typeof value !== typeof than || isNumber(value) || isNumber(than)) return false;
    const [a, b] = [value as string, than as string];
    return holds(a > b ? 1 : a < b ? -1 : a === b ? 0 : Number.NaN);
  };
}

/** What is missing equals null; key order does not matter. What stands inside costs a step each; the value itself was paid for. */
function same(a: unknown, b: unknown, budget: Budget): boolean {
  if (a === null || a === undefined) return b === null || b === undefined;
  if (Array.isArray(a)) {
    if (!Array.isArray(b) || a.length !== b.length) return false;
    spend(budget, a.length);
    return a.every((item, i) => same(item, b[i], budget));
  }
  if (isExactNumber(a)) return isExactNumber(b) && exactKey(a) === exactKey(b);
  if (!isPlain(a)) return a === b;
  if (!isPlain(b)) return false;
  const entries = Object.entries(a);
  spend(budget, entries.length);
  if (!entries.every(([key, inner]) => Object.hasOwn(b, key) && same(inner, b[key], budget))) return false;
  // Counting the other's costs as many steps as it has, and it is the event's: {} would be compared with anything for nothing.
  const keys = Object.keys(b).length;
  spend(budget, keys);
  return entries.length === keys;
}

/** Texts and numbers are looked up; lists and objects are compared one by one. */
function memberOf(list: readonly unknown[], budget: Budget): Test {
  const isScalar = (value: unknown) => typeof value !== "object" || value === null;
  const scalars = new Set(list.filter(isScalar));
  const exact = new Set(list.filter(isExactNumber).map(exactKey));
  const others = list.filter((value) => !isScalar(value) && !isExactNumber(value));
  return (value) => {
    if (isExactNumber(value)) return exact.has(exactKey(value));
    if (isScalar(value ?? null)) return scalars.has(value ?? null);
    spend(budget, others.length);
    return others.some((other) => same(other, value, budget));
  };
}

/** `tags.sku` of a list is asked of the list too, beside its elements; it has none, and that is no null. */
const isMissingOfList = (key: Key, owner: unknown) => Array.isArray(owner) && !((key ?? "") in owner) && Number.isNaN(Number(key));

/** @param keep before anything was seen */
function operation(
  keep: boolean,
  inner: readonly Operation[],
  see: (self: Operation, ...seen: Parameters<Operation["see"]>) => void,
): Operation {
  const self: Operation = {
    keep,
    done: false,
    reset() {
      self.keep = keep;
      self.done = false;
      for (const each of inner) each.reset();
    },
    see: (value, key, owner, leaf) => see(self, value, key, owner, leaf),
  };
  return self;
}

function settle(self: Operation, keep: boolean): void {
  self.keep = keep;
  self.done = true;
}

const isEqual = (operand: unknown, budget: Budget) =>
  operation(false, [], (self, value, key, owner) => {
    if ((!Array.isArray(owner) || Object.hasOwn(owner, key ?? "")) && same(operand, value, budget)) settle(self, true);
  });

const oneIs = (test: Test) =>
  operation(false, [], (self, value, key, owner) => {
    if (!isMissingOfList(key, owner) && test(value)) settle(self, true);
  });

const noneIs = (test: Test) =>
  operation(true, [], (self, value, key, owner) => {
    if (!isMissingOfList(key, owner) && test(value)) settle(self, false);
  });

/** A null exists. What is only on the way to the end of the path says nothing. */
const exists = (wanted: boolean) =>
  operation(!wanted, [], (self, value, key, owner, leaf) => {
    const there = owner === null || owner === undefined ? value !== undefined : Object.hasOwn(owner as object, key ?? "");
    if (leaf && there) settle(self, wanted);
  });

/** One element has it all. Lists inside lists are not searched. */
const someElement = (inner: Operation, budget: Budget) =>
  operation(false, [inner], (self, value, _key, owner) => {
    if (!Array.isArray(value)) {
      self.keep = self.done = false;
      return;
    }
    for (let i = 0; i < value.length; i++) {
      spend(budget);
      inner.reset();
      inner.see(value[i], i, value, true);
      self.keep ||= inner.keep;
    }
    self.done = self.keep || !isPlain(owner);
  });

const not = (inner: Operation) =>
  operation(false, [inner], (self, ...seen) => {
    inner.see(...seen);
    self.done = inner.done;
    self.keep = !inner.keep;
  });

const any = (operations: readonly Operation[]) =>
  operation(false, operations, (self, ...seen) => {
    self.keep = self.done = operations.some((each) => {
      each.see(...seen);
      return each.keep;
    });
  });

const all = (operations: readonly Operation[]) =>
  operation(false, operations, (self, ...seen) => {
    self.keep = self.done = true;
    for (const each of operations) {
      if (!each.done) each.see(...seen);
      if (!each.keep) self.keep = false;
      if (!each.done) self.done = false;
      else if (!each.keep) break;
    }
  });

/** Shows an operation every value on a path; a list on the way is looked at element by element, and then itself. */
function along(path: readonly string[], inner: Operation, budget: Budget): Operation {
  /** @returns false when nothing more is to be seen */
  const walk = (start: unknown, depth: number, startKey: Key, startOwner: unknown, startLeaf: boolean): boolean => {
    let [value, key, owner, leaf] = [start, startKey, startOwner, startLeaf];
    for (let at = depth; ; at++) {
      spend(budget);
      const name = path[at] as string;
      if (Array.isArray(value) && Number.isNaN(Number(name)) && !isOwnValue(value, name)) {
        for (let i = 0; i < value.length; i++) if (!walk(value[i], at, i, value, leaf)) return false;
      }
      if (at === path.length || value === null || value === undefined) {
        if (!inner.done) inner.see(value, key, owner, at === path.length && (at > 0 || leaf));
        return !inner.done;
      }
      key = name;
      owner = value;
      leaf = true;
      value = (value as Plain)[name];
    }
  };
  return operation(false, [inner], (self, value, key, owner, leaf) => {
    walk(value, 0, key, owner, leaf);
    self.keep = inner.keep;
    self.done = inner.done;
  });
}

const isOwnValue = (list: unknown[], name: string) => Object.hasOwn(list, name) && typeof list[name as unknown as number] !== "function";
