/** What the folded parts of the webhook's editor say of themselves. */
import { expect, test } from "vitest";
import type { EditorValues } from "../../src/web/webhooks/editor-shape.ts";
import { dialectLine, filterLine, headersLine, limitsLine, payloadLine, retriesLine } from "../../src/web/webhooks/editor-summaries.ts";

const values = (part: Partial<EditorValues>) =>
  ({
    ...{ dialect: "STANDARD", filter: null, filterMistake: null, headers: [], retrySchedule: null, onExhausted: null, timeoutMs: null },
    ...{ maxConsecutiveErrors: null, signatureVersions: ["V1"], secretKeyId: null },
    ...{ fieldsSet: [], properties: "", payloadQuery: "", transformation: "" },
    ...part,
  }) as EditorValues;

test("B92 a webhook that was only begun says the dialect's own", () => {
  const begun = values({});
  expect([filterLine, retriesLine, limitsLine, headersLine, dialectLine, payloadLine].map((line) => line(begun))).toEqual([
    "None: every event of these types",
    "10 attempts over 3 d 3 h; then: give it up and go on",
    "15 s to answer; never stops by itself",
    "None of its own",
    "Standard, signed with v1",
    "The whole payload",
  ]);
  expect(limitsLine(values({ dialect: "SUPEROFFICE" }))).toBe("15 s to answer; stops after 9 errors in a row");
  expect(dialectLine(values({ dialect: "CRMCOM" }))).toBe("CRM.COM, without a secret key");
});

test("B92 what was set is said, and what is half typed too", () => {
  const total = { payload: { total: { $gt: 3 } } };
  expect(filterLine(values({ filter: total }))).toBe("One condition, on payload.total");
  expect(filterLine(values({ filter: { $or: [total, { type: "a" }] } }))).toBe("2 conditions: any may hold");
  expect(filterLine(values({ filter: { $nor: [total] } }))).toBe("As JSON");
  expect(filterLine(values({ filter: total, filterMistake: "Condition 2 needs a path" }))).toBe("Not complete yet");
  expect(retriesLine(values({ retrySchedule: [], onExhausted: "BLOCK" }))).toBe("One attempt, no retries; then: stop the lane");
  expect(retriesLine(values({ retrySchedule: ["60", "x"] }))).toBe("2 attempts over 1 min; then: give it up and go on");
  expect(
    headersLine(
      values({
        headers: [
          { name: "X-A", value: "1" },
          { name: " ", value: "" },
          { name: "X-B", value: "" },
        ],
      }),
    ),
  ).toBe("X-A, X-B");
  expect(dialectLine(values({ signatureVersions: ["V1", "V1A"] }))).toBe("Standard, signed with v1 and v1a");
  expect(dialectLine(values({ signatureVersions: [] }))).toBe("Standard, not signed");
  expect(payloadLine(values({ properties: "{}" }))).toBe("The whole payload, properties");
  expect(payloadLine(values({ fieldsSet: ["a", "b"], transformation: "x" }))).toBe("2 fields, what a transformation makes of it");
});
