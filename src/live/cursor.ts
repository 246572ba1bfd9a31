/**
 * Where a subscriber stands in its organization's feed, as text it can keep: URL-safe base64 of
 * version (1 byte) · organization (16) · sequence (8) · CRC-32 of those (4). Valid on every process and transport. Pure.
 */
import { crc32 } from "node:zlib";
import { BadCursorError, BadInputError } from "../errors.ts";
import { uuidFromHex } from "../wire/ids.ts";

const VERSION = 1;
const LENGTH = 29;

export function feedCursor(organizationId: string, sequence: number): string {
  const bytes = Buffer.alloc(LENGTH);
  bytes[0] = VERSION;
  bytes.write(organizationId.replaceAll("-", ""), 1, "hex");
  bytes.writeBigUInt64BE(BigInt(sequence), 17);
  bytes.writeUInt32BE(crc32(bytes.subarray(0, 25)), 25);
  return bytes.toString("base64url");
}

/**
 * @returns the sequence after which to go on
 * @throws BadCursorError when it is none of ours or was damaged; BadInputError when it is another organization's
 */
export function sequenceOf(organizationId: string, cursor: string): number {
  const bytes = Buffer.from(cursor, "base64url");
  // Decoding is lenient: only the text that we would write ourselves counts.
  if (bytes.length !== LENGTH || bytes.toString("base64url") !== cursor || bytes[0] !== VERSION) throw new BadCursorError();
  if (crc32(bytes.subarray(0, 25)) !== bytes.readUInt32BE(25)) throw new BadCursorError();
  if (uuidFromHex(bytes.toString("hex", 1, 17)) !== organizationId) throw new BadInputError("this cursor is another organization's");
  const sequence = bytes.readBigUInt64BE(17);
  if (sequence > BigInt(Number.MAX_SAFE_INTEGER)) throw new BadCursorError();
  return Number(sequence);
}
