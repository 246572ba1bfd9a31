/** Whether a write would work: what a database that answers does not say yet. */
import type { Database } from "./client.ts";

/**
 * An id for a transaction is given only where transactions may write: not on a standby, nor where a full disk or the limit
 * of transaction ids has stopped them.
 */
const WRITE = "SELECT pg_current_xact_id() IS NOT NULL AND NOT current_setting('transaction_read_only')::bool AS writable";

/** False when it would not, or the database does not answer. */
export function isWritable(db: Pick<Database, "pool">): Promise<boolean> {
  return db.pool.query<{ writable: boolean }>(WRITE).then(
    ({ rows }) => rows[0]?.writable === true,
    () => false,
  );
}
