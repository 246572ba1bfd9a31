/** One transaction on a pool: committed when `work` returns, else nothing of it is kept. */
import type pg from "pg";
import { type ConflictKinds, retried } from "./retry.ts";

type Connects = { connect(): Promise<pg.PoolClient> };

/**
 * Runs `work` in a transaction, again while another transaction is in its way: it must do nothing but statements on
 * `client`, or be safe to begin anew.
 * @throws UnavailableError when another transaction still is in its way; what `work` throws, with everything rolled back
 */
export function transact<T>(pool: Connects, work: (client: pg.PoolClient) => Promise<T>, again?: ConflictKinds): Promise<T> {
  return retried(() => once(pool, work), { again });
}

async function once<T>(pool: Connects, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  try {
    await client.query("BEGIN");
    const result = await work(client);
    await commit(client);
    client.release();
    return result;
  } catch (error) {
    await giveBack(client);
    throw error;
  }
}

/**
 * Postgres answers ROLLBACK, not an error, to the COMMIT of a transaction in which a statement failed that `work` let pass.
 * @throws Error when nothing was kept: a mistake of ours
 */
export async function commit(client: pg.PoolClient): Promise<void> {
  const { command } = await client.query("COMMIT");
  if (command !== "COMMIT") throw new Error("a statement of the transaction had failed: Postgres rolled it back");
}

/** Rolled back; a connection that cannot even do that is thrown away. */
export async function giveBack(client: pg.PoolClient): Promise<void> {
  const failed = await client.query("ROLLBACK").then(
    () => undefined,
    (error: Error) => error,
  );
  client.release(failed);
}
