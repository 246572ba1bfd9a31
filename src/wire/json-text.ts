/**
 * Reading JSON without parsing it: slices of the source text. `JSON.parse` loses what receivers and contracts count on
 * (number tokens, escapes, duplicate keys, the order of integer-like keys), and re-serialising costs more than a scan.
 *
 * Every function takes text that `JSON.parse` accepts. On other text they stop with a SyntaxError or skip what they do
 * not look at; they never hang. All are linear in the text's length, and jump over strings with `indexOf`.
 */

const TAB = 0x09;
const SPACE = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_LIST = 0x5d;
const SMALL_U = 0x75;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

export interface Member {
  /** Decoded. */
  key: string;
  /** The key as it is written, quotes and escapes included. */
  keySource: string;
  /** The value as it is written. */
  value: string;
}

/**
 * Visits the members of the object that begins at `start`, in their order, duplicates included.
 * @param visit gets the key as it is written and where its value begins, and says where that ends (`valueEnd`)
 * @returns where the object ends; undefined when none begins there
 */
export function eachMember(text: string, start: number, visit: (keySource: string, from: number) => number): number | undefined {
  let at = skipSpace(text, start);
  if (text.charCodeAt(at) !== OPEN_OBJECT) return undefined;
  at = skipSpace(text, at + 1);
  while (text.charCodeAt(at) !== CLOSE_OBJECT) {
    if (text.charCodeAt(at) !== QUOTE) throw unexpected(text, at);
    const keyEnd = stringEnd(text, at);
    const keySource = text.slice(at, keyEnd);
    at = skipSpace(text, keyEnd);
    if (text.charCodeAt(at) !== COLON) throw unexpected(text, at);
    at = skipSeparator(text, visit(keySource, skipSpace(text, at + 1)), CLOSE_OBJECT);
  }
  return at + 1;
}

/** As eachMember, of a list. */
export function eachElement(text: string, start: number, visit: (index: number, from: number) => number): number | undefined {
  let at = skipSpace(text, start);
  if (text.charCodeAt(at) !== OPEN_LIST) return undefined;
  at = skipSpace(text, at + 1);
  for (let index = 0; text.charCodeAt(at) !== CLOSE_LIST; index++) at = skipSeparator(text, visit(index, at), CLOSE_LIST);
  return at + 1;
}

/** The members of a top-level object in their order, duplicates included; undefined when `text` is no object. */
export function memberList(text: string): Member[] | undefined {
  const found: Member[] = [];
  const end = eachMember(text, 0, (keySource, from) => {
    const to = valueEnd(text, from);
    found.push({ key: stringOf(keySource), keySource, value: text.slice(from, to) });
    return to;
  });
  return end === undefined ? undefined : found;
}

/** The source of each member's value by decoded key, the last duplicate's; undefined when `text` is no object. */
export function members(text: string): Map<string, string> | undefined {
  const list = memberList(text);
  return list && new Map(list.map((member) => [member.key, member.value]));
}

/** The source of each element; undefined when `text` is no array. */
export function elements(text: string): string[] | undefined {
  const found: string[] = [];
  const end = eachElement(text, 0, (_index, from) => {
    const to = valueEnd(text, from);
    found.push(text.slice(from, to));
    return to;
  });
  return end === undefined ? undefined : found;
}

/** The source of the value under these keys, object by object; undefined when there is none. */
export function valueAt(text: string, keys: readonly string[]): string | undefined {
  let value: string | undefined = text;
  for (const key of keys) {
    value = members(value)?.get(key);
    if (value === undefined) return undefined;
  }
  return value;
}

/** A number exactly as it is written (`0.10`, `1e21`), where a double would lose digits; undefined when it is no number. */
export function numberSource(value: string): string | undefined {
  const at = skipSpace(value, 0);
  const first = value.charCodeAt(at);
  const isNumber = first === 0x2d || (first >= 0x30 && first <= 0x39);
  return isNumber ? value.slice(at, scalarEnd(value, at)) : undefined;
}

/** The text that a string's source stands for; undefined when it is no string. */
export function stringSource(value: string): string | undefined {
  const at = skipSpace(value, 0);
  return value.charCodeAt(at) === QUOTE ? stringOf(value.slice(at, stringEnd(value, at))) : undefined;
}

/** Removes white space outside strings; number tokens, escapes and key order stay byte for byte. */
export function compact(text: string): string {
  let out = "";
  let kept = 0;
  for (let at = 0; at < text.length; ) {
    const unit = text.charCodeAt(at);
    if (unit === QUOTE) {
      at = stringEnd(text, at);
    } else if (isSpace(unit)) {
      out += text.slice(kept, at);
      at = skipSpace(text, at);
      kept = at;
    } else {
      at++;
    }
  }
  return kept === 0 ? text : out + text.slice(kept);
}

export interface JsonProblem {
  kind: "DEPTH" | "NUL" | "SURROGATE";
  /** Where in the text, in UTF-16 units. */
  at: number;
  /** For people. */
  message: string;
}

/**
 * What is JSON, but may not come in: nesting that overflows a receiver's stack, NUL (Postgres text cannot hold it) and
 * halves of surrogate pairs (no UTF-8 can), written raw or as `\u` escapes, in strings and in keys.
 * @param maxDepth `[]` and `{}` are 1 deep, `{"a":[]}` is 2
 */
export function checkJson(text: string, { maxDepth }: { maxDepth: number } = { maxDepth: 64 }): JsonProblem | undefined {
  // Most texts have neither escapes nor broken pairs: three native searches spare looking into every string.
  const lookInside = text.includes("\\u") || text.includes("\0") || !text.isWellFormed();
  if (!lookInside && hasFewBrackets(text, maxDepth)) return undefined;
  let depth = 0;
  for (let at = 0; at < text.length; ) {
    const unit = text.charCodeAt(at);
    if (unit === QUOTE) {
      const end = stringEnd(text, at);
      const problem = lookInside ? checkString(text, at + 1, end - 1) : undefined;
      if (problem) return problem;
      at = end;
      continue;
    }
    if (unit === OPEN_OBJECT || unit === OPEN_LIST) {
      depth++;
      if (depth > maxDepth) return { kind: "DEPTH", at, message: `must not be nested deeper than ${maxDepth} levels` };
    } else if (unit === CLOSE_OBJECT || unit === CLOSE_LIST) {
      depth--;
    }
    at++;
  }
  return undefined;
}

/** One string's inside. A pair may be half raw and half escaped, so units are judged after decoding. */
function checkString(text: string, from: number, to: number): JsonProblem | undefined {
  let open = -1; // where a high surrogate waits for its low half
  for (let at = from; at < to; ) {
    const start = at;
    let unit = text.charCodeAt(at++);
    if (unit === BACKSLASH) {
      const escaped = text.charCodeAt(at++);
      unit = SPACE;
      if (escaped === SMALL_U) {
        unit = Number.parseInt(text.slice(at, at + 4), 16);
        at += 4;
      }
    }
    if (unit === 0) return { kind: "NUL", at: start, message: "must not contain the character NUL (\\u0000)" };
    const isLow = (unit & 0xfc00) === 0xdc00;
    if (isLow !== open >= 0) return halfPair(open >= 0 ? open : start);
    open = (unit & 0xfc00) === 0xd800 ? start : -1;
  }
  return open >= 0 ? halfPair(open) : undefined;
}

function halfPair(at: number): JsonProblem {
  return { kind: "SURROGATE", at, message: "must not contain half of a surrogate pair" };
}

/** The text of a string's source, quotes included. */
export function stringOf(source: string): string {
  return source.includes("\\") ? (JSON.parse(source) as string) : source.slice(1, -1);
}

function isSpace(unit: number): boolean {
  return unit === SPACE || unit === 0x0a || unit === 0x0d || unit === TAB;
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (isSpace(text.charCodeAt(at))) at++;
  return at;
}

/** From the end of a value to the next one, or to the closing bracket. */
function skipSeparator(text: string, from: number, close: number): number {
  const at = skipSpace(text, from);
  const unit = text.charCodeAt(at);
  if (unit === close) return at;
  if (unit !== COMMA) throw unexpected(text, at);
  return skipSpace(text, at + 1);
}

/** Where the value that begins at `at` ends. */
export function valueEnd(text: string, at: number): number {
  const unit = text.charCodeAt(at);
  if (unit === QUOTE) return stringEnd(text, at);
  if (unit === OPEN_OBJECT || unit === OPEN_LIST) return nestedEnd(text, at);
  return scalarEnd(text, at);
}

/** After the string whose opening quote is at `from`. */
export function stringEnd(text: string, from: number): number {
  const quote = closingQuote(text, from);
  if (quote < 0) throw unexpected(text, text.length);
  return quote + 1;
}

/** -1: the string does not end. */
function closingQuote(text: string, from: number): number {
  const first = text.indexOf('"', from + 1);
  if (first < 0 || text.charCodeAt(first - 1) !== BACKSLASH) return first;
  // A native search for each of a megabyte of escaped quotes costs five times this.
  for (let at = from + 1; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit === BACKSLASH) at++;
    else if (unit === QUOTE) return at;
  }
  return -1;
}

function nestedEnd(text: string, from: number): number {
  let depth = 0;
  for (let at = from; at < text.length; ) {
    const unit = text.charCodeAt(at);
    if (unit === QUOTE) {
      at = stringEnd(text, at);
      continue;
    }
    if (unit === OPEN_OBJECT || unit === OPEN_LIST) depth++;
    else if ((unit === CLOSE_OBJECT || unit === CLOSE_LIST) && --depth === 0) return at + 1;
    at++;
  }
  throw unexpected(text, text.length);
}

/** After a number, true, false or null. */
function scalarEnd(text: string, from: number): number {
  let at = from;
  for (; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (isSpace(unit) || unit === COMMA || unit === CLOSE_OBJECT || unit === CLOSE_LIST) break;
  }
  if (at === from) throw unexpected(text, at);
  return at;
}

function unexpected(text: string, at: number): SyntaxError {
  return new SyntaxError(at < text.length ? `unexpected character in JSON at ${at}` : "unexpected end of JSON");
}

/** Whether at most so many brackets open anywhere, in strings too: found by native searches, where a walk looks at every character. */
function hasFewBrackets(text: string, most: number): boolean {
  let left = most;
  for (const bracket of ["{", "["])
    for (let at = text.indexOf(bracket); at >= 0; at = text.indexOf(bracket, at + 1)) if (--left < 0) return false;
  return true;
}

/** How much JSON text may hold, judged before JSON.parse: a megabyte of it can take the parser, or who reads the value, 0.2 s. */
export interface JsonBounds {
  /** Of brackets below each other. */
  depth: number;
  /** Of one object: the parser builds a table of their names. */
  members?: number;
  /** In all. One that is alone in its brackets is not counted: how many there can be of those is bounded by the depth. */
  values?: number;
}

/** What there is too much of; undefined also for what is no JSON, which the parser is to refuse. */
export function overBounds(text: string, { depth, members = text.length, values = text.length }: JsonBounds): keyof JsonBounds | undefined {
  // Most texts are short and flat.
  if (text.length <= Math.min(members, values) && hasFewBrackets(text, depth)) return undefined;
  /** Of each open bracket: commas behind it so far, or NaN for a list. */
  const commas: number[] = [];
  let found = 1;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      const end = closingQuote(text, at);
      if (end < 0) return undefined;
      at = end;
    } else if (code === COMMA) {
      if (++found > values) return "values";
      const count = (commas.at(-1) ?? Number.NaN) + 1;
      if (count >= members) return "members";
      commas[commas.length - 1] = count;
    } else if (code === OPEN_OBJECT || code === OPEN_LIST) {
      if (commas.push(code === OPEN_OBJECT ? 0 : Number.NaN) > depth) return "depth";
    } else if (code === CLOSE_LIST || code === CLOSE_OBJECT) commas.pop();
  }
  return undefined;
}

/** The end of a sentence: `the body has an object of more than 10000 members`. */
export function saysOver(over: keyof JsonBounds, { depth, members, values }: JsonBounds): string {
  if (over === "depth") return `is nested deeper than ${depth} levels`;
  return over === "members" ? `has an object of more than ${members} members` : `has more than ${values} values`;
}

/** Whether brackets stand deeper than `max` below each other. */
export const deeperThan = (text: string, max: number): boolean => overBounds(text, { depth: max }) !== undefined;
