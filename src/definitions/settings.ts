/** What can be said about a definition, and the checks that need no database. */
import type { WebhookDefinition } from "../db/generated/prisma/client.ts";
import type { Egress } from "../delivery/egress.ts";
import type { Issue } from "../errors.ts";
import type { DialectName, OnExhausted, Ordering } from "../wire/dialect.ts";
import { dialects } from "../wire/dialects.ts";
import { checkPath } from "../wire/fields.ts";
import { checkHeaders } from "../wire/headers.ts";
import { checkFilter } from "./filter.ts";
import { checkEventTypePattern } from "./match.ts";
import { isPlainObject, jsonIssues, nameIssues, textIssues } from "./text.ts";

/** A row of webhook_definition, as Prisma reads it. */
export type DefinitionRow = WebhookDefinition;
export type DefinitionState = DefinitionRow["state"];
export type SignatureVersion = "V1" | "V1A";

type Maybe<T> = T | null | undefined;

/** Undefined: not said. Null: as the dialect says, or none; `maxConsecutiveErrors: null` is "never". Ids are UUIDs. */
export interface DefinitionSettings {
  name?: string | undefined;
  description?: Maybe<string>;
  dialect?: DialectName | undefined;
  /** Where to; a connection gives a URL per record action instead, a script runs here. */
  targetUrl?: Maybe<string>;
  connectionId?: Maybe<string>;
  scriptId?: Maybe<string>;
  /** Only to say it aloud: a script makes it CRMSCRIPT, WEBHOOK takes the script away. */
  targetType?: "WEBHOOK" | "CRMSCRIPT" | null | undefined;
  eventTypes?: readonly string[] | undefined;
  filter?: unknown;
  /** An object {Name: value}; the mask as a value keeps what is stored. */
  headers?: unknown;
  /** Names of headers whose values everybody may see. */
  publicHeaders?: readonly string[] | undefined;
  /** An object; the mask as a value keeps what is stored. */
  properties?: unknown;
  publicProperties?: readonly string[] | undefined;
  ordering?: Maybe<Ordering>;
  /** With ordering NONE. */
  concurrency?: Maybe<number>;
  onExhausted?: Maybe<OnExhausted>;
  /** Seconds after the 1st, 2nd … failed attempt; []: one attempt. */
  retrySchedule?: Maybe<readonly number[]>;
  maxConsecutiveErrors?: Maybe<number>;
  timeoutMs?: Maybe<number>;
  signatureVersions?: readonly SignatureVersion[] | undefined;
  /** Dotted paths; []: the whole payload. */
  fieldsSet?: Maybe<readonly string[]>;
  secretKeyId?: Maybe<string>;
  /** Whose definition it is; null: the organization's own. */
  applicationId?: Maybe<string>;
  hmacAlgorithm?: "SHA256" | "SHA1" | undefined;
  hmacEncoding?: "HEX" | "BASE64" | undefined;
  transformation?: Maybe<string>;
  payloadQuery?: Maybe<string>;
  /** Mailed when the state becomes TOO_MANY_ERRORS. */
  errorsEmail?: Maybe<string>;
}

const LIMITS = { name: 400, description: 4000, email: 239, json: 65_536, eventTypes: 200, fields: 100, waits: 20, names: 100 };
/** Seconds: a week. */
const MAX_WAIT = 604_800;

/** Everything wrong with what is given; nothing about what is not. */
export function settingsIssues(settings: DefinitionSettings, egress: Egress): Issue[] {
  const { name, eventTypes, fieldsSet, retrySchedule } = settings;
  return [
    ...(name === undefined ? [] : nameIssues("name", name, LIMITS.name)),
    ...textIssues("description", settings.description, LIMITS.description),
    ...targetIssues(settings.targetUrl, egress),
    ...(eventTypes ? eventTypesIssues(eventTypes) : []),
    ...jsonIssues("filter", settings.filter, LIMITS.json),
    ...checkFilter(settings.filter, "filter"),
    ...objectIssues("headers", settings.headers),
    ...(isPlainObject(settings.headers) ? checkHeaders(settings.headers) : []),
    ...objectIssues("properties", settings.properties),
    ...jsonIssues("properties", settings.properties, LIMITS.json),
    ...namesIssues("publicHeaders", settings.publicHeaders),
    ...namesIssues("publicProperties", settings.publicProperties),
    ...wholeIssues("concurrency", settings.concurrency, 1, 100),
    ...(retrySchedule ? waitsIssues(retrySchedule) : []),
    ...wholeIssues("maxConsecutiveErrors", settings.maxConsecutiveErrors, 1, 1_000_000),
    ...wholeIssues("timeoutMs", settings.timeoutMs, 100, 60_000),
    ...(settings.signatureVersions?.length === 0 ? [{ path: "signatureVersions", message: "must name at least one version" }] : []),
    ...(fieldsSet ? fieldsIssues(fieldsSet) : []),
    ...emailIssues(settings.errorsEmail),
  ];
}

/** What must hold of the definition as a whole, once what is given is laid over what was. */
export function wholeDefinitionIssues(definition: {
  dialect: DialectName;
  onExhausted: OnExhausted | null;
  targetUrl: string | null;
  connectionId: string | null;
  scriptId: string | null;
  targetType: "WEBHOOK" | "CRMSCRIPT" | null;
}): Issue[] {
  const issues: Issue[] = [];
  if (definition.targetType === "CRMSCRIPT" && definition.scriptId === null) {
    return [{ path: "scriptId", message: "is needed: which script shall run" }];
  }
  if (definition.targetUrl === null && definition.connectionId === null && definition.scriptId === null) {
    issues.push({ path: "targetUrl", message: "is needed, unless a connection or a script is the target" });
  }
  if (definition.onExhausted === "REQUEUE" && !dialects[definition.dialect].requeues) {
    issues.push({ path: "onExhausted", message: "REQUEUE is for the dialect SUPEROFFICE alone; use SKIP or BLOCK" });
  }
  return issues;
}

function targetIssues(targetUrl: Maybe<string>, egress: Egress): Issue[] {
  if (targetUrl === null || targetUrl === undefined) return [];
  const checked = egress.checkUrl(targetUrl);
  return checked.ok ? [] : [{ path: "targetUrl", message: checked.reason }];
}

function eventTypesIssues(eventTypes: readonly string[]): Issue[] {
  if (eventTypes.length > LIMITS.eventTypes) return [{ path: "eventTypes", message: `must be at most ${LIMITS.eventTypes}` }];
  return eventTypes.flatMap((pattern, i) => {
    const message = checkEventTypePattern(pattern);
    return message ? [{ path: `eventTypes.${i}`, message }] : [];
  });
}

function objectIssues(path: string, value: unknown): Issue[] {
  if (value === null || value === undefined || isPlainObject(value)) return [];
  return [{ path, message: 'must be an object such as {"name": "value"}' }];
}

function namesIssues(path: string, names: readonly string[] | undefined): Issue[] {
  if (!names) return [];
  if (names.length > LIMITS.names) return [{ path, message: `must be at most ${LIMITS.names} names` }];
  return names.flatMap((name, i) => nameIssues(`${path}.${i}`, name, 255));
}

function wholeIssues(path: string, value: Maybe<number>, min: number, max: number): Issue[] {
  if (value === null || value === undefined || (Number.isInteger(value) && value >= min && value <= max)) return [];
  return [{ path, message: `must be a whole number from ${min} to ${max}` }];
}

function waitsIssues(waits: readonly number[]): Issue[] {
  if (waits.length > LIMITS.waits) return [{ path: "retrySchedule", message: `must be at most ${LIMITS.waits} waits` }];
  return waits.flatMap((wait, i) =>
    Number.isFinite(wait) && wait >= 0 && wait <= MAX_WAIT
      ? []
      : [{ path: `retrySchedule.${i}`, message: `must be a number of seconds from 0 to ${MAX_WAIT}` }],
  );
}

function fieldsIssues(paths: readonly string[]): Issue[] {
  if (paths.length > LIMITS.fields) return [{ path: "fieldsSet", message: `must be at most ${LIMITS.fields} paths` }];
  return paths.flatMap((path, i) => {
    const message = checkPath(path);
    return message ? [{ path: `fieldsSet.${i}`, message }] : [];
  });
}

/** CR and LF would end a mail header; more than the form is the mail server's business. */
const EMAIL = /^[^\s@<>,;]+@[^\s@<>,;]+$/;

function emailIssues(email: Maybe<string>): Issue[] {
  if (email === null || email === undefined) return [];
  if (email.length > LIMITS.email) return [{ path: "errorsEmail", message: `must have at most ${LIMITS.email} characters` }];
  return EMAIL.test(email)
    ? textIssues("errorsEmail", email, LIMITS.email)
    : [{ path: "errorsEmail", message: "must be one e-mail address" }];
}
