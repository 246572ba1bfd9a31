/**
 * Events whose payload holds a text. Where a partition's payloads are indexed the index says which; elsewhere, and where it would
 * take too long, they are read along the way as far as a statement may. Either way the answer is the same: an index that is
 * half made makes it later only.
 */
import type { AliasedRawBuilder } from "kysely";
import type { Database } from "../db/client.ts";
import { rowsOf } from "../db/queries.ts";
import { containing, type EventClauses, type EventFilter, eventClauses, type IdRange, rangeIn } from "./event-filter.ts";
import { endOfStretch, fittingOf, matchingEvents, type Order, type Stretch } from "./event-walk.ts";
import { quoted } from "./partitions.ts";
import { type IndexedPartition, indexedPartitions } from "./payload-index.ts";

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

/** Read first: what many payloads hold is found here, sooner than an index could tell. */
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

/** One stretch as far as payloads may be read. */
async function walk<Row>(
  db: Database,
  search: Search,
  clauses: EventClauses,
  columns: Columns,
  stretch: Stretch,
  most: number,
): Promise<Found<Row>> {
  const { organizationId, order } = search;
  const query = matchingEvents(clauses, order, stretch).select(columns).limit(most);
  const rows = (await rowsOf(db.tenant(organizationId), query)) as unknown as Row[];
  return { rows, stoppedAt: rows.length < most ? await endOfStretch(db, organizationId, clauses, order, stretch) : undefined };
}

type Columns = readonly AliasedRawBuilder<unknown, string>[];

export async function searchPayloads<Row extends { id: string }>(db: Database, search: Search, columns: Columns): Promise<Found<Row>> {
  const { organizationId, filter, order, most, stretch } = search;
  const range = rangeIn(filter, search.range);
  const past = (id: string): IdRange => (order === "desc" ? { ...range, below: id } : { ...range, above: id });
  const partitions = hasTrigram(filter.payloadContains) ? await indexedPartitions(db) : [];
  const clausesIn = (within: IdRange) => eventClauses(organizationId, filter, within);
  const { rows, stoppedAt } = await walk<Row>(db, search, clausesIn(range), columns, partitions.length > 0 ? FIRST : stretch, most);
  if (partitions.length === 0 || stoppedAt === undefined) return { rows, stoppedAt };

  const until = performance.now() + LOOKING_MS;
  let at = stoppedAt;
  for (const partition of order === "desc" ? partitions : partitions.toReversed()) {
    const { low, high, ready } = partition;
    for (let more = low < past(at).below && high > past(at).above; more; ) {
      const ids = ready ? await look(db, search, partition, past(at)) : undefined;
      if (ids === undefined) {
        const rest = await walk<Row>(db, search, clausesIn(past(at)), columns, stretch, most - rows.length);
        return { rows: [...rows, ...rest.rows], stoppedAt: rest.stoppedAt };
      }
      if (ids.length > 0) {
        const query = fittingOf(clausesIn(past(at)), order, ids)
          .select(columns)
          .limit(most - rows.length);
        rows.push(...((await rowsOf(db.tenant(organizationId), query)) as unknown as Row[]));
      }
      more = ids.length === LOOK;
      at = more ? (ids.at(-1) as string) : order === "desc" ? low : high;
      if (rows.length >= most) return { rows, stoppedAt: undefined };
      if (performance.now() > until) return { rows, stoppedAt: at };
    }
  }
  return { rows, stoppedAt: undefined };
}
