/**
 * The delivery log, newest first: keyset by id, so that pages neither shift nor slow down at millions of rows.
 * Where a filter asks what no index knows, a page reads along 10 000 rows at a time (10 ms), until it is full, has read 100 000 or
 * for long enough; it may then be shorter than asked for, and says where the next one goes on.
 */

import { type Expression, expressionBuilder, type SqlBool, sql } from "kysely";
import { MOST_COUNTED } from "../accounts/keyset.ts";
import type { Database } from "../db/client.ts";
import type { WebhookRequestTable } from "../db/kysely-types.ts";
import { queries, rowsOf } from "../db/queries.ts";
import type { Queries } from "../db/statement.ts";
import { between, type Clauses, clausesOf, findNumber } from "./clauses.ts";
import { type Count, countOf } from "./count.ts";
import { matchesNothing, type RequestFilter } from "./filter.ts";
import { type PageOf, type Slice, sliceOf } from "./page.ts";
import { type RequestNode, requestNodes } from "./related.ts";
import { REQUEST_FIELDS, type RequestRow } from "./row.ts";
import { type Order, readWalkedPage } from "./walked-page.ts";

/** Rows that one statement of a page reads; that all of them may; and that a count may. */
const STEP = 10_000;
const PAGE_WALK = 100_000;
/** A page that has read for so long takes no further step: a page should take no more than 50 ms. */
const PAGE_MS = 30;
export const COUNT_WALK = 300_000;

const NONE: Slice<RequestNode> = { rows: [], hasNextPage: false, hasPreviousPage: false };
const COLUMNS = Object.entries(REQUEST_FIELDS).map(([field, column]) => sql.ref(`r.${column}`).as(field));
const eb = expressionBuilder<{ r: WebhookRequestTable }, "r">();

const all = (clauses: readonly Expression<SqlBool>[]) => eb.and([...clauses]);

/** The rows that match, in order, of the first `most` on the way. */
export function matching({ walk, rest }: Clauses, order: Order, most: number) {
  const base = queries.selectFrom("webhook_request as r").where(all(walk)).orderBy("r.id", order);
  if (rest.length === 0) return base;
  return queries.selectFrom(base.selectAll().limit(most).as("r")).where(all(rest)).orderBy("r.id", order);
}

/** The id at which a walk of so many rows ends; no row when it sees all there are. */
export function endOf({ walk }: Clauses, order: Order, most: number) {
  const query = queries.selectFrom("webhook_request as r").select("r.id").where(all(walk)).orderBy("r.id", order);
  return query.offset(most - 1).limit(1);
}

/** The same for a count; undefined when it sees all there are. */
export async function endOfWalk(
  db: Database,
  organizationId: string,
  clauses: Clauses,
  order: Order,
  most: number,
): Promise<string | undefined> {
  const [row] = await rowsOf(db.tenant(organizationId), endOf(clauses, order, most));
  return row?.id;
}

/** Undefined: nothing can match. */
export async function clausesFor(db: Database, organizationId: string, filter: RequestFilter): Promise<Clauses | undefined> {
  if (matchesNothing(filter)) return undefined;
  if (filter.number === undefined) return clausesOf(organizationId, filter);
  const numbers = await findNumber(db, organizationId, filter.number);
  return numbers && clausesOf(organizationId, filter, numbers);
}

/**
 * One page of the requests that match.
 * @param readingMs after which no further step is taken; another one is for tests
 */
export async function listRequests(
  db: Database,
  organizationId: string,
  filter: RequestFilter,
  page: PageOf<string>,
  readingMs: number = PAGE_MS,
): Promise<Slice<RequestNode>> {
  const found = await clausesFor(db, organizationId, filter);
  if (!found) return NONE;
  const { rows, stoppedAt } = await readAlong(db.tenant(organizationId), found, page, readingMs);
  return sliceOf(page, requestNodes(db, rows), stoppedAt);
}

/** Up to one row more than the page has, a step of the walk after another. */
async function readAlong(
  tenant: Queries,
  { walk, rest }: Clauses,
  page: PageOf<string>,
  readingMs: number,
): Promise<{ rows: RequestRow[]; stoppedAt: string | undefined }> {
  const order = page.fromBack ? "asc" : "desc";
  const enough = page.limit + 1;
  const range = { below: page.after, above: page.before };
  const until = performance.now() + readingMs;
  const rows: RequestRow[] = [];
  for (let read = STEP; ; read += STEP) {
    const clauses = { walk: [...walk, ...between(range)], rest };
    const missing = enough - rows.length;
    const query = matching(clauses, order, STEP).select(COLUMNS).limit(missing);
    if (rest.length === 0) return { rows: (await rowsOf(tenant, query)) as unknown as RequestRow[], stoppedAt: undefined };
    const step = await readWalkedPage<RequestRow>(tenant, { page: query, end: endOf(clauses, order, STEP), order, enough: missing });
    rows.push(...step.rows);
    const { stoppedAt } = step;
    if (stoppedAt === undefined || read >= PAGE_WALK || performance.now() >= until) return { rows, stoppedAt };
    range[page.fromBack ? "above" : "below"] = stoppedAt;
  }
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
