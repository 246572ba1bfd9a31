/**
 * Which requests: one filter for the log and for replays (SQL: clauses.ts) and for live subscriptions (`matcher`).
 * Both readings are held together by a property test (test/requests/filter.property.test.ts). Pure.
 */
import type { Caller } from "../accounts/caller.ts";
import type { DialectName } from "../wire/dialect.ts";
import { type LifeCycleState, type RequestRow, type RequestState, STATES_OF } from "./row.ts";
import { urlTest } from "./typed-url.ts";

/** All given clauses must hold. Ids are UUIDs. A list that is empty matches nothing. */
export interface RequestFilter {
  /** Only these. */
  ids?: readonly string[];
  webhookDefinitionId?: string;
  /** Of any of these. */
  definitionIds?: readonly string[];
  /** Exactly this one, a family such as `order.*` or `*.created`, or `*`. */
  eventType?: string;
  entity?: string;
  entityId?: string;
  /** This URL, however it is written; a host alone, a path or a query that stands in it: typed-url.ts. */
  url?: string;
  /** A part of a URL is looked for in what those see who may not read secrets: else they would spell it out. */
  urlsMasked?: boolean;
  state?: readonly RequestState[];
  lifeCycleState?: readonly LifeCycleState[];
  errorCode?: string;
  number?: number;
  /** Inclusive. */
  createdAfter?: Date;
  /** Exclusive, so that windows tile. */
  createdBefore?: Date;
  workflowRuleId?: string;
  /** For the faces, which show only requests of their own. */
  dialect?: DialectName;
  isTest?: boolean;
  /** For portals: of this application's events. A definition that was moved brings those of where it was before. Live rows are judged where they are shown. */
  eventApplicationId?: string;
}

/** As `urlsMasked`: for a filter by URL of who may not read secrets. */
export const masksUrls = ({ scopes }: Pick<Caller, "scopes">, url: unknown): true | undefined =>
  url == null || scopes.has("secrets:read") ? undefined : true;

/** The states that `state` and `lifeCycleState` leave; undefined when neither is given. */
export function statesOf(filter: RequestFilter): RequestState[] | undefined {
  const { state, lifeCycleState } = filter;
  if (!state && !lifeCycleState) return undefined;
  const alive = lifeCycleState?.flatMap((lifeCycle) => STATES_OF[lifeCycle]);
  return [...new Set(state ?? alive)].filter((s) => !alive || alive.includes(s));
}

/** No row can match: Postgres takes no NUL in a text, so it is not asked. */
export function matchesNothing(filter: RequestFilter): boolean {
  const texts = [filter.eventType, filter.entity, filter.entityId, filter.url, filter.errorCode];
  const { number } = filter;
  return (
    texts.some((text) => text?.includes("\0")) ||
    filter.ids?.length === 0 ||
    filter.definitionIds?.length === 0 ||
    statesOf(filter)?.length === 0 ||
    (number !== undefined && !(Number.isSafeInteger(number) && number >= 1))
  );
}

/** `order.*` as definitions understand it, one or more further segments; `*.created`: one or more before. Undefined for an exact type. */
export function familyOf(eventType: string): { prefix: string } | { suffix: string } | undefined {
  if (eventType.endsWith(".*")) return { prefix: eventType.slice(0, -1) };
  return eventType.startsWith("*.") ? { suffix: eventType.slice(1) } : undefined;
}

function typeTest(eventType: string): ((type: string) => boolean) | undefined {
  if (eventType === "*") return undefined;
  const family = familyOf(eventType);
  if (!family) return (type) => type === eventType;
  if ("prefix" in family) return (type) => type.startsWith(family.prefix) && type.length > family.prefix.length;
  return (type) => type.endsWith(family.suffix) && type.length > family.suffix.length;
}

/** The same filter as a function, built once per subscriber. The organization is the caller's to check. */
export function matcher(filter: RequestFilter): (row: RequestRow) => boolean {
  if (matchesNothing(filter)) return () => false;
  const tests: ((row: RequestRow) => boolean)[] = [];
  const equal = <K extends keyof RequestRow>(key: K, value: RequestRow[K] | undefined) => {
    if (value !== undefined) tests.push((row) => row[key] === value);
  };
  equal("definitionId", filter.webhookDefinitionId);
  equal("entity", filter.entity);
  equal("entityId", filter.entityId);
  equal("errorCode", filter.errorCode);
  equal("number", filter.number);
  equal("workflowRuleId", filter.workflowRuleId);
  equal("dialect", filter.dialect);
  equal("isTest", filter.isTest);
  const { ids, eventType } = filter;
  const ofType = eventType === undefined ? undefined : typeTest(eventType);
  if (ofType) tests.push((row) => ofType(row.eventType));
  if (filter.url !== undefined) {
    const asTyped = urlTest(filter.url, filter.urlsMasked);
    tests.push((row) => row.url !== null && asTyped(row.url));
  }
  if (ids) tests.push((row) => ids.includes(row.id));
  const ofAny = filter.definitionIds && new Set(filter.definitionIds);
  if (ofAny) tests.push((row) => ofAny.has(row.definitionId));
  const states = statesOf(filter);
  if (states) tests.push((row) => states.includes(row.state));
  const { createdAfter, createdBefore } = filter;
  if (createdAfter) tests.push((row) => row.createdAt >= createdAfter);
  if (createdBefore) tests.push((row) => row.createdAt < createdBefore);
  return (row) => tests.every((test) => test(row));
}
