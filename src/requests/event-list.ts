/**
 * Events, newest first: keyset by id, which sorts by the time they were accepted. Where a filter asks what the key does not know,
 * a page reads so many events along the way, and so many bytes of their payloads, and may then be shorter than asked for; it says
 * where the next one goes on.
 */
import { sql } from "kysely";
import { MOST_COUNTED } from "../accounts/keyset.ts";
import type { Database } from "../db/client.ts";
import { queries, rowsOf } from "../db/queries.ts";
import { type Count, countOf } from "./count.ts";
import { type EventNode, type EventRow, eventNodes } from "./event.ts";
import { type EventFilter, eventClauses, matchesNoEvent } from "./event-filter.ts";
import { EVENT_COLUMNS, endOfRows, endOfStretch, matchingEvents, type Stretch } from "./event-walk.ts";
import { HIGHEST, LOWEST } from "./id-range.ts";
import { type PageOf, type Slice, sliceOf } from "./page.ts";
import { searchPayloads } from "./payload-search.ts";
import { readWalkedPage } from "./walked-page.ts";

/** Events that a page may read, and a count. */
const WALK = { page: 50_000, count: 150_000 };
/** And where each of them is looked up in the log: `matched`. */
const LOOKED_UP = { page: 10_000, count: 30_000 };
/** Payloads that a page may look into, in bytes, and a count: a tenth of a second each, where one reading may take five. */
export const PAGE_BYTES = 8 * 2 ** 20;
export const COUNT_BYTES = 16 * 2 ** 20;

const NONE: Slice<EventNode> = { rows: [], hasNextPage: false, hasPreviousPage: false };
const ID = sql.ref<string>("e.id").as("id");

const stretchOf = ({ matched }: EventFilter, what: "page" | "count"): Stretch => ({
  rows: (matched === undefined ? WALK : LOOKED_UP)[what],
  bytes: what === "page" ? PAGE_BYTES : COUNT_BYTES,
});

const inPayloads = (filter: EventFilter): filter is EventFilter & { payloadContains: string } => filter.payloadContains !== undefined;

export async function listEvents(
  db: Database,
  organizationId: string,
  page: PageOf<string>,
  filter: EventFilter = {},
): Promise<Slice<EventNode>> {
  if (matchesNoEvent(filter)) return NONE;
  const range = { below: page.after ?? HIGHEST, above: page.before ?? LOWEST };
  const order = page.fromBack ? "asc" : "desc";
  const stretch = stretchOf(filter, "page");
  const most = page.limit + 1;
  const read = async () => {
    if (inPayloads(filter)) return searchPayloads<EventRow>(db, { organizationId, filter, range, order, most, stretch }, EVENT_COLUMNS);
    const clauses = eventClauses(organizationId, filter, range);
    const query = matchingEvents(clauses, order, stretch.rows).select(EVENT_COLUMNS).limit(most);
    const tenant = db.tenant(organizationId);
    if (clauses.rest.length === 0) return { rows: (await rowsOf(tenant, query)) as unknown as EventRow[], stoppedAt: undefined };
    const end = endOfRows(clauses, order, stretch.rows);
    return readWalkedPage<EventRow>(tenant, { page: query, end, order, enough: most });
  };
  const { rows, stoppedAt } = await read();
  return sliceOf(page, eventNodes(db, rows), stoppedAt);
}

/** How many match; capped also when a filter has read as far as it may. */
export async function countEvents(db: Database, organizationId: string, filter: EventFilter = {}): Promise<Count> {
  if (matchesNoEvent(filter)) return { count: 0, capped: false };
  const range = { below: HIGHEST, above: LOWEST };
  const stretch = stretchOf(filter, "count");
  const most = MOST_COUNTED + 1;
  if (inPayloads(filter)) {
    const found = await searchPayloads<{ id: string }>(db, { organizationId, filter, range, order: "desc", most, stretch }, [ID]);
    const counted = countOf(found.rows.length);
    return { ...counted, capped: counted.capped || found.stoppedAt !== undefined };
  }
  const clauses = eventClauses(organizationId, filter, range);
  const some = matchingEvents(clauses, "desc", stretch.rows).select(sql<number>`1`.as("one")).limit(most);
  const [row] = await rowsOf(
    db.tenant(organizationId),
    queries.selectFrom(some.as("some")).select(({ fn }) => fn.countAll<number>().as("count")),
  );
  const counted = countOf(row?.count ?? 0);
  if (counted.capped) return counted;
  return { count: counted.count, capped: (await endOfStretch(db, organizationId, clauses, "desc", stretch)) !== undefined };
}
