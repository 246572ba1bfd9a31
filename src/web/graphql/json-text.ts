/** JSON whose text counts: who parses it and writes it again loses digits of long numbers. Pure. */

/** Names, texts, numbers, words and marks. */
const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g;

/** The text of the value that stands under these names in the text of a JSON object; undefined when there is none. */
export function textAt(json: string, path: readonly string[]): string | undefined {
  let depth = 0;
  /** How many names of the path lead to where the scan is. */
  let found = 0;
  let name = "";
  let begin: number | undefined;
  for (const { 0: token, index } of json.matchAll(TOKEN)) {
    if (found === path.length) begin ??= index;
    if (token === "{" || token === "[") depth++;
    else if (token === "}" || token === "]" || token === ",") {
      if (begin !== undefined && depth === path.length) return json.slice(begin, index).trimEnd();
      if (token !== ",") depth--;
      found = Math.min(found, depth - 1);
    } else if (token === ":") {
      if (depth === found + 1 && name === path[found]) found++;
    } else if (token.startsWith('"')) name = JSON.parse(token) as string;
  }
  return undefined;
}

/** The decimal that a number stands for, written in one way; undefined: it is none. */
function decimal(token: string): string | undefined {
  const found = /^-?(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(token);
  if (!found) return undefined;
  const [, whole = "", fraction = "", power = "0"] = found;
  const all = (whole + fraction).replace(/^0+/, "");
  let end = all.length;
  while (all[end - 1] === "0") end--;
  if (end === 0) return "0";
  return `${token.startsWith("-") ? "-" : ""}${all.slice(0, end)}e${Number(power) - fraction.length + all.length - end}`;
}

/** The first number of a JSON text that JavaScript makes another one of; undefined: there is none. */
export function roundedNumber(json: string): string | undefined {
  for (const [token] of json.matchAll(TOKEN)) {
    const exact = /^[-\d]/.test(token) ? decimal(token) : undefined;
    if (exact !== undefined && exact !== decimal(String(Number(token)))) return token;
  }
  return undefined;
}

/** JSON text that is to be sent as it stands. */
export class Verbatim {
  readonly text: string;
  /** @param text JSON, already checked */
  constructor(text: string) {
    this.text = text;
  }
}

/** As JSON.stringify, with the text of each Verbatim as it stands. */
export function stringify(value: unknown): string {
  if (value instanceof Verbatim) return value.text;
  if (Array.isArray(value)) return `[${value.map((each) => stringify(each ?? null)).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  const entries = Object.entries(value).filter(([, each]) => each !== undefined);
  return `{${entries.map(([key, each]) => `${JSON.stringify(key)}:${stringify(each)}`).join(",")}}`;
}
