/**
 * Statements sent together: one message, one answer. They are one transaction, committed with the last of them, because
 * Postgres takes what comes before a Sync as a whole: when one fails, the rest is skipped and nothing of it is kept. No
 * statement can use in JavaScript what one before it returned; in exchange no lock is held while a message travels, and a
 * process that freezes leaves no transaction open.
 */
import type pg from "pg";
import { Outgoing } from "./outgoing.ts";
import { writeParameter } from "./parameters.ts";
import { hasRows, keepLayout, type Layout, layoutOf } from "./results.ts";
import type { RowShape, Statement } from "./statement.ts";

/** A statement and its values. */
export interface Sent {
  statement: Statement<RowShape>;
  values: readonly unknown[];
}

export interface Came {
  /** Empty for a statement that declares no columns. */
  rows: Record<string, unknown>[];
  /** Rows touched. */
  count: number;
}

type Callback = (error: Error | null | undefined, result?: unknown) => void;

/** What node-postgres gives whoever writes to its connection (pg-cursor does); its version is pinned. */
interface Wire {
  stream: { writable: boolean; write(bytes: Buffer): boolean };
  parsedStatements: Record<string, string>;
  submittedNamedStatements: Record<string, string>;
}

/** Types of messages, as their first byte. */
const [PARSE, BIND, DESCRIBE, EXECUTE, SYNC] = [0x50, 0x42, 0x44, 0x45, 0x53];
const PORTAL = 0x50;

/** About what a message takes: the largest of late. */
let usualSize = 4_096;
const LARGEST_AHEAD = 1 << 18;

const nothing = () => undefined;

/**
 * One transaction, as node-postgres sees it: a query that it hands the server's messages to. It lets go of its values as soon as
 * they are written, and of its callers once it has ended: the object itself outlives two collections of young objects, and with
 * what it held these took 15 to 30 ms each instead of three, at a hundred events a second.
 */
class Transaction {
  callback: Callback = nothing;
  readonly #statements: readonly Statement<RowShape>[];
  #sent: readonly Sent[];
  #results: Came[] = [];
  /** Of the statement that the server is at. */
  #rows: Record<string, unknown>[] = [];
  #layout: Layout | undefined;
  #wrong: Error | undefined;
  #at = 0;
  /** Called once the server has answered it as a whole, or has refused it. */
  ended: () => void = nothing;
  /** Written by the one before it, in the same message. */
  sentAlready = false;
  behind: Transaction | undefined;

  constructor(sent: readonly Sent[]) {
    this.#sent = sent;
    this.#statements = sent.map(({ statement }) => statement);
  }

  /** Of the statement that the server is at: node-postgres keeps in mind which ones are prepared. */
  get name(): string {
    return this.#statements[this.#at]?.name ?? "";
  }
  get text(): string {
    return this.#statements[this.#at]?.text ?? "";
  }

  submit(connection: Wire): Error | null {
    if (this.sentAlready) return null;
    const out = new Outgoing(usualSize);
    const noted: string[] = [];
    try {
      for (let each: Transaction | undefined = this; each; each = each.behind) each.#write(out, connection, noted);
    } catch (error) {
      // Nothing was sent: what was noted as on its way is not.
      for (const name of noted) delete connection.submittedNamedStatements[name];
      return error as Error;
    }
    for (let each: Transaction | undefined = this; each; each = each.behind) {
      each.sentAlready = true;
      each.#sent = [];
    }
    usualSize = Math.min(LARGEST_AHEAD, Math.max(out.length, usualSize * 0.95)) | 0;
    // One write: a hundred small ones cost more than the statements.
    if (connection.stream.writable) connection.stream.write(out.take());
    return null;
  }

  /** Each is parsed where this session does not know it, bound and run. Its columns are asked for once in a process. */
  #write(out: Outgoing, { parsedStatements, submittedNamedStatements }: Wire, noted: string[]): void {
    for (const { statement, values } of this.#sent) {
      const { name, text, parameters } = statement;
      const known = parsedStatements[name] ?? submittedNamedStatements[name];
      if (known === undefined) {
        const from = begin(out, PARSE);
        out.name(name);
        out.name(text);
        out.int16(0);
        end(out, from);
        submittedNamedStatements[name] = text;
        noted.push(name);
      } else if (known !== text) throw new Error(`prepared statements must be unique: '${name}' was used for a different one`);
      writeBind(out, name, parameters, values);
      if (hasRows(statement) && layoutOf(statement) === undefined) {
        const from = begin(out, DESCRIBE);
        out.byte(PORTAL);
        out.name("");
        end(out, from);
      }
      const from = begin(out, EXECUTE);
      out.name("");
      // All of its rows.
      out.int32(0);
      end(out, from);
    }
    end(out, begin(out, SYNC));
  }

  /** Statements from here on were not read by the server: they are prepared when they are sent again. */
  #forget(connection: Wire): void {
    for (const { name } of this.#statements.slice(this.#at)) delete connection.submittedNamedStatements[name];
  }

  handleRowDescription({ fields }: { fields: readonly { name: string }[] }): void {
    const statement = this.#statements[this.#at];
    if (statement)
      keepLayout(
        statement,
        fields.map(({ name }) => name),
      );
  }
  handleDataRow({ fields }: { fields: readonly (string | null)[] }): void {
    const statement = this.#statements[this.#at];
    if (this.#wrong || !statement || !hasRows(statement)) return;
    try {
      this.#layout ??= layoutOf(statement) as Layout;
      this.#rows.push(this.#layout.row(fields));
    } catch (error) {
      this.#wrong = error as Error;
    }
  }
  /** @param message.text such as `UPDATE 3` or `INSERT 0 1` */
  handleCommandComplete({ text }: { text: string }): void {
    this.#results.push({ rows: this.#rows, count: Number(text.slice(text.lastIndexOf(" ") + 1)) || 0 });
    this.#next();
  }
  handleEmptyQuery(): void {
    this.#next();
  }
  handlePortalSuspended(): void {}

  #next(): void {
    this.#rows = [];
    this.#layout = undefined;
    this.#at += 1;
  }

  handleError(error: Error, connection: Wire): void {
    this.#forget(connection);
    this.#end(error);
  }

  handleReadyForQuery(): void {
    this.#end(this.#wrong ?? null, this.#results);
  }

  /** Once: an error may be followed by another, of the connection. */
  #end(error: Error | null, results?: Came[]): void {
    const { ended, callback } = this;
    this.ended = nothing;
    this.callback = nothing;
    this.behind = undefined;
    this.#results = [];
    this.#rows = [];
    ended();
    callback(error, results);
  }
}

/** @returns where its length stands, for `end` */
function begin(out: Outgoing, type: number): number {
  out.byte(type);
  return out.skip(4);
}
const end = (out: Outgoing, from: number) => out.set32(from, out.length - from);

function writeBind(out: Outgoing, name: string, parameters: readonly string[], values: readonly unknown[]): void {
  const from = begin(out, BIND);
  out.name("");
  out.name(name);
  out.int16(values.length);
  const formats = out.skip(values.length * 2);
  out.int16(values.length);
  for (let i = 0; i < values.length; i++) out.set16(formats + i * 2, writeParameter(out, parameters[i], values[i]));
  // Results as text, all of them.
  out.int16(0);
  end(out, from);
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
 * @param ahead.statement a transaction of its own, committed first, that travels in the same message; its failure does not keep the other from running
 * @param ahead.came called once, as soon as that one has ended, which the other may not do for seconds: with what it came to; undefined: it failed, or was not sent
 * @returns what each statement of `sent` came to
 * @throws the database's error: nothing of `sent` was kept, unless the connection broke before the answer came
 */
export async function together(
  pool: pg.Pool,
  sent: () => readonly Sent[],
  ahead?: { statement: Sent; came: (came: Came | undefined) => void },
): Promise<Came[]> {
  let tell = ahead?.came;
  let wrong: unknown;
  const told = (came?: Came) => {
    const telling = tell;
    tell = undefined;
    try {
      telling?.(came);
    } catch (error) {
      wrong = error;
    }
  };
  let client: pg.PoolClient;
  try {
    client = await pool.connect();
  } catch (error) {
    told();
    throw error;
  }
  let came: Came[];
  try {
    const main = new Transaction(sent());
    let results: Promise<Came[]>;
    let first: Promise<void> | undefined;
    if (ahead) {
      const own = new Transaction([ahead.statement]);
      own.behind = main;
      results = new Promise((resolve, reject) => {
        // Its turn with node-postgres; it is on its way already.
        own.ended = () => void run(client, main).then(resolve, reject);
      });
      first = run(client, own).then(
        (results) => told(results[0]),
        () => told(),
      );
    } else results = run(client, main);
    came = await results;
    await first;
    client.release();
  } catch (error) {
    told();
    client.release(isAnswer(error) ? undefined : (error as Error));
    throw error;
  }
  if (wrong !== undefined) throw wrong;
  return came;
}
