/** A transaction with a deadline: either it is committed in time, or nothing of it ever happens. */
import { TimedOutError, UnavailableError } from "../errors.ts";
import type { Database, PoolClient } from "./client.ts";

/**
 * Runs `work` in a transaction on the hot pool. At the deadline the connection is cut, so that the server rolls back;
 * once COMMIT is under way its answer is awaited, whatever the deadline says.
 * @param ms from now until COMMIT is sent, waiting for a connection included
 * @throws UnavailableError when the deadline passed while the database was busy · TimedOutError when we were
 */
export async function transactionUntil<T>(db: Database, ms: number, work: (client: PoolClient) => Promise<T>): Promise<T> {
  const deadline = performance.now() + ms;
  let client: PoolClient | undefined;
  /** Statements in flight, and the wait for a connection. */
  let busy = 1;
  let expired: Error | undefined;
  let timer: NodeJS.Timeout | undefined;
  const expiry = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      expired = busy > 0 ? new UnavailableError() : new TimedOutError();
      client?.release(expired);
      client = undefined;
      reject(expired);
    }, ms);
  });
  expiry.catch(() => undefined);

  const connecting = db.pool.connect().then((connected) => {
    busy--;
    if (expired) connected.release();
    else client = connected;
    return connected;
  });

  const run = async (): Promise<T> => {
    const connected = await connecting;
    const counted = countingClient(connected, (change) => (busy += change));
    // The server gives up too, should it wait for a lock: a cut connection alone is noticed only afterwards.
    await counted.query(`BEGIN; SET LOCAL statement_timeout = ${Math.ceil(ms)}`);
    const result = await work(counted);
    if (expired === undefined && performance.now() > deadline) expired = new TimedOutError();
    if (expired) throw expired;
    clearTimeout(timer);
    await connected.query("COMMIT");
    return result;
  };

  const running = run();
  running.catch(() => undefined);
  try {
    const result = await Promise.race([running, expiry]);
    client?.release();
    return result;
  } catch (error) {
    clearTimeout(timer);
    const open = client;
    client = undefined;
    // A connection that cannot even roll back is thrown away.
    if (open)
      await open.query("ROLLBACK").then(
        () => open.release(),
        (e: Error) => open.release(e),
      );
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
