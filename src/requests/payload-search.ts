/**
 * Events whose payload holds a text. Where a partition's payloads are indexed the index says which; elsewhere, and where it would
 * take too long, they are read along the way as far as a statement may. Either way the answer is the same: an index that is
 * half made makes it later only.
 */
import { type AliasedRawBuilder, type SqlBool, sql } from "kysely";
import type { Database } from "../db/client.ts";
import { rowsOf } from "../db/queries.ts";
import { containing, type EventFilter, eventClauses, type IdRange, rangeIn } from "./event-filter.ts";
import { endOfStretch, eventsHolding, fittingOf, type Stretch } from "./event-walk.ts";
import { quoted } from "./partitions.ts";
import { type IndexedPartition, indexedPartitions } from "./payload-index.ts";
import type { Order } from "./walked-page.ts";

export interface Search {
  organizationId: string;
  filter: EventFilter & { payloadContains: string };
  range: IdRange;
  order: Order;
  /** Enough of them. */
  most: number;
  /** How far payloads are read. */
  stretch: Stretch;
}

export interface Found<Row> {
  rows: Row[];
  /** Where the looking stopped, short of the end and of enough. */
  stoppedAt: string | undefined;
}

/** Read first: what many payloads hold is found here, sooner than by a longer stretch or an index. */
const FIRST: Stretch = { rows: 2_000, bytes: 2 ** 20 };
/** Ids of one look into an index. */
const LOOK = 1_000;
/** For all looks of a page, in milliseconds. */
const LOOKING_MS = 2_000;

/** The keys of the index are three letters or digits in a row; a text without any has none. */
const hasTrigram = (text: string): boolean => /[a-z\d]{3}/i.test(text);

/** query_canceled, undefined_table: it took too long, or retention took the partition. */
const GIVEN_UP = new Set(["57014", "42P01"]);

/** The first ids of one partition whose payload holds the text; undefined when the index does not tell in time. */
async function look(
  db: Database,
  { organizationId, filter, order }: Search,
  { name }: IndexedPartition,
  { above, below }: IdRange,
): Promise<string[] | undefined> {
  // The organization as text: the index knows it as that, and no other index offers itself.
  const text = `SELECT e.id FROM ${quoted(name)} e WHERE e.organization_id::text = $1 AND e.id > $2::uuid AND e.id < $3::uuid
    AND e.payload ILIKE $4 ORDER BY e.id ${order} LIMIT ${LOOK}`;
  try {
    const { rows } = await db.searches.query<{ id: string }>(text, [organizationId, above, below, containing(filter.payloadContains)]);
    return rows.map(({ id }) => id);
  } catch (error) {
    if (!GIVEN_UP.has((error as { code?: string }).code ?? "")) throw error;
    return undefined;
  }
}

type Columns = readonly AliasedRawBuilder<unknown, string>[];

/** One stretch, as far as payloads may be read. */
async function walk<Row>(db: Database, search: Search, range: IdRange, columns: Columns, stretch: Stretch): Promise<Found<Row>> {
  const { organizationId, filter, order, most } = search;
  const clauses = eventClauses(organizationId, filter, range);
  const { payload = sql<SqlBool>`true` } = clauses;
  const end = await endOfStretch(db, organizationId, clauses, order, stretch);
  const query = eventsHolding({ ...clauses, payload }, order, end)
    .select(columns)
    .limit(most);
  const rows = (await rowsOf(db.tenant(organizationId), query)) as unknown as Row[];
  return { rows, stoppedAt: rows.length < most ? end : undefined };
}

export async function searchPayloads<Row extends { id: string }>(db: Database, search: Search, columns: Columns): Promise<Found<Row>> {
  const { organizationId, filter, order, most } = search;
  const range = rangeIn(filter, search.range);
  const { rows, stoppedAt } = await walk<Row>(db, search, range, columns, FIRST);
  if (stoppedAt === undefined) return { rows, stoppedAt };

  let at = stoppedAt;
  const ahead = (): IdRange => (order === "desc" ? { ...range, below: at } : { ...range, above: at });
  const readOn = async (): Promise<Found<Row>> => {
    const stretch = { rows: search.stretch.rows - FIRST.rows, bytes: search.stretch.bytes - FIRST.bytes };
    const rest = await walk<Row>(db, { ...search, most: most - rows.length }, ahead(), columns, stretch);
    return { rows: [...rows, ...rest.rows], stoppedAt: rest.stoppedAt };
  };
  const partitions = hasTrigram(filter.payloadContains) ? await indexedPartitions(db) : [];
  if (partitions.length === 0) return readOn();
  const until = performance.now() + LOOKING_MS;
  for (const partition of order === "desc" ? partitions : partitions.toReversed()) {
    const { low, high, ready } = partition;
    for (let more = low < ahead().below && high > ahead().above; more; ) {
      const ids = ready ? await look(db, search, partition, ahead()) : undefined;
      if (ids === undefined) return readOn();
      if (ids.length > 0) {
        const clauses = eventClauses(organizationId, filter, ahead());
        const query = fittingOf(clauses, order, ids)
          .select(columns)
          .limit(most - rows.length);
        rows.push(...((await rowsOf(db.tenant(organizationId), query)) as unknown as Row[]));
      }
      if (rows.length >= most) return { rows, stoppedAt: undefined };
      more = ids.length === LOOK;
      at = more ? (ids.at(-1) as string) : order === "desc" ? low : high;
      if (performance.now() > until) return { rows, stoppedAt: at };
    }
  }
  return { rows, stoppedAt: undefined };
}
