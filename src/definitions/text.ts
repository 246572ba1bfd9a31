/** Checks of text and JSON that every noun of this folder shares. */
import type { Issue } from "../errors.ts";
import { isRawNumber, type RawNumber } from "../wire/json-exact.ts";

const UNSTORABLE = "must not contain NUL or lone surrogates";

/** Postgres stores no NUL, and a lone surrogate is no text at all. */
function isStorable(text: string): boolean {
  return !text.includes("\0") && text.isWellFormed();
}

/** @param limit in characters */
export function textIssues(path: string, text: string | null | undefined, limit: number): Issue[] {
  if (text === null || text === undefined) return [];
  if (text.length > limit) return [{ path, message: `must have at most ${limit} characters` }];
  return isStorable(text) ? [] : [{ path, message: UNSTORABLE }];
}

/** A text that must say something. */
export function nameIssues(path: string, text: string, limit: number): Issue[] {
  return text.trim() === "" ? [{ path, message: "must not be empty" }] : textIssues(path, text, limit);
}

/** Bounds on what stands beside an event's payload: it is read wherever the event is. */
export const BESIDE_PAYLOAD = {
  scopeCharacters: 2 ** 16,
  changes: 1_000,
  changeCharacters: 255,
  sourceCharacters: 2_048,
} as const;

export function changesIssues(path: string, changes: readonly string[] | null | undefined): Issue[] {
  if ((changes?.length ?? 0) > BESIDE_PAYLOAD.changes) return [{ path, message: `must be at most ${BESIDE_PAYLOAD.changes} names` }];
  const long = changes?.findIndex((name) => name.length > BESIDE_PAYLOAD.changeCharacters) ?? -1;
  return long < 0 ? [] : [{ path: `${path}.${long}`, message: `must have at most ${BESIDE_PAYLOAD.changeCharacters} characters` }];
}

/** JSON deeper than this is refused wherever it comes in; a recursion over it must not end the stack. */
const MAX_JSON_DEPTH = 64;

/** @param limit in characters of JSON text */
export function jsonIssues(path: string, value: unknown, limit: number): Issue[] {
  if (value === null || value === undefined) return [];
  const message = jsonProblem(value, 0);
  if (message) return [{ path, message }];
  return JSON.stringify(value).length > limit ? [{ path, message: `must have at most ${limit} characters of JSON` }] : [];
}

/** Of a number that is kept as jsonb, which writes its exponent out. */
const MOST_POWER = 1_000;
const FAR = `must not hold a number beyond 1e${MOST_POWER} or 1e-${MOST_POWER}`;

const tooFar = ({ rawJSON }: RawNumber) => rawJSON.length > MOST_POWER || Math.abs(Number(rawJSON.split(/[eE]/)[1] ?? 0)) > MOST_POWER;

function jsonProblem(value: unknown, depth: number): string | undefined {
  if (typeof value === "string") return isStorable(value) ? undefined : UNSTORABLE;
  if (isRawNumber(value)) return tooFar(value) ? FAR : undefined;
  if (typeof value !== "object" || value === null) return undefined;
  if (depth >= MAX_JSON_DEPTH) return `must be nested at most ${MAX_JSON_DEPTH} levels deep`;
  for (const [key, inner] of Object.entries(value)) {
    const problem = isStorable(key) ? jsonProblem(inner, depth + 1) : UNSTORABLE;
    if (problem) return problem;
  }
  return undefined;
}

/** Of an event. */
export function scopeIssues(path: string, scope: unknown): Issue[] {
  if (scope === null || scope === undefined || isPlainObject(scope)) return jsonIssues(path, scope, BESIDE_PAYLOAD.scopeCharacters);
  return [{ path, message: "must be an object" }];
}

export function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !isRawNumber(value);
}
