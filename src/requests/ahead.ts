/** What is done with many requests looks at a bounded number of them at a time, however few match. */
import { sql } from "kysely";
import type { PoolClient } from "../db/client.ts";
import { queries, rowsOf } from "../db/queries.ts";
import { between, type Clauses } from "./clauses.ts";
import { endOf, matching } from "./list.ts";

/** Requests that one statement looks at: half a second of the fifteen that it may take. */
export const MOST_WALKED = 100_000;

export interface Ahead {
  /** How many match, of the first that it looked at. */
  total: number;
  /** None do, and it does not end there. */
  more: boolean;
}

/** @param untilId what comes later is not looked at */
export async function countAhead(client: PoolClient, { walk, rest }: Clauses, untilId: string): Promise<Ahead> {
  const clauses = { walk: [...walk, ...between({ below: untilId })], rest };
  const counted = queries
    .selectFrom(matching(clauses, "asc", MOST_WALKED).select("r.id").limit(MOST_WALKED).as("some"))
    .select(({ fn }) => [
      fn.countAll<number>().as("total"),
      sql<boolean>`case when count(*) = 0 then exists(${endOf(clauses, "asc", MOST_WALKED)}) else false end`.as("more"),
    ]);
  return (await rowsOf(client, counted))[0] as Ahead;
}
