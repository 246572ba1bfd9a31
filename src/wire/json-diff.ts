/** Comparing two JSON texts by value, without a double in between: identifiers of 17 digits and more stay apart. */
import { elements, members, numberSource, stringSource } from "./json-text.ts";

export interface Difference {
  /** RFC 6901; "" = the whole text. */
  pointer: string;
  /** JSON text; `null` where that side is absent, which is no difference to a null. */
  previous: string;
  next: string;
}

/** Objects are entered; arrays and scalars are compared whole. In the order of the earlier text, then what is new. */
export function differences(previous: string, next: string): Difference[] {
  const found: Difference[] = [];
  collect("", previous, next, found);
  return found;
}

function collect(pointer: string, previous: string | undefined, next: string | undefined, found: Difference[]): void {
  const before = previous === undefined ? undefined : members(previous);
  const after = next === undefined ? undefined : members(next);
  if (before && after) {
    for (const key of new Set([...before.keys(), ...after.keys()])) {
      collect(`${pointer}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`, before.get(key), after.get(key), found);
    }
    return;
  }
  // An absent side reads as null, so that nothing is told of a key that came in as null.
  const sides = { previous: previous ?? "null", next: next ?? "null" };
  if (!sameJson(sides.previous, sides.next)) found.push({ pointer, ...sides });
}

/** Whether two JSON texts have the same value: key order, white space, escapes and `1.0` for `1` make no difference. */
export function sameJson(a: string, b: string): boolean {
  if (a === b) return true;
  const numberA = numberSource(a);
  if (numberA !== undefined) {
    const numberB = numberSource(b);
    return numberB !== undefined && decimal(numberA) === decimal(numberB);
  }
  const stringA = stringSource(a);
  if (stringA !== undefined) return stringA === stringSource(b);
  const listA = elements(a);
  if (listA) {
    const listB = elements(b);
    return listB?.length === listA.length && listA.every((value, i) => sameJson(value, listB[i] as string));
  }
  const objectA = members(a);
  if (objectA) {
    const objectB = members(b);
    return objectB?.size === objectA.size && [...objectA].every(([key, value]) => sameJson(value, objectB.get(key) ?? ""));
  }
  return a.trim() === b.trim();
}

/** One spelling for every way to write the same decimal: digits without outer zeros, and a power of ten. */
function decimal(token: string): string {
  const [mantissa = "", exponent = "0"] = token.toLowerCase().split("e");
  const [whole = "", fraction = ""] = mantissa.replace("-", "").split(".");
  const digits = whole + fraction;
  let from = 0;
  let to = digits.length;
  while (digits[from] === "0") from++;
  while (to > from && digits[to - 1] === "0") to--;
  if (from === to) return "0";
  const power = Number(exponent) - fraction.length + (digits.length - to);
  return `${token.startsWith("-") ? "-" : ""}${digits.slice(from, to)}e${power}`;
}
