/**
 * Which requests: one filter for the log and for replays (SQL: clauses.ts) and for live subscriptions (`matcher`).
 * Both readings are held together by a property test (test/requests/filter.property.test.ts). Pure.
 */
import type { DialectName } from "../wire/dialect.ts";
import { type LifeCycleState, type RequestRow, type RequestState, STATES_OF } from "./row.ts";

/** All given clauses must hold. Ids are UUIDs. A list that is empty matches nothing. */
export interface RequestFilter {
  /** Only these. */
  ids?: readonly string[];
  webhookDefinitionId?: string;
  /** Exactly this one, a family such as `order.*`, or `*`. */
  eventType?: string;
  entity?: string;
  entityId?: string;
  /** This URL, however it is written. */
  url?: string;
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
}

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
    statesOf(filter)?.length === 0 ||
    (number !== undefined && !(Number.isSafeInteger(number) && number >= 1))
  );
}

/**
 * What a URL may look like in the log, however it was typed: as it stands, in the canonical form that definitions keep,
 * and without its fragment, which is never sent. A text without a scheme means https or http.
 */
export function urlForms(typed: string): string[] {
  const text = typed.trim();
  const whole =
    URL.canParse(text) && /^https?:/i.test(text) ? [text] : /^[a-z][a-z0-9+.-]*:/i.test(text) ? [] : [`https://${text}`, `http://${text}`];
  const forms = whole
    .filter((each) => URL.canParse(each))
    .flatMap((each) => {
      const url = new URL(each);
      const canonical = url.href;
      url.hash = "";
      return [canonical, url.href];
    });
  return [...new Set([typed, ...forms])];
}

/** `order.*` as definitions understand it: one or more further segments. Undefined for an exact type. */
export function familyOf(eventType: string): string | undefined {
  return eventType.endsWith(".*") ? eventType.slice(0, -1) : undefined;
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
  const family = eventType === undefined ? undefined : familyOf(eventType);
  if (family !== undefined) tests.push((row) => row.eventType.startsWith(family) && row.eventType.length > family.length);
  else equal("eventType", eventType === "*" ? undefined : eventType);
  if (filter.url !== undefined) {
    const forms = urlForms(filter.url);
    tests.push((row) => row.url !== null && forms.includes(row.url));
  }
  if (ids) tests.push((row) => ids.includes(row.id));
  const states = statesOf(filter);
  if (states) tests.push((row) => states.includes(row.state));
  const { createdAfter, createdBefore } = filter;
  if (createdAfter) tests.push((row) => row.createdAt >= createdAfter);
  if (createdBefore) tests.push((row) => row.createdAt < createdBefore);
  return (row) => tests.every((test) => test(row));
}
