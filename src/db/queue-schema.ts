/**
 * Where pg-boss keeps its tables. 0.1 used pg-boss's own default, `pgboss`, which another program in the same database may
 * use as well: such a one is ours only where it holds a queue of ours.
 */
import type { ClientBase, Pool } from "pg";
import { queueSchemaFor } from "./queue.ts";

/** A queue that every Hookline has made since 0.1. */
const OURS = "definition-stopped";

export async function findQueueSchema(client: Pick<ClientBase, "query"> | Pool, schema: string): Promise<string> {
  const own = queueSchemaFor(schema);
  const { rows } = await client.query<{ old: boolean; own: boolean }>(
    `SELECT to_regclass('pgboss.queue') IS NOT NULL AND has_schema_privilege('pgboss', 'USAGE') AS old, to_regnamespace($1) IS NOT NULL AS own
     WHERE EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = 'pgboss')`,
    [own],
  );
  if (!rows[0]?.old || rows[0].own || schema !== "public") return own;
  const { rows: queues } = await client
    .query<{ ours: boolean }>("SELECT EXISTS (SELECT 1 FROM pgboss.queue WHERE name = $1) AS ours", [OURS])
    .catch(() => ({ rows: [{ ours: false }] }));
  return queues[0]?.ours ? "pgboss" : own;
}
