import fc from "fast-check";
import { expect, test } from "vitest";
import { newId } from "../../src/clock.ts";
import { BadCursorError, BadInputError } from "../../src/errors.ts";
import { feedCursor, sequenceOf } from "../../src/live/cursor.ts";

const organizationId = newId();

test("a cursor says where it stands, in URL-safe text", () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), (sequence) => {
      const cursor = feedCursor(organizationId, sequence);
      expect(cursor).toMatch(/^[A-Za-z0-9_-]+$/);
      expect(sequenceOf(organizationId, cursor)).toBe(sequence);
    }),
  );
});

test("any changed character is noticed", () => {
  fc.assert(
    fc.property(fc.nat(100_000), fc.nat(38), fc.constantFrom(..."AZaz09-_"), (sequence, place, letter) => {
      const cursor = feedCursor(organizationId, sequence);
      const changed = cursor.slice(0, place) + letter + cursor.slice(place + 1);
      fc.pre(changed !== cursor);
      expect(() => sequenceOf(organizationId, changed)).toThrow(BadCursorError);
    }),
  );
});

test.each(["", "x", "not a cursor", "MTI", "=".repeat(39), "\0".repeat(39), feedCursor(organizationId, 1).slice(1)])(
  "%j is none",
  (text) => {
    expect(() => sequenceOf(organizationId, text)).toThrow(BadCursorError);
  },
);

test("text that decodes to the same bytes but is not what we write is none", () => {
  expect(() => sequenceOf(organizationId, `${feedCursor(organizationId, 7)}=`)).toThrow(BadCursorError);
});

test("another organization's is bad input", () => {
  expect(() => sequenceOf(newId(), feedCursor(organizationId, 7))).toThrow(BadInputError);
});
