/** Text that Postgres or a receiver could not take: NUL, and halves of surrogate pairs. */
import type { Issue } from "../../errors.ts";

const problemOf = (text: string): string | undefined =>
  text.includes("\0") ? "must not hold a NUL character" : text.isWellFormed() ? undefined : "must not hold half a surrogate pair";

/** As deep as any JSON value may be, and what its input stands around it (`events.3.payload`). */
const MAX_DEPTH = 64 + 3;

/** Whether nothing is wrong with it: as nearly always, and then no path is put together. */
function isStorable(value: unknown, depth: number): boolean {
  if (typeof value === "string") return problemOf(value) === undefined;
  if (typeof value !== "object" || value === null || value instanceof Date) return true;
  if (depth > MAX_DEPTH) return false;
  if (Array.isArray(value)) return value.every((inner) => isStorable(inner, depth + 1));
  for (const key of Object.keys(value))
    if (problemOf(key) !== undefined || !isStorable((value as Record<string, unknown>)[key], depth + 1)) return false;
  return true;
}

/**
 * Every string and key of an input that cannot be stored, with its path, and what lies too deep to be looked at.
 * At most ten: enough to mend by.
 */
export function unstorable(value: unknown): Issue[] {
  return isStorable(value, 0) ? [] : issuesIn(value, "", [], 0);
}

function issuesIn(value: unknown, path: string, found: Issue[], depth: number): Issue[] {
  if (found.length >= 10) return found;
  if (typeof value === "string") {
    const problem = problemOf(value);
    if (problem) found.push({ path, message: problem });
  } else if (typeof value === "object" && value !== null && !(value instanceof Date)) {
    if (depth > MAX_DEPTH) {
      found.push({ path: `${path.slice(0, 60)}…`, message: "must be nested at most 64 levels deep" });
      return found;
    }
    for (const [key, inner] of Object.entries(value)) {
      const problem = problemOf(key);
      if (problem) found.push({ path, message: `a key ${problem}` });
      else issuesIn(inner, path === "" ? key : `${path}.${key}`, found, depth + 1);
    }
  }
  return found;
}
