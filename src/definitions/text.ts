/** Checks of text and JSON that every noun of this folder shares. */
import type { Issue } from "../errors.ts";

/** Postgres stores no NUL, and a lone surrogate is no text at all. */
function isStorable(text: string): boolean {
  return !text.includes("\0") && text.isWellFormed();
}

/** @param limit in characters */
export function textIssues(path: string, text: string | null | undefined, limit: number): Issue[] {
  if (text === null || text === undefined) return [];
  if (text.length > limit) return [{ path, message: `must have at most ${limit} characters` }];
  return isStorable(text) ? [] : [{ path, message: "must not contain NUL or lone surrogates" }];
}

/** A text that must say something. */
export function nameIssues(path: string, text: string, limit: number): Issue[] {
  return text.trim() === "" ? [{ path, message: "must not be empty" }] : textIssues(path, text, limit);
}

/** @param limit in characters of JSON text */
export function jsonIssues(path: string, value: unknown, limit: number): Issue[] {
  if (value === null || value === undefined) return [];
  const text = JSON.stringify(value);
  if (text.length > limit) return [{ path, message: `must have at most ${limit} characters of JSON` }];
  return isStorableJson(value) ? [] : [{ path, message: "must not contain NUL or lone surrogates" }];
}

function isStorableJson(value: unknown): boolean {
  if (typeof value === "string") return isStorable(value);
  if (Array.isArray(value)) return value.every(isStorableJson);
  if (typeof value !== "object" || value === null) return true;
  return Object.entries(value).every(([key, inner]) => isStorable(key) && isStorableJson(inner));
}

export function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
