/** Custom headers at rest and on show: encrypted as a whole, shown with what opens doors masked. */
import type { Core } from "../core.ts";
import { isSecretHeader, MASK, maskHeaders } from "../wire/mask.ts";

export type Headers = Record<string, string>;

const place = (organizationId: string, ownerId: string) => `${organizationId}/${ownerId}/headers`;

interface Owner {
  id: string;
  organizationId: string;
  headers: string | null;
}

/** In clear. */
export function openHeaders(core: Core, owner: Owner): Headers {
  return owner.headers === null ? {} : JSON.parse(core.vault.open(owner.headers, place(owner.organizationId, owner.id)));
}

/** For everybody who may see the definition; null when there are none. */
export function shownHeaders(core: Core, owner: Owner): Headers | null {
  return owner.headers === null ? null : maskHeaders(openHeaders(core, owner));
}

/** Null when there are none. */
export function sealHeaders(core: Core, owner: { id: string; organizationId: string }, headers: Headers): string | null {
  return Object.keys(headers).length === 0 ? null : core.vault.seal(JSON.stringify(headers), place(owner.organizationId, owner.id));
}

/** A client that read masked headers may send them back: the mask keeps the stored value of that name. */
export function keepMasked(given: Headers, stored: Headers): Headers {
  const byName = new Map(Object.entries(stored).map(([name, value]) => [name.toLowerCase(), value]));
  return Object.fromEntries(
    Object.entries(given).map(([name, value]) => {
      const kept = value === MASK && isSecretHeader(name) ? byName.get(name.toLowerCase()) : undefined;
      return [name, kept ?? value];
    }),
  );
}
