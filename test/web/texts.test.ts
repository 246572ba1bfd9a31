/** What the dashboard makes of texts and numbers: exact payloads, differences between two attempts, the gap to green. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { gapToGreen, minus } from "../../src/web/goals/gap.ts";
import { stringify, textAt, Verbatim } from "../../src/web/graphql/json-text.ts";
import { headersThatDiffer, linesOf } from "../../src/web/request/differences.ts";

test("the text of a value in JSON is found as it stands", () => {
  const payload = '{"z":1.50,"a":[{"event":{"payload":0}},12345678901234567890.10],"s":"}\\",{"}';
  const json = `{"errors":{"event":{"payload":1}},"data":{"other":[{"event":{"payload":2}}],"event":{"id":"e","payload": ${payload} ,"scope":null}}}`;
  expect(textAt(json, ["data", "event", "payload"])).toBe(payload);
  expect(textAt(json, ["data", "event", "scope"])).toBe("null");
  expect(textAt(json, ["data", "event", "none"])).toBeUndefined();
  expect(textAt(json, ["data", "payload"])).toBeUndefined();
  fc.assert(
    fc.property(fc.json(), fc.json(), (before, value) => {
      expect(textAt(`{"before":${before},"data":{"event":${value}}}`, ["data", "event"])).toBe(value.trim());
    }),
  );
});

test("what is verbatim goes out as it was typed, all else as JSON", () => {
  const sent = {
    id: "a",
    none: undefined,
    list: [1, undefined, { deep: new Verbatim('{"n": 1.0}') }],
    payload: new Verbatim("12345678901234567890"),
  };
  expect(stringify(sent)).toBe('{"id":"a","list":[1,null,{"deep":{"n": 1.0}}],"payload":12345678901234567890}');
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(JSON.parse(stringify(value))).toEqual(JSON.parse(JSON.stringify(value)));
    }),
  );
});

test("headers that differ are named, the others counted", () => {
  const left = { host: "a", "webhook-timestamp": "1", gone: "x", "set-cookie": ["a", "b"] };
  expect(headersThatDiffer(left, { host: "a", "webhook-timestamp": "2", "set-cookie": ["a", "b"] })).toEqual({
    different: [
      { name: "gone", left: "x", right: undefined },
      { name: "webhook-timestamp", left: "1", right: "2" },
    ],
    same: 2,
  });
});

test("lines of both are marked, and either text can be read from them", () => {
  const marks = (left: string, right: string) => linesOf(left, right).map(({ kind, text }) => `${kind} ${text}`);
  expect(marks("{\na\nb\n}", "{\na\nc\n}")).toEqual(["same {", "same a", "left b", "right c", "same }"]);
  const text = fc.array(fc.constantFrom("a", "b", "c", ""), { maxLength: 12 }).map((lines) => lines.join("\n"));
  fc.assert(
    fc.property(text, text, (left, right) => {
      const side = (kind: "left" | "right") =>
        linesOf(left, right)
          .filter((line) => line.kind === "same" || line.kind === kind)
          .map((line) => line.text)
          .join("\n");
      expect([side("left"), side("right")]).toEqual([left, right]);
    }),
  );
  // Too much to compare line by line: the middle is replaced, and nothing of either is lost.
  const many = (mark: string) => Array.from({ length: 700 }, (_, n) => `${mark}${n}`).join("\n");
  expect(linesOf(many("a"), many("b")).filter(({ kind }) => kind === "left")).toHaveLength(700);
});

test("the gap to green is exact, in words that say on which side", () => {
  expect(minus("12345678901234567890.10", "0.2")).toBe("12345678901234567889.9");
  expect([minus("1", "1.00"), minus("-0.5", "1"), minus("2", "-3")]).toEqual(["0", "-1.5", "5"]);
  const value = (text: string, goodThreshold: string | null = null) => ({
    ...{ id: "v", date: "2026-11-01", badThreshold: null, status: null },
    ...{ value: text, goodThreshold },
  });
  const [more, less] = [
    { direction: "MAXIMIZE", goodThreshold: "450" },
    { direction: "MINIMIZE", goodThreshold: "40" },
  ] as const;
  expect(gapToGreen(more, value("438"))).toBe("12 below green");
  expect(gapToGreen(more, value("450"))).toBe("just green");
  expect(gapToGreen(more, value("1450.5"))).toBe("green by 1\u202f000.5");
  expect(gapToGreen(less, value("52"))).toBe("12 above green");
  expect(gapToGreen(less, value("30"))).toBe("green by 10");
  // The threshold that came with the value is the one that judged it.
  expect(gapToGreen(more, value("438", "430"))).toBe("green by 8");
  expect(gapToGreen({ direction: "MAXIMIZE", goodThreshold: null }, value("1"))).toBeUndefined();
});
