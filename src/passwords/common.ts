/**
 * The commonest passwords of 12 characters and more, as the first six bytes of their SHA-256: a list in clear would be 10 000
 * lines of other people's words. Made by scripts/common-passwords.ts from public lists of what leaked.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

const FILE = new URL("./common-passwords.txt", import.meta.url);

/** Eight characters of base64url. */
export const commonKey = (text: string): string => createHash("sha256").update(text).digest().subarray(0, 6).toString("base64url");

/** Of what is left without the digits and signs at its end. */
export const SHORTEST_BARE = 8;
const isLetter = (code: number) => code >= 97 && code <= 122;

let known: ReadonlySet<string> | undefined;

/** @param text in small letters. Digits and signs that were put behind a common one change nothing. */
export function isCommon(text: string): boolean {
  known ??= new Set(readFileSync(FILE, "latin1").trimEnd().split("\n"));
  let end = text.length;
  while (end > 0 && !isLetter(text.charCodeAt(end - 1))) end -= 1;
  return known.has(commonKey(text)) || (end >= SHORTEST_BARE && known.has(commonKey(text.slice(0, end))));
}
