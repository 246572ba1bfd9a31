/**
 * Which requests: one filter for the log (SQL), for replays (SQL) and for live subscriptions (`matcher`).
 * Both readings are held together by a property test (test/requests/filter.property.test.ts). Pure.
 */
import type { DialectName } from "../wire/dialect.ts";
import { type LifeCycleState, type RequestRow, type RequestState, STATES_OF } from "./row.ts";

/** All given clauses must hold. Ids are UUIDs. A list that is empty matches nothing. */
export interface RequestFilter {
  /** Only these. */
  ids?: readonly string[];
  webhookDefinitionId?: string;
  eventType?: string;
  entity?: string;
  entityId?: string;
  /** Exactly this URL. */
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

const MAX_INT4 = 2 ** 31 - 1;

/** No row can match: Postgres takes neither NUL in a text nor a number beyond int4, so it is not asked. */
export function matchesNothing(filter: RequestFilter): boolean {
  const texts = [filter.eventType, filter.entity, filter.entityId, filter.url, filter.errorCode];
  const { number } = filter;
  return (
    texts.some((text) => text?.includes("\0")) ||
    filter.ids?.length === 0 ||
    statesOf(filter)?.length === 0 ||
    (number !== undefined && !(Number.isInteger(number) && number >= 1 && number <= MAX_INT4))
  );
}

/** SQL conditions under construction; `add` takes the text with `?` where the value's placeholder stands. */
export interface Conditions {
  readonly texts: string[];
  readonly values: unknown[];
  add(text: string, value: unknown): void;
}

export function conditions(): Conditions {
  const texts: string[] = [];
  const values: unknown[] = [];
  return {
    texts,
    values,
    add(text, value) {
      values.push(value);
      texts.push(text.replaceAll("?", `$${values.length}`));
    },
  };
}

/** The filter over `webhook_request r`. Ask `matchesNothing` first. */
export function requestConditions(organizationId: string, filter: RequestFilter): Conditions {
  const where = conditions();
  const add = (text: string, value: unknown) => value !== undefined && where.add(text, value);
  add("r.organization_id = ?", organizationId);
  add("r.id = ANY(?::uuid[])", filter.ids);
  add("r.definition_id = ?", filter.webhookDefinitionId);
  add("r.event_type = ?", filter.eventType);
  add("r.entity = ?", filter.entity);
  add("r.entity_id = ?", filter.entityId);
  add("r.url = ?", filter.url);
  const states = statesOf(filter);
  add("r.state = ANY(?::webhook_request_state[])", states);
  // Said twice, so that the partial index of what failed serves.
  if (states?.every((state) => STATES_OF.REJECTED.includes(state))) where.texts.push("r.failed");
  add("r.error_code = ?", filter.errorCode);
  add("r.number = ?", filter.number);
  add("r.created_at >= ?", filter.createdAfter);
  add("r.created_at < ?", filter.createdBefore);
  add("r.workflow_rule_id = ?", filter.workflowRuleId);
  add("r.dialect = ?", filter.dialect);
  add("r.is_test = ?", filter.isTest);
  return where;
}

/** The same filter as a function, built once per subscriber. The organization is the caller's to check. */
export function matcher(filter: RequestFilter): (row: RequestRow) => boolean {
  if (matchesNothing(filter)) return () => false;
  const tests: ((row: RequestRow) => boolean)[] = [];
  const equal = <K extends keyof RequestRow>(key: K, value: RequestRow[K] | undefined) => {
    if (value !== undefined) tests.push((row) => row[key] === value);
  };
  equal("definitionId", filter.webhookDefinitionId);
  equal("eventType", filter.eventType);
  equal("entity", filter.entity);
  equal("entityId", filter.entityId);
  equal("url", filter.url);
  equal("errorCode", filter.errorCode);
  equal("number", filter.number);
  equal("workflowRuleId", filter.workflowRuleId);
  equal("dialect", filter.dialect);
  equal("isTest", filter.isTest);
  const { ids } = filter;
  if (ids) tests.push((row) => ids.includes(row.id));
  const states = statesOf(filter);
  if (states) tests.push((row) => states.includes(row.state));
  const { createdAfter, createdBefore } = filter;
  if (createdAfter) tests.push((row) => row.createdAt >= createdAfter);
  if (createdBefore) tests.push((row) => row.createdAt < createdBefore);
  return (row) => tests.every((test) => test(row));
}
