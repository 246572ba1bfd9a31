/**
 * Hidden values and where they may go. They are sealed together with the origins that they were saved for, so that no change of
 * a target, through whichever door, takes them along: a sender asks for the values of one origin, and gets none for another.
 * Pure.
 */
import { parseJson } from "./json-exact.ts";

export interface Bound<Values> {
  /** Null: sealed by a version that kept none; they are for wherever the definition then points. */
  origins: readonly string[] | null;
  values: Values;
}

/** The text to be sealed. */
export function boundText<Values>(values: Values, origins: readonly string[]): string {
  return JSON.stringify({ for: origins, values });
}

/** @param text what `boundText` made, or the bare values of an earlier version */
export function readBound<Values>(text: string): Bound<Values> {
  const parsed = parseJson(text) as { for?: unknown; values?: unknown };
  return Array.isArray(parsed.for) ? { origins: parsed.for as string[], values: parsed.values as Values } : unbound(parsed as Values);
}

/** Values that go wherever they are asked for: a caller's own, given for one call. */
export const unbound = <Values>(values: Values): Bound<Values> => ({ origins: null, values });

export const isFor = ({ origins }: Bound<unknown>, origin: string): boolean => origins === null || origins.includes(origin);

/** Scheme, host and port in canonical form, each once; what is no URL is left out. */
export function originsOf(urls: readonly (string | null | undefined)[]): string[] {
  return [...new Set(urls.flatMap((url) => (url ? (URL.parse(url)?.origin ?? []) : [])))].sort();
}
