/** Red, amber, green: what a value means for its goal. */
import { compareDecimals } from "./decimal.ts";

export type GoalDirection = "MAXIMIZE" | "MINIMIZE";
export type GoalStatus = "RED" | "AMBER" | "GREEN";

/** Decimals in canonical form; null: not set. */
export interface Thresholds {
  goodThreshold: string | null;
  badThreshold: string | null;
}

/** Positive when `a` is better than `b`. */
function better(direction: GoalDirection, a: string, b: string): number {
  return direction === "MAXIMIZE" ? compareDecimals(a, b) : compareDecimals(b, a);
}

/** Good must not be worse than bad; equal passes, and so does a missing one. */
export function inOrder(direction: GoalDirection, { goodThreshold, badThreshold }: Thresholds): boolean {
  return goodThreshold === null || badThreshold === null || better(direction, goodThreshold, badThreshold) >= 0;
}

/** Said of the one or the other. */
export function orderMessage(direction: GoalDirection, property: keyof Thresholds): string {
  const isHigher = (property === "goodThreshold") === (direction === "MAXIMIZE");
  const other = property === "goodThreshold" ? "badThreshold" : "goodThreshold";
  return `must be ${isHigher ? "greater" : "less"} than or equal to ${other}, because this goal is ${direction === "MAXIMIZE" ? "maximized" : "minimized"}`;
}

/** A missing threshold never matches; with none of both there is nothing to say. */
export function statusOf(direction: GoalDirection, value: string, { goodThreshold, badThreshold }: Thresholds): GoalStatus | null {
  if (goodThreshold === null && badThreshold === null) return null;
  if (goodThreshold !== null && better(direction, value, goodThreshold) >= 0) return "GREEN";
  if (badThreshold !== null && better(direction, value, badThreshold) <= 0) return "RED";
  return "AMBER";
}
