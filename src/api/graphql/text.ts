/** Text that Postgres or a receiver could not take: NUL, and halves of surrogate pairs. */
import type { Issue } from "../../errors.ts";
import { WrittenJson } from "./written-json.ts";

const problemOf = (text: string): string | undefined =>
  text.includes("\0") ? "must not hold a NUL character" : text.isWellFormed() ? undefined : "must not hold half a surrogate pair";

/** What is to be looked into. What was read as it is written is known to be storable. */
const isContainer = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !(value instanceof Date || value instanceof WrittenJson);

/** As deep as any JSON value may be, and what its input stands around it (`events.3.payload`). */
const MAX_DEPTH = 64 + 3;

/**
 * Every string and key of an input that cannot be stored, with its path, and what lies too deep to be looked at.
 * At most ten: enough to mend by.
 */
export function unstorable(value: unknown): Issue[] {
  const found: Issue[] = [];
  if (!isStorable(value, 0)) look(value, [], found);
  return found;
}

/** Without a word of where: nearly every input is, and a call of a thousand events holds a hundred thousand texts. */
function isStorable(value: unknown, depth: number): boolean {
  if (typeof value === "string") return problemOf(value) === undefined;
  if (!isContainer(value)) return true;
  if (depth > MAX_DEPTH) return false;
  if (Array.isArray(value)) return value.every((inner) => isStorable(inner, depth + 1));
  for (const key in value) {
    if (problemOf(key) !== undefined || !isStorable((value as Record<string, unknown>)[key], depth + 1)) return false;
  }
  return true;
}

/** @param keys where the value stands: put together only for an issue, and there is none nearly always */
function look(value: unknown, keys: (string | number)[], found: Issue[]): void {
  if (found.length >= 10) return;
  if (typeof value === "string") {
    const problem = problemOf(value);
    if (problem) found.push({ path: keys.join("."), message: problem });
  } else if (isContainer(value)) {
    if (keys.length > MAX_DEPTH) {
      found.push({ path: `${keys.join(".").slice(0, 60)}…`, message: "must be nested at most 64 levels deep" });
      return;
    }
    const inside = (key: string | number, inner: unknown) => {
      keys.push(key);
      look(inner, keys, found);
      keys.pop();
    };
    if (Array.isArray(value)) {
      for (const [i, inner] of value.entries()) inside(i, inner);
      return;
    }
    for (const [key, inner] of Object.entries(value)) {
      const problem = problemOf(key);
      if (problem) found.push({ path: keys.join("."), message: `a key ${problem}` });
      else inside(key, inner);
    }
  }
}
