import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { JsonScan } from "../../src/wire/json-scan.ts";
import { checkJson, compact, elements, memberList } from "../../src/wire/json-text.ts";

const space = fc.string({ unit: fc.constantFrom(" ", "\n", "\r", "\t"), maxLength: 3 });
const numbers = fc.constantFrom("0", "-0", "1.0", "12345678901234567890", "-1.5e+30", "1E400", "0.10");
const value = fc.jsonValue({ maxDepth: 5, noUnicodeString: false });
const written = fc.tuple(value, fc.constantFrom(undefined, 1, "\t", "  ")).map(([v, indent]) => JSON.stringify(v, null, indent));
const escaped = written.map((text) => text.replace(/[^\x20-\x7e\s]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`));
const source = fc.oneof(written, escaped, numbers);
const [spaceAround, list] = [fc.tuple(space, source, space).map((parts) => parts.join("")), fc.array(source, { maxLength: 5 })];

/** The text as a value of its own; undefined: left to others. */
function scanned(text: string): { source: string; spaced: boolean } | undefined {
  const scan = new JsonScan(Buffer.from(text));
  void scan.next;
  const found = scan.text();
  return found && scan.ended ? found : undefined;
}

/** An escaped half of a pair, perhaps: left to others, though two of them are a character. */
const RARE = /\\u[dD][89a-fA-F]/;

const isJson = (text: string) => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};

describe("JsonScan", () => {
  it("takes what JSON.parse takes and may be stored, and gives it back as it was written", () => {
    fc.assert(
      fc.property(spaceAround, (text) => {
        const found = scanned(text);
        if (checkJson(text)) expect(found).toBeUndefined();
        else if (!RARE.test(text)) expect(found?.source).toBe(text.trim());
        if (found) expect(found.spaced).toBe(compact(found.source) !== found.source);
      }),
      { numRuns: 2_000 },
    );
  });

  it("takes nothing that JSON.parse refuses, wherever a character is changed, taken out or put in", () => {
    const marks = fc.constantFrom(...'{}[]:,"\\0123456789.eE+-tfnu \n\u0000\u001f\u007fé'.split(""));
    const change = fc.tuple(fc.nat(), fc.constantFrom("replace", "delete", "insert"), marks);
    fc.assert(
      fc.property(spaceAround, change, (text, [n, how, mark]) => {
        const at = n % text.length;
        const changed = text.slice(0, at) + (how === "delete" ? "" : mark) + text.slice(how === "insert" ? at : at + 1);
        // Half of a pair that is cut in two becomes another character in UTF-8.
        fc.pre(changed.isWellFormed());
        const good = isJson(changed) && checkJson(changed) === undefined;
        if (!good || !RARE.test(changed)) expect(scanned(changed) !== undefined).toBe(good);
      }),
      { numRuns: 5_000 },
    );
  });

  it("visits members and elements as the readers of text do", () => {
    fc.assert(
      fc.property(list, space, (values, gap) => {
        const object = `{${values.map((each, i) => `${gap}"k${i}"${gap}:${gap}${each}${gap}`).join(",")}${values.length === 0 ? gap : ""}}`;
        fc.pre(checkJson(object) === undefined && !RARE.test(object));
        const found: string[] = [];
        const scan = new JsonScan(Buffer.from(object));
        expect(scan.next).toBe("{");
        const take = () => {
          const text = scan.text();
          if (text) found.push(text.source);
          return text !== undefined;
        };
        expect([scan.object(take), scan.ended]).toEqual([true, true]);
        expect(found).toEqual(memberList(object)?.map((member) => member.value));

        const array = `[${values.map((each) => `${gap}${each}${gap}`).join(",")}]`;
        const listed = new JsonScan(Buffer.from(array));
        found.length = 0;
        const inList = () => {
          const text = listed.text();
          if (text) found.push(text.source);
          return text !== undefined;
        };
        expect([listed.next, listed.list(inList), listed.ended]).toEqual(["[", true, true]);
        expect(found).toEqual(elements(array));
        expect([scan.commas, listed.commas].every((count) => count >= Math.max(0, values.length - 1))).toBe(true);
      }),
    );
  });

  it("leaves to others what is deeper than 64, keys with escapes, NUL and half pairs", () => {
    const deep = (levels: number) => `${"[".repeat(levels)}${"]".repeat(levels)}`;
    expect(scanned(deep(64))?.source).toBe(deep(64));
    expect(scanned(deep(65))).toBeUndefined();
    expect(scanned(`${'{"a":'.repeat(64)}1${"}".repeat(64)}`)).toBeDefined();
    expect(scanned(`${'{"a":'.repeat(64)}{}${"}".repeat(64)}`)).toBeUndefined();
    for (const text of ['"\\u0000"', '"\\ud800"', '"\\uDFFF"', '"\\ud83d\\ude00"', '"\\u12g4"', '"\\u12"', '"\\x"', '"open', "", " "])
      expect(scanned(text), text).toBeUndefined();
    const key = new JsonScan(Buffer.from('{"\\u0061":1}'));
    expect(key.object(() => key.text() !== undefined)).toBe(false);
  });
});
