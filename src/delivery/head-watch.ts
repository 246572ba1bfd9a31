/**
 * The first bytes of a reply as they came, for the log: a head that is broken, contradicts itself or never ends is dropped by
 * the parser, and its status with it. Pure.
 */

/** The parser gives up at 16 KiB. */
const MOST_BYTES = 20 * 1024;
/** Of the last head that began: interim answers may stand before it. */
const STATUS_LINE = /(?:^|\n)HTTP\/\d\.\d (\d{2,3})(?=[ \r\n])/g;

export class HeadWatch {
  #chunks: Buffer[] = [];
  #length = 0;

  /** Bytes that were seen. */
  get length(): number {
    return this.#length;
  }

  add(chunk: Buffer): void {
    if (this.#length < MOST_BYTES) this.#chunks.push(chunk.subarray(0, MOST_BYTES - this.#length));
    this.#length += chunk.length;
  }

  /** An interim answer is over: what follows is another head. */
  next(): void {
    // The real one may stand behind it in the same chunk.
    this.#chunks = this.#chunks.slice(-1);
    this.#length = this.#chunks[0]?.length ?? 0;
  }

  get status(): number | undefined {
    const found = [...this.#text().matchAll(STATUS_LINE)].at(-1)?.[1];
    return found === undefined ? undefined : Number(found);
  }

  /** Why the parser may have refused it, for people; undefined: nothing that is known. */
  get contradiction(): string | undefined {
    const names = this.#text()
      .split("\n")
      .map((line) => line.slice(0, line.indexOf(":")).trim().toLowerCase());
    const lengths = names.filter((name) => name === "content-length").length;
    if (lengths > 1) return `it has ${lengths} Content-Length headers`;
    if (lengths > 0 && names.includes("transfer-encoding")) return "it has both Content-Length and Transfer-Encoding";
    if ([...this.#text().matchAll(STATUS_LINE)].length > 1) return "it has two status lines";
    return undefined;
  }

  #text(): string {
    return Buffer.concat(this.#chunks).toString("latin1");
  }
}
