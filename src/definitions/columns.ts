/** A definition's settings as columns, and as the audit log shows them. */
import type { Core } from "../core.ts";
import { maskTarget } from "../wire/mask.ts";
import { shownHeaders, shownProperties } from "./headers.ts";
import type { DefinitionRow, DefinitionSettings } from "./settings.ts";
import { Json } from "./sql.ts";

/** Values for webhook_definition; JSON ones wrapped. */
export type Columns = { [K in keyof DefinitionRow]: DefinitionRow[K] | (K extends "filter" | "properties" ? Json : never) };

/** Only what is given; checked already. What is hidden is hiding.ts's. */
export function columnsFrom(settings: DefinitionSettings): Partial<Columns> {
  const { name, description, dialect, connectionId, scriptId, ordering, concurrency, onExhausted, timeoutMs } = settings;
  const { applicationId, secretKeyId, hmacAlgorithm, hmacEncoding, transformation, payloadQuery, errorsEmail } = settings;
  const { targetUrl, eventTypes, filter, retrySchedule, maxConsecutiveErrors, signatureVersions, fieldsSet } = settings;
  const columns = {
    ...{ name, description, dialect, connectionId, scriptId, ordering, concurrency, onExhausted, timeoutMs },
    ...{ applicationId, secretKeyId, hmacAlgorithm, hmacEncoding, transformation, payloadQuery, errorsEmail },
    targetUrl: targetUrl ? new URL(targetUrl).href : targetUrl,
    eventTypes: eventTypes && [...eventTypes],
    filter: filter === undefined ? undefined : new Json(filter),
    retrySchedule: retrySchedule === undefined ? undefined : [...(retrySchedule ?? [])],
    retryScheduleSet: retrySchedule === undefined ? undefined : retrySchedule !== null,
    maxConsecutiveErrors,
    maxConsecutiveErrorsSet: maxConsecutiveErrors === undefined ? undefined : true,
    signatureVersions: signatureVersions && [...new Set(signatureVersions)],
    fieldsSet: fieldsSet === undefined ? undefined : [...(fieldsSet ?? [])],
  };
  return Object.fromEntries(Object.entries(columns).filter(([, value]) => value !== undefined)) as Partial<Columns>;
}

/** Everything but counters; what is hidden is masked, whoever reads the log. */
export function auditView(core: Core, row: DefinitionRow): object {
  const { headers: _headers, hiddenProperties: _properties, ...shown } = row;
  const { createdAt, updatedAt, stoppedAt, createdById, updatedById, createdUnit, updatedUnit, ...rest } = shown;
  const { orderingEpoch, organizationId, id, ...settings } = rest;
  return {
    ...settings,
    targetUrl: row.targetUrl && maskTarget(row.targetUrl),
    headers: shownHeaders(core, undefined, row),
    properties: shownProperties(core, undefined, row),
  };
}
