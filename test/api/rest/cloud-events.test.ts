import { describe, expect, it } from "vitest";
import { structuredEvent, UnsupportedDataError } from "../../../src/api/rest/cloud-events.ts";
import { ValidationError } from "../../../src/errors.ts";

const event = (more: object) => structuredEvent(JSON.stringify({ specversion: "1.0", id: "1", source: "/s", type: "a.b", ...more }));
const base64 = (text: string | Buffer) => Buffer.from(text).toString("base64");

describe("B79 data_base64", () => {
  it.each([
    ['{ "n": 1.50,\n "text": "Åse 😀" }', '{"n":1.50,"text":"Åse 😀"}'],
    ["[1, 2]", "[1,2]"],
    ["null", "null"],
    ['  "text" ', '"text"'],
  ])("JSON is taken as it is: %j", (text, payload) => {
    expect(event({ data_base64: base64(text), datacontenttype: "application/json; charset=utf-8" }).payload).toBe(payload);
    expect(event({ data_base64: base64(text) }).payload).toBe(payload);
  });

  it.each([
    ["no JSON", base64("not json")],
    ["nothing", ""],
    ["invalid UTF-8", base64(Buffer.from([0x22, 0xff, 0x22]))],
  ])("%s is no data that is taken", (_, data) => {
    expect(() => event({ data_base64: data })).toThrow(UnsupportedDataError);
  });

  it("what is JSON, but is said to be something else, is not taken", () => {
    expect(() => event({ data_base64: base64("{}"), datacontenttype: "text/plain" })).toThrow(UnsupportedDataError);
  });

  it.each([
    ["no base64", { data_base64: "&&&" }, "must be base64"],
    ["a number", { data_base64: 5 }, "must be base64"],
    ["beside data", { data_base64: base64("{}"), data: {} }, "stands beside data"],
    ["nested too deep", { data_base64: base64("[".repeat(65) + "]".repeat(65)) }, "64 levels"],
    ["NUL", { data_base64: base64('"\\u0000"') }, "NUL"],
    ["10 001 members", { data_base64: base64(`{${Array.from({ length: 10_001 }, (_, i) => `"k${i}":1`)}}`) }, "10000 members"],
    ["more than 1 MiB", { data_base64: base64(JSON.stringify("x".repeat(2 ** 20))) }, "1 MiB"],
    ["half a surrogate pair", { data_base64: base64('"\\ud83d"') }, "surrogate"],
  ])("%s is an issue at its place", (_, more, message) => {
    const error = (() => {
      try {
        return event(more);
      } catch (caught) {
        return caught;
      }
    })();
    expect(error).toBeInstanceOf(ValidationError);
    expect((error as ValidationError).issues).toEqual([{ path: "data_base64", message: expect.stringContaining(message) }]);
  });
});
