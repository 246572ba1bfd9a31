/** What a process keeps by a key, so as not to make it again: so many entries, and so many characters of them by an estimate. */
export class Kept<Value> {
  readonly #values = new Map<string, Value>();
  readonly #sizes = new Map<string, number>();
  readonly #most: { entries: number; characters: number };
  #characters = 0;

  constructor(most: { entries?: number; characters: number }) {
    this.#most = { entries: Number.POSITIVE_INFINITY, ...most };
  }

  get(key: string): Value | undefined {
    return this.#values.get(key);
  }

  /** As `get`; what is used goes last, which costs two steps more. */
  use(key: string): Value | undefined {
    const value = this.#values.get(key);
    if (value === undefined) return undefined;
    this.#values.delete(key);
    this.#values.set(key, value);
    return value;
  }

  /** What was set or used longest ago makes room. The entry itself stays, whatever its size: it is about to be used. */
  set(key: string, value: Value, characters: number): void {
    this.delete(key);
    this.#values.set(key, value);
    this.#sizes.set(key, characters);
    this.#characters += characters;
    for (const oldest of this.#values.keys()) {
      if (oldest === key || (this.#values.size <= this.#most.entries && this.#characters <= this.#most.characters)) break;
      this.delete(oldest);
    }
  }

  delete(key: string): void {
    this.#values.delete(key);
    this.#characters -= this.#sizes.get(key) ?? 0;
    this.#sizes.delete(key);
  }

  clear(): void {
    this.#values.clear();
    this.#sizes.clear();
    this.#characters = 0;
  }
}
