/** Bytes on their way to Postgres. They grow as needed, so that a message is written once and never copied together. */

const HEX = new Int8Array(128).fill(-1);
for (let i = 0; i < 16; i++) HEX["0123456789abcdef".charCodeAt(i)] = i;
for (let i = 10; i < 16; i++) HEX["0123456789ABCDEF".charCodeAt(i)] = i;
const DASH = 0x2d;
/** Where dashes stand in a UUID. */
const DASHES = new Set([8, 13, 18, 23]);
const UUID_LENGTH = 36;
/** Longer texts are measured before they are written; of shorter ones the most is set aside that they can take. */
const LONG_TEXT = 1 << 14;
const TWO_32 = 2 ** 32;

export class Outgoing {
  #bytes: Buffer;
  #at = 0;

  /** @param size bytes that will do, mostly */
  constructor(size = 1_024) {
    this.#bytes = Buffer.allocUnsafeSlow(size);
  }

  get length(): number {
    return this.#at;
  }

  /** What was written; nothing may be added any more. */
  take(): Buffer {
    return this.#bytes.subarray(0, this.#at);
  }

  /** Takes back what was written from there on. */
  back(to: number): void {
    this.#at = to;
  }

  byte(value: number): void {
    this.#need(1);
    this.#bytes[this.#at++] = value;
  }

  int16(value: number): void {
    this.#need(2);
    this.#at = this.#bytes.writeInt16BE(value, this.#at);
  }

  int32(value: number): void {
    this.#need(4);
    this.#put32(this.#at, value);
    this.#at += 4;
  }

  /** @param value an integer, of any size that 64 bits hold */
  int64(value: number | bigint): void {
    if (typeof value === "bigint") {
      this.#need(8);
      this.#at = this.#bytes.writeBigInt64BE(value, this.#at);
      return;
    }
    const high = Math.floor(value / TWO_32);
    this.int32(high);
    this.int32(value - high * TWO_32);
  }

  float64(value: number): void {
    this.#need(8);
    this.#at = this.#bytes.writeDoubleBE(value, this.#at);
  }

  text(value: string): void {
    this.#need(value.length > LONG_TEXT ? Buffer.byteLength(value) : value.length * 3);
    this.#at += this.#bytes.write(value, this.#at, "utf8");
  }

  /** Ended by a zero, as names in messages are. */
  name(value: string): void {
    this.text(value);
    this.byte(0);
  }

  bytes(value: Uint8Array): void {
    this.#need(value.length);
    this.#bytes.set(value, this.#at);
    this.#at += value.length;
  }

  /** @returns false, and nothing was written: it is no UUID in its usual form */
  uuid(value: string): boolean {
    if (value.length !== UUID_LENGTH) return false;
    this.#need(16);
    let high = -1;
    let at = this.#at;
    for (let i = 0; i < UUID_LENGTH; i++) {
      const unit = value.charCodeAt(i);
      if (unit === DASH && DASHES.has(i)) continue;
      const digit = unit < 128 ? (HEX[unit] as number) : -1;
      if (digit < 0) return false;
      if (high < 0) high = digit;
      else {
        if (at === this.#at + 16) return false;
        this.#bytes[at++] = (high << 4) | digit;
        high = -1;
      }
    }
    if (at !== this.#at + 16) return false;
    this.#at = at;
    return true;
  }

  /** A value that was not known when its place was passed. */
  set32(at: number, value: number): void {
    this.#put32(at, value);
  }

  set16(at: number, value: number): void {
    this.#bytes.writeInt16BE(value, at);
  }

  /** Leaves room. @returns where it begins */
  skip(count: number): number {
    this.#need(count);
    const at = this.#at;
    this.#at += count;
    return at;
  }

  #put32(at: number, value: number): void {
    this.#bytes[at] = value >>> 24;
    this.#bytes[at + 1] = value >>> 16;
    this.#bytes[at + 2] = value >>> 8;
    this.#bytes[at + 3] = value;
  }

  #need(count: number): void {
    const most = this.#at + count;
    if (most <= this.#bytes.length) return;
    const more = Buffer.allocUnsafeSlow(Math.max(this.#bytes.length * 2, most));
    this.#bytes.copy(more, 0, 0, this.#at);
    this.#bytes = more;
  }
}
