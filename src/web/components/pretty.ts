/** Deeper levels are indented no further: brackets alone, one in the other, would make a text as long as the square of theirs. */
const MOST_INDENTED = 32;

/** JSON made readable; undefined when it is none. Big numbers keep their digits: only the white space is ours. */
export function pretty(text: string): string | undefined {
  try {
    JSON.parse(text);
  } catch {
    return undefined;
  }
  // Joined once, and looked back at by one flag: whoever reads a string that is still being added to copies all of it each time.
  const out: string[] = [];
  let depth = 0;
  let opened = false;
  const line = () => `\n${"  ".repeat(Math.min(depth, MOST_INDENTED))}`;
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g)) {
    const closes = token === "}" || token === "]";
    if (closes) depth--;
    // Nothing stands between the brackets of what is empty.
    if (opened !== closes) out.push(line());
    opened = token === "{" || token === "[";
    if (opened) depth++;
    if (token === ",") out.push(token, line());
    else out.push(token === ":" ? ": " : token);
  }
  return out.join("");
}
