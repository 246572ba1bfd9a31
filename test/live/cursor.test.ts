import { randomUUID } from "node:crypto";
import { crc32 } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import { newId } from "../../src/clock.ts";
import { BadCursorError, BadInputError } from "../../src/errors.ts";
import { feedCursor, sequenceOf } from "../../src/live/cursor.ts";

const organizationId = newId();
const epoch = randomUUID();

test("a cursor says where it stands, in URL-safe text", () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), (sequence) => {
      const cursor = feedCursor(organizationId, epoch, sequence);
      expect(cursor).toMatch(/^[A-Za-z0-9_-]+$/);
      expect(sequenceOf(organizationId, epoch, cursor)).toBe(sequence);
    }),
  );
});

test("any changed character is noticed", () => {
  fc.assert(
    fc.property(fc.nat(100_000), fc.nat(49), fc.constantFrom(..."AZaz09-_"), (sequence, place, letter) => {
      const cursor = feedCursor(organizationId, epoch, sequence);
      const changed = cursor.slice(0, place) + letter + cursor.slice(place + 1);
      fc.pre(changed !== cursor);
      expect(() => sequenceOf(organizationId, epoch, changed)).toThrow(BadCursorError);
    }),
  );
});

test.each(["", "x", "not a cursor", "MTI", "=".repeat(50), "\0".repeat(50), feedCursor(organizationId, epoch, 1).slice(1)])(
  "%j is none",
  (text) => {
    expect(() => sequenceOf(organizationId, epoch, text)).toThrow(BadCursorError);
  },
);

test("text that decodes to the same bytes but is not what we write is none", () => {
  expect(() => sequenceOf(organizationId, epoch, `${feedCursor(organizationId, epoch, 7)}=`)).toThrow(BadCursorError);
});

test("another organization's is bad input", () => {
  expect(() => sequenceOf(newId(), epoch, feedCursor(organizationId, epoch, 7))).toThrow(BadInputError);
});

test("B14 one of another epoch, or of 0.1, is none", () => {
  expect(() => sequenceOf(organizationId, randomUUID(), feedCursor(organizationId, epoch, 7))).toThrow(BadCursorError);
  const old = Buffer.alloc(29);
  old[0] = 1;
  old.write(organizationId.replaceAll("-", ""), 1, "hex");
  old.writeUInt32BE(crc32(old.subarray(0, 25)), 25);
  expect(() => sequenceOf(organizationId, epoch, old.toString("base64url"))).toThrow(BadCursorError);
});
