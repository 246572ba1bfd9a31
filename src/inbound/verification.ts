/**
 * Whether a post comes from who it should, over the exact bytes that came. One of: its sender's scheme. Constant time wherever
 * a signature is compared; a timestamp further away than the vendor's tolerance is no proof, whatever is signed. Pure.
 */
import { createHmac, createPublicKey, verify as verifySignature } from "node:crypto";
import { sameBytes } from "../vault.ts";
import { parseSecret } from "../wire/signatures/standard.ts";

export const PRESETS = ["NONE", "STANDARD_WEBHOOKS", "GITHUB", "STRIPE", "SHOPIFY", "SLACK", "HMAC"] as const;
export type Preset = (typeof PRESETS)[number];

/** Seconds; Standard Webhooks, Stripe and Slack all name five minutes. */
const TOLERANCE = 300;
/** Signatures looked at in one header: a rotation needs two. */
const MOST_SIGNATURES = 10;
/** Characters of a header that is looked at. */
const LONGEST = 4_096;
/** RFC 8410: what stands before the 32 bytes of an Ed25519 public key. */
const SPKI_ED25519 = Buffer.from("302a300506032b6570032100", "hex");
const PUBLIC_KEY = "whpk_";

export interface Verification {
  preset: Preset;
  /** Opened; null with NONE alone. */
  secret: string | null;
  /** Of HMAC: where the signature stands, in lower case. */
  header: string | null;
  /** Of HMAC. */
  encoding: "HEX" | "BASE64";
}

export type PostHeaders = Readonly<Record<string, string | string[] | undefined>>;

export interface Signed {
  headers: PostHeaders;
  body: Uint8Array;
}

/** @returns undefined: it is genuine; else why it is not, for the owner of the webhook alone */
export function refusalOf(verification: Verification, post: Signed, now: Date): string | undefined {
  const { preset, secret } = verification;
  if (preset === "NONE") return undefined;
  if (secret === null) return "this webhook has no secret to verify with";
  return SCHEMES[preset](secret, post, now, verification);
}

type Scheme = (secret: string, post: Signed, now: Date, verification: Verification) => string | undefined;

const SCHEMES: Record<Exclude<Preset, "NONE">, Scheme> = {
  STANDARD_WEBHOOKS: standard,
  GITHUB: (secret, post) => plain(post, "x-hub-signature-256", (given) => bytesOf(given, "HEX", "sha256="), sha256(secret, post.body)),
  SHOPIFY: (secret, post) => plain(post, "x-shopify-hmac-sha256", (given) => bytesOf(given, "BASE64"), sha256(secret, post.body)),
  HMAC: (secret, post, _now, { header, encoding }) =>
    plain(post, header ?? "", (given) => bytesOf(given.replace(/^sha256=/i, ""), encoding), sha256(secret, post.body)),
  STRIPE: stripe,
  SLACK: slack,
};

/** Svix, whose libraries came first, has names of its own. */
const FAMILIES = ["webhook", "svix"] as const;

/** All three of one family: a post with names of both must not be verified by the one and told from others by the other. */
function standardHeaders(headers: PostHeaders): { id: string; timestamp: string; signatures: string } | undefined {
  for (const family of FAMILIES) {
    const [id, timestamp, signatures] = ["id", "timestamp", "signature"].map((name) => textOf(headers, `${family}-${name}`));
    if (id !== undefined && timestamp !== undefined && signatures !== undefined) return { id, timestamp, signatures };
  }
  return undefined;
}

/** Of a post that is genuine: the id that its signature holds, where the header of that name is asked for. Undefined: that header is no such id. */
export function signedId(preset: Preset, headers: PostHeaders, header: string): string | undefined {
  const isId = FAMILIES.some((family) => header.toLowerCase() === `${family}-id`);
  return preset === "STANDARD_WEBHOOKS" && isId ? standardHeaders(headers)?.id : undefined;
}

function standard(secret: string, { headers, body }: Signed, now: Date): string | undefined {
  const given = standardHeaders(headers);
  if (!given) return "webhook-id, webhook-timestamp and webhook-signature are not all there";
  const { id, timestamp, signatures } = given;
  const late = untimely(timestamp, now);
  if (late) return `webhook-timestamp ${late}`;
  const signed = Buffer.concat([Buffer.from(`${id}.${timestamp}.`), body]);
  const each = signatures.split(" ", MOST_SIGNATURES).map((one) => one.split(",", 2));
  const genuine = secret.startsWith(PUBLIC_KEY)
    ? each.some(([version, text]) => version === "v1a" && isByKey(secret, signed, bytesOf(text ?? "", "BASE64")))
    : matches(
        each.flatMap(([version, text]) => (version === "v1" ? [bytesOf(text ?? "", "BASE64")] : [])),
        sha256(parseSecret(secret) ?? Buffer.from(secret), signed),
      );
  return genuine ? undefined : "webhook-signature is not that of these bytes and this secret";
}

/** The Ed25519 key in `whpk_…`; undefined for what is none. */
export function publicKeyOf(secret: string): Uint8Array | undefined {
  const raw = secret.startsWith(PUBLIC_KEY) ? bytesOf(secret.slice(PUBLIC_KEY.length), "BASE64") : undefined;
  return raw?.length === 32 ? raw : undefined;
}

function isByKey(publicKey: string, signed: Uint8Array, signature: Uint8Array | undefined): boolean {
  const raw = publicKeyOf(publicKey);
  if (!raw || !signature) return false;
  const key = createPublicKey({ key: Buffer.concat([SPKI_ED25519, raw]), format: "der", type: "spki" });
  return verifySignature(null, signed, key, signature);
}

function stripe(secret: string, { headers, body }: Signed, now: Date): string | undefined {
  const header = textOf(headers, "stripe-signature");
  if (header === undefined) return "Stripe-Signature is not there";
  const parts = header.split(",", 2 * MOST_SIGNATURES).map((part) => part.trim().split("=", 2));
  const timestamp = parts.find(([name]) => name === "t")?.[1] ?? "";
  const late = untimely(timestamp, now);
  if (late) return `the timestamp of Stripe-Signature ${late}`;
  const expected = sha256(secret, Buffer.concat([Buffer.from(`${timestamp}.`), body]));
  const given = parts.flatMap(([name, text]) => (name === "v1" ? [bytesOf(text ?? "", "HEX")] : []));
  return matches(given.slice(0, MOST_SIGNATURES), expected) ? undefined : "Stripe-Signature is not that of these bytes and this secret";
}

function slack(secret: string, post: Signed, now: Date): string | undefined {
  const timestamp = textOf(post.headers, "x-slack-request-timestamp");
  if (timestamp === undefined) return "X-Slack-Request-Timestamp is not there";
  const late = untimely(timestamp, now);
  if (late) return `X-Slack-Request-Timestamp ${late}`;
  const expected = sha256(secret, Buffer.concat([Buffer.from(`v0:${timestamp}:`), post.body]));
  return plain(post, "x-slack-signature", (given) => bytesOf(given, "HEX", "v0="), expected);
}

function plain({ headers }: Signed, name: string, read: (given: string) => Uint8Array | undefined, expected: Uint8Array) {
  const given = textOf(headers, name);
  if (given === undefined) return `${name} is not there`;
  return matches([read(given)], expected) ? undefined : `${name} is not that of these bytes and this secret`;
}

const sha256 = (key: string | Uint8Array, data: Uint8Array): Uint8Array => createHmac("sha256", key).update(data).digest();

/** All are compared, so that which one it was takes no other time. */
const matches = (given: readonly (Uint8Array | undefined)[], expected: Uint8Array): boolean =>
  given.reduce((found, each) => (each !== undefined && sameBytes(each, expected)) || found, false);

/** Undefined for what is missing, given twice or too long. */
function textOf(headers: PostHeaders, name: string): string | undefined {
  const value = headers[name];
  return typeof value === "string" && value !== "" && value.length <= LONGEST ? value : undefined;
}

function untimely(timestamp: string, now: Date): string | undefined {
  if (!/^\d{1,12}$/.test(timestamp)) return "is no time in seconds";
  const away = now.getTime() / 1_000 - Number(timestamp);
  if (Math.abs(away) <= TOLERANCE) return undefined;
  return `is ${Math.round(Math.abs(away))} s ${away > 0 ? "old" : "ahead"}, and ${TOLERANCE} s are allowed`;
}

/** Undefined unless all of it is in that encoding: Node's decoders pass over what they do not know. */
function bytesOf(text: string, encoding: "HEX" | "BASE64", prefix = ""): Uint8Array | undefined {
  if (!text.startsWith(prefix)) return undefined;
  const bare = text.slice(prefix.length);
  if (encoding === "HEX") return /^(?:[0-9a-fA-F]{2}){1,64}$/.test(bare) ? Buffer.from(bare, "hex") : undefined;
  return /^[A-Za-z0-9+/]{1,128}={0,2}$/.test(bare) ? Buffer.from(bare, "base64") : undefined;
}
