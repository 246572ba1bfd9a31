/**
 * Before its last look at a partition of requests, retention closes it: nothing in it is sent again from then on, so that no request that
 * is to be sent leaves with it. A resend holds the gate from before it asks until it commits; who closes waits for it.
 */
import type { PoolClient } from "../db/client.ts";

/** Of locks that two numbers name. */
const GATE = 8;

/** In a transaction that closes a partition. @param table of SQL: its oid */
export const lockGate = (table: string): string => `SELECT pg_advisory_xact_lock(${GATE}, (${table})::oid::int4)`;

/** Of SQL: whether retention has closed a table. Its bounds stand on it as a comment then (requests/partitions.ts). */
export const isClosed = (table: string): string => `COALESCE(obj_description(${table}, 'pg_class') LIKE '{"parent":%', false)`;

/** @param table the oid of the partition that the caller has locked a row of @returns whether what is in it will be gone */
export async function isLeaving(client: PoolClient, table: number): Promise<boolean> {
  await client.query(`SELECT pg_advisory_xact_lock_shared(${GATE}, $1::oid::int4)`, [table]);
  // In a statement of its own: what was committed before the gate was ours is seen.
  const { rows } = await client.query<{ closed: boolean }>(`SELECT ${isClosed("$1::oid")} AS closed`, [table]);
  return rows[0]?.closed ?? true;
}
