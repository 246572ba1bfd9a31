/** A transaction with a deadline: either it is committed in time, or nothing of it ever happens. */
import { TimedOutError, UnavailableError } from "../errors.ts";
import type { Database, PoolClient } from "./client.ts";
import { retried } from "./retry.ts";
import { commit, giveBack } from "./transact.ts";

/**
 * Runs `work` in a transaction on the hot pool. At the deadline the connection is cut, so that the server rolls back;
 * once COMMIT is under way its answer is awaited, whatever the deadline says. While another transaction is in its way, and
 * time is left, `work` begins anew.
 * @param ms from now until COMMIT is sent, waiting for a connection included
 * @throws UnavailableError when the deadline passed while the database was busy · TimedOutError when we were
 */
export function transactionUntil<T>(db: Pick<Database, "pool">, ms: number, work: (client: PoolClient) => Promise<T>): Promise<T> {
  const deadline = performance.now() + ms;
  return retried(() => once(db, deadline, work));
}

async function once<T>(db: Pick<Database, "pool">, deadline: number, work: (client: PoolClient) => Promise<T>): Promise<T> {
  const ms = deadline - performance.now();
  if (ms <= 0) throw new UnavailableError();
  /** Held by this transaction; given back, or cut, exactly once. */
  let held: PoolClient | undefined;
  /** Statements in flight, and the wait for a connection. */
  let busy = 1;
  let expired: Error | undefined;
  let timer: NodeJS.Timeout | undefined;
  const expire = () => {
    expired = busy > 0 ? new UnavailableError() : new TimedOutError();
    held?.release(expired);
    held = undefined;
    return expired;
  };
  const expiry = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(expire()), ms);
  });

  const run = async (): Promise<T> => {
    const client = await db.pool.connect();
    busy -= 1;
    // A connection that comes after the deadline is somebody else's: not one statement may be sent on it.
    if (expired) {
      client.release();
      throw expired;
    }
    held = client;
    const counted = countingClient(client, (change) => (busy += change));
    // The server gives up too, should it wait for a lock: a cut connection alone is noticed only afterwards.
    await counted.query(`BEGIN; SET LOCAL statement_timeout = ${Math.max(1, Math.ceil(deadline - performance.now()))}`);
    const result = await work(counted);
    // The timer may be late where `work` kept the thread.
    if (expired === undefined && performance.now() > deadline) expire();
    if (expired) throw expired;
    clearTimeout(timer);
    await commit(client);
    return result;
  };

  try {
    const result = await Promise.race([run(), expiry]);
    held?.release();
    return result;
  } catch (error) {
    clearTimeout(timer);
    const open = held;
    held = undefined;
    if (open) await giveBack(open);
    throw error;
  }
}

/** The same client, with its statements in flight counted. */
function countingClient(client: PoolClient, count: (change: 1 | -1) => void): PoolClient {
  const query = (...args: Parameters<PoolClient["query"]>) => {
    const result: unknown = client.query(...args);
    if (result instanceof Promise) {
      count(1);
      result.then(
        () => count(-1),
        () => count(-1),
      );
    }
    return result;
  };
  return Object.create(client, { query: { value: query } }) as PoolClient;
}
