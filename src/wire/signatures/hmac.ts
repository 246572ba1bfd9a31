/** The signatures of the products whose receivers we keep: an HMAC each, over exact bytes. */
import { createHmac } from "node:crypto";
import type { DefinitionView } from "../dialect.ts";

/** `X-SuperOffice-Signature`: base64(HMAC-SHA256) of the body. */
export function superofficeSignature(key: Uint8Array, body: Uint8Array): string {
  return createHmac("sha256", key).update(body).digest("base64");
}

/**
 * CRM.COM's `authentication_code`, over the bytes of `data` as they are sent. The vendor publishes neither hash nor
 * encoding, so both are the definition's choice.
 */
export function authenticationCode(key: NonNullable<DefinitionView["secretKey"]>, data: string | Uint8Array): string {
  const hmac = createHmac(key.algorithm === "SHA1" ? "sha1" : "sha256", Buffer.from(key.text, "utf8")).update(data);
  return hmac.digest(key.encoding === "BASE64" ? "base64" : "hex");
}

/** The form of GitHub's `X-Hub-Signature-256`. */
export function githubSignature(secret: string, body: string | Uint8Array): string {
  return `sha256=${createHmac("sha256", Buffer.from(secret, "utf8")).update(body).digest("hex")}`;
}
