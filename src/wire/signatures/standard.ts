/**
 * Standard Webhooks: `v1` (HMAC-SHA256) and `v1a` (Ed25519) over `id.timestamp.body`.
 * https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 */
import { createHmac, createPrivateKey, createPublicKey, type KeyObject, randomBytes, sign } from "node:crypto";
import { withoutTail } from "../../text.ts";
import type { SigningKey } from "../dialect.ts";
import { secretKeyObject } from "./hmac.ts";

const SECRET_PREFIX = "whsec_";
const PRIVATE_PREFIX = "whsk_";
const PUBLIC_PREFIX = "whpk_";
/** The specification asks for 24 to 64. */
const SECRET_BYTES = 32;
const SEED_BYTES = 32;
/** PKCS #8 around an Ed25519 seed (RFC 8410): Node takes no bare seed. */
const PKCS8_ED25519 = Buffer.from("302e020100300506032b657004220420", "hex");

export type StandardHeaders = { "webhook-id": string; "webhook-timestamp": string; "webhook-signature"?: string };

/** Reading a key costs more than signing with it; a definition's keys live as long as its view. */
const privateKeys = new WeakMap<Uint8Array, KeyObject>();

/**
 * @param keys all that are valid now, the current one first: a receiver accepts any of the signatures, so that a
 *   rotation loses nothing. None: no signature.
 */
export function standardHeaders(id: string, timestamp: Date, body: Uint8Array, keys: readonly SigningKey[]): StandardHeaders {
  const seconds = String(Math.floor(timestamp.getTime() / 1000));
  const headers: StandardHeaders = { "webhook-id": id, "webhook-timestamp": seconds };
  if (keys.length === 0) return headers;
  const prefix = `${id}.${seconds}.`;
  headers["webhook-signature"] = keys.map((key) => signature(key, prefix, body)).join(" ");
  return headers;
}

function signature(key: SigningKey, prefix: string, body: Uint8Array): string {
  if (key.kind === "HMAC") return `v1,${createHmac("sha256", secretKeyObject(key.key)).update(prefix).update(body).digest("base64")}`;
  return `v1a,${sign(null, Buffer.concat([Buffer.from(prefix), body]), privateKey(key.seed)).toString("base64")}`;
}

function privateKey(seed: Uint8Array): KeyObject {
  let object = privateKeys.get(seed);
  if (!object) {
    object = createPrivateKey({ key: Buffer.concat([PKCS8_ED25519, seed]), format: "der", type: "pkcs8" });
    privateKeys.set(seed, object);
  }
  return object;
}

/** A new shared secret, as it is shown: `whsec_…`. */
export function generateSecret(random: (size: number) => Uint8Array = randomBytes): string {
  return SECRET_PREFIX + base64(random(SECRET_BYTES));
}

/** The key in `whsec_…`; undefined for what is none. */
export function parseSecret(text: string): Uint8Array | undefined {
  return text.startsWith(SECRET_PREFIX) ? bytesOf(text.slice(SECRET_PREFIX.length)) : undefined;
}

export interface GeneratedPair {
  /** 32 bytes; store it as `base64`. */
  seed: Uint8Array;
  /** `whsk_…`, the seed and the public key as other tools of the standard take them. */
  privateKey: string;
  /** `whpk_…`, what receivers verify with. */
  publicKey: string;
}

export function generatePair(random: (size: number) => Uint8Array = randomBytes): GeneratedPair {
  const seed = random(SEED_BYTES);
  const publicBytes = publicKeyBytes(seed);
  return { seed, privateKey: PRIVATE_PREFIX + base64(Buffer.concat([seed, publicBytes])), publicKey: PUBLIC_PREFIX + base64(publicBytes) };
}

/** `whpk_…` of an Ed25519 seed. */
export function publicKeyOf(seed: Uint8Array): string {
  return PUBLIC_PREFIX + base64(publicKeyBytes(seed));
}

function publicKeyBytes(seed: Uint8Array): Uint8Array {
  const { x } = createPublicKey(privateKey(seed)).export({ format: "jwk" });
  return Buffer.from(x as string, "base64url");
}

/** Base64 of the seed, or `whsk_…`. */
export function seedOf(text: string): Uint8Array {
  const bytes = bytesOf(text.startsWith(PRIVATE_PREFIX) ? text.slice(PRIVATE_PREFIX.length) : text);
  if (!bytes || bytes.length < SEED_BYTES) throw new TypeError("an Ed25519 seed is base64 of 32 bytes");
  return bytes.subarray(0, SEED_BYTES);
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}

/** Undefined unless it is base64 as a whole: Node's decoder skips what it does not know. */
function bytesOf(text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, "base64");
  const canonical = bytes.toString("base64");
  return bytes.length > 0 && (text === canonical || text === withoutTail(canonical, "=")) ? bytes : undefined;
}
