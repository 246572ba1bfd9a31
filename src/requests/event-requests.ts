/** The requests that an event made: one per definition that wanted it. */
import type { Database } from "../db/client.ts";
import { batched } from "./batch.ts";
import type { EventNode, EventRow } from "./event.ts";
import { type PageOf, type Slice, sliceOf } from "./page.ts";
import { type RequestNode, requestNodes } from "./related.ts";
import { REQUEST_COLUMNS, type RequestRow } from "./row.ts";

type Page = Slice<RequestNode>;

/** The same page of requests for several events, in one statement. */
async function readPages(db: Database, events: readonly EventRow[], page: PageOf<number>): Promise<Map<EventRow, Page>> {
  const order = page.fromBack ? "ASC" : "DESC";
  const { rows } = await db.pool.query<RequestRow>(
    `SELECT r.* FROM unnest($2::uuid[]) AS e (id) CROSS JOIN LATERAL (
       SELECT ${REQUEST_COLUMNS} FROM webhook_request r
        WHERE r.organization_id = $1 AND r.event_id = e.id AND ($3::int IS NULL OR r.number < $3) AND ($4::int IS NULL OR r.number > $4)
        ORDER BY r.number ${order} LIMIT $5) r
      ORDER BY r.number ${order}`,
    [events[0]?.organizationId, events.map((e) => e.id), page.after ?? null, page.before ?? null, page.limit + 1],
  );
  const found = Map.groupBy(requestNodes(db, rows), (row) => row.eventId);
  return new Map(events.map((event) => [event, sliceOf(page, found.get(event.id) ?? [])]));
}

/** Newest first; read for all events of the same page at once. */
export async function requestsOfEvent(db: Database, event: EventNode, page: PageOf<number>): Promise<Page> {
  const { rows, pages } = event.batch;
  const key = `${page.fromBack} ${page.limit} ${page.after} ${page.before}`;
  const batch =
    (pages.get(key) as ((row: EventRow) => Promise<Page | undefined>) | undefined) ??
    batched(rows, (slice) => readPages(db, slice, page), 100);
  pages.set(key, batch);
  return (await batch(event)) ?? { rows: [], hasNextPage: false, hasPreviousPage: false };
}

export async function countRequestsOfEvent(db: Database, event: EventRow): Promise<number> {
  const { rows } = await db.pool.query<{ count: number }>(
    "SELECT count(*) AS count FROM webhook_request WHERE organization_id = $1 AND event_id = $2",
    [event.organizationId, event.id],
  );
  return rows[0]?.count ?? 0;
}
