/** Text that Postgres or a receiver could not take: NUL, and halves of surrogate pairs. */
import type { Issue } from "../../errors.ts";

const problemOf = (text: string): string | undefined =>
  text.includes("\0") ? "must not hold a NUL character" : text.isWellFormed() ? undefined : "must not hold half a surrogate pair";

/** As deep as any JSON value may be, and what its input stands around it (`events.3.payload`). */
const MAX_DEPTH = 64 + 3;

/**
 * Every string and key of an input that cannot be stored, with its path, and what lies too deep to be looked at.
 * At most ten: enough to mend by.
 */
export function unstorable(value: unknown, path = "", found: Issue[] = [], depth = 0): Issue[] {
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
      else unstorable(inner, path === "" ? key : `${path}.${key}`, found, depth + 1);
    }
  }
  return found;
}
