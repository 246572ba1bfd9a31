/** What an event type is taken from: a place that a post lacks, or leaves empty, makes no event type. */
import { expect, test } from "vitest";
import { filled, headerOf } from "../../src/inbound/templates.ts";

test("a header that was not sent is missing, whatever objects have by that name", () => {
  for (const name of ["constructor", "__proto__", "toString"]) expect(headerOf({}, name)).toBeUndefined();
  expect(headerOf(JSON.parse('{"__proto__":"a"}'), "__proto__")).toBe("a");
});

test("a header or a text that is empty is missing: no type ends with the dot before it", () => {
  const template = "github.{header:X-GitHub-Event}.{path:action}";
  const type = (event: string | undefined, payload: unknown) =>
    filled(template, { headers: { "x-github-event": event }, payload: JSON.stringify(payload) });
  expect(type("push", { action: "made" })).toEqual({ type: "github.push.made" });
  expect(type("$&", { action: 5 })).toEqual({ type: "github.$&.5" });
  for (const event of ["", undefined]) expect(type(event, { action: "made" })).toEqual({ missing: "the header X-GitHub-Event" });
  for (const payload of [{ action: "" }, {}, { action: null }, []])
    expect(type("push", payload)).toEqual({ missing: "a text or number at action" });
});
