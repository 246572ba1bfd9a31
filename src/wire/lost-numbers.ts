/** Numbers of a JSON text that JavaScript would make other ones of. Pure. */
import { comparable } from "./decimal.ts";
import { isRawNumber, parseValues } from "./json-exact.ts";

export interface LostNumber {
  /** Where it stands, as JavaScript would write it: `payload.items[0].id`. */
  path: string;
  /** As it was written. */
  token: string;
}

const NAME = /^[A-Za-z_$][\w$]*$/;
const step = (path: string, key: string, list: boolean) =>
  list ? `${path}[${key}]` : NAME.test(key) ? `${path}${path === "" ? "" : "."}${key}` : `${path}[${JSON.stringify(key)}]`;

/** @param most more are not looked for */
export function lostNumbers(text: string, most: number): LostNumber[] {
  const lost: LostNumber[] = [];
  const open: [path: string, value: unknown][] = [["", parseValues(text)]];
  for (let next = open.pop(); next && lost.length < most; next = open.pop()) {
    const [path, value] = next;
    if (isRawNumber(value)) {
      if (typeof comparable(value) !== "number") lost.push({ path, token: value.rawJSON });
    } else if (typeof value === "object" && value !== null) {
      const inner = Object.entries(value).map(([key, each]) => [step(path, key, Array.isArray(value)), each] as [string, unknown]);
      open.push(...inner.reverse());
    }
  }
  return lost;
}
