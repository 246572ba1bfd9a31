/**
 * Statements sent together: one message, one answer. They are one transaction, committed with the last of them, because
 * Postgres takes what comes before a Sync as a whole: when one fails, the rest is skipped and nothing of it is kept. No
 * statement can use in JavaScript what one before it returned; in exchange no lock is held while a message travels, and a
 * process that freezes leaves no transaction open.
 */
import pg from "pg";
import type { RowShape, Statement } from "./statement.ts";

/** A statement and its values. */
export interface Sent {
  statement: Statement<RowShape>;
  values: readonly unknown[];
}

export interface Came {
  rows: Record<string, unknown>[];
  /** Rows touched. */
  count: number;
}

interface Result {
  rows: Record<string, unknown>[];
  rowCount: number | null;
}
type Callback = (error: Error | null | undefined, result?: unknown) => void;

/** What node-postgres gives whoever writes to its connection (pg-cursor does); its version is pinned. */
interface Wire {
  stream: { writable: boolean; write(bytes: Buffer): boolean; cork(): void; uncork(): void };
  _send(bytes: Buffer): boolean;
  parsedStatements: Record<string, string>;
  submittedNamedStatements: Record<string, string>;
  sync(): void;
}
interface Query {
  name: string;
  text: string;
  submit(connection: Wire): Error | null;
  handleRowDescription(message: unknown): void;
  handleDataRow(message: unknown): void;
  handleCommandComplete(message: unknown, connection: Wire): void;
  handleReadyForQuery(connection: Wire): void;
}
const Query = (pg as unknown as { Query: new (config: object, values: undefined, callback: Callback) => Query }).Query;

/** One transaction, as node-postgres sees it: a query that it hands the server's messages to. */
class Transaction {
  callback: Callback = () => undefined;
  readonly #queries: Query[];
  readonly #results: Came[] = [];
  #wrong: Error | undefined;
  #at = 0;
  #ended = false;
  /** Called once the server has answered it as a whole, or has refused it. */
  ended: () => void = () => undefined;
  /** Written by the one before it, in the same message. */
  sentAlready = false;
  behind: Transaction | undefined;

  constructor(sent: readonly Sent[]) {
    this.#queries = sent.map(
      ({ statement: { name, text }, values }) =>
        new Query({ name, text, values }, undefined, (error, result) => {
          if (error) this.#wrong ??= error;
          else this.#results.push({ rows: (result as Result).rows, count: (result as Result).rowCount ?? 0 });
        }),
    );
  }

  /** Of the statement that the server is at: node-postgres keeps in mind which ones are prepared. */
  get name(): string {
    return this.#queries[this.#at]?.name ?? "";
  }
  get text(): string {
    return this.#queries[this.#at]?.text ?? "";
  }

  submit(connection: Wire): Error | null {
    if (this.sentAlready) return null;
    const message: Buffer[] = [];
    const collector = Object.create(connection, { _send: { value: (bytes: Buffer) => message.push(bytes) } }) as Wire;
    for (let each: Transaction | undefined = this; each; each = each.behind) {
      const wrong = each.#write(collector);
      // Nothing was sent yet; what the collector noted as on its way is not.
      if (wrong) {
        this.#forget(connection);
        return wrong;
      }
      each.sentAlready = true;
    }
    // One write: a hundred small ones cost more than the statements.
    if (connection.stream.writable) connection.stream.write(Buffer.concat(message));
    return null;
  }

  #write(collector: Wire): Error | undefined {
    const quiet = Object.create(collector, { sync: { value: () => undefined } }) as Wire;
    for (const query of this.#queries) {
      const wrong = query.submit(quiet) ?? this.#wrong;
      if (wrong) return wrong;
    }
    collector.sync();
    return undefined;
  }

  /** Statements from here on were not read by the server: they are prepared when they are sent again. */
  #forget(connection: Wire): void {
    for (const { name } of this.#queries.slice(this.#at)) delete connection.submittedNamedStatements[name];
  }

  handleRowDescription(message: unknown): void {
    this.#queries[this.#at]?.handleRowDescription(message);
  }
  handleDataRow(message: unknown): void {
    this.#queries[this.#at]?.handleDataRow(message);
  }
  handleCommandComplete(message: unknown, connection: Wire): void {
    this.#queries[this.#at]?.handleCommandComplete(message, connection);
    this.#at += 1;
  }
  handleEmptyQuery(): void {
    this.#at += 1;
  }
  handlePortalSuspended(): void {}

  handleError(error: Error, connection: Wire): void {
    this.#forget(connection);
    this.#end();
    this.callback(error);
  }

  handleReadyForQuery(connection: Wire): void {
    for (const query of this.#queries) query.handleReadyForQuery(connection);
    this.#end();
    this.callback(this.#wrong ?? null, this.#results);
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.ended();
  }
}

const run = (client: pg.PoolClient, transaction: Transaction): Promise<Came[]> =>
  new Promise((resolve, reject) => {
    transaction.callback = (error, results) => (error ? reject(error) : resolve(results as Came[]));
    client.query(transaction as unknown as pg.Submittable);
  });

/** An error that Postgres itself answered leaves a connection of use; any other does not. */
const isAnswer = (error: unknown) => /^[0-9A-Z]{5}$/.test(String((error as { code?: unknown }).code)) && "severity" in (error as object);

/**
 * Runs a transaction in one round trip.
 * @param sent asked for once there is a connection
 * @param before a transaction of its own, committed first, that travels in the same message; its failure does not keep the other from running
 * @returns what each statement of `sent` came to, and `before`; undefined: that one failed
 * @throws the database's error: nothing of `sent` was kept, unless the connection broke before the answer came
 */
export async function together(
  pool: pg.Pool,
  sent: () => readonly Sent[],
  before?: Sent,
): Promise<{ came: Came[]; before: Came | undefined }> {
  const client = await pool.connect();
  try {
    const main = new Transaction(sent());
    let results: Promise<Came[]>;
    let first: Promise<Came[] | undefined> | undefined;
    if (before) {
      const own = new Transaction([before]);
      own.behind = main;
      results = new Promise((resolve, reject) => {
        // Its turn with node-postgres; it is on its way already.
        own.ended = () => void run(client, main).then(resolve, reject);
      });
      first = run(client, own).catch(() => undefined);
    } else results = run(client, main);
    const came = await results;
    client.release();
    return { came, before: (await first)?.[0] };
  } catch (error) {
    client.release(isAnswer(error) ? undefined : (error as Error));
    throw error;
  }
}
