/** Which events: the filter as SQL over `event e`, in what the key serves (`walk`) and what is asked of each row on the way (`rest`). */
import { type Expression, expressionBuilder, type SqlBool, sql } from "kysely";
import type { EventTable } from "../db/kysely-types.ts";
import { familyOf } from "./filter.ts";
import { CLOCK_SLACK_MS, lowestId } from "./id-range.ts";

/** All given clauses must hold. */
export interface EventFilter {
  /** Any of these: exactly that type, a family such as `order.*` or `*.created`, or `*`. An empty list matches nothing. */
  type?: readonly string[];
  entity?: string;
  entityId?: string;
  /** Accepted then or later. */
  since?: Date;
  /** Accepted before, so that windows tile. */
  until?: Date;
  /** Whether a definition took it: it has, or had, a request. */
  matched?: boolean;
  /** UUID. */
  applicationId?: string;
  /** Somewhere in the payload's text as it was sent; case does not count. */
  payloadContains?: string;
}

type Clause = Expression<SqlBool>;
const eb = expressionBuilder<{ e: EventTable }, "e">();

export interface EventClauses {
  walk: Clause[];
  rest: Clause[];
  /** Asked last, of payloads, which may be large: a walk bounds their bytes too. */
  payload: Clause | undefined;
}

/** Of a text that payloads are searched for, in characters: fewer would be in nearly all. */
const SHORTEST_TEXT = 3;
const LONGEST_TEXT = 200;

export function payloadTextProblem(text: string): string | undefined {
  const length = [...text].length;
  return length < SHORTEST_TEXT || length > LONGEST_TEXT ? `must have ${SHORTEST_TEXT} to ${LONGEST_TEXT} characters` : undefined;
}

/** No row can match: Postgres takes no NUL in a text, and no half of a surrogate pair, so it is not asked. */
export const matchesNoEvent = ({ type, entity, entityId, payloadContains }: EventFilter): boolean =>
  type?.length === 0 ||
  [...(type ?? []), entity, entityId].some((text) => text?.includes("\0")) ||
  (payloadContains !== undefined && (payloadContains.includes("\0") || !payloadContains.isWellFormed()));

const literal = (text: string) => text.replace(/[\\%_]/g, "\\$&");
/** For ILIKE: the text, wherever it stands. */
export const containing = (text: string): string => `%${literal(text)}%`;

function ofTypes(types: readonly string[]): Clause[] {
  if (types.includes("*")) return [];
  const exact = types.filter((type) => familyOf(type) === undefined);
  const likes = types.flatMap((type) => {
    const family = familyOf(type);
    if (family === undefined) return [];
    return "prefix" in family ? `${literal(family.prefix)}_%` : `_%${literal(family.suffix)}`;
  });
  return [sql`(e.type = any(${exact}::text[]) or e.type like any(${likes}::text[]))`];
}

/**
 * Looked up for each event by itself (a scalar query never becomes a join of whole tables). A request is made with its event, so
 * that its id stands near; of one that a replay made later, or that somebody deleted, a mark is left.
 */
const wanted = sql<SqlBool>`coalesce(
  (select true from webhook_request r where r.organization_id = e.organization_id and r.event_id = e.id
     and r.id >= lowest_id(e.created_at - interval '1 hour') and r.id < lowest_id(e.created_at + interval '1 hour') limit 1),
  (select true from recovered_event m where m.organization_id = e.organization_id and m.event_id = e.id limit 1), false)`;

/** Ids above and below these. */
export interface IdRange {
  above: string;
  below: string;
}

/** As much of a range as the filter's time leaves. No event has the lowest id of a moment. */
export function rangeIn({ since, until }: EventFilter, { above, below }: IdRange): IdRange {
  const from = since ? lowestId(new Date(since.getTime() - CLOCK_SLACK_MS)) : above;
  const to = until ? lowestId(new Date(until.getTime() + CLOCK_SLACK_MS)) : below;
  return { above: from > above ? from : above, below: to < below ? to : below };
}

/** Ask `matchesNoEvent` first. */
export function eventClauses(organizationId: string, filter: EventFilter, range: IdRange): EventClauses {
  const { type, entity, entityId, since, until, matched, applicationId, payloadContains } = filter;
  const { above, below } = rangeIn(filter, range);
  const walk: Clause[] = [eb("e.organization_id", "=", organizationId), eb("e.id", "<", below), eb("e.id", ">", above)];
  const rest: Clause[] = type === undefined ? [] : ofTypes(type);
  if (since) rest.push(eb("e.created_at", ">=", since));
  if (until) rest.push(eb("e.created_at", "<", until));
  if (entity !== undefined) rest.push(eb("e.entity", "=", entity));
  if (entityId !== undefined) rest.push(eb("e.entity_id", "=", entityId));
  if (applicationId !== undefined) rest.push(eb("e.application_id", "=", applicationId));
  if (matched !== undefined) rest.push(matched ? wanted : sql`not ${wanted}`);
  const payload = payloadContains === undefined ? undefined : sql<SqlBool>`e.payload ilike ${containing(payloadContains)}`;
  return { walk, rest, payload };
}
