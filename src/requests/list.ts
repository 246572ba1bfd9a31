/**
 * The delivery log, newest first: keyset by id, so that pages neither shift nor slow down at millions of rows.
 * Where a filter asks what no index knows, a page reads at most 10 000 rows along the way (10 ms) and may then be shorter than
 * asked for; it says where the next one goes on.
 */

import { type Expression, expressionBuilder, type SqlBool, sql } from "kysely";
import { MOST_COUNTED } from "../accounts/keyset.ts";
import type { Database } from "../db/client.ts";
import type { WebhookRequestTable } from "../db/kysely-types.ts";
import { queries, rowsOf } from "../db/queries.ts";
import { between, type Clauses, clausesOf, findNumber } from "./clauses.ts";
import { type Count, countOf } from "./count.ts";
import { matchesNothing, type RequestFilter } from "./filter.ts";
import { type PageOf, type Slice, sliceOf } from "./page.ts";
import { type RequestNode, requestNodes } from "./related.ts";
import { REQUEST_FIELDS, type RequestRow } from "./row.ts";

/** Rows that a page may read; and that a count may. */
const PAGE_WALK = 10_000;
export const COUNT_WALK = 300_000;

const NONE: Slice<RequestNode> = { rows: [], hasNextPage: false, hasPreviousPage: false };
const COLUMNS = Object.entries(REQUEST_FIELDS).map(([field, column]) => sql.ref(`r.${column}`).as(field));
const eb = expressionBuilder<{ r: WebhookRequestTable }, "r">();

type Order = "asc" | "desc";
const all = (clauses: readonly Expression<SqlBool>[]) => eb.and([...clauses]);

/** The rows that match, in order, of the first `most` on the way. */
export function matching({ walk, rest }: Clauses, order: Order, most: number) {
  const base = queries.selectFrom("webhook_request as r").where(all(walk)).orderBy("r.id", order);
  if (rest.length === 0) return base;
  return queries.selectFrom(base.selectAll().limit(most).as("r")).where(all(rest)).orderBy("r.id", order);
}

/** The id at which a walk of so many rows ends; undefined when it sees all there are. */
export async function endOfWalk(
  db: Database,
  organizationId: string,
  { walk }: Clauses,
  order: Order,
  most: number,
): Promise<string | undefined> {
  const query = queries.selectFrom("webhook_request as r").select("r.id").where(all(walk)).orderBy("r.id", order);
  const [row] = await rowsOf(db.tenant(organizationId), query.offset(most - 1).limit(1));
  return row?.id;
}

/** Undefined: nothing can match. */
export async function clausesFor(db: Database, organizationId: string, filter: RequestFilter): Promise<Clauses | undefined> {
  if (matchesNothing(filter)) return undefined;
  if (filter.number === undefined) return clausesOf(organizationId, filter);
  const numbers = await findNumber(db, organizationId, filter.number);
  return numbers && clausesOf(organizationId, filter, numbers);
}

/** One page of the requests that match. */
export async function listRequests(
  db: Database,
  organizationId: string,
  filter: RequestFilter,
  page: PageOf<string>,
): Promise<Slice<RequestNode>> {
  const found = await clausesFor(db, organizationId, filter);
  if (!found) return NONE;
  const clauses = { walk: [...found.walk, ...between({ below: page.after, above: page.before })], rest: found.rest };
  const order = page.fromBack ? "asc" : "desc";
  const rows = (await rowsOf(
    db.tenant(organizationId),
    matching(clauses, order, PAGE_WALK)
      .select(COLUMNS)
      .limit(page.limit + 1),
  )) as unknown as RequestRow[];
  const slice = sliceOf(page, requestNodes(db, rows));
  if (rows.length > page.limit || clauses.rest.length === 0) return slice;
  const stoppedAt = await endOfWalk(db, organizationId, clauses, order, PAGE_WALK);
  if (stoppedAt === undefined) return slice;
  return { ...slice, stoppedAt, ...(page.fromBack ? { hasPreviousPage: true } : { hasNextPage: true }) };
}

/** The same by offset, for the faces whose contract says so, however far it has to read. Newest first. */
export async function listRequestsByOffset(
  db: Database,
  organizationId: string,
  filter: RequestFilter,
  input: { limit: number; offset: number },
): Promise<RequestNode[]> {
  const clauses = await clausesFor(db, organizationId, filter);
  if (!clauses) return [];
  const whole = { walk: [...clauses.walk, ...clauses.rest], rest: [] };
  const query = matching(whole, "desc", 0).select(COLUMNS).limit(input.limit).offset(input.offset);
  return requestNodes(db, (await rowsOf(db.tenant(organizationId), query)) as unknown as RequestRow[]);
}

/** How many match; counted only when somebody asks. Capped also when a filter without an index has read as far as it may. */
export async function countRequests(db: Database, organizationId: string, filter: RequestFilter): Promise<Count> {
  const clauses = await clausesFor(db, organizationId, filter);
  if (!clauses) return { count: 0, capped: false };
  const some = matching(clauses, "desc", COUNT_WALK)
    .select(sql<number>`1`.as("one"))
    .limit(MOST_COUNTED + 1);
  const [row] = await rowsOf(
    db.tenant(organizationId),
    queries.selectFrom(some.as("some")).select(({ fn }) => fn.countAll<number>().as("count")),
  );
  const counted = countOf(row?.count ?? 0);
  if (counted.capped || clauses.rest.length === 0) return counted;
  return { count: counted.count, capped: (await endOfWalk(db, organizationId, clauses, "desc", COUNT_WALK)) !== undefined };
}
