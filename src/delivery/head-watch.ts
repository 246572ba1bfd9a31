/**
 * The first bytes of a reply as they came, for the log: a head that is broken, contradicts itself or never ends is dropped by
 * the parser, and its status with it.
 *
 * And what the parser must not see: undici takes a `100 Continue` that nobody asked for as a broken reply and closes, where
 * RFC 9110 (15.2) has a client pass over it. So it is shown a 102, which it passes over.
 */

/** The parser gives up at 16 KiB. */
const MOST_BYTES = 20 * 1024;
/** Of the last head that began: interim answers may stand before it. */
const STATUS_LINE = /(?:^|\n)HTTP\/\d\.\d (\d{2,3})(?=[ \r\n])/g;
/** Of a head: where its status begins, and what ends it. */
const STATUS_AT = 9;
const HEAD_END = "\r\n\r\n";
const [ONE, TWO] = Buffer.from("12") as unknown as [number, number];

export class HeadWatch {
  #chunks: Buffer[] = [];
  #length = 0;
  /** Where the head begins that is the last, or may be it. */
  #headAt = 0;
  /** It is the last: not interim. */
  #isLast = false;

  /** Bytes that were seen. */
  get length(): number {
    return this.#length;
  }

  /** @param chunk is changed where it is not for the parser's eyes */
  add(chunk: Buffer): void {
    const before = this.#length;
    if (before < MOST_BYTES) this.#chunks.push(chunk.subarray(0, MOST_BYTES - before));
    this.#length += chunk.length;
    // Most replies have no interim head, and come with their status in the first chunk.
    if (before === 0 && chunk.length > STATUS_AT && chunk[STATUS_AT] !== ONE) this.#isLast = true;
    if (!this.#isLast) this.#passInterim(chunk, before);
  }

  #passInterim(chunk: Buffer, before: number): void {
    const text = this.#text();
    for (;;) {
      const statusAt = this.#headAt + STATUS_AT;
      const status = text.slice(statusAt, statusAt + 3);
      this.#isLast = status.length > 0 && !status.startsWith("1");
      if (this.#isLast || status.length < 3) return;
      const lastDigit = statusAt + 2 - before;
      if (status === "100" && lastDigit >= 0) {
        this.#chunks.push(Buffer.from(this.#chunks.pop() as Buffer));
        chunk[lastDigit] = TWO;
      }
      const end = text.indexOf(HEAD_END, statusAt);
      if (end < 0) return;
      this.#headAt = end + HEAD_END.length;
    }
  }

  /** An interim answer is over: what follows is another head. */
  next(): void {
    // The real one may stand behind it in the same chunk.
    const before = this.#length;
    this.#chunks = this.#chunks.slice(-1);
    this.#length = this.#chunks[0]?.length ?? 0;
    this.#headAt = Math.max(0, this.#headAt - (before - this.#length));
  }

  get status(): number | undefined {
    const found = [...this.#text().matchAll(STATUS_LINE)].at(-1)?.[1];
    return found === undefined ? undefined : Number(found);
  }

  /** Why the parser may have refused it, for people; undefined: nothing that is known. */
  get contradiction(): string | undefined {
    const head = this.#text().slice(this.#headAt);
    const names = head.split("\n").map((line) => line.slice(0, line.indexOf(":")).trim().toLowerCase());
    const lengths = names.filter((name) => name === "content-length").length;
    if (lengths > 1) return `it has ${lengths} Content-Length headers`;
    if (lengths > 0 && names.includes("transfer-encoding")) return "it has both Content-Length and Transfer-Encoding";
    if ([...head.matchAll(STATUS_LINE)].length > 1) return "it has two status lines";
    return undefined;
  }

  #text(): string {
    return Buffer.concat(this.#chunks).toString("latin1");
  }
}
