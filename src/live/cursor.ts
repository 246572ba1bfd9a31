/**
 * Where a subscriber stands in its organization's feed, as text it can keep: URL-safe base64 of
 * version (1 byte) · organization (16) · the first bytes of the database's epoch (8) · sequence (8) · CRC-32 of those (4).
 * Valid on every process and transport, within one epoch. Pure.
 */
import { crc32 } from "node:zlib";
import { BadCursorError, BadInputError } from "../errors.ts";
import { uuidFromHex } from "../wire/ids.ts";

/** 1 was 0.1's, without an epoch. */
const VERSION = 2;
const LENGTH = 37;
const CHECKED = 33;
const EPOCH_DIGITS = 16;

const digits = (uuid: string) => uuid.replaceAll("-", "");

/** @param epoch of the database that numbered it (db/epoch.ts) */
export function feedCursor(organizationId: string, epoch: string, sequence: number): string {
  const bytes = Buffer.alloc(LENGTH);
  bytes[0] = VERSION;
  bytes.write(digits(organizationId), 1, "hex");
  bytes.write(digits(epoch).slice(0, EPOCH_DIGITS), 17, "hex");
  bytes.writeBigUInt64BE(BigInt(sequence), 25);
  bytes.writeUInt32BE(crc32(bytes.subarray(0, CHECKED)), CHECKED);
  return bytes.toString("base64url");
}

/**
 * @returns the sequence after which to go on
 * @throws BadCursorError when it is none of ours, was damaged, or is of before a restore or failover; BadInputError when it
 *   is another organization's
 */
export function sequenceOf(organizationId: string, epoch: string, cursor: string): number {
  const bytes = Buffer.from(cursor, "base64url");
  // Decoding is lenient: only the text that we would write ourselves counts.
  if (bytes.length !== LENGTH || bytes.toString("base64url") !== cursor || bytes[0] !== VERSION) throw new BadCursorError();
  if (crc32(bytes.subarray(0, CHECKED)) !== bytes.readUInt32BE(CHECKED)) throw new BadCursorError();
  if (uuidFromHex(bytes.toString("hex", 1, 17)) !== organizationId) throw new BadInputError("this cursor is another organization's");
  if (bytes.toString("hex", 17, 25) !== digits(epoch).slice(0, EPOCH_DIGITS)) throw anotherEpoch();
  const sequence = bytes.readBigUInt64BE(25);
  if (sequence > BigInt(Number.MAX_SAFE_INTEGER)) throw new BadCursorError();
  return Number(sequence);
}

/** What a cursor, or a subscription, of an earlier life of the database is told. */
export const anotherEpoch = () =>
  new BadCursorError("the database was restored or failed over since this cursor; read the list anew and subscribe without `after`");
