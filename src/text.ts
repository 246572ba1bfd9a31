/**
 * Loops over text that somebody sent, each in one pass and bounded. Patterns that need more than one pass are refused by
 * test/architecture/patterns.ts; these stand in their place.
 */

/** Characters of the input that a message repeats at most. */
export const MOST_ECHOED = 200;

/** The input in a message: so much of it that its sender knows it again. */
export function echo(text: string): string {
  return text.length <= MOST_ECHOED ? text : `${text.slice(0, MOST_ECHOED)}…`;
}

/** Characters of a message. */
const LONGEST_MESSAGE = 500;

/**
 * A message as it is told, whatever of the input stands in it: 500 characters at most, and no word longer than 200. Keys and
 * names of the input end up in messages that other people's code writes, too.
 */
export function told(message: string, most = LONGEST_MESSAGE): string {
  if (message.length <= MOST_ECHOED) return message;
  const start = message.slice(0, most);
  const words = start.split(" ").map(echo).join(" ");
  return message.length > most ? `${words}…` : words;
}

/** The text without `character` at its end, however often it stands there. */
export function withoutTail(text: string, character: string): string {
  let end = text.length;
  while (end > 0 && text[end - 1] === character) end--;
  return text.slice(0, end);
}

/** What stands between the separators; undefined when there are more than `most`. Stops there: the rest is never looked at. */
export function parts(text: string, separator: string, most: number): string[] | undefined {
  const found: string[] = [];
  let from = 0;
  for (let at = text.indexOf(separator); at >= 0; at = text.indexOf(separator, from)) {
    found.push(text.slice(from, at));
    if (found.length >= most) return undefined;
    from = at + separator.length;
  }
  found.push(text.slice(from));
  return found;
}

/** What somebody chose, inside a line of ours: it ends no line, and turns none around (U+202E and its like). */
export const oneLine = (text: unknown): string =>
  String(text)
    .replace(/[\s\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gu, " ")
    .trim();
