/**
 * Hidden values inside of what the log keeps. They stand there sealed, between two signs, so that neither a dump nor a reader
 * without `secrets:read` has them; whoever has it sees them, and a retry sends the very bytes again, where they may still go.
 */

import { type Vault, VaultError } from "../vault.ts";
import { MASK } from "../wire/mask.ts";

/** Around a sealed text, and around a sealed JSON value: characters that no header and no JSON text has unescaped. */
const TEXT = "\u0004";
const JSON_VALUE = "\u0005";
const hasPiece = (text: string) => text.includes(TEXT) || text.includes(JSON_VALUE);

/** Each piece as `to` says, in one pass; a lone sign, or one around something else, stays. */
function replaced(text: string, to: (sealed: string, sign: string) => string): string {
  let out = "";
  let kept = 0;
  let open = -1;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit !== 4 && unit !== 5) continue;
    const sealed = open >= 0 && text.charCodeAt(open) === unit ? text.slice(open + 1, at) : "";
    if (sealed.startsWith("v1.")) {
      out += text.slice(kept, open) + to(sealed, text.charAt(at));
      kept = at + 1;
      open = -1;
    } else {
      open = at;
    }
  }
  return out + text.slice(kept);
}

const place = (organizationId: string) => `${organizationId}/log`;

interface Sealer {
  vault: Vault;
  organizationId: string;
}

/** @param origin where it may go */
export function sealPiece({ vault, organizationId }: Sealer, origin: string, value: string, kind: "TEXT" | "JSON"): string {
  const sign = kind === "TEXT" ? TEXT : JSON_VALUE;
  return `${sign}${vault.seal(`${origin}\n${value}`, place(organizationId))}${sign}`;
}

function opened({ vault, organizationId }: Sealer, sealed: string): { origin: string; value: string } | undefined {
  try {
    const text = vault.open(sealed, place(organizationId));
    const end = text.indexOf("\n");
    return { origin: text.slice(0, end), value: text.slice(end + 1) };
  } catch (error) {
    if (!(error instanceof VaultError)) throw error;
    return undefined;
  }
}

/** For whoever may read secrets, or nobody: pieces in clear, or masked. What only looks like one is masked too. */
export function shownText(sealer: Sealer, text: string, inClear: boolean): string {
  if (!hasPiece(text)) return text;
  return replaced(text, (sealed, sign) => {
    const value = inClear ? opened(sealer, sealed)?.value : undefined;
    return value ?? (sign === JSON_VALUE ? `"${MASK}"` : MASK);
  });
}

/** The same for header values. */
export function shownValues(sealer: Sealer, headers: Record<string, unknown> | null, inClear: boolean): Record<string, unknown> | null {
  if (headers === null) return null;
  const shown = (value: unknown): unknown => {
    if (typeof value === "string") return shownText(sealer, value, inClear);
    return Array.isArray(value) ? value.map(shown) : value;
  };
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, shown(value)]));
}

/** What may be sent again to this origin; undefined: a piece of it was for another one, or does not open any more. */
export function resendable(sealer: Sealer, text: string, origin: string): string | undefined {
  if (!hasPiece(text)) return text;
  let refused = false;
  const clear = replaced(text, (sealed) => {
    const piece = opened(sealer, sealed);
    if (piece?.origin !== origin) refused = true;
    return piece?.value ?? "";
  });
  return refused ? undefined : clear;
}
