/**
 * Events, newest first: keyset by id, which sorts by the time they were accepted. Where a filter asks what the key does not know,
 * a page reads so many events along the way and may then be shorter than asked for; it says where the next one goes on.
 */
import { type Expression, expressionBuilder, type SqlBool, sql } from "kysely";
import { MOST_COUNTED } from "../accounts/keyset.ts";
import type { Database } from "../db/client.ts";
import type { EventTable } from "../db/kysely-types.ts";
import { queries, rowsOf } from "../db/queries.ts";
import { type Count, countOf } from "./count.ts";
import { type EventNode, type EventRow, eventNodes } from "./event.ts";
import { type EventClauses, type EventFilter, eventClauses, matchesNoEvent } from "./event-filter.ts";
import { HIGHEST, LOWEST } from "./id-range.ts";
import { type PageOf, type Slice, sliceOf } from "./page.ts";
import { EVENT_FIELDS } from "./sql/read-events.ts";

/** Events that a page may read, and a count. */
const WALK = { page: 50_000, count: 150_000 };
/** And where each of them is looked up in the log: `matched`. */
const LOOKED_UP = { page: 10_000, count: 30_000 };

const NONE: Slice<EventNode> = { rows: [], hasNextPage: false, hasPreviousPage: false };
const COLUMNS = Object.entries(EVENT_FIELDS).map(([field, column]) => sql.ref(`e.${column}`).as(field));
const eb = expressionBuilder<{ e: EventTable }, "e">();
const all = (clauses: readonly Expression<SqlBool>[]) => eb.and([...clauses]);
type Order = "asc" | "desc";

const walked = ({ walk }: EventClauses, order: Order) => queries.selectFrom("event as e").where(all(walk)).orderBy("e.id", order);

/** The events that match, in order, of the first `most` on the way. */
export function matchingEvents(clauses: EventClauses, order: Order, most: number) {
  const base = walked(clauses, order);
  if (clauses.rest.length === 0) return base;
  return queries.selectFrom(base.selectAll().limit(most).as("e")).where(all(clauses.rest)).orderBy("e.id", order);
}

/** The id at which a walk of so many events ends; undefined when it sees all there are. */
async function endOfWalk(db: Database, organizationId: string, clauses: EventClauses, order: Order, most: number) {
  const query = walked(clauses, order)
    .select("e.id")
    .offset(most - 1);
  const [row] = await rowsOf(db.tenant(organizationId), query.limit(1));
  return row?.id;
}

const walkOf = ({ matched }: EventFilter) => (matched === undefined ? WALK : LOOKED_UP);

export async function listEvents(
  db: Database,
  organizationId: string,
  page: PageOf<string>,
  filter: EventFilter = {},
): Promise<Slice<EventNode>> {
  if (matchesNoEvent(filter)) return NONE;
  const clauses = eventClauses(organizationId, filter, { below: page.after ?? HIGHEST, above: page.before ?? LOWEST });
  const order = page.fromBack ? "asc" : "desc";
  const most = walkOf(filter).page;
  const query = matchingEvents(clauses, order, most)
    .select(COLUMNS)
    .limit(page.limit + 1);
  const rows = (await rowsOf(db.tenant(organizationId), query)) as unknown as EventRow[];
  const slice = sliceOf(page, eventNodes(db, rows));
  if (rows.length > page.limit || clauses.rest.length === 0) return slice;
  const stoppedAt = await endOfWalk(db, organizationId, clauses, order, most);
  if (stoppedAt === undefined) return slice;
  return { ...slice, stoppedAt, ...(page.fromBack ? { hasPreviousPage: true } : { hasNextPage: true }) };
}

/** How many match; capped also when a filter has read as far as it may. */
export async function countEvents(db: Database, organizationId: string, filter: EventFilter = {}): Promise<Count> {
  if (matchesNoEvent(filter)) return { count: 0, capped: false };
  const clauses = eventClauses(organizationId, filter, { below: HIGHEST, above: LOWEST });
  const most = walkOf(filter).count;
  const some = matchingEvents(clauses, "desc", most)
    .select(sql<number>`1`.as("one"))
    .limit(MOST_COUNTED + 1);
  const [row] = await rowsOf(
    db.tenant(organizationId),
    queries.selectFrom(some.as("some")).select(({ fn }) => fn.countAll<number>().as("count")),
  );
  const counted = countOf(row?.count ?? 0);
  if (counted.capped || clauses.rest.length === 0) return counted;
  return { count: counted.count, capped: (await endOfWalk(db, organizationId, clauses, "desc", most)) !== undefined };
}
