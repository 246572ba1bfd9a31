import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DiffTooLargeError, differences, MOST_CHARACTERS, sameJson } from "../../src/wire/json-diff.ts";

describe("differences", () => {
  const cases: [string, string, string, [string, string, string][]][] = [
    ["nothing", '{"a":{"b":1.0}}', '{ "a" : {"b":1} }', []],
    ["a scalar, in its source's digits", '{"a":1.50}', '{"a":1.51}', [["/a", "1.50", "1.51"]]],
    ["objects are entered", '{"a":{"b":{"c":1},"d":2}}', '{"a":{"b":{"c":2},"d":2}}', [["/a/b/c", "1", "2"]]],
    ["arrays are whole", '{"a":[1,{"b":2}]}', '{"a":[1,{"b":3}]}', [["/a", '[1,{"b":2}]', '[1,{"b":3}]']]],
    [
      "gone and new",
      '{"old":1}',
      '{"new":{"x":1}}',
      [
        ["/old", "1", "null"],
        ["/new", "null", '{"x":1}'],
      ],
    ],
    ["null and absent are one", '{"a":null}', '{"b":null}', []],
    ["an object that becomes a scalar", '{"a":{"b":1}}', '{"a":5}', [["/a", '{"b":1}', "5"]]],
    ["an object that becomes empty", '{"a":{"b":1}}', '{"a":{}}', [["/a/b", "1", "null"]]],
    [
      "pointers escape ~ and /",
      '{"a/b":{"~":1},"":2}',
      '{"a/b":{"~":2},"":3}',
      [
        ["/a~1b/~0", "1", "2"],
        ["/", "2", "3"],
      ],
    ],
    ["no object at all", "1", '"1"', [["", "1", '"1"']]],
    [
      "identifiers that one double holds",
      '{"id":9007199254740993}',
      '{"id":9007199254740992}',
      [["/id", "9007199254740993", "9007199254740992"]],
    ],
  ];
  it.each(cases)("%s", (_, previous, next, expected) => {
    expect(differences(previous, next).map((found) => [found.pointer, found.previous, found.next])).toEqual(expected);
  });

  it("applied to the earlier value, they give the later one", () => {
    const key = fc.constantFrom("a", "b", "~/", "c");
    const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
      tree: fc.oneof(
        { maxDepth: 3 },
        fc.integer({ min: 0, max: 2 }),
        fc.array(fc.boolean(), { maxLength: 2 }),
        fc.dictionary(key, tie("tree"), { minKeys: 1 }),
      ),
    }));
    fc.assert(
      fc.property(fc.dictionary(key, tree), fc.dictionary(key, tree), (previous, next) => {
        const value = structuredClone(previous);
        for (const { pointer, next: changedTo } of differences(JSON.stringify(previous), JSON.stringify(next))) {
          assign(
            value,
            pointer
              .slice(1)
              .split("/")
              .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~")),
            JSON.parse(changedTo),
          );
        }
        expect(value).toEqual(next);
      }),
      { numRuns: 500 },
    );
  });
});

/** Null stands for absent here: the trees of the property hold none, and no empty object. */
function assign(target: Record<string, unknown>, [key = "", ...rest]: string[], value: unknown): void {
  if (rest.length > 0) {
    assign(target[key] as Record<string, unknown>, rest, value);
  } else if (value === null) {
    delete target[key];
  } else {
    target[key] = value;
  }
}

describe("sameJson", () => {
  it.each([
    ["1", "1.0"],
    ["100", "1e2"],
    ["0", "-0.00"],
    ["0.1", "1E-1"],
    ['"å"', '"\\u00e5"'],
    ['{"a":1,"b":2}', '{ "b":2, "a":1 }'],
    ["[1, 2]", "[1,2]"],
    ["null", " null "],
  ])("%s is %s", (a, b) => {
    expect(sameJson(a, b)).toBe(true);
    expect(sameJson(b, a)).toBe(true);
  });

  it.each([
    ["1", "-1"],
    ["1", '"1"'],
    ["10", "1"],
    ["0.1", "0.10000000000000001"],
    ["[1,2]", "[2,1]"],
    ["[1]", "[1,1]"],
    ['{"a":1}', '{"a":1,"b":null}'],
    ['{"a":1}', '{"b":1}'],
    ["[]", "{}"],
    ["null", "false"],
    ["null", "0"],
  ])("%s is not %s", (a, b) => {
    expect(sameJson(a, b)).toBe(false);
    expect(sameJson(b, a)).toBe(false);
  });

  it("agrees with JSON.parse", () => {
    const value = fc.jsonValue({ maxDepth: 2 });
    fc.assert(fc.property(value, (v) => sameJson(JSON.stringify(v), JSON.stringify(JSON.parse(JSON.stringify(v)), null, 1))));
  });
});

describe("B50 what changed is bounded", () => {
  /** A name that stands in the pointer of each of `count` changes. */
  const under = (name: string, count: number, value: number) =>
    JSON.stringify({ [name]: Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, value])) });

  it("a long name above many changes is refused with the first character too many", () => {
    const name = "n".repeat(100_000);
    expect(() => differences(under(name, 1_000, 1), under(name, 1_000, 2))).toThrow(DiffTooLargeError);
    const few = differences(under(name, 50, 1), under(name, 50, 2));
    expect(few).toHaveLength(50);
    expect(few.reduce((sum, { pointer }) => sum + pointer.length, 0)).toBeLessThan(MOST_CHARACTERS);
  });

  it("sixty levels of objects and wide lists are compared whole", () => {
    const deep = (last: string) => `${'{"a":'.repeat(60)}{"list":[${"0,".repeat(50_000)}${last}]}${"}".repeat(60)}`;
    const [only] = differences(deep("1"), deep("2"));
    expect(only?.pointer).toBe(`${"/a".repeat(60)}/list`);
    expect(differences(deep("1"), deep("1.0"))).toEqual([]);
  });
});
