/**
 * A page of a walk that reads a bounded number of rows, and the id at which the walk ended, in one statement. Read one after the
 * other, rows that are written or deleted in between would move the end: the next page would leave rows out or give them again.
 */
import { type Expression, type RawBuilder, sql } from "kysely";
import { queries, rowsOf } from "../db/queries.ts";
import type { Queries } from "../db/statement.ts";

export type Order = "asc" | "desc";

export interface WalkedPage {
  /** A query of whole rows, with a column `id`. */
  page: Expression<unknown>;
  /** A query of the last id of the walk; of no row when the walk sees all there are. */
  end: Expression<unknown>;
  order: Order;
  /** A page of so many rows goes on from its last one: then the end is not looked for. */
  enough: number;
}

/** Kysely's raw text compiled where it has no query around it. */
export const bound = <Row>(raw: RawBuilder<Row>) => ({ compile: () => raw.compile(queries) });

/** `stoppedAt`: the page has less than enough, and there are rows behind this id that the walk did not reach. */
export async function readWalkedPage<Row>(
  client: Queries,
  { page, end, order, enough }: WalkedPage,
): Promise<{ rows: Row[]; stoppedAt: string | undefined }> {
  // The one row on the left says where the walk ended when no row matches.
  const read = await rowsOf(
    client,
    bound(sql<{ id: string | null; stoppedAt: string | null }>`
      SELECT r.*, CASE WHEN count(r.id) OVER () < ${enough} THEN (${end}) END AS "stoppedAt"
        FROM (VALUES (1)) AS one LEFT JOIN (${page}) AS r ON true ORDER BY r.id ${sql.raw(order)}`),
  );
  const rows = read.flatMap(({ stoppedAt: _, ...row }) => (row.id === null ? [] : [row as Row]));
  return { rows, stoppedAt: read[0]?.stoppedAt ?? undefined };
}
