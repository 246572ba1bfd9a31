import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkFilter, MAX_DEPTH, MAX_OPERATORS } from "../../src/definitions/filter.ts";
import { bare, compileFilter, type FilterDocument } from "../../src/definitions/predicate.ts";

function documentOf(payload: unknown, rest: Partial<FilterDocument> = {}): FilterDocument {
  const { scope = null, ...others } = rest;
  return {
    type: "order.created",
    entity: "order",
    entityId: "18",
    actor: null,
    changes: [],
    ...others,
    payload: bare(payload),
    scope: bare(scope),
  };
}

const matches = (filter: unknown, payload: unknown, rest: Partial<FilterDocument> = {}) => compileFilter(filter)(documentOf(payload, rest));
const paths = (filter: unknown) => checkFilter(filter).map((issue) => issue.path);

describe("what a filter finds", () => {
  it.each([
    ["a comparison below a field", { payload: { total: { $gt: 100 } } }, { total: 120 }, { total: 100 }],
    ["a dotted path", { "payload.total": { $gt: 100 } }, { total: 120 }, { total: 80 }],
    ["several comparisons of one field", { payload: { n: { $gte: 1, $lt: 3 } } }, { n: 2 }, { n: 3 }],
    ["an equal value", { payload: { status: "open" } }, { status: "open", more: 1 }, { status: "closed" }],
    ["nested fields, not whole objects", { payload: { a: { b: 1 } } }, { a: { b: 1, c: 2 } }, { a: { b: 2 } }],
    ["a whole object by $eq", { payload: { a: { $eq: { b: 1 } } } }, { a: { b: 1 } }, { a: { b: 1, c: 2 } }],
    ["a whole object whose null stands under another name", { payload: { a: { $ne: { b: null } } } }, { a: { c: 1 } }, { a: { b: null } }],
    ["a missing value as null", { payload: { a: null } }, {}, { a: 1 }],
    ["$ne, also of what is missing", { payload: { a: { $ne: 1 } } }, {}, { a: 1 }],
    ["$in", { payload: { a: { $in: ["x", "y"] } } }, { a: "y" }, { a: "z" }],
    ["$nin", { payload: { a: { $nin: ["x", "y"] } } }, { a: "z" }, { a: "y" }],
    ["$exists, of a null too", { payload: { a: { $exists: true } } }, { a: null }, {}],
    ["$exists false", { payload: { a: { $exists: false } } }, {}, { a: 1 }],
    ["an element of a list", { payload: { tags: "red" } }, { tags: ["blue", "red"] }, { tags: ["blue"] }],
    [
      "a field of any element of a list",
      { payload: { lines: { sku: "a" } } },
      { lines: [{ sku: "b" }, { sku: "a" }] },
      { lines: [{ sku: "b" }] },
    ],
    ["$all", { payload: { tags: { $all: ["red", "blue"] } } }, { tags: ["blue", "x", "red"] }, { tags: ["red"] }],
    [
      "$elemMatch: one element has it all",
      { payload: { lines: { $elemMatch: { sku: "a", n: { $gt: 1 } } } } },
      { lines: [{ sku: "a", n: 2 }] },
      {
        lines: [
          { sku: "a", n: 1 },
          { sku: "b", n: 2 },
        ],
      },
    ],
    ["$elemMatch of plain values", { payload: { n: { $elemMatch: { $gt: 1, $lt: 3 } } } }, { n: [0, 2] }, { n: [1, 3] }],
    ["$or at the root", { $or: [{ payload: { a: 1 } }, { payload: { b: 1 } }] }, { b: 1 }, { b: 2 }],
    ["$or below a field", { payload: { $or: [{ a: 1 }, { b: 1 }] } }, { b: 1 }, { b: 2 }],
    ["$and beside fields", { payload: { kind: "x", $and: [{ a: 1 }, { b: 1 }] } }, { kind: "x", a: 1, b: 1 }, { kind: "x", a: 1 }],
    ["$not of a comparison", { payload: { n: { $not: { $gt: 5 } } } }, { n: 5 }, { n: 6 }],
    ["$not of a condition", { payload: { $not: { a: 1, b: 1 } } }, { a: 1, b: 2 }, { a: 1, b: 1 }],
    ["an empty filter, everything", {}, { a: 1 }, undefined],
  ])("%s", (_, filter, hit, miss) => {
    expect(checkFilter(filter)).toEqual([]);
    expect(matches(filter, hit)).toBe(true);
    if (miss !== undefined) expect(matches(filter, miss)).toBe(false);
  });

  it("compares only values of one type", () => {
    expect(matches({ payload: { n: { $gt: 1 } } }, { n: "2" })).toBe(false);
    expect(matches({ payload: { n: { $gt: "1" } } }, { n: 2 })).toBe(false);
    expect(matches({ payload: { n: "2" } }, { n: 2 })).toBe(false);
    expect(matches({ payload: { at: { $gte: "2026-11-01" } } }, { at: "2026-11-21T10:00:00Z" })).toBe(true);
  });

  it("looks at everything an event has", () => {
    const filter = { type: "order.created", entity: "order", entityId: "18", actor: "7", changes: "name", scope: { workflow: "w1" } };
    expect(checkFilter(filter)).toEqual([]);
    const rest = { actor: "7", changes: ["name", "phone"], scope: { workflow: "w1" } };
    expect(matches(filter, {}, rest)).toBe(true);
    expect(matches(filter, {}, { ...rest, scope: { workflow: "w2" } })).toBe(false);
    expect(matches(filter, {}, { ...rest, scope: null })).toBe(false);
    expect(matches({ changes: { $in: ["phone"] } }, {}, rest)).toBe(true);
  });

  it("matches everything when there is none", () => {
    expect(matches(null, { a: 1 })).toBe(true);
    expect(matches(undefined, 5)).toBe(true);
  });

  it("takes payloads that are no objects", () => {
    expect(matches({ payload: 5 }, 5)).toBe(true);
    expect(matches({ payload: { a: 1 } }, "text")).toBe(false);
    expect(matches({ payload: { a: 1 } }, null)).toBe(false);
    expect(matches({ payload: { a: 1 } }, [{ a: 1 }])).toBe(true);
  });

  it("is not fooled by names of the prototype", () => {
    const payload = JSON.parse('{"__proto__": {"admin": true}, "constructor": {"name": "x"}}');
    expect(matches({ payload: { admin: true } }, payload)).toBe(false);
    for (const name of ["toString", "hasOwnProperty", "valueOf", "isPrototypeOf"]) {
      expect(matches({ payload: { [name]: { $exists: true } } }, {})).toBe(false);
      expect(matches({ payload: { [name]: { $ne: null } } }, {})).toBe(false);
      expect(matches({ payload: { [name]: null } }, {})).toBe(true);
    }
    expect(({} as { admin?: boolean }).admin).toBeUndefined();
  });
});

describe("what a filter may not say", () => {
  it.each([
    ["$where", { $where: "return true" }, "filter.$where"],
    ["$where below a field", { payload: { $where: "this.a" } }, "filter.payload.$where"],
    ["$regex", { payload: { name: { $regex: "^a" } } }, "filter.payload.name.$regex"],
    ["$nor", { $nor: [{ payload: { a: 1 } }] }, "filter.$nor"],
    ["$expr", { $expr: {} }, "filter.$expr"],
    ["$mod", { payload: { n: { $mod: [2, 0] } } }, "filter.payload.n.$mod"],
    ["$size", { payload: { n: { $size: 1 } } }, "filter.payload.n.$size"],
    ["$type", { payload: { n: { $type: "string" } } }, "filter.payload.n.$type"],
    ["an operator inside $or", { $or: [{ payload: { $where: "1" } }] }, "filter.$or.0.payload.$where"],
    ["an operator inside $not", { payload: { n: { $not: { $regex: "x" } } } }, "filter.payload.n.$not.$regex"],
    ["an operator inside $elemMatch", { payload: { n: { $elemMatch: { $where: "x" } } } }, "filter.payload.n.$elemMatch.$where"],
    ["an operator inside a value", { payload: { n: { $eq: { $where: "x" } } } }, "filter.payload.n.$eq.$where"],
    ["an operator inside a list", { payload: { n: { $in: [{ $where: "x" }] } } }, "filter.payload.n.$in.$where"],
    ["a field that events do not have", { total: { $gt: 1 } }, "filter.total"],
    ["a comparison of nothing", { $gt: 1 }, "filter.$gt"],
    ["$elemMatch of nothing", { $elemMatch: {} }, "filter.$elemMatch"],
    ["$gt of a list", { payload: { n: { $gt: [1] } } }, "filter.payload.n.$gt"],
    ["$gt of null", { payload: { n: { $gt: null } } }, "filter.payload.n.$gt"],
    ["$in of no list", { payload: { n: { $in: "x" } } }, "filter.payload.n.$in"],
    ["$all of nothing", { payload: { n: { $all: [] } } }, "filter.payload.n.$all"],
    ["$exists of a number", { payload: { n: { $exists: 1 } } }, "filter.payload.n.$exists"],
    ["$and of nothing", { $and: [] }, "filter.$and"],
    ["$or of an object", { $or: { payload: { a: 1 } } }, "filter.$or"],
    ["$or of a text", { $or: ["x"] }, "filter.$or.0"],
    ["$not of a value", { payload: { n: { $not: 5 } } }, "filter.payload.n.$not"],
    ["__proto__", JSON.parse('{"payload": {"__proto__": {"admin": true}}}'), "filter.payload.__proto__"],
    ["constructor", { payload: { constructor: { name: "Object" } } }, "filter.payload.constructor"],
    ["a dotted prototype", { "payload.constructor.prototype": 1 }, "filter.payload.constructor.prototype"],
    ["an empty segment", { "payload..a": 1 }, "filter.payload..a"],
  ])("%s", (_, filter, path) => {
    expect(paths(filter)).toEqual([path]);
  });

  it.each([["text"], [5], [[{ payload: { a: 1 } }]], [true]])("%j instead of an object", (filter) => {
    expect(paths(filter)).toEqual(["filter"]);
  });

  it("is at most ten deep", () => {
    const nested = (levels: number, wrap: (inner: object) => object) =>
      Array.from({ length: levels }).reduce<object>((inner) => wrap(inner), { payload: { a: { $gt: 1 } } });
    for (const wrap of [(inner: object) => ({ $and: [inner] }), (inner: object) => ({ $not: inner })]) {
      expect(paths(nested(MAX_DEPTH, wrap))).toEqual([]);
      expect(paths(nested(MAX_DEPTH + 1, wrap))).toEqual(["filter"]);
      expect(paths(nested(5000, wrap))).toEqual(["filter"]);
    }
    const deep = (levels: number) => ({ payload: Array.from({ length: levels - 1 }).reduce<unknown>((inner) => ({ a: inner }), 1) });
    expect(paths(deep(MAX_DEPTH))).toEqual([]);
    expect(paths(deep(MAX_DEPTH + 1))).toEqual(["filter"]);
    expect(paths({ payload: { a: { $eq: deep(12) } } })).toEqual(["filter"]);
  });

  it("has at most two hundred operators", () => {
    const of = (count: number) => ({ $and: Array.from({ length: count - 1 }, (_, i) => ({ payload: { [`f${i}`]: { $ne: i } } })) });
    expect(paths(of(MAX_OPERATORS))).toEqual([]);
    expect(paths(of(MAX_OPERATORS + 1))).toEqual(["filter"]);
  });

  it("names its place in another input", () => {
    expect(checkFilter({ payload: { $where: "1" } }, "condition")[0]?.path).toBe("condition.payload.$where");
  });
});

// ─── against a naive evaluator ───────────────────────────────────────────────

type Plain = Record<string, unknown>;
const isPlain = (value: unknown): value is Plain => typeof value === "object" && value !== null && !Array.isArray(value);

const same = (a: unknown, b: unknown): boolean => {
  if (a === undefined || a === null) return b === undefined || b === null;
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && a.every((item, i) => same(item, b[i]));
  if (!isPlain(a)) return a === b;
  return (
    isPlain(b) &&
    Object.keys(a).length === Object.keys(b).length &&
    Object.keys(a).every((key) => Object.hasOwn(b, key) && same(a[key], b[key]))
  );
};

/** Documents without lists: every operator has one plain meaning there. */
function naive(filter: unknown, value: unknown): boolean {
  if (!isPlain(filter)) return same(filter, value);
  return Object.entries(filter).every(([key, operand]) => {
    const list = operand as unknown[];
    const ordered = typeof operand === typeof value && value !== null;
    switch (key) {
      case "$and":
        return list.every((one) => naive(one, value));
      case "$or":
        return list.some((one) => naive(one, value));
      case "$not":
        return !naive(operand, value);
      case "$eq":
        return same(operand, value);
      case "$ne":
        return !same(operand, value);
      case "$in":
        return list.some((one) => same(one, value));
      case "$nin":
        return !list.some((one) => same(one, value));
      case "$all":
        return list.every((one) => same(one, value));
      case "$gt":
        return ordered && (value as number) > (operand as number);
      case "$gte":
        return ordered && (value as number) >= (operand as number);
      case "$lt":
        return ordered && (value as number) < (operand as number);
      case "$lte":
        return ordered && (value as number) <= (operand as number);
      case "$exists":
        return (value !== undefined) === operand;
      case "$elemMatch":
        return false;
      default:
        return naive(operand, isPlain(value) && Object.hasOwn(value, key) ? value[key] : undefined);
    }
  });
}

const scalar = fc.oneof(fc.integer({ min: -2, max: 2 }), fc.constantFrom("", "a", "b"), fc.boolean(), fc.constant(null));
const name = fc.constantFrom("a", "b", "c");
const { value: anyValue } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof({ maxDepth: 3 }, scalar, fc.dictionary(name, tie("value"), { maxKeys: 3 })),
}));
const comparable = fc.oneof(fc.integer({ min: -2, max: 2 }), fc.constantFrom("", "a", "b"));
const operation = fc.oneof(
  fc.record({ $eq: anyValue }),
  fc.record({ $ne: anyValue }),
  fc.record({ $in: fc.array(anyValue, { maxLength: 3 }) }),
  fc.record({ $nin: fc.array(anyValue, { maxLength: 3 }) }),
  fc.record({ $all: fc.array(scalar, { minLength: 1, maxLength: 2 }) }),
  fc.record({ $gt: comparable, $lte: comparable }),
  fc.record({ $gte: comparable }),
  fc.record({ $lt: comparable }),
  fc.record({ $exists: fc.boolean() }),
);
const { condition } = fc.letrec<{ condition: unknown }>((tie) => ({
  condition: fc.oneof(
    { maxDepth: 4 },
    operation,
    scalar,
    fc.dictionary(name, tie("condition"), { maxKeys: 3 }),
    fc.record({ $and: fc.array(fc.dictionary(name, tie("condition"), { maxKeys: 2 }), { minLength: 1, maxLength: 3 }) }),
    fc.record({ $or: fc.array(fc.dictionary(name, tie("condition"), { maxKeys: 2 }), { minLength: 1, maxLength: 3 }) }),
    fc.record({ $not: fc.oneof(operation, fc.dictionary(name, tie("condition"), { maxKeys: 2 })) }),
  ),
}));

describe("as a property", () => {
  it("finds what a naive evaluator finds", () => {
    fc.assert(
      fc.property(condition, anyValue, (inner, payload) => {
        const filter = { payload: inner };
        fc.pre(checkFilter(filter).length === 0);
        expect(matches(filter, payload)).toBe(naive(filter, { payload }));
      }),
      { numRuns: 3000 },
    );
  });

  it("never throws: neither the check on any JSON, nor a filter that passed it on any payload", () => {
    const key = fc.oneof(
      name,
      fc.constantFrom(
        "$and",
        "$or",
        "$not",
        "$elemMatch",
        "$in",
        "$eq",
        "$all",
        "$exists",
        "$gt",
        "$where",
        "payload",
        "__proto__",
        "constructor",
        "toString",
      ),
    );
    const { any } = fc.letrec<{ any: unknown }>((tie) => ({
      any: fc.oneof({ maxDepth: 5 }, scalar, fc.array(tie("any"), { maxLength: 3 }), fc.dictionary(key, tie("any"), { maxKeys: 3 })),
    }));
    fc.assert(
      fc.property(any, fc.jsonValue(), (inner, payload) => {
        const filter = { payload: inner };
        if (checkFilter(filter).length === 0) expect(typeof matches(filter, payload)).toBe("boolean");
      }),
      { numRuns: 3000 },
    );
  });
});
