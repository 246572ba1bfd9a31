/**
 * A definition as one destination may know it: its hidden headers and properties are opened for the origins that they were saved
 * for, and for no other. A plan itself holds the public ones only, so that whoever forgets to ask sends nothing hidden.
 */

import type { Vault } from "../vault.ts";
import { type Bound, isFor } from "../wire/bound.ts";
import type { DefinitionView } from "../wire/dialect.ts";
import { isSecretHeader, isSecretValue, MASK } from "../wire/mask.ts";
import { sealPiece } from "./log-seal.ts";

/** In clear, as the process keeps them; each kind with what it is bound to. */
export interface Hidden {
  headers: readonly Bound<Readonly<Record<string, string>>>[];
  properties: Bound<Readonly<Record<string, unknown>>> | null;
  /** Names in lower case: everybody may see their values. */
  publicHeaders: ReadonlySet<string>;
  publicProperties: ReadonlySet<string>;
}

/** What may be sent to one origin, and how the log keeps it. */
export interface Opened {
  origin: string;
  definition: DefinitionView;
  /** The log's value of a header that is not the dialect's own. */
  loggedHeader(name: string, value: string): string;
  /** A body with its hidden properties sealed. @param payload the event's JSON text: what stands in it is left alone */
  loggedBody(body: string, payload: string): string;
  /** Values of this definition that a receiver may send back, and what the log keeps instead; longest first. */
  quiet: readonly (readonly [value: string, logged: string])[];
}

/** Shorter ones would be found by chance in the middle of other words. */
const SHORTEST = 6;

const pick = <Value>(values: Readonly<Record<string, Value>>, keep: (name: string) => boolean): Record<string, Value> =>
  Object.fromEntries(Object.entries(values).filter(([name]) => keep(name)));

/** What everybody may see, which may go everywhere. */
export function publicPart({ headers, properties, publicHeaders, publicProperties }: Hidden) {
  const kept = properties && pick(properties.values, (name) => publicProperties.has(name));
  return {
    headers: Object.assign({}, ...headers.map(({ values }) => pick(values, (name) => publicHeaders.has(name.toLowerCase())))) as Record<
      string,
      string
    >,
    properties: kept && Object.keys(kept).length > 0 ? kept : null,
  };
}

function texts(value: unknown): string[] {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(texts) : [];
}

/** @param origin of a URL, or a script's own destination */
export function openFor(vault: Vault, definition: DefinitionView, hidden: Hidden, origin: string): Opened {
  const sealer = { vault, organizationId: definition.organizationId };
  const { publicHeaders, publicProperties } = hidden;
  const headers: Record<string, string> = Object.assign(
    {},
    ...hidden.headers.map((bound) =>
      isFor(bound, origin) ? bound.values : pick(bound.values, (name) => publicHeaders.has(name.toLowerCase())),
    ),
  );
  const bound = hidden.properties;
  const properties = bound && (isFor(bound, origin) ? bound.values : pick(bound.values, (name) => publicProperties.has(name)));

  const known = new Map<string, string>();
  const sealedText = (value: string) => {
    const found = known.get(value) ?? sealPiece(sealer, origin, value, "TEXT");
    known.set(value, found);
    return found;
  };
  const logged = (name: string, value: string) => {
    if (isSecretHeader(name) || isSecretValue(value)) return MASK;
    return publicHeaders.has(name.toLowerCase()) ? value : sealedText(value);
  };
  const fixed = new Map(Object.entries(headers).map(([name, value]) => [`${name}\n${value}`, logged(name, value)]));

  const secret = Object.entries(properties ?? {}).filter(([name]) => !publicProperties.has(name));
  const members = secret.flatMap(([name, value]): [string, string][] => {
    const json = JSON.stringify(value);
    if (json === undefined) return [];
    const key = JSON.stringify(name);
    return [[`${key}:${json}`, `${key}:${sealPiece(sealer, origin, json, "JSON")}`]];
  });
  const sealedMembers = (text: string) => members.reduce((rest, [member, sealed]) => rest.replaceAll(member, () => sealed), text);

  const quiet = [
    ...Object.entries(headers).flatMap(([name, value]) => {
      const instead = fixed.get(`${name}\n${value}`) as string;
      const bare = value.replace(/^\S+\s+/, "");
      if (instead === value) return [];
      return bare === value ? [[value, instead] as const] : [[value, instead] as const, [bare, MASK] as const];
    }),
    ...secret.flatMap(([, value]) => texts(value)).map((value) => [value, sealedText(value)] as const),
  ].filter(([value]) => value.length >= SHORTEST);

  return {
    origin,
    definition: { ...definition, headers, properties },
    loggedHeader: (name, value) => fixed.get(`${name}\n${value}`) ?? logged(name, value),
    loggedBody(body, payload) {
      if (members.length === 0) return body;
      const at = payload.length > 2 ? body.lastIndexOf(payload) : -1;
      return at < 0 ? sealedMembers(body) : sealedMembers(body.slice(0, at)) + payload + sealedMembers(body.slice(at + payload.length));
    },
    quiet: [...new Map(quiet)].sort((a, b) => b[0].length - a[0].length),
  };
}
