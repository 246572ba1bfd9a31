/** What cannot pass for a secret, however long it is. */

const SHORTEST = 32;
const FEWEST_DIFFERENT = 8;
const LONGEST_REPEAT = 12;

/** Whether the text is a short piece over and over: `passwordpassword…`. */
function repeats(text: string): boolean {
  for (let length = 1; length <= LONGEST_REPEAT; length++) {
    if (
      text ===
      text
        .slice(0, length)
        .repeat(Math.ceil(text.length / length))
        .slice(0, text.length)
    )
      return true;
  }
  return false;
}

/** @returns what is wrong and what to do; undefined for any other text of 32 characters or more */
export function weakToken(text: string): string | undefined {
  const make = "make one with `openssl rand -hex 24`";
  if (text.length < SHORTEST) return `must have ${SHORTEST} characters or more, not counting white space at its ends: ${make}`;
  if (new Set(text).size < FEWEST_DIFFERENT)
    return `has fewer than ${FEWEST_DIFFERENT} different characters, so it can be guessed: ${make}`;
  return repeats(text) ? `repeats a short piece over and over, so it can be guessed: ${make}` : undefined;
}
