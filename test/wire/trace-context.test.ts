/** W3C Trace Context as its recommendation has it: https://www.w3.org/TR/trace-context/. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Issue } from "../../src/errors.ts";
import { readTraceparent, readTracestate, traceHeaders, traceOfFields, traceOfHeaders } from "../../src/wire/trace-context.ts";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT = "00f067aa0ba902b7";
const GOOD = `00-${TRACE}-${PARENT}-01`;

const hex = (length: number) => fc.string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength: length, maxLength: length });
const id = (length: number) => hex(length).filter((text) => /[1-9a-f]/.test(text));

describe("traceparent", () => {
  test("of version 00 is kept as it came", () => {
    fc.assert(
      fc.property(id(32), id(16), hex(2), (trace, parent, flags) => {
        const text = `00-${trace}-${parent}-${flags}`;
        expect(readTraceparent(text)).toBe(text);
      }),
    );
  });

  test("of a higher version is passed on as version 00, with the sampled flag, whatever stands behind it", () => {
    const version = hex(2).filter((text) => text !== "00" && text !== "ff");
    const rest = fc.oneof(
      fc.constant(""),
      fc.string({ maxLength: 200 }).map((text) => `-${text}`),
    );
    fc.assert(
      fc.property(version, id(32), id(16), hex(2), rest, (v, trace, parent, flags, more) => {
        const sampled = Number.parseInt(flags, 16) & 1;
        expect(readTraceparent(`${v}-${trace}-${parent}-${flags}${more}`)).toBe(`00-${trace}-${parent}-0${sampled}`);
      }),
    );
  });

  test.each([
    ["empty", ""],
    ["version ff", `ff-${TRACE}-${PARENT}-01`],
    ["a trace of zeros", `00-${"0".repeat(32)}-${PARENT}-01`],
    ["a parent of zeros", `00-${TRACE}-${"0".repeat(16)}-01`],
    ["upper case", GOOD.toUpperCase()],
    ["something behind version 00", `${GOOD}-more`],
    ["something behind a higher version without a hyphen", `01-${TRACE}-${PARENT}-01.more`],
    ["two of them, joined", `${GOOD}, ${GOOD}`],
    ["spaces around", ` ${GOOD}`],
    ["a line break", `${GOOD}\n`],
    ["cut", GOOD.slice(0, -1)],
    ["other letters", GOOD.replace("4bf9", "4bg9")],
    ["one that never ends", `01-${TRACE}-${PARENT}-01-${"a".repeat(1_000_000)}`],
  ])("is malformed: %s", (_what, text) => expect(readTraceparent(text)).toBeUndefined());

  test("of any text is undefined or good", () => {
    const near = fc
      .tuple(fc.nat(54), fc.string({ minLength: 1, maxLength: 3 }))
      .map(([at, other]) => GOOD.slice(0, at) + other + GOOD.slice(at + 1));
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: "binary" }), near), (text) => {
        const read = readTraceparent(text);
        if (read !== undefined) expect(readTraceparent(read)).toBe(read);
        else expect(/^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/.test(text)).toBe(false);
      }),
    );
  });
});

describe("tracestate", () => {
  test.each(["rojo=00f067aa0ba902b7", "rojo=1,congo=t61rcWkgMzE", "a=1 , b=2", "a=1,,b=2", "tenant@vendor=x y", "0a/b*c-d_e=~!"])(
    "is kept: %s",
    (text) => expect(readTracestate(text)).toBe(text),
  );

  test.each([
    ["empty", ""],
    ["nothing but commas", ", ,"],
    ["no value", "a="],
    ["no key", "=1"],
    ["no equals sign", "abc"],
    ["an upper case key", "Vendor=1"],
    ["two equals signs", "a=b=c"],
    ["a value that ends in a tab", "a=1\t2"],
    ["a line break", "a=1\nb=2"],
    ["beyond ASCII", "a=å"],
    ["33 members", Array.from({ length: 33 }, (_, i) => `k${i}=1`).join(",")],
    ["513 characters", `a=${"x".repeat(250)},b=${"x".repeat(250)},c=${"x".repeat(5)}`],
    ["a key too long", `${"a".repeat(257)}=1`],
  ])("is dropped: %s", (_what, text) => expect(readTracestate(text)).toBeUndefined());

  test("of 512 characters is kept", () => expect(readTracestate(`a=${"x".repeat(253)},b=${"x".repeat(253)}`)).toHaveLength(512 - 1));
});

describe("of a call's headers", () => {
  test("both", () => expect(traceOfHeaders({ traceparent: GOOD, tracestate: "a=1" })).toEqual({ traceparent: GOOD, tracestate: "a=1" }));
  test("a bad tracestate is dropped", () =>
    expect(traceOfHeaders({ traceparent: GOOD, tracestate: "a" })).toEqual({ traceparent: GOOD, tracestate: null }));
  test("a bad traceparent takes the tracestate along", () =>
    expect(traceOfHeaders({ traceparent: "00", tracestate: "a=1" })).toBeUndefined());
  test("a tracestate alone says nothing", () => expect(traceOfHeaders({ tracestate: "a=1" })).toBeUndefined());
});

describe("of an event's fields", () => {
  const read = (fields: { traceparent?: string | null; tracestate?: string | null }) => {
    const issues: Issue[] = [];
    const trace = traceOfFields(fields, (name) => `events.3.${name}`, issues);
    return { trace, paths: issues.map(({ path }) => path) };
  };
  test("both", () =>
    expect(read({ traceparent: GOOD, tracestate: "a=1" })).toEqual({ trace: { traceparent: GOOD, tracestate: "a=1" }, paths: [] }));
  test("null is absent", () => expect(read({ traceparent: null, tracestate: null })).toEqual({ trace: undefined, paths: [] }));
  test("mistakes are named", () => {
    expect(read({ traceparent: "", tracestate: "a" }).paths).toEqual(["events.3.traceparent", "events.3.tracestate"]);
    expect(read({ traceparent: GOOD, tracestate: "x".repeat(513) }).paths).toEqual(["events.3.tracestate"]);
    expect(read({ tracestate: "a=1" }).paths).toEqual(["events.3.tracestate"]);
  });
});

describe("beside the headers of a definition", () => {
  const trace = { traceparent: GOOD, tracestate: "a=1" };
  test("both", () => expect(traceHeaders(trace, { accept: "x" })).toEqual(trace));
  test("no tracestate", () => expect(traceHeaders({ ...trace, tracestate: null }, {})).toEqual({ traceparent: GOOD }));
  test("its own traceparent is another trace", () => expect(traceHeaders(trace, { TraceParent: "x" })).toEqual({}));
  test("its own tracestate wins", () => expect(traceHeaders(trace, { TRACESTATE: "x" })).toEqual({ traceparent: GOOD }));
});
