/** The few numbers made of many runs. */

export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
}

/** Rounded up: calls of a hundred events, and `limit.db`, count in these. */
export const hundreds = (count: number): number => 100 * Math.ceil(count / 100);

export const median = (values: readonly number[]): number => quantile(values, 0.5);
export const spreadOf = (values: readonly number[]): number => Math.max(...values) - Math.min(...values);

/** One figure a run → the check's value and spread. */
export const ofRuns = (values: readonly number[]): { value: number; spread: number } => ({
  value: median(values),
  spread: spreadOf(values),
});

/** Least squares: how much `y` grows for one of `x`. NaN for fewer than two points. */
export function slopeOf(points: readonly (readonly [x: number, y: number])[]): number {
  const n = points.length;
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / n;
  const meanY = points.reduce((sum, [, y]) => sum + y, 0) / n;
  const over = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  const under = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  return over / under;
}
