/** What a row of the bench is, and when its bar is met. */
import type { Bench } from "./bench.ts";

export interface Check {
  name: string;
  value: number;
  bar: number;
  /** True: the value must be at least the bar; false: at most. */
  atLeast: boolean;
  /** Greatest minus least of the runs that `value` is the median of; 0 when it is exact. */
  spread: number;
  unit?: string;
  /** The absolute figures behind it. */
  detail: string;
  /** Why this machine or this run cannot show it. */
  notShown?: string;
}

export interface Row {
  /** P1 … P18 of the table in docs/benchmarks.md. */
  name: string;
  title: string;
  /** Only with --long: takes many minutes. */
  long: boolean;
  run(bench: Bench): Promise<Check[]>;
}

export type Verdict = "met" | "missed" | "not shown";

/** A value nearer to its bar than its spread shows nothing, on either side. */
export function verdictOf(check: Check): Verdict {
  if (check.notShown !== undefined || !Number.isFinite(check.value)) return "not shown";
  if (check.spread > 0 && Math.abs(check.value - check.bar) < check.spread) return "not shown";
  return (check.atLeast ? check.value >= check.bar : check.value <= check.bar) ? "met" : "missed";
}

/** How far over its bar: 1 = at it, more is better, whichever way it points. */
export const marginOf = ({ atLeast, value, bar }: Check): number => (atLeast ? value / bar : bar / value);
