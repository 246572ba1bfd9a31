/** The requests that an event made: one per definition that wanted it. */
import { MOST_COUNTED } from "../accounts/keyset.ts";
import type { Database } from "../db/client.ts";
import { batched } from "./batch.ts";
import { type Count, countOf } from "./count.ts";
import type { EventNode, EventRow } from "./event.ts";
import { HIGHEST, LOWEST, rangeAround } from "./id-range.ts";
import { type PageOf, type Slice, sliceOf } from "./page.ts";
import { type RequestNode, requestNodes } from "./related.ts";
import type { RequestRow } from "./row.ts";
import { countRequestsOfEventUpTo, readRequestsOfEventsNewestFirst, readRequestsOfEventsOldestFirst } from "./sql/read-requests.ts";

type Page = Slice<RequestNode>;

/** The same page of requests for several events, in one statement. */
async function readPages(db: Database, events: readonly EventRow[], page: PageOf<string>): Promise<Map<EventRow, Page>> {
  const read = page.fromBack ? readRequestsOfEventsOldestFirst : readRequestsOfEventsNewestFirst;
  const ids = events.map((e) => e.id);
  const rows = await read.rows(db.tenant(events[0]?.organizationId as string), [
    ...[events[0]?.organizationId, ids, page.after ?? HIGHEST, page.before ?? LOWEST, page.limit + 1],
    ...rangeAround(ids),
  ]);
  const found = Map.groupBy(requestNodes(db, rows as RequestRow[]), (row) => row.eventId);
  return new Map(events.map((event) => [event, sliceOf(page, found.get(event.id) ?? [])]));
}

/** Newest first; read for all events of the same page at once. */
export async function requestsOfEvent(db: Database, event: EventNode, page: PageOf<string>): Promise<Page> {
  const { rows, pages } = event.batch;
  const key = `${page.fromBack} ${page.limit} ${page.after} ${page.before}`;
  const batch =
    (pages.get(key) as ((row: EventRow) => Promise<Page | undefined>) | undefined) ??
    batched(rows, (slice) => readPages(db, slice, page), 100);
  pages.set(key, batch);
  return (await batch(event)) ?? { rows: [], hasNextPage: false, hasPreviousPage: false };
}

export async function countRequestsOfEvent(db: Database, event: EventRow): Promise<Count> {
  const values = [event.organizationId, event.id, ...rangeAround([event.id]), MOST_COUNTED + 1];
  const [row] = await countRequestsOfEventUpTo.rows(db.tenant(event.organizationId), values);
  return countOf(row?.count ?? 0);
}
