import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkPath, pick } from "../../src/wire/fields.ts";

describe("checkPath", () => {
  it.each(["name", "customer.name", "a.b.c", "_id", "größe", "x-ray", "$ref", "@type", "xs:name", "0"])("takes %j", (path) => {
    expect(checkPath(path)).toBeUndefined();
  });

  it.each(["", ".", "a.", ".a", "a..b", "a b", "a,b", "a[0]", "a.*", "a\nb", '"a"', "a".repeat(256)])(
    "refuses %j, and says why",
    (path) => {
      expect(checkPath(path)).toMatch(/\S/);
    },
  );
});

describe("pick", () => {
  const payload =
    '{ "id": 7.0, "customer": {"name":"\\u00c5se", "age": 1e1, "address": {"city":"Oslo","zip":"0150"}}, "lines": [{"sku":"a","qty":1},"note",{"qty":2}] }';

  it.each([
    [["id"], '{"id":7.0}'],
    [["customer.name", "id"], '{"id":7.0,"customer":{"name":"\\u00c5se"}}'],
    [["customer.address.city"], '{"customer":{"address":{"city":"Oslo"}}}'],
    [["customer.address", "customer.address.city"], '{"customer":{"address":{"city":"Oslo","zip":"0150"}}}'],
    [["customer.address.city", "customer.address"], '{"customer":{"address":{"city":"Oslo","zip":"0150"}}}'],
    [["lines.sku"], '{"lines":[{"sku":"a"},{}]}'],
    [["lines.nothing"], "{}"],
    [["lines"], '{"lines":[{"sku":"a","qty":1},"note",{"qty":2}]}'],
    [["missing", "customer.missing", "id.deeper", "customer.name.deeper"], "{}"],
    [[], payload],
  ])("%j", (paths, expected) => {
    expect(pick(payload, paths)).toBe(expected);
  });

  it("takes the last of duplicate keys, as every reader of JSON does", () => {
    expect(pick('{"a":1,"b":2,"a":{"x":3}}', ["a"])).toBe('{"a":{"x":3}}');
    expect(pick('{"a":{"x":3},"a":1}', ["a.x"])).toBe("{}");
  });

  it("__proto__ and constructor are no way into anything", () => {
    expect(pick('{"a":1}', ["__proto__", "constructor.name", "a.constructor"])).toBe("{}");
    expect(pick('{"__proto__":{"x":1}}', ["__proto__.x"])).toBe('{"__proto__":{"x":1}}');
  });

  it.each(["1", '"text"', "null", "true", "[1,2]"])("of %s, which has no fields, gives {}", (text) => {
    expect(pick(text, ["a"])).toBe("{}");
  });

  it("all top-level keys give the whole value; a choice never holds what was not chosen", () => {
    const key = fc.constantFrom("a", "b", "c", "d");
    const object = fc.dictionary(key, fc.oneof(fc.integer(), fc.dictionary(key, fc.jsonValue({ maxDepth: 1 }))));
    fc.assert(
      fc.property(object, fc.uniqueArray(key, { minLength: 1 }), (value, chosen) => {
        const json = JSON.stringify(value);
        expect(JSON.parse(pick(json, ["a", "b", "c", "d"]))).toEqual(JSON.parse(json)); // not `value`: JSON has no -0
        const kept = Object.entries(value).filter(([name]) => chosen.includes(name as "a"));
        expect(pick(json, chosen)).toBe(JSON.stringify(Object.fromEntries(kept)));
      }),
    );
  });
});
