/** A definition's settings as columns, and as the audit log shows them. */
import type { Core } from "../core.ts";
import { type Headers, keepMasked, openHeaders, sealHeaders, shownHeaders } from "./headers.ts";
import type { DefinitionRow, DefinitionSettings } from "./settings.ts";
import { Json } from "./sql.ts";

/** Values for webhook_definition; JSON ones wrapped. */
export type Columns = { [K in keyof DefinitionRow]: DefinitionRow[K] | (K extends "filter" | "properties" ? Json : never) };

/**
 * Only what is given; checked already.
 * @param storedHeaders sealed, of the definition before the change
 */
export function columnsFrom(
  core: Core,
  owner: { id: string; organizationId: string },
  settings: DefinitionSettings,
  storedHeaders: string | null,
): Partial<Columns> {
  const { name, description, dialect, connectionId, scriptId, ordering, concurrency, onExhausted, timeoutMs } = settings;
  const { secretKeyId, hmacAlgorithm, hmacEncoding, transformation, payloadQuery, errorsEmail } = settings;
  const { targetUrl, eventTypes, filter, properties, retrySchedule, maxConsecutiveErrors, signatureVersions, fieldsSet, headers } =
    settings;
  const columns = {
    ...{ name, description, dialect, connectionId, scriptId, ordering, concurrency, onExhausted, timeoutMs },
    ...{ secretKeyId, hmacAlgorithm, hmacEncoding, transformation, payloadQuery, errorsEmail },
    targetUrl: targetUrl ? new URL(targetUrl).href : targetUrl,
    eventTypes: eventTypes && [...eventTypes],
    filter: filter === undefined ? undefined : new Json(filter),
    properties: properties === undefined ? undefined : new Json(properties),
    retrySchedule: retrySchedule === undefined ? undefined : [...(retrySchedule ?? [])],
    retryScheduleSet: retrySchedule === undefined ? undefined : retrySchedule !== null,
    maxConsecutiveErrors,
    maxConsecutiveErrorsSet: maxConsecutiveErrors === undefined ? undefined : true,
    signatureVersions: signatureVersions && [...new Set(signatureVersions)],
    fieldsSet: fieldsSet === undefined ? undefined : [...(fieldsSet ?? [])],
    headers: headers === undefined ? undefined : sealed(core, owner, headers as Headers | null, storedHeaders),
  };
  return Object.fromEntries(Object.entries(columns).filter(([, value]) => value !== undefined)) as Partial<Columns>;
}

function sealed(core: Core, owner: { id: string; organizationId: string }, given: Headers | null, stored: string | null): string | null {
  if (given === null) return null;
  return sealHeaders(core, owner, keepMasked(given, openHeaders(core, { ...owner, headers: stored })));
}

/** Everything but counters; secrets masked. */
export function auditView(core: Core, row: DefinitionRow): object {
  const { id, organizationId, headers, createdAt, updatedAt, createdById, updatedById, createdUnit, updatedUnit, orderingEpoch, ...shown } =
    row;
  return { ...shown, headers: shownHeaders(core, { id, organizationId, headers }) };
}
