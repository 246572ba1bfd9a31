/** The signatures of the products whose receivers we keep: an HMAC each, over exact bytes. */
import { createHmac, createSecretKey, type KeyObject } from "node:crypto";
import type { DefinitionView } from "../dialect.ts";

/** Measured on Node 24, 800 bytes: 9.4 µs with a Buffer for a key, 1.8 µs with its KeyObject. */
const keyObjects = new WeakMap<Uint8Array, KeyObject>();

/** @param key must not change afterwards: its KeyObject is kept as long as it lives */
export function secretKeyObject(key: Uint8Array): KeyObject {
  let object = keyObjects.get(key);
  if (!object) {
    object = createSecretKey(key);
    keyObjects.set(key, object);
  }
  return object;
}

/** `X-SuperOffice-Signature`: base64(HMAC-SHA256) of the body. */
export function superofficeSignature(key: Uint8Array, body: Uint8Array): string {
  return createHmac("sha256", secretKeyObject(key)).update(body).digest("base64");
}

/**
 * CRM.COM's `authentication_code`, over the bytes of `data` as they are sent. The vendor publishes neither hash nor
 * encoding, so both are the definition's choice. Node takes a key that is text as its UTF-8 bytes.
 */
export function authenticationCode(key: NonNullable<DefinitionView["secretKey"]>, data: string | Uint8Array): string {
  const hmac = createHmac(key.algorithm === "SHA1" ? "sha1" : "sha256", key.text).update(data);
  return hmac.digest(key.encoding === "BASE64" ? "base64" : "hex");
}

/** The form of GitHub's `X-Hub-Signature-256`. */
export function githubSignature(secret: string, body: string | Uint8Array): string {
  return `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`;
}
