/** A transaction with a deadline: either it is committed in time, or nothing of it ever happens. */
import { TimedOutError, UnavailableError } from "../errors.ts";
import type { Database, PoolClient } from "./client.ts";
import { retried } from "./retry.ts";
import { commit, giveBack } from "./transact.ts";

/** Statements in flight, the wait for a connection included, and why no further one is sent. */
interface Gate {
  busy: number;
  closed: Error | undefined;
}

/**
 * Runs `work` in a transaction on the hot pool. At the deadline the connection is cut, so that the server rolls back, and
 * the client that `work` holds sends nothing more; once COMMIT is under way its answer is awaited, whatever the deadline
 * says. Only a connection that breaks just then leaves a doubt: it fails with the error of the connection. While another
 * transaction is in its way, and time is left, `work` begins anew.
 * @param ms from now until COMMIT is sent, waiting for a connection included
 * @throws UnavailableError when the deadline passed while the database was busy · TimedOutError when we were
 */
export function transactionUntil<T>(db: Database, ms: number, work: (client: PoolClient) => Promise<T>): Promise<T> {
  const deadline = performance.now() + ms;
  return retried(() => once(db, deadline, work));
}

async function once<T>(db: Database, deadline: number, work: (client: PoolClient) => Promise<T>): Promise<T> {
  const ms = deadline - performance.now();
  if (ms <= 0) throw new UnavailableError({ kind: "TOO_SLOW" });
  const gate: Gate = { busy: 1, closed: undefined };
  let client: PoolClient | undefined;
  let timer: NodeJS.Timeout | undefined;
  const expiry = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      gate.closed = gate.busy > 0 ? new UnavailableError({ kind: "TOO_SLOW" }) : new TimedOutError();
      client?.release(gate.closed);
      client = undefined;
      reject(gate.closed);
    }, ms);
  });
  expiry.catch(() => undefined);

  const run = async (): Promise<T> => {
    const connected = await db.pool.connect();
    gate.busy--;
    if (gate.closed) {
      // Came too late: nothing was begun on it, so the next one may have it.
      connected.release();
      throw gate.closed;
    }
    client = connected;
    const gated = gatedClient(connected, gate);
    // The server gives up too, should it wait for a lock: a cut connection alone is noticed only afterwards.
    await gated.query(`BEGIN; SET LOCAL statement_timeout = ${Math.ceil(ms)}`);
    const result = await work(gated);
    if (gate.closed === undefined && performance.now() > deadline) gate.closed = new TimedOutError();
    if (gate.closed) throw gate.closed;
    clearTimeout(timer);
    gate.closed = new Error("a statement after the end of its transaction");
    await commit(connected);
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
    gate.closed ??= new Error("a statement after the end of its transaction", { cause: error });
    const open = client;
    client = undefined;
    if (open) await giveBack(open);
    throw error;
  }
}

/** The same client, which counts its statements in flight, and sends none once the gate is closed. */
function gatedClient(client: PoolClient, gate: Gate): PoolClient {
  const query = (...args: Parameters<PoolClient["query"]>) => {
    if (gate.closed) return Promise.reject(gate.closed);
    const result: unknown = client.query(...args);
    if (result instanceof Promise) {
      gate.busy++;
      const done = () => {
        gate.busy--;
      };
      result.then(done, done);
    }
    return result;
  };
  return Object.create(client, { query: { value: query } }) as PoolClient;
}
