/**
 * Queries whose conditions are free are put together by Kysely, from types that follow schema.prisma; node-postgres
 * runs them. Fixed statements are statement() (statement.ts).
 */
import { type Compilable, DummyDriver, Kysely, PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler } from "kysely";
import type { Tables } from "./kysely-types.ts";
import type { Queries } from "./statement.ts";

/** Makes text and values; it has no connection. */
export const queries = new Kysely<Tables>({
  dialect: {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (db) => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  },
});

/** Runs one. @returns its rows */
export async function rowsOf<Row>(client: Queries, query: Compilable<Row>): Promise<Row[]> {
  const { sql, parameters } = query.compile();
  return (await client.query(sql, parameters as unknown[])).rows as Row[];
}
