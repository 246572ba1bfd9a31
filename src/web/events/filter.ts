/** The filter of events, as it stands in the address and as the API takes it: a view is a link. */
import type { EventFilterInput } from "./documents.ts";

export interface EventsFilter {
  /** Patterns, by commas. */
  type: string;
  entity: string;
  entityId: string;
  /** A text in the payload. */
  payload: string;
  /** A uid. */
  application: string;
  matched: "" | "yes" | "no";
  /** ISO times, or "". */
  from: string;
  to: string;
}

const NAMES = ["type", "entity", "entityId", "payload", "application", "matched", "from", "to"] as const;
export const NO_FILTER: EventsFilter = { type: "", entity: "", entityId: "", payload: "", application: "", matched: "", from: "", to: "" };

export function readFilter(query: URLSearchParams): EventsFilter {
  const texts = Object.fromEntries(NAMES.map((name) => [name, query.get(name) ?? ""])) as unknown as EventsFilter;
  return { ...texts, matched: texts.matched === "yes" || texts.matched === "no" ? texts.matched : "" };
}

export function writeFilter(filter: EventsFilter): URLSearchParams {
  const query = new URLSearchParams();
  for (const name of NAMES) if (filter[name] !== "") query.set(name, filter[name]);
  return query;
}

export const isFiltered = (filter: EventsFilter): boolean => NAMES.some((name) => filter[name] !== "");

/** The API searches for no less. */
export const SHORTEST_TEXT = 3;
export const isTooShort = (text: string): boolean => [...text].length < SHORTEST_TEXT;

const patterns = (text: string): string[] => text.split(/[\s,]+/).filter((pattern) => pattern !== "");

export function toInput({ type, entity, entityId, payload, application, matched, from, to }: EventsFilter): EventFilterInput {
  return {
    ...(patterns(type).length > 0 && { type: patterns(type) }),
    ...(entity && { entity }),
    ...(entityId && { entityId }),
    ...(!isTooShort(payload) && { payloadContains: payload }),
    ...(application && { application }),
    ...(matched && { matched: matched === "yes" }),
    ...(from && { since: from }),
    ...(to && { until: to }),
  };
}
