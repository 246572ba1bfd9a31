/** The key behind a stored secret's text, as the receivers of its dialect take it. Pure. */
import type { DialectName, SigningKey } from "../dialect.ts";
import { dialects } from "../dialects.ts";
import { parseSecret, seedOf } from "./standard.ts";

/**
 * SuperOffice's receivers take the UTF-8 bytes of the text as it was shown, also of a `whsec_…` that was made here;
 * everyone else's decode it.
 * @param kind of SigningSecret; TEXT is a user's own text and stays its UTF-8 bytes in every dialect
 * @throws TypeError for an ED25519 text that is no seed
 */
export function signingKey(dialect: DialectName, kind: "STANDARD" | "TEXT" | "ED25519", text: string): SigningKey {
  if (kind === "ED25519") return { kind: "ED25519", seed: seedOf(text) };
  const decoded = kind === "TEXT" || dialects[dialect].secrets === "TEXT" ? undefined : parseSecret(text);
  return { kind: "HMAC", key: decoded ?? Buffer.from(text, "utf8") };
}
