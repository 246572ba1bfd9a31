/**
 * The delivery log, newest first: keyset by number, so that pages neither shift nor slow down at a million rows.
 * Measured at a million rows: the plain page, and any filter that an index serves (definition, event type, entity id,
 * number, failed, error code, rule), 1–3 ms; the others walk the organization's rows when nothing matches: 130–200 ms.
 * An index for each of those (entity alone, URL, what is pending) would cost every delivery more than it is worth.
 */
import type { Database } from "../db/client.ts";
import { matchesNothing, type RequestFilter, requestConditions } from "./filter.ts";
import { type PageOf, type Slice, sliceOf } from "./page.ts";
import { type RequestNode, requestNodes } from "./related.ts";
import { REQUEST_COLUMNS, type RequestRow } from "./row.ts";

const NONE: Slice<RequestNode> = { rows: [], hasNextPage: false, hasPreviousPage: false };

/** One page of the requests that match. */
export async function listRequests(
  db: Database,
  organizationId: string,
  filter: RequestFilter,
  page: PageOf<number>,
): Promise<Slice<RequestNode>> {
  if (matchesNothing(filter)) return NONE;
  const where = requestConditions(organizationId, filter);
  if (page.after !== undefined) where.add("r.number < ?", page.after);
  if (page.before !== undefined) where.add("r.number > ?", page.before);
  const { rows } = await db.pool.query<RequestRow>(
    `SELECT ${REQUEST_COLUMNS} FROM webhook_request r WHERE ${where.texts.join(" AND ")}
      ORDER BY r.number ${page.fromBack ? "ASC" : "DESC"} LIMIT ${page.limit + 1}`,
    where.values,
  );
  return sliceOf(page, requestNodes(db, rows));
}

/** The same by offset, for the faces whose contract says so. Newest first. */
export async function listRequestsByOffset(
  db: Database,
  organizationId: string,
  filter: RequestFilter,
  input: { limit: number; offset: number },
): Promise<RequestNode[]> {
  if (matchesNothing(filter)) return [];
  const where = requestConditions(organizationId, filter);
  const { rows } = await db.pool.query<RequestRow>(
    `SELECT ${REQUEST_COLUMNS} FROM webhook_request r WHERE ${where.texts.join(" AND ")}
      ORDER BY r.number DESC LIMIT $${where.values.length + 1} OFFSET $${where.values.length + 2}`,
    [...where.values, input.limit, input.offset],
  );
  return requestNodes(db, rows);
}

/** How many match; counted only when somebody asks. */
export async function countRequests(db: Database, organizationId: string, filter: RequestFilter): Promise<number> {
  if (matchesNothing(filter)) return 0;
  const where = requestConditions(organizationId, filter);
  const { rows } = await db.pool.query<{ count: number }>(
    `SELECT count(*) AS count FROM webhook_request r WHERE ${where.texts.join(" AND ")}`,
    where.values,
  );
  return rows[0]?.count ?? 0;
}
