/** A transaction that keeps its snapshot open, as a dump does. */
import pg from "pg";

export interface Snapshot {
  close(): Promise<void>;
}

export async function openSnapshot(databaseUrl: string): Promise<Snapshot> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  await client.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
  // A dump holds a lock on every table it reads.
  const { rows } = await client.query<{ name: string }>(
    "SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) AS name FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')",
  );
  for (const { name } of rows) await client.query(`LOCK TABLE ${name} IN ACCESS SHARE MODE`);
  return {
    async close() {
      await client.query("ROLLBACK");
      await client.end();
    },
  };
}
