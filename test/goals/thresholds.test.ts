import { describe, expect, test } from "vitest";
import { inOrder, statusOf } from "../../src/goals/thresholds.ts";

const thresholds = (goodThreshold: string | null, badThreshold: string | null) => ({ goodThreshold, badThreshold });

describe("order", () => {
  test.each([
    ["MAXIMIZE", "2", "1", true],
    ["MAXIMIZE", "1", "1", true],
    ["MAXIMIZE", "1", "2", false],
    ["MINIMIZE", "2", "1", false],
    ["MINIMIZE", "1", "1", true],
    ["MINIMIZE", "1", "2", true],
    ["MAXIMIZE", null, "2", true],
    ["MINIMIZE", "2", null, true],
    ["MAXIMIZE", null, null, true],
    ["MAXIMIZE", "0.00000000000000000001", "0.00000000000000000002", false],
  ] as const)("%s good %s bad %s: %s", (direction, good, bad, expected) => {
    expect(inOrder(direction, thresholds(good, bad))).toBe(expected);
  });
});

describe("status", () => {
  test.each([
    ["MAXIMIZE", "100", "100", "50", "GREEN"],
    ["MAXIMIZE", "99.99999999999999999999", "100", "50", "AMBER"],
    ["MAXIMIZE", "50", "100", "50", "RED"],
    ["MAXIMIZE", "-10", "100", "50", "RED"],
    ["MINIMIZE", "50", "50", "100", "GREEN"],
    ["MINIMIZE", "75", "50", "100", "AMBER"],
    ["MINIMIZE", "100", "50", "100", "RED"],
    // Equal thresholds: good is asked first.
    ["MAXIMIZE", "100", "100", "100", "GREEN"],
    ["MINIMIZE", "100", "100", "100", "GREEN"],
    // A missing threshold never matches.
    ["MAXIMIZE", "100", null, "50", "AMBER"],
    ["MAXIMIZE", "50", null, "50", "RED"],
    ["MAXIMIZE", "1", "100", null, "AMBER"],
    ["MINIMIZE", "1", "100", null, "GREEN"],
    ["MAXIMIZE", "1", null, null, null],
  ] as const)("%s %s with good %s bad %s is %s", (direction, value, good, bad, expected) => {
    expect(statusOf(direction, value, thresholds(good, bad))).toBe(expected);
  });
});
