/**
 * All deliveries of an organization held up: one row, however many lanes. It is asked for with every claim and every
 * settlement; what is in flight ends, what comes in waits.
 */
import type { PoolClient } from "../db/client.ts";

/** In the caller's transaction. @returns false: they were paused already */
export async function pauseAll(client: PoolClient, organizationId: string): Promise<boolean> {
  const { rowCount } = await client.query(
    "UPDATE organization SET deliveries_paused_at = now(), deliveries_go_on_since = NULL WHERE id = $1 AND deliveries_paused_at IS NULL",
    [organizationId],
  );
  return rowCount === 1;
}

/** In the caller's transaction; its lanes are set going by a chore (lane-chores.ts). @returns false: they were not paused */
export async function resumeAll(client: PoolClient, organizationId: string): Promise<boolean> {
  const { rowCount } = await client.query(
    "UPDATE organization SET deliveries_paused_at = NULL, deliveries_go_on_since = now() WHERE id = $1 AND deliveries_paused_at IS NOT NULL",
    [organizationId],
  );
  return rowCount === 1;
}
