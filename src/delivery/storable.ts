/** Text from outside as Postgres takes it: no reply, script or URL can make a statement fail. Pure. */

/** NUL and halves of surrogate pairs become U+FFFD: neither text nor jsonb holds them. */
export function storable<T extends string | null>(text: T): T {
  if (text === null || (!text.includes("\0") && text.isWellFormed())) return text;
  return text.replaceAll("\0", "\uFFFD").toWellFormed() as T;
}

/** As escapes, `JSON.stringify` lets both pass. */
const ESCAPED = /\\u(0000|d[89a-f])/i;

/** JSON text of a value for jsonb, or null. */
export function storableJson(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  const text = JSON.stringify(value);
  if (!ESCAPED.test(text)) return text;
  return JSON.stringify(value, (_, each: unknown) => {
    if (typeof each === "string") return storable(each);
    if (typeof each !== "object" || each === null || Array.isArray(each)) return each;
    return Object.fromEntries(Object.entries(each).map(([key, inner]) => [storable(key), inner]));
  });
}
