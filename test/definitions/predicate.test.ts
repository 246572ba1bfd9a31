/** What a filter means and what it may cost, against `sift`, from which the meaning comes. */
import fc from "fast-check";
import sift from "sift";
import { describe, expect, test } from "vitest";
import { checkFilter, MAX_LISTED, MAX_SIZE } from "../../src/definitions/filter.ts";
import { compileCatalog, type Exhausted } from "../../src/definitions/match.ts";
import { bare, compileFilter, type FilterDocument } from "../../src/definitions/predicate.ts";

type Plain = Record<string, unknown>;
const isPlain = (value: unknown): value is Plain => typeof value === "object" && value !== null && !Array.isArray(value);

function documentOf(payload: unknown): FilterDocument {
  const head = { type: "order.created", entity: "order", entityId: "18", actor: null, changes: ["a", "b"] };
  return { ...head, payload: bare(payload), scope: bare({ a: [1, "b"] }) };
}

const { $and, $elemMatch, $eq, $exists, $gt, $gte, $in, $lt, $lte, $ne, $nin, $not, $or } = sift;
const operations = { $and, $elemMatch, $eq, $exists, $gt, $gte, $in, $lt, $lte, $ne, $nin, $not, $or };

/** What is missing equals null, and objects are compared by their own keys: sift's own says that {a: null} equals {b: 1}. */
function same(a: unknown, b: unknown): boolean {
  if (a === null || a === undefined) return b === null || b === undefined;
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && a.every((item, i) => same(item, b[i]));
  if (!isPlain(a)) return a === b;
  if (!isPlain(b) || Object.keys(a).length !== Object.keys(b).length) return false;
  return Object.entries(a).every(([key, inner]) => Object.hasOwn(b, key) && same(inner, b[key]));
}

const at = (path: readonly string[], operation: Plain): Plain => (path.length === 0 ? operation : { [path.join(".")]: operation });

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

const reference = (filter: unknown, document: FilterDocument): boolean =>
  sift.createQueryTester<FilterDocument>(translate([], filter), { operations, compare: same })(document);

const scalar = fc.oneof(fc.integer({ min: -2, max: 3 }), fc.constantFrom("", "a", "b", "ab"), fc.boolean(), fc.constant(null));
const name = fc.constantFrom("a", "b", "0", "1", "length", "a.b", "a.0", "map", "toString");
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    scalar,
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom("a", "b", "0"), tie("value"), { maxKeys: 3 }),
  ),
}));
const comparable = fc.oneof(fc.integer({ min: -2, max: 3 }), fc.constantFrom("", "a", "b"));
const operation = fc.oneof(
  ...["$eq", "$ne"].map((key) => fc.record({ [key]: value })),
  ...["$in", "$nin"].map((key) => fc.record({ [key]: fc.array(value, { maxLength: 3 }) })),
  ...["$gt", "$gte", "$lt", "$lte"].map((key) => fc.record({ [key]: comparable })),
  fc.record({ $gt: comparable, $lt: comparable, $ne: scalar }),
  fc.record({ $all: fc.array(value, { minLength: 1, maxLength: 2 }) }),
  fc.record({ $exists: fc.boolean() }),
);
const { condition } = fc.letrec<{ condition: unknown }>((tie) => ({
  condition: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    operation,
    scalar,
    fc.dictionary(name, tie("condition"), { maxKeys: 3 }),
    ...["$and", "$or"].map((key) =>
      fc.record({
        [key]: fc.array(fc.oneof(operation, fc.dictionary(name, tie("condition"), { maxKeys: 2 })), { minLength: 1, maxLength: 3 }),
      }),
    ),
    ...["$not", "$elemMatch"].map((key) =>
      fc.record({ [key]: fc.oneof(operation, fc.dictionary(name, tie("condition"), { maxKeys: 2 }), tie("condition")) }),
    ),
  ),
}));

describe("a predicate", () => {
  test("finds what sift finds: every operator, lists in lists, names of lists and texts", () => {
    let matched = 0;
    let missed = 0;
    fc.assert(
      fc.property(condition, value, fc.constantFrom("payload", "scope", "changes"), (inner, payload, root) => {
        const filter = { [root]: inner };
        fc.pre(checkFilter(filter).length === 0);
        const document = documentOf(payload);
        const found = compileFilter(filter)(document);
        expect(found).toBe(reference(filter, document));
        if (found) matched += 1;
        else missed += 1;
      }),
      { numRuns: 20_000 },
    );
    // Both answers are common, or the two were only compared where there is nothing to find.
    expect(Math.min(matched, missed)).toBeGreaterThan(1_000);
  });

  test("remembers nothing of the event before", () => {
    const predicate = compileFilter({ payload: { tags: { $nin: ["a"] }, n: { $elemMatch: { $gt: 1 } } } });
    for (let i = 0; i < 3; i++) {
      expect(predicate(documentOf({ tags: ["b"], n: [2] }))).toBe(true);
      expect(predicate(documentOf({ tags: ["a"], n: [2] }))).toBe(false);
      expect(predicate(documentOf({ tags: ["b"], n: [0] }))).toBe(false);
    }
  });
});

describe("B53 a filter's steps", () => {
  const event = (payload: unknown) => ({
    ...{ type: "order.created", entity: "order", entityId: "18", scope: null, actor: null, changes: [], applicationId: null },
    payload: JSON.stringify(payload),
  });
  const definition = (filter: unknown) =>
    ({ id: "d", number: 1, applicationId: null, dialect: "STANDARD", active: true, eventTypes: ["*"], filter, webServices: [] }) as const;
  const numbers = (count: number, from = 0) => Array.from({ length: count }, (_, i) => from + i);

  test("a $in of a thousand values costs as much as one of one, on an event of 320 KB", () => {
    const payload = { ids: numbers(50_000, 10_000) };
    const one = compileFilter({ payload: { ids: { $in: [5] } } });
    const thousand = compileFilter({ payload: { ids: { $in: numbers(1_000) } } });
    const document = documentOf(payload);
    const time = (test: (document: FilterDocument) => boolean) => {
      const began = performance.now();
      for (let i = 0; i < 10; i++) expect(test(document)).toBe(false);
      return performance.now() - began;
    };
    time(one);
    time(thousand);
    expect(time(thousand)).toBeLessThan(5 * time(one) + 20);
    expect(compileFilter({ payload: { ids: { $in: [59_999] } } })(document)).toBe(true);
  });

  test.each<[string, unknown, unknown]>([
    ["200 looks at 5 000 values", { $or: numbers(199, 10_000).map((n) => ({ payload: { ids: n } })) }, { ids: numbers(5_000) }],
    [
      "lists compared with lists",
      { payload: { ids: { $in: numbers(500).map((n) => [n]) } } },
      { ids: numbers(5_000, 1_000).map((n) => [n]) },
    ],
    [
      "elements of elements",
      { payload: { a: { $elemMatch: { b: { $elemMatch: { $or: numbers(50, 10_000).map((n) => ({ $eq: n })) } } } } } },
      { a: numbers(100).map(() => ({ b: numbers(100) })) },
    ],
    [
      "lists in lists",
      { payload: { $or: numbers(50).map((n) => ({ "a.b.c": n + 10_000 })) } },
      { a: numbers(3_000).map(() => [{ b: [{ c: 1 }] }]) },
    ],
    [
      "one large value compared 199 times",
      { $or: numbers(199).map((n) => ({ payload: { $eq: { a: numbers(n % 7) } } })) },
      numbers(90_000),
    ],
    [
      "{} compared with large objects",
      { payload: { a: { $in: numbers(1_000).map(() => ({})) } } },
      { a: numbers(3).map(() => Object.fromEntries(numbers(9_000).map((n) => [`k${n}`, n]))) },
    ],
  ])("%s: no match, and it is told whose filter it was", (_, filter, payload) => {
    expect(checkFilter(filter)).toEqual([]);
    const told: Exhausted[] = [];
    const rule = {
      id: "r",
      entity: "order",
      active: true,
      priority: "LOW",
      createdAt: new Date(0),
      condition: filter,
      definitionIds: ["d"],
    } as const;
    const matcher = compileCatalog([definition(filter)], [rule], (filter) => told.push(filter));
    expect(matcher.match(event(payload))).toEqual([]);
    expect(told).toEqual([
      { kind: "rule", id: "r" },
      { kind: "definition", id: "d" },
    ]);
    // The next event has steps of its own.
    expect(matcher.match(event({ ids: 10_000, a: 1 })).length).toBeLessThanOrEqual(1);
    expect(told).toHaveLength(2);
  });

  test("a stored filter that is none matches nothing, is told of, and fails no event of another's", () => {
    const told: Exhausted[] = [];
    const other = { ...definition(null), id: "other" };
    const matcher = compileCatalog([definition({ payload: { a: { $in: 1 } } }), other], [], (filter) => told.push(filter));
    expect(matcher.match(event({ a: 1 })).map((each) => each.definitionId)).toEqual(["other"]);
    expect(told).toEqual([{ kind: "definition", id: "d" }]);
  });
});

describe("B53 what may be saved", () => {
  const said = (filter: unknown) => checkFilter(filter).map(({ path, message }) => `${path} ${message}`);

  test("lists have a thousand values in all, and a filter 64 KiB", () => {
    const list = (count: number) => Array.from({ length: count }, (_, i) => i);
    expect(said({ payload: { a: { $in: list(500) }, b: { $nin: list(500) } } })).toEqual([]);
    expect(said({ payload: { a: { $in: list(501) }, b: { $nin: list(500) } } })).toEqual([
      `filter has too many values in its lists; at most ${MAX_LISTED} in all`,
    ]);
    expect(said({ payload: { a: "x".repeat(MAX_SIZE) } })[0]).toContain("is too large");
    expect(said({ payload: { a: { $in: ["x".repeat(40_000), "y".repeat(40_000)] } } })[0]).toContain("is too large");
  });

  test("mistakes are told in a bounded text, however many and however long their names", () => {
    const worst: unknown[] = [
      { payload: { ["k".repeat(300_000)]: Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`$o${i}`, 1])) } },
      { payload: Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`$o${i}`, 1])) },
      { payload: { a: { $in: Array.from({ length: 900 }, () => ({ [`$${"k".repeat(1_000)}`]: 1 })) } } },
      { payload: { a: Array.from({ length: 300_000 }, () => 0) } },
      Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`k${i}`, 1])),
      { [`payload${".0".repeat(400_000)}`]: 1 },
      { $or: Array.from({ length: 300_000 }, () => "x") },
    ];
    for (const filter of worst) {
      const lines = said(filter);
      expect(lines.length).toBeGreaterThan(0);
      expect(lines.length).toBeLessThan(25);
      expect(lines.join("\n").length).toBeLessThan(30_000);
    }
  });
});
