/**
 * Secrets in and out: AES-256-GCM, a random 12-byte IV, and additional data that binds a ciphertext to its place
 * (organization/definition/version), so that one copied to another row does not open.
 * Text form: `v1.<key id>.<base64url of iv + tag + ciphertext>`.
 */
import { createCipheriv, createDecipheriv, hash, randomBytes, timingSafeEqual } from "node:crypto";
import type { MasterKey } from "./config.ts";

const IV_BYTES = 12;
const TAG_BYTES = 16;

/** A stored secret that no configured master key opens. */
export class VaultError extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = "VaultError";
  }
}

export interface Vault {
  /** @param place what the ciphertext is bound to, such as `organization/definition/version` */
  seal(plaintext: string, place: string): string;
  /** @throws VaultError when none of the keys opens it, or text or place were changed */
  open(sealed: string, place: string): string;
  /** Whether the key that encrypts now opens it, under the id that it has now (else `rekey` has work to do). */
  isCurrent(sealed: string, place: string): boolean;
}

/** @param keys the first encrypts, all decrypt */
export function createVault(keys: readonly MasterKey[]): Vault {
  const current = keys[0];
  if (!current) throw new VaultError("no master key");
  const byId = new Map(keys.map((k) => [k.id, k.key]));
  /** Undefined: the key does not open it. */
  const openWith = (key: Buffer, text: string, place: string): string | undefined => {
    const bytes = Buffer.from(text, "base64url");
    try {
      const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, IV_BYTES), { authTagLength: TAG_BYTES });
      decipher.setAAD(Buffer.from(place));
      decipher.setAuthTag(bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
      return decipher.update(bytes.subarray(IV_BYTES + TAG_BYTES), undefined, "utf8") + decipher.final("utf8");
    } catch {
      return undefined;
    }
  };
  return {
    seal(plaintext, place) {
      const iv = randomBytes(IV_BYTES);
      const cipher = createCipheriv("aes-256-gcm", current.key, iv, { authTagLength: TAG_BYTES });
      cipher.setAAD(Buffer.from(place));
      const body = Buffer.concat([cipher.update(plaintext, "utf8"), cipher.final()]);
      return `v1.${current.id}.${Buffer.concat([iv, cipher.getAuthTag(), body]).toString("base64url")}`;
    },
    open(sealed, place) {
      const [version, id, text] = sealed.split(".");
      const named = byId.get(id ?? "");
      if (version !== "v1" || text === undefined) throw new VaultError("not a sealed secret");
      // A bare key's id is its place in the list: with a new one before it, it has another id than what it sealed.
      for (const key of [...(named ? [named] : []), ...byId.values()]) {
        const opened = openWith(key, text, place);
        if (opened !== undefined) return opened;
      }
      if (!named) throw new VaultError(`no master key "${id}" is configured (HOOKLINE_MASTER_KEY)`);
      throw new VaultError("a stored secret does not open with the configured master key (HOOKLINE_MASTER_KEY)");
    },
    isCurrent(sealed, place) {
      const head = `v1.${current.id}.`;
      return sealed.startsWith(head) && openWith(current.key, sealed.slice(head.length), place) !== undefined;
    },
  };
}

/** 32 random bytes behind a readable prefix, with a checksum: a typo or a cut copy is told from an unknown token. */
export function newToken(prefix: string): string {
  const body = randomBytes(32).toString("base64url");
  return `${prefix}_${body}${checksum(body)}`;
}

function checksum(body: string): string {
  return hash("sha256", body, "base64url").slice(0, 6);
}

/** False for a token of ours that was mistyped or cut: it need not be looked up. */
export function looksWhole(token: string, prefix: string): boolean {
  const body = token.slice(prefix.length + 1);
  return token.startsWith(`${prefix}_`) && body.slice(-6) === checksum(body.slice(0, -6));
}

/** SHA-256 of a token: all that is stored of it. */
export function hashToken(token: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(hash("sha256", token, "buffer"));
}

/** The same as text, for a key in memory. */
export function tokenKey(token: string): string {
  return hash("sha256", token, "base64url");
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}
