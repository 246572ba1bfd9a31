import type { GoalValue } from "./documents.ts";

/** The latest values as a line the size of a word. The goal's page has the real chart. */
export function Spark({ values }: { values: GoalValue[] }) {
  const sorted = [...values].reverse();
  const numbers = sorted.map((each) => Number(each.value));
  const times = sorted.map((each) => Date.parse(each.date));
  if (numbers.length < 2) return null;
  const low = Math.min(...numbers);
  const span = Math.max(...numbers) - low || 1;
  const first = times[0] ?? 0;
  const spanMs = (times.at(-1) ?? 0) - first || 1;
  const points = numbers.map((value, index) => `${(((times[index] ?? 0) - first) / spanMs) * 116 + 2},${24 - ((value - low) / span) * 20}`);
  const [x, y] = (points.at(-1) ?? "0,0").split(",");
  return (
    <svg width="120" height="28" viewBox="0 0 120 28" aria-hidden="true">
      <polyline points={points.join(" ")} fill="none" stroke="var(--line-strong)" strokeWidth="1.6" strokeLinejoin="round" />
      <circle cx={x} cy={y} r="2.6" fill="var(--accent)" />
    </svg>
  );
}
