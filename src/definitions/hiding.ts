/**
 * What a change means for the hidden values of a definition. They stay with the destinations that they were saved for: a change
 * of origin (scheme, host, port) drops them, unless its caller may read them anyway; and the definition says so.
 */
import type { Caller } from "../accounts/caller.ts";
import type { Core } from "../core.ts";
import type { PoolClient } from "../db/client.ts";
import { scriptDestination } from "../delivery/script-destination.ts";
import type { Issue } from "../errors.ts";
import { type Bound, originsOf } from "../wire/bound.ts";
import { isSecretHeader, isSecretName, MASK } from "../wire/mask.ts";
import {
  boundHeaders,
  boundProperties,
  type Headers,
  type HiddenRow,
  headerName,
  keepMasked,
  type Properties,
  sealHeaders,
  sealProperties,
  seesSecrets,
  shownUrl,
} from "./headers.ts";
import type { DefinitionSettings } from "./settings.ts";
import { columnsOf, Json, rowOf, update } from "./sql.ts";

/** Where a definition may send: origins, or the very text of a script. */
interface Target {
  targetUrl: string | null;
  connectionId: string | null;
  scriptId: string | null;
}

export async function destinationsOf(client: Pick<PoolClient, "query">, organizationId: string, target: Target): Promise<string[]> {
  if (target.scriptId !== null) {
    const { rows } = await client.query<{ id: string; source: string }>(
      "SELECT id, source FROM script WHERE organization_id = $1 AND id = $2",
      [organizationId, target.scriptId],
    );
    return rows.map(scriptDestination);
  }
  if (target.connectionId === null) return originsOf([target.targetUrl]);
  const { rows } = await client.query<Record<string, string | null>>(
    "SELECT url_added, url_edited, url_deleted, url_status FROM connection WHERE organization_id = $1 AND id = $2",
    [organizationId, target.connectionId],
  );
  return originsOf([target.targetUrl, ...Object.values(rows[0] ?? {})]);
}

/** Values of one kind, and how they came through a change. */
interface Kept<Values> {
  values: Values;
  dropped: string[];
}

/**
 * @param isPublic what everybody may see may go everywhere
 * @param before where it sent until now: of values that an earlier version bound to nothing
 */
export function keptFor<Value>(
  stored: Bound<Record<string, Value>>,
  change: { caller: Caller; before: readonly string[]; after: readonly string[]; isPublic: (name: string) => boolean },
): Kept<Record<string, Value>> {
  const known = stored.origins ?? change.before;
  if (seesSecrets(change.caller) || change.after.every((origin) => known.includes(origin))) return { values: stored.values, dropped: [] };
  const entries = Object.entries(stored.values);
  return {
    values: Object.fromEntries(entries.filter(([name]) => change.isPublic(name))),
    dropped: entries.flatMap(([name]) => (change.isPublic(name) ? [] : [name])),
  };
}

const place = (origin: string) => (origin.startsWith("crmscript:") ? "another text of its script" : origin);
const places = (origins: readonly string[]) => (origins.length === 0 ? "nowhere" : origins.map(place).join(", "));

export function droppedWarning(
  after: readonly string[],
  dropped: { headers: readonly string[]; properties: readonly string[] },
): string | null {
  const parts = [
    ...(dropped.headers.length > 0 ? [`the headers ${dropped.headers.join(", ")}`] : []),
    ...(dropped.properties.length > 0 ? [`the properties ${dropped.properties.join(", ")}`] : []),
  ];
  if (parts.length === 0) return null;
  return `It now sends to ${places(after)}: ${parts.join(" and ")} were dropped, because whoever changed that may not read secrets. Give them anew.`;
}

export interface HiddenColumns {
  headers?: string | null;
  publicHeaders?: string[];
  properties?: Json;
  hiddenProperties?: string | null;
  publicProperties?: string[];
  warning?: string | null;
}

export interface HiddenChange {
  columns: HiddenColumns;
  /** Names of what was taken away, for the audit log. */
  dropped: string[];
}

/** Names of stored values that become public by this change without being given anew: only those may do that who see them. */
export function publishIssues(caller: Caller, stored: HiddenRow | null, settings: DefinitionSettings): Issue[] {
  const headers = (settings.publicHeaders ?? []).filter(isSecretHeader).map((name) => ({
    path: "publicHeaders",
    message: `${name.slice(0, 100)} opens doors and cannot be public`,
  }));
  const properties = (settings.publicProperties ?? []).filter(isSecretName).map((name) => ({
    path: "publicProperties",
    message: `${name.slice(0, 100)} opens doors and cannot be public`,
  }));
  if (!stored || seesSecrets(caller)) return [...headers, ...properties];
  const anew = (given: unknown, name: (key: string) => string) =>
    new Set(Object.entries((given ?? {}) as object).flatMap(([key, value]) => (value === MASK ? [] : [name(key)])));
  const hidden = (path: string, names: readonly string[], known: readonly string[], given: Set<string>, name: (key: string) => string) =>
    names
      .filter((one) => !known.map(name).includes(name(one)) && !given.has(name(one)))
      .map((one) => ({ path, message: `${one.slice(0, 100)}: its value is hidden from you; give it anew to make it public` }));
  return [
    ...headers,
    ...properties,
    ...hidden("publicHeaders", settings.publicHeaders ?? [], stored.publicHeaders, anew(settings.headers, headerName), headerName),
    ...hidden("publicProperties", settings.publicProperties ?? [], stored.publicProperties, anew(settings.properties, String), String),
  ];
}

/**
 * The columns of what is hidden, after a change of settings or destinations.
 * @param stored null: it is being made
 */
export function hiddenChange(
  core: Core,
  caller: Caller,
  owner: { id: string; organizationId: string },
  stored: HiddenRow | null,
  settings: DefinitionSettings,
  destinations: { before: readonly string[]; after: readonly string[] },
): HiddenChange {
  const { before, after } = destinations;
  const headers = stored ? boundHeaders(core, stored) : { origins: after, values: {} };
  const properties = stored ? boundProperties(core, stored) : { origins: after, values: {} };
  const shownHeaders = new Set((stored?.publicHeaders ?? []).map(headerName));
  const shownProperties = new Set(stored?.publicProperties);
  const change = { caller, before, after };
  const keptHeaders = keptFor(headers, { ...change, isPublic: (name) => shownHeaders.has(headerName(name)) });
  const keptProperties = keptFor(properties, { ...change, isPublic: (name) => shownProperties.has(name) });
  const given = settings.headers as Headers | null | undefined;
  const givenProperties = settings.properties as Properties | null | undefined;
  const newHeaders = given === undefined ? keptHeaders.values : keepMasked(given ?? {}, keptHeaders.values, headerName);
  const newProperties = givenProperties === undefined ? keptProperties.values : keepMasked(givenProperties ?? {}, keptProperties.values);
  const lost = <Value>(
    names: readonly string[],
    now: Record<string, Value>,
    asked: Record<string, unknown> | null | undefined,
    name: (key: string) => string,
  ) => {
    const there = new Set(Object.keys(now).map(name));
    // What the caller leaves out by himself is not taken away from him.
    const wanted = asked === undefined ? undefined : new Set(Object.keys(asked ?? {}).map(name));
    return names.filter((one) => !there.has(name(one)) && (wanted?.has(name(one)) ?? true));
  };
  const dropped = {
    headers: lost(keptHeaders.dropped, newHeaders, given, headerName),
    properties: lost(keptProperties.dropped, newProperties, givenProperties, String),
  };
  const had = stored !== null && (stored.hiddenProperties !== null || stored.properties !== null);
  const none = givenProperties === null || (givenProperties === undefined && !had);
  const warning = droppedWarning(after, dropped);
  return {
    columns: {
      headers: sealHeaders(core, owner, newHeaders, after),
      properties: new Json(null),
      hiddenProperties: none ? null : sealProperties(core, owner, newProperties, after),
      ...(settings.publicHeaders && { publicHeaders: [...new Set(settings.publicHeaders)] }),
      ...(settings.publicProperties && { publicProperties: [...new Set(settings.publicProperties)] }),
      // It stands until what was taken is given anew, or the next thing is taken.
      ...(warning !== null ? { warning } : given !== undefined || givenProperties !== undefined ? { warning: null } : {}),
    },
    dropped: [...dropped.headers, ...dropped.properties],
  };
}

/** Undefined: nothing hidden is touched, nor where it may go. @param whole the definition as it will be */
export async function hiddenOf(
  core: Core,
  client: Pick<PoolClient, "query">,
  caller: Caller,
  before: HiddenRow & Target,
  whole: Target,
  input: DefinitionSettings,
): Promise<HiddenChange | undefined> {
  const { headers, publicHeaders, properties, publicProperties, targetUrl, connectionId, scriptId, targetType } = input;
  const asked = [headers, publicHeaders, properties, publicProperties, targetUrl, connectionId, scriptId, targetType];
  if (asked.every((one) => one === undefined)) return undefined;
  return hiddenChange(core, caller, before, before, input, {
    before: await destinationsOf(client, caller.organizationId, before),
    after: await destinationsOf(client, caller.organizationId, whole),
  });
}

/** Whoever sees an address masked, and sends it back, has not changed it. */
export function keepShownUrl<Given extends { targetUrl?: string | null | undefined }>(
  caller: Caller,
  given: Given,
  { targetUrl: stored }: { targetUrl: string | null },
): Given {
  const { targetUrl: asked, ...rest } = given;
  return asked && stored !== null && asked !== stored && asked === shownUrl(caller, stored) ? (rest as Given) : given;
}

/**
 * After where they may send was changed elsewhere (their connection's URLs, their script's text): the hidden values of the
 * definitions that use it are kept or dropped by the same rule.
 * @param before the destinations of each until now
 * @returns the names of what was dropped, by definition
 */
export async function rebind(
  core: Core,
  client: PoolClient,
  caller: Caller,
  users: readonly { row: HiddenRow & Target; before: readonly string[] }[],
): Promise<Map<string, string[]>> {
  const lost = new Map<string, string[]>();
  for (const { row, before } of users) {
    if (row.headers === null && row.hiddenProperties === null && row.properties === null) continue;
    const after = await destinationsOf(client, caller.organizationId, row);
    const { columns, dropped } = hiddenChange(core, caller, row, row, {}, { before, after });
    await update(client, "webhook_definition", row, columns);
    if (dropped.length > 0) lost.set(row.id, dropped);
  }
  return lost;
}

/** Those that use a connection or a script, locked, with where they sent until now. */
export async function usersOf(
  client: PoolClient,
  organizationId: string,
  by: { connectionId: string } | { scriptId: string },
): Promise<{ row: HiddenRow & Target; before: string[] }[]> {
  const [column, id] = "connectionId" in by ? ["connection_id", by.connectionId] : ["script_id", by.scriptId];
  const { rows } = await client.query(
    `SELECT ${columnsOf("webhook_definition")} FROM webhook_definition
     WHERE organization_id = $1 AND ${column} = $2 AND deleted_at IS NULL ORDER BY id FOR NO KEY UPDATE`,
    [organizationId, id],
  );
  const users: { row: HiddenRow & Target; before: string[] }[] = [];
  for (const raw of rows) {
    const row = rowOf<HiddenRow & Target>(raw);
    users.push({ row, before: await destinationsOf(client, organizationId, row) });
  }
  return users;
}
