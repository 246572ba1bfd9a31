import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { payloadOf, payloads } from "../fixtures/payloads/payloads.ts";

const texts = payloads();

test("the payloads are the same on every machine", () => {
  expect(createHash("sha256").update(texts.join("\n")).digest("hex")).toBe(
    "3d6bc923be5510714eea8558690bfd2718d67e98cd1ae65dad9fab82c1c11962",
  );
});

test("they are distinct JSON objects with a median of 1 KB, and name their number first", () => {
  expect(new Set(texts).size).toBe(1_000);
  const bytes = texts.map((_, i) => Buffer.byteLength(payloadOf(texts, i))).sort((a, b) => a - b);
  expect(bytes[500]).toBeGreaterThan(950);
  expect(bytes[500]).toBeLessThan(1_075);
  const parsed = [0, 999, 1_000, 1_234_567].map((i) => JSON.parse(payloadOf(texts, i)) as Record<string, unknown>);
  expect(parsed.map(({ n }) => n)).toEqual([0, 999, 1_000, 1_234_567]);
  expect(Object.keys(parsed[0] ?? {})[0]).toBe("n");
});
