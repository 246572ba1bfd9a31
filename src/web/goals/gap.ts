/** How far a value is from green, exactly: values have more digits than a double. Pure. */
import { formatDecimal } from "../components/format.ts";
import type { Goal, GoalValue } from "./documents.ts";

function withoutZeros(fraction: string): string {
  let end = fraction.length;
  while (fraction[end - 1] === "0") end--;
  return fraction.slice(0, end);
}

/** @returns `a - b` in plain notation */
export function minus(a: string, b: string): string {
  const places = Math.max(...[a, b].map((text) => text.split(".")[1]?.length ?? 0));
  const scaled = (text: string) => {
    const [whole = "", fraction = ""] = text.split(".");
    return BigInt(whole + fraction.padEnd(places, "0"));
  };
  const difference = scaled(a) - scaled(b);
  const digits = (difference < 0n ? -difference : difference).toString().padStart(places + 1, "0");
  const [whole, fraction] = [digits.slice(0, digits.length - places), withoutZeros(digits.slice(digits.length - places))];
  return `${difference < 0n ? "-" : ""}${whole}${fraction === "" ? "" : `.${fraction}`}`;
}

/** `12 below green`, `green by 3`; undefined when nothing says what green is. */
export function gapToGreen(goal: Pick<Goal, "direction" | "goodThreshold">, value: GoalValue): string | undefined {
  const good = value.goodThreshold ?? goal.goodThreshold;
  if (good === null) return undefined;
  const difference = minus(value.value, good);
  const size = formatDecimal(difference.replace("-", ""));
  if (difference === "0") return "just green";
  const below = difference.startsWith("-");
  const short = goal.direction === "MAXIMIZE" ? below : !below;
  return short ? `${size} ${below ? "below" : "above"} green` : `green by ${size}`;
}
