/** A round number at or above, for the axis. */
export function ceiling(value: number): number {
  const size = 10 ** Math.floor(Math.log10(Math.max(value, 1)));
  return [1, 2, 4, 5, 10].map((factor) => factor * size).find((each) => each >= value) ?? value;
}
