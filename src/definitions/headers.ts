/**
 * Custom headers and properties at rest and on show: encrypted as a whole and bound to the origins that they were saved for.
 * Their values are hidden unless marked public or the caller has `secrets:read`; what opens doors by its name is shown to nobody.
 */
import type { Caller } from "../accounts/caller.ts";
import type { Core } from "../core.ts";
import type { WebhookDefinition } from "../db/generated/prisma/client.ts";
import { type Bound, boundText, readBound, unbound } from "../wire/bound.ts";
import { isSecretHeader, isSecretValue, MASK, maskTarget } from "../wire/mask.ts";

export type Headers = Record<string, string>;
export type Properties = Record<string, unknown>;

interface Owner {
  id: string;
  organizationId: string;
}

/** The columns that hold what is hidden of a definition. */
export type HiddenRow = Pick<
  WebhookDefinition,
  "id" | "organizationId" | "headers" | "publicHeaders" | "properties" | "hiddenProperties" | "publicProperties"
>;

export const headersPlace = ({ organizationId, id }: Owner) => `${organizationId}/${id}/headers`;
const propertiesPlace = ({ organizationId, id }: Owner) => `${organizationId}/${id}/properties`;

export const seesSecrets = (caller: Caller): boolean => caller.scopes.has("secrets:read");

export function boundHeaders(core: Core, owner: Owner & { headers: string | null }): Bound<Headers> {
  return owner.headers === null ? unbound({}) : readBound<Headers>(core.vault.open(owner.headers, headersPlace(owner)));
}

/** In clear. */
export const openHeaders = (core: Core, owner: Owner & { headers: string | null }): Headers => boundHeaders(core, owner).values;

export function boundProperties(
  core: Core,
  row: Pick<HiddenRow, "id" | "organizationId" | "properties" | "hiddenProperties">,
): Bound<Properties> {
  const { hiddenProperties } = row;
  if (hiddenProperties === null) return unbound((row.properties ?? {}) as Properties);
  return readBound<Properties>(core.vault.open(hiddenProperties, propertiesPlace(row)));
}

/** In clear; null when there are none. */
export function openProperties(core: Core, row: HiddenRow): Properties | null {
  return row.hiddenProperties === null && row.properties === null ? null : boundProperties(core, row).values;
}

const lower = (names: readonly string[]) => new Set(names.map((name) => name.toLowerCase()));

/** Shown to nobody: a credential by its name or its form. */
const opensDoors = (name: string, value: string) => isSecretHeader(name) || isSecretValue(value);

/** @param caller undefined: nobody who may see secrets, such as the audit log */
export function shownHeader(caller: Caller | undefined, publicNames: readonly string[], name: string, value: string): string {
  if (opensDoors(name, value)) return MASK;
  return (caller && seesSecrets(caller)) || lower(publicNames).has(name.toLowerCase()) ? value : MASK;
}

/** Null when there are none. */
export function shownHeaders(
  core: Core,
  caller: Caller | undefined,
  row: Owner & Pick<HiddenRow, "headers" | "publicHeaders">,
): Headers | null {
  if (row.headers === null) return null;
  const entries = Object.entries(openHeaders(core, row));
  return Object.fromEntries(entries.map(([name, value]) => [name, shownHeader(caller, row.publicHeaders, name, value)]));
}

/** Null when there are none; a hidden value is shown as a whole as ***. */
export function shownProperties(core: Core, caller: Caller | undefined, row: HiddenRow): Properties | null {
  const properties = openProperties(core, row);
  if (properties === null || (caller && seesSecrets(caller))) return properties;
  const shown = new Set(row.publicProperties);
  return Object.fromEntries(Object.entries(properties).map(([name, value]) => [name, shown.has(name) ? value : MASK]));
}

/** A receiver's address as this caller may see it. */
export function shownUrl<Url extends string | null>(caller: Caller, url: Url): Url {
  return (url === null || seesSecrets(caller) ? url : maskTarget(url)) as Url;
}

/** Null when there are none. */
export function sealHeaders(core: Core, owner: Owner, headers: Headers, origins: readonly string[]): string | null {
  return Object.keys(headers).length === 0 ? null : core.vault.seal(boundText(headers, origins), headersPlace(owner));
}

export function sealProperties(core: Core, owner: Owner, properties: Properties, origins: readonly string[]): string {
  return core.vault.seal(boundText(properties, origins), propertiesPlace(owner));
}

/**
 * A client that read masked values may send them back: the mask keeps the stored value of that name, and what has none any more
 * is left out.
 */
export function keepMasked<Value>(
  given: Record<string, Value>,
  stored: Record<string, Value>,
  name = (key: string) => key,
): Record<string, Value> {
  const byName = new Map(Object.entries(stored).map(([key, value]) => [name(key), value]));
  return Object.fromEntries(
    Object.entries(given).flatMap(([key, value]): [string, Value][] => {
      if (value !== MASK) return [[key, value]];
      const kept = byName.get(name(key));
      return kept === undefined ? [] : [[key, kept]];
    }),
  );
}

export const headerName = (name: string) => name.toLowerCase();
