/** What a new password must at least be. Passwords that are stored already are not asked: they go on signing in. */
import { isCommon } from "./common.ts";

export const SHORTEST_PASSWORD = 12;
const LONGEST = 1_000;
const FEWEST_DIFFERENT = 5;
/** Beside the person's own name. */
const FEWEST_BESIDE_NAME = 8;

/** Neighbours, forwards and backwards. */
const ROWS = ["abcdefghijklmnopqrstuvwxyz", "01234567890", "qwertyuiop", "qwertzuiop", "azertyuiop", "asdfghjkl", "zxcvbnm", "yxcvbnm"];
const NEIGHBOURS = new Set(
  ROWS.flatMap((row) => [row, [...row].reverse().join("")]).flatMap((row) => [...row.slice(1)].map((next, i) => `${row[i]}${next}`)),
);

/** Whether most of it runs along the alphabet, the digits or a keyboard's row. */
function isRun(text: string): boolean {
  let pairs = 0;
  for (let i = 1; i < text.length; i++) if (NEIGHBOURS.has(text.slice(i - 1, i + 1))) pairs += 1;
  return pairs >= (text.length - 1) * 0.75;
}

/**
 * @param names of the person: e-mail, user name, name
 * @returns which rule it breaks, and how to keep it; undefined for a good one
 */
export function passwordProblem(password: string, names: readonly string[]): string | undefined {
  if (password.length > LONGEST) return `must have at most ${LONGEST} characters`;
  if ([...password].length < SHORTEST_PASSWORD) return `must have at least ${SHORTEST_PASSWORD} characters; several words make a good one`;
  if (password.includes("\0")) return "must not hold NUL";
  const text = password.normalize("NFKC").toLowerCase();
  if (new Set(text).size < FEWEST_DIFFERENT) return `must have at least ${FEWEST_DIFFERENT} different characters`;
  if (isRun(text)) return "must not run along the alphabet, the digits or the keyboard";
  const own = names.map((name) => name.toLowerCase()).find((name) => name.length >= 4 && text.includes(name));
  if (own !== undefined && text.length - own.length < FEWEST_BESIDE_NAME) return "must hold more than the e-mail or the name";
  return isCommon(text) ? "is among the commonest passwords, which are tried first: choose another one" : undefined;
}
