/** The log's filter, as it stands in the address and as the API takes it: a view is a link. */
import type { VariablesOf } from "../graphql/tada.ts";
import type { LogPageQuery, LogRow } from "./documents.ts";

export type RequestState = LogRow["state"];
type FilterInput = NonNullable<VariablesOf<typeof LogPageQuery>["filter"]>;

export interface LogFilter {
  states: RequestState[];
  definition: string;
  type: string;
  entity: string;
  entityId: string;
  error: string;
  rule: string;
  url: string;
  /** ISO times, or "". */
  from: string;
  to: string;
}

export const STATES: readonly RequestState[] = ["PENDING", "SENDING", "WAITING", "DELIVERED", "REJECTED", "SKIPPED", "CANCELLED"];
const SETTLED: readonly RequestState[] = ["DELIVERED", "REJECTED", "SKIPPED", "CANCELLED"];
export const isSettled = (state: RequestState): boolean => SETTLED.includes(state);
const TEXTS = ["definition", "type", "entity", "entityId", "error", "rule", "url", "from", "to"] as const;

export const NO_FILTER: LogFilter = {
  states: [],
  definition: "",
  type: "",
  entity: "",
  entityId: "",
  error: "",
  rule: "",
  url: "",
  from: "",
  to: "",
};

export function readFilter(query: URLSearchParams): LogFilter {
  const states = (query.get("state") ?? "").split(",").filter((state): state is RequestState => STATES.includes(state as RequestState));
  const texts = Object.fromEntries(TEXTS.map((name) => [name, query.get(name) ?? ""])) as Omit<LogFilter, "states">;
  return { states, ...texts };
}

export function writeFilter(filter: LogFilter): URLSearchParams {
  const query = new URLSearchParams();
  if (filter.states.length > 0) query.set("state", filter.states.join(","));
  for (const name of TEXTS) if (filter[name] !== "") query.set(name, filter[name]);
  return query;
}

/** The filter without what changes as a request goes on: an update that takes one out of the view must still arrive. */
export function liveFilter(filter: LogFilter): FilterInput {
  const input: FilterInput = {};
  if (filter.definition) input.webhookDefinitionId = filter.definition;
  if (filter.type) input.eventType = filter.type;
  if (filter.entity) input.entity = filter.entity;
  if (filter.entityId) input.entityId = filter.entityId;
  if (filter.rule) input.workflowRuleId = filter.rule;
  if (filter.url) input.url = filter.url;
  if (filter.from) input.createdAfter = filter.from;
  if (filter.to) input.createdBefore = filter.to;
  return input;
}

export function toInput(filter: LogFilter): FilterInput {
  const input = liveFilter(filter);
  if (filter.states.length > 0) input.state = filter.states;
  if (filter.error) input.errorCode = filter.error;
  return input;
}

/** The states of a view that a resend of all takes, as the server does: rejected ones, unless the view names states; never what is queued. */
export const resentStates = ({ states }: LogFilter): RequestState[] => (states.length === 0 ? ["REJECTED"] : states.filter(isSettled));

/** Whether an update of the live feed, which obeys `liveFilter`, stands in the view. */
export const belongs = ({ states, error }: LogFilter, row: Pick<LogRow, "state" | "errorCode">): boolean =>
  (states.length === 0 || states.includes(row.state)) && (error === "" || row.errorCode === error);

export const isFiltered = (filter: LogFilter): boolean => filter.states.length > 0 || TEXTS.some((name) => filter[name] !== "");
