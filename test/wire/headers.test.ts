import { describe, expect, it } from "vitest";
import { checkHeaderList, checkHeaders } from "../../src/wire/headers.ts";

describe("custom headers", () => {
  it.each([
    { Authorization: "Bearer x" },
    { "X-Region": "eu west\t1", Accept: "*/*", "x-signer": "me" },
    { "X-Big": "a".repeat(4096) },
    Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`X-${i}`, "v"])),
    {},
  ])("are taken: %#", (headers) => {
    expect(checkHeaders(headers)).toEqual([]);
  });

  it.each([
    ..."host content-length transfer-encoding connection keep-alive te trailer upgrade expect date via forwarded cookie".split(" "),
    ..."Content-Type USER-AGENT Proxy-Authorization proxy-anything X-Forwarded-For x-forwarded-host Webhook-Id webhook-signature webhook-x".split(
      " ",
    ),
    ..."Signature Signature-Input X-Signature X-Hub-Signature-256 X-SuperOffice-Signature X-SuperOffice-Event X-Hook-Test".split(" "),
  ])("%s is the platform's", (name) => {
    expect(checkHeaders({ [name]: "x" })).toEqual([{ path: `headers.${name}`, message: expect.stringContaining("set by the platform") }]);
  });

  it.each(["", "X Y", "X:", "X\r\nY", "Ünicode", "X\0", "(X)"])("%j is no name", (name) => {
    expect(checkHeaders({ [name]: "x" })).toHaveLength(1);
  });

  it.each([
    ["a\r\nX-Evil: 1"],
    ["a\nb"],
    ["a\0b"],
    ["\x7f"],
    ["å"],
    ["😀"],
    [""],
    ["  "],
    [7],
    [null],
    [["a"]],
    [{ $gt: "" }],
    ["a".repeat(4097)],
  ])("%j is no value", (value) => {
    expect(checkHeaders({ "X-A": value })).toHaveLength(1);
  });

  it("two names that differ only in case are one too many", () => {
    expect(checkHeaders({ "X-A": "1", "x-a": "2" })).toEqual([{ path: "headers.x-a", message: expect.stringContaining("twice") }]);
  });

  it("at most 20, and 16 KiB together", () => {
    const many = Object.fromEntries(Array.from({ length: 21 }, (_, i) => [`X-${i}`, "v"]));
    expect(checkHeaders(many)).toEqual([{ path: "headers", message: "must be at most 20 headers" }]);
    const large = Object.fromEntries(Array.from({ length: 5 }, (_, i) => [`X-${i}`, "v".repeat(4000)]));
    expect(checkHeaders(large)).toEqual([{ path: "headers", message: "must be at most 16 KiB together" }]);
  });

  it("every mistake is named, with its place", () => {
    const paths = checkHeaders({ Host: "a", "X-Good": "1", "X-Bad": "\n" }, "input.headers").map((issue) => issue.path);
    expect(paths).toEqual(["input.headers.Host", "input.headers.X-Bad"]);
  });

  it("a list is judged by index, and may hold a name twice", () => {
    const list = [
      { name: "X-A", value: "1" },
      { name: "X-A", value: "2" },
    ];
    expect(checkHeaderList(list).map((issue) => issue.path)).toEqual(["headers.1"]);
  });
});
