/** Along the events of one organization: a stretch bounded in rows, and in bytes where payloads are looked into. */
import { type Expression, expressionBuilder, type SqlBool, sql } from "kysely";
import type { Database } from "../db/client.ts";
import type { EventTable } from "../db/kysely-types.ts";
import { queries, rowsOf } from "../db/queries.ts";
import type { EventClauses } from "./event-filter.ts";
import { EVENT_FIELDS } from "./sql/read-events.ts";
import type { Order } from "./walked-page.ts";

/** How far one statement looks. */
export interface Stretch {
  rows: number;
  /** Of payloads; the one in which they run out is looked into as a whole. */
  bytes: number;
}

export const EVENT_COLUMNS = Object.entries(EVENT_FIELDS).map(([field, column]) => sql.ref(`e.${column}`).as(field));
const eb = expressionBuilder<{ e: EventTable }, "e">();
const all = (clauses: readonly Expression<SqlBool>[]) => eb.and([...clauses]);

const walked = ({ walk }: EventClauses, order: Order) => queries.selectFrom("event as e").where(all(walk)).orderBy("e.id", order);

/** Those that match, but for their payload, of the first rows on the way, in order. */
export function matchingEvents(clauses: EventClauses, order: Order, rows: number) {
  const base = walked(clauses, order);
  if (clauses.rest.length === 0 && !clauses.payload) return base;
  return queries.selectFrom(base.selectAll().limit(rows).as("e")).where(all(clauses.rest)).orderBy("e.id", order);
}

/** The same, each with the bytes of payloads on the way to it. Their length is known without reading them. */
function metered(clauses: EventClauses, order: Order, { rows }: Stretch) {
  const way = sql`over (order by e.id ${sql.raw(order)} rows between unbounded preceding and 1 preceding)`;
  return matchingEvents(clauses, order, rows)
    .selectAll()
    .select([
      sql<number>`coalesce(sum(octet_length(e.payload)) ${way}, 0)`.as("bytes_before"),
      sql<string>`last_value(e.id) ${way}`.as("id_before"),
    ]);
}

/**
 * Those that match, their payload too, on the way up to an id, where a stretch ended: looked for first, so that nothing written or
 * deleted meanwhile is left out or given twice. Undefined: to the end.
 */
export function eventsHolding(
  { walk, rest, payload }: EventClauses & { payload: Expression<SqlBool> },
  order: Order,
  upTo: string | undefined,
) {
  const bound = upTo === undefined ? [] : [eb("e.id", order === "desc" ? ">=" : "<=", upTo)];
  // CASE: only payloads that were counted are read, whatever Postgres would ask first.
  const held = sql<SqlBool>`case when ${all(rest)} then ${payload} else false end`;
  return queries
    .selectFrom("event as e")
    .where(all([...walk, ...bound, held]))
    .orderBy("e.id", order);
}

/** The id at which so many rows end; no row when there are not so many. */
export const endOfRows = (clauses: EventClauses, order: Order, rows: number) =>
  walked(clauses, order)
    .select("e.id")
    .offset(rows - 1)
    .limit(1);

/** The id at which a stretch ends; undefined when it reaches the end. */
export async function endOfStretch(
  db: Database,
  organizationId: string,
  clauses: EventClauses,
  order: Order,
  stretch: Stretch,
): Promise<string | undefined> {
  if (clauses.rest.length === 0 && !clauses.payload) return undefined;
  const tenant = db.tenant(organizationId);
  if (clauses.payload) {
    const beyond = queries
      .selectFrom(metered(clauses, order, stretch).as("e"))
      .select("id_before")
      .where(sql<SqlBool>`bytes_before >= ${stretch.bytes}::int8`);
    const [first] = await rowsOf(tenant, beyond.orderBy("e.id", order).limit(1));
    if (first) return first.id_before;
  }
  const [row] = await rowsOf(tenant, endOfRows(clauses, order, stretch.rows));
  return row?.id;
}

/** Of some ids those that are the organization's and fit all but their payload. */
export function fittingOf(clauses: EventClauses, order: Order, ids: readonly string[]) {
  return walked(clauses, order).where(sql<SqlBool>`e.id = any(${ids}::uuid[])`).where(all(clauses.rest));
}
