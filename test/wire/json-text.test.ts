import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  checkJson,
  compact,
  elements,
  memberList,
  members,
  numberSource,
  overBounds,
  stringSource,
  valueAt,
} from "../../src/wire/json-text.ts";

/** Any JSON value with any white space between its tokens, and keys and strings escaped at will. */
const space = fc.string({ unit: fc.constantFrom(" ", "\n", "\r", "\t"), maxLength: 3 });
const value = fc.jsonValue({ maxDepth: 5 });
const written = fc.tuple(value, fc.constantFrom(undefined, 1, "\t", "  ")).map(([v, indent]) => JSON.stringify(v, null, indent));
const escaped = written.map((text) => text.replace(/[^\x20-\x7e\s]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`));
const source = fc.tuple(space, fc.oneof(written, escaped), space).map((parts) => parts.join(""));

describe("compact", () => {
  it("of what JSON.stringify writes, however indented, is what it writes without", () => {
    fc.assert(
      fc.property(value, fc.constantFrom(1, 4, "\t"), (v, indent) => compact(JSON.stringify(v, null, indent)) === JSON.stringify(v)),
    );
  });

  it("changes no value, and twice is once", () => {
    fc.assert(
      fc.property(source, (text) => {
        expect(JSON.parse(compact(text))).toEqual(JSON.parse(text));
        expect(compact(compact(text))).toBe(compact(text));
      }),
    );
  });

  it("keeps number tokens, escapes, order and duplicates byte for byte", () => {
    const text = ' { "2" : 1.0 , "1" : [ 1e3 , -0 ] , "a b" : " \\u00e5 \\" \\\\" , "2" : 12345678901234567890 } ';
    expect(compact(text)).toBe('{"2":1.0,"1":[1e3,-0],"a b":" \\u00e5 \\" \\\\","2":12345678901234567890}');
  });

  it("gives a text without white space back as it is", () => {
    const text = '{"a b":"c d"}';
    expect(compact(text)).toBe(text);
  });
});

describe("members and elements", () => {
  it("agree with JSON.parse on every object and array", () => {
    fc.assert(
      fc.property(source, (text) => {
        const parsed: unknown = JSON.parse(text);
        const object = members(text);
        const list = elements(text);
        if (Array.isArray(parsed)) {
          expect(object).toBeUndefined();
          expect(list?.map((slice) => JSON.parse(slice) as unknown)).toEqual(parsed);
        } else if (typeof parsed === "object" && parsed !== null) {
          expect(list).toBeUndefined();
          const found = [...(object ?? [])].map(([key, slice]): [string, unknown] => [key, JSON.parse(slice)]);
          expect(new Map(found)).toEqual(new Map(Object.entries(parsed)));
        } else {
          expect([object, list]).toEqual([undefined, undefined]);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("give slices of the source: no outer white space, nothing rewritten", () => {
    expect([...(members('{ "a" :\t1.50 ,"\\u0062": { "x" : 1 } }') ?? [])]).toEqual([
      ["a", "1.50"],
      ["b", '{ "x" : 1 }'],
    ]);
    expect(elements('[ 1.0, [2 ] ,\n"]" ]')).toEqual(["1.0", "[2 ]", '"]"']);
  });

  it("the last duplicate wins; the list has them all", () => {
    const text = '{"a":1,"b":2,"\\u0061":3}';
    expect(members(text)?.get("a")).toBe("3");
    expect(memberList(text)?.map((member) => member.keySource)).toEqual(['"a"', '"b"', '"\\u0061"']);
  });

  it("__proto__ is a key like any other", () => {
    expect(members('{"__proto__":{"admin":true}}')?.get("__proto__")).toBe('{"admin":true}');
    expect(Object.getPrototypeOf({})).toBe(Object.prototype);
  });

  it("strings may hold every bracket, quote and backslash", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('"', "\\", "{", "}", "[", "]", ",", ":", "a") }), fc.string(), (key, text) => {
        const json = JSON.stringify({ [key]: text, after: [text] });
        expect(stringSource(members(json)?.get(key) ?? "")).toBe(key === "after" ? undefined : text);
        expect(members(json)?.get("after")).toBe(JSON.stringify([text]));
      }),
    );
  });

  it.each(["{", '{"a"', '{"a":', '{"a":1', '{"a":1 "b":2}', "{1:2}", "[", "[1", '["a', "[1 2]", "[,]"])(
    "broken text %j ends, with an error",
    (text) => {
      expect(() => (text.startsWith("{") ? members(text) : elements(text))).toThrow(SyntaxError);
    },
  );

  it("never hang, and throw nothing but a SyntaxError, whatever the text", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom("{", "}", "[", "]", '"', "\\", ":", ",", "1", " ") }), (text) => {
        for (const read of [members, elements, compact, checkJson, numberSource, stringSource]) {
          try {
            read(text);
          } catch (error) {
            expect(error).toBeInstanceOf(SyntaxError);
          }
        }
      }),
      { numRuns: 1000 },
    );
  });
});

describe("single values", () => {
  it("numbers keep every digit", () => {
    const body = '{"value": 0.010, "big": 123456789012345678901234567890.5e-2, "text": "5", "none": null}';
    expect(numberSource(valueAt(body, ["value"]) ?? "")).toBe("0.010");
    expect(numberSource(valueAt(body, ["big"]) ?? "")).toBe("123456789012345678901234567890.5e-2");
    expect(numberSource(valueAt(body, ["text"]) ?? "")).toBeUndefined();
    expect(stringSource(valueAt(body, ["text"]) ?? "")).toBe("5");
    expect(stringSource(valueAt(body, ["none"]) ?? "")).toBeUndefined();
  });

  it("a path goes through objects only", () => {
    expect(valueAt('{"a":{"b":[1]}}', ["a", "b"])).toBe("[1]");
    expect(valueAt('{"a":{"b":[1]}}', ["a", "b", "0"])).toBeUndefined();
    expect(valueAt('{"a":{}}', ["a", "b", "c"])).toBeUndefined();
  });
});

describe("checkJson", () => {
  const nested = (levels: number) => "[".repeat(levels) + "]".repeat(levels);

  it("finds nothing in what is well-formed", () => {
    fc.assert(
      fc.property(source, (text) => JSON.stringify(JSON.parse(text)).includes("\\u0000") || checkJson(text, { maxDepth: 9 }) === undefined),
    );
  });

  it.each([
    [nested(64), undefined],
    [nested(65), { kind: "DEPTH", at: 64 }],
    [`{"a":"${"[".repeat(100)}"}`, undefined],
    [`[${`${nested(3)},`.repeat(100)}1]`, undefined],
  ])("depth: %#", (text, problem) => {
    if (problem) expect(checkJson(text)).toMatchObject(problem);
    else expect(checkJson(text)).toBeUndefined();
  });

  it.each([
    ["escaped in a string", '{"a":"x\\u0000"}', 7],
    ["escaped in a key", '{"\\u0000":1}', 2],
    ["raw", '["\0"]', 2],
    ["in other case", '["\\u0000\\u00FF"]', 2],
  ])("NUL %s", (_, text, at) => {
    expect(checkJson(text)).toMatchObject({ kind: "NUL", at });
  });

  it.each([
    ["high, escaped", '["\\ud83d"]', 2],
    ["low, escaped", '["a\\uDE00"]', 3],
    ["in a key", '{"\\ud83d":1}', 2],
    ["two highs", '["\\ud83d\\ud83d\\ude00"]', 2],
    ["apart", '["\\ud83d \\ude00"]', 2],
    ["raw", '["\ud83d"]', 2],
    ["high before the end of one string, low in the next", '["\\ud83d","\\ude00"]', 2],
  ])("half a pair: %s", (_, text, at) => {
    expect(checkJson(text)).toMatchObject({ kind: "SURROGATE", at });
  });

  it.each(['["\\ud83d\\ude00"]', '["😀"]', '["\\ud83d\ude00"]', '["\\\\u0000"]', '["\\\\ud83d"]', '["\\n\\u00e5"]'])(
    "%j is well-formed",
    (text) => {
      expect(checkJson(text)).toBeUndefined();
    },
  );

  it("says of any string what JavaScript says of its decoded text", () => {
    const unit = fc.constantFrom("\\u0000", "\\ud83d", "\\ude00", "\ud83d", "\ude00", "a", "\\\\", '\\"', "\\u0041");
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 6 }), (inside) => {
        const decoded = JSON.parse(`"${inside}"`) as string;
        expect(checkJson(`["${inside}"]`) === undefined).toBe(decoded.isWellFormed() && !decoded.includes("\0"));
      }),
      { numRuns: 1000 },
    );
  });
});

describe("5 MiB", () => {
  const size = 5 * 2 ** 20;
  const hostile: [string, string][] = [
    ["one string of backslashes", `["${"\\".repeat(size)}"]`],
    ["one string of quotes", `["${'\\"'.repeat(size / 2)}"]`],
    ["white space", `[${" ".repeat(size)}]`],
    ["white space between all tokens", `[${"1 , ".repeat(size / 4)}1]`],
    ["empty strings", `[${'"",'.repeat(size / 3)}""]`],
    ["escapes", `["${"\\u0041".repeat(size / 6)}"]`],
  ];
  it.each(hostile)("is linear: %s", (_, text) => {
    const started = performance.now();
    compact(text);
    checkJson(text);
    elements(text);
    // 30 to 300 ms on the slow reference machine; anything quadratic takes minutes.
    expect(performance.now() - started).toBeLessThan(5000);
  });
});

describe("overBounds", () => {
  const wide = (count: number) => `{${Array.from({ length: count }, (_, i) => `"k,{${i}":[${i},{},1,2,3]`).join()}}`;

  const over = (text: string, bounds: object) => overBounds(text, { depth: 9, ...bounds });

  it("counts the members of each object by itself, and nothing in lists or texts", () => {
    expect(over(wide(100), { members: 100 })).toBeUndefined();
    expect(over(wide(101), { members: 100 })).toBe("members");
    expect(over(`[${wide(60)},${wide(60)}]`, { members: 100 })).toBeUndefined();
    expect(over(`{"a":{"b":${wide(101)}}}`, { members: 100 })).toBe("members");
    expect(over(`[${"1,".repeat(500)}1]`, { members: 100 })).toBeUndefined();
    expect(over(`{"a":"${",".repeat(500)}"}`, { members: 100 })).toBeUndefined();
  });

  it("counts every value, and levels", () => {
    const list = `[[${'",",'.repeat(499)}"[{"]]`;
    expect(over(list, { values: 500 })).toBeUndefined();
    expect(over(list, { values: 499 })).toBe("values");
    expect(over("[[[[]]]]", { depth: 4 })).toBeUndefined();
    expect(over('[[[["]]]]', { depth: 3 })).toBe("depth");
    expect(over(`${"[".repeat(1_000_000)}`, {})).toBe("depth");
  });
});
