/**
 * JSON in bytes, read in one pass: whether it is JSON, and where the values stand that somebody wants to have as they are
 * written. Nothing is made of the others. Parsing a payload that is stored as text, and searching that text once more for
 * each thing that must not be in it, took a fifth of what an event costs at the door.
 *
 * It takes less than JSON.parse does: what is rare (a key with an escape, halves of surrogate pairs, a thousand values, deep
 * nesting) it leaves to the readers of json-text.ts, which also say what is wrong. What it takes is JSON, without NUL and half
 * pairs, and not deeper than `DEPTH`.
 */

const TAB = 0x09;
const LINE_FEED = 0x0a;
const RETURN = 0x0d;
const SPACE = 0x20;
const QUOTE = 0x22;
const PLUS = 0x2b;
const COMMA = 0x2c;
const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const LAST_ASCII = 0x7f;
/** `"\/bfnrt` behind a backslash. */
const ESCAPED: ReadonlySet<number> = new Set([0x22, 0x5c, 0x2f, 0x62, 0x66, 0x6e, 0x72, 0x74]);
const SMALL_U = 0x75;
const WORDS: ReadonlyMap<number, readonly number[]> = new Map(
  ["true", "false", "null"].map((word) => [word.charCodeAt(0), [...Buffer.from(word)]]),
);

/** Of brackets inside of one value. */
const DEPTH = 64;

export class JsonScan {
  readonly #bytes: Buffer;
  /** Of each open bracket of the value being passed, whether it is an object's. */
  readonly #open = new Uint8Array(DEPTH);
  #at = 0;
  #commas = 0;
  /** Since `value` began. */
  #spaced = false;
  #wide = false;

  /** @param bytes valid UTF-8 */
  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** Commas passed: there are no more members of one object, and hardly more values. */
  get commas(): number {
    return this.#commas;
  }

  /** Whether an object, a list or something else begins here; undefined at the end. */
  get next(): "{" | "[" | "value" | undefined {
    this.#space();
    const unit = this.#bytes[this.#at];
    if (unit === OPEN_OBJECT) return "{";
    return unit === OPEN_LIST ? "[" : unit === undefined ? undefined : "value";
  }

  /** Whether nothing but white space follows. */
  get ended(): boolean {
    return this.next === undefined;
  }

  /**
   * Passes an object.
   * @param visit stands before a value; passes it, by `text`, `object` or `list`, and says whether it could
   * @returns false: it is none, or none that is read here; so are the others'
   */
  object(visit: (key: string) => boolean): boolean {
    if (!this.#take(OPEN_OBJECT)) return false;
    if (this.#take(CLOSE_OBJECT)) return true;
    for (;;) {
      this.#space();
      this.#wide = false;
      const from = this.#at + 1;
      if (!this.#string()) return false;
      const key = this.#bytes.toString("latin1", from, this.#at - 1);
      if (this.#wide || key.includes("\\") || !this.#take(COLON)) return false;
      this.#space();
      if (!visit(key)) return false;
      if (this.#take(CLOSE_OBJECT)) return true;
      if (!this.#take(COMMA)) return false;
      this.#commas += 1;
    }
  }

  /** Passes a list. @param visit as of `object` */
  list(visit: (index: number) => boolean): boolean {
    if (!this.#take(OPEN_LIST)) return false;
    if (this.#take(CLOSE_LIST)) return true;
    for (let index = 0; ; index++) {
      this.#space();
      if (!visit(index)) return false;
      if (this.#take(CLOSE_LIST)) return true;
      if (!this.#take(COMMA)) return false;
      this.#commas += 1;
    }
  }

  /** Passes a value. @returns it as it is written, and whether white space stands between its tokens; undefined: none that is read here */
  text(): { source: string; spaced: boolean } | undefined {
    this.#spaced = false;
    this.#wide = false;
    const from = this.#at;
    if (!this.#value()) return undefined;
    const source = this.#wide ? this.#bytes.toString("utf8", from, this.#at) : this.#bytes.toString("latin1", from, this.#at);
    return { source, spaced: this.#spaced };
  }

  #value(): boolean {
    const open = this.#open;
    let depth = 0;
    for (;;) {
      const unit = this.#bytes[this.#at] as number;
      if (unit === OPEN_OBJECT || unit === OPEN_LIST) {
        this.#at += 1;
        if (!this.#take(unit === OPEN_OBJECT ? CLOSE_OBJECT : CLOSE_LIST)) {
          if (depth === DEPTH) return false;
          open[depth++] = unit === OPEN_OBJECT ? 1 : 0;
          if (unit === OPEN_OBJECT && !this.#key()) return false;
          this.#space();
          continue;
        }
        // An empty one is a level all the same.
        if (depth === DEPTH) return false;
      } else if (unit === QUOTE) {
        if (!this.#string()) return false;
      } else if (unit === MINUS || (unit >= ZERO && unit <= NINE)) {
        if (!this.#number(unit)) return false;
      } else if (!this.#word(unit)) return false;
      // A value has ended, and with it perhaps those around it.
      for (;;) {
        if (depth === 0) return true;
        const inObject = open[depth - 1] === 1;
        if (this.#take(COMMA)) {
          this.#commas += 1;
          if (inObject && !this.#key()) return false;
          this.#space();
          break;
        }
        if (!this.#take(inObject ? CLOSE_OBJECT : CLOSE_LIST)) return false;
        depth -= 1;
      }
    }
  }

  /** A key and its colon. */
  #key(): boolean {
    this.#space();
    return this.#string() && this.#take(COLON);
  }

  #string(): boolean {
    const bytes = this.#bytes;
    const end = bytes.length;
    let at = this.#at;
    if (bytes[at] !== QUOTE) return false;
    for (at += 1; at < end; at++) {
      const unit = bytes[at] as number;
      if (unit === QUOTE) {
        this.#at = at + 1;
        return true;
      }
      if (unit === BACKSLASH) {
        const escaped = bytes[++at] as number;
        if (escaped === SMALL_U) {
          if (!isStorableUnit(bytes, at + 1)) return false;
          at += 4;
        } else if (!ESCAPED.has(escaped)) return false;
      } else if (unit < SPACE) return false;
      else if (unit > LAST_ASCII) this.#wide = true;
    }
    return false;
  }

  #number(first: number): boolean {
    const bytes = this.#bytes;
    let at = first === MINUS ? this.#at + 1 : this.#at;
    const whole = at;
    at = digitsEnd(bytes, at);
    if (at === whole || (bytes[whole] === ZERO && at > whole + 1)) return false;
    if (bytes[at] === POINT) {
      const fraction = at + 1;
      at = digitsEnd(bytes, fraction);
      if (at === fraction) return false;
    }
    const unit = bytes[at];
    if (unit === 0x65 || unit === 0x45) {
      const sign = bytes[at + 1];
      const exponent = sign === PLUS || sign === MINUS ? at + 2 : at + 1;
      at = digitsEnd(bytes, exponent);
      if (at === exponent) return false;
    }
    this.#at = at;
    return true;
  }

  #word(first: number): boolean {
    const word = WORDS.get(first);
    if (word === undefined) return false;
    for (let i = 0; i < word.length; i++) if (this.#bytes[this.#at + i] !== word[i]) return false;
    this.#at += word.length;
    return true;
  }

  #space(): void {
    const bytes = this.#bytes;
    let at = this.#at;
    for (let unit = bytes[at]; unit === SPACE || unit === LINE_FEED || unit === RETURN || unit === TAB; unit = bytes[at]) at++;
    if (at !== this.#at) this.#spaced = true;
    this.#at = at;
  }

  /** Whether this is what stands next; then it is passed. */
  #take(wanted: number): boolean {
    this.#space();
    if (this.#bytes[this.#at] !== wanted) return false;
    this.#at += 1;
    return true;
  }
}

function digitsEnd(bytes: Uint8Array, from: number): number {
  let at = from;
  while ((bytes[at] as number) >= ZERO && (bytes[at] as number) <= NINE) at++;
  return at;
}

/** Four hexadecimal digits of a character that is neither NUL nor half of a pair. */
function isStorableUnit(bytes: Buffer, from: number): boolean {
  const digits = bytes.toString("latin1", from, from + 4);
  if (!/^[0-9a-fA-F]{4}$/.test(digits)) return false;
  const unit = Number.parseInt(digits, 16);
  return unit !== 0 && (unit & 0xf800) !== 0xd800;
}
