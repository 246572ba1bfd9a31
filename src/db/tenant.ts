/**
 * The tenants' pool: each statement goes out behind one that names the organization, in the same message to the server and
 * in the same transaction, so that row-level security costs no round trip. Without an organization nothing is sent.
 * An organization has a share of the pool, and its statements a time, so that what one reads slowly costs others nothing.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import pg from "pg";
import { SlowReadError } from "../errors.ts";
import { SessionPool } from "./pool.ts";
import { retried } from "./retry.ts";
import { POOL_PROFILE, SCOPE } from "./session.ts";
import type { SessionConfig } from "./session-client.ts";
import { Shares } from "./shares.ts";
import { TenancyError } from "./tenancy.ts";

const organizations = new AsyncLocalStorage<string>();

/** What `work` sends to the tenants' pool sees the rows of this organization, and no others. */
export function asOrganization<T>(organizationId: string, work: () => Promise<T>): Promise<T> {
  return organizations.run(organizationId, work);
}

/** What node-postgres keeps to itself; its version is pinned, and test/db/tenant.test.ts fails when it changes. */
interface Connection {
  bind(message: { portal: string; statement: string; values: unknown[] }): void;
  execute(message: { portal: string }): void;
}
type Done = (error: Error | undefined, result: pg.QueryResult) => void;
type Config = string | pg.QueryConfig;
interface Inner {
  prepare(connection: Connection): void;
  handleDataRow(message: unknown): void;
  handleCommandComplete(message: unknown, connection: Connection): void;
}
const Query = pg.Query as unknown as new (config: Config, values: unknown[] | undefined, done: Done) => pg.Submittable & Inner;

/**
 * Both statements stand before one Sync: Postgres runs them as one transaction, unless one is open already, in which they
 * then stand. So `set_config(…, true)` holds for the second, and for nobody after it.
 */
class ScopedQuery extends Query {
  readonly #organizationId: string;
  #scoped = false;

  constructor(organizationId: string, config: Config, values: unknown[] | undefined, done: Done) {
    super(config, values, done);
    this.#organizationId = organizationId;
  }

  /** Also a text without parameters: several statements in one text would be a message of their own. */
  requiresPreparation(): boolean {
    return true;
  }

  override prepare(connection: Connection): void {
    connection.bind({ portal: "", statement: SCOPE, values: [this.#organizationId] });
    connection.execute({ portal: "" });
    super.prepare(connection);
  }

  override handleDataRow(message: unknown): void {
    if (this.#scoped) super.handleDataRow(message);
  }

  override handleCommandComplete(message: unknown, connection: Connection): void {
    if (this.#scoped) super.handleCommandComplete(message, connection);
    this.#scoped = true;
  }
}

function send(client: pg.PoolClient, organizationId: string, config: Config, values: unknown[] | undefined): Promise<pg.QueryResult> {
  return new Promise((resolve, reject) => {
    client.query(new ScopedQuery(organizationId, config, values, (error, result) => (error ? reject(error) : resolve(result))));
  });
}

const QUERY_CANCELED = "57014";

/** A statement that took as long as it may says so; everything else as it comes. */
const said = (error: unknown, ms: number): unknown =>
  (error as { code?: unknown } | null)?.code === QUERY_CANCELED ? new SlowReadError(ms, { cause: error }) : error;

/** The same client, each of whose statements is that organization's. @param leave gives its place in the share back */
function scoped(client: pg.PoolClient, organizationId: string, ms: number, leave: () => void): pg.PoolClient {
  return new Proxy(client, {
    get(target, name) {
      if (name === "query")
        return (config: Config, values?: unknown[]) =>
          send(target, organizationId, config, values).catch((error: unknown) => {
            throw said(error, ms);
          });
      if (name === "release")
        return (error?: Error | boolean) => {
          leave();
          target.release(error);
        };
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

/** One organization's rows: like a pool, whose statements see nothing else. */
export interface Tenant {
  query: pg.Pool["query"];
  connect(): Promise<pg.PoolClient>;
}

/** Callers of one organization that may wait for its share of the pool, and how long. */
const WAITING = 500;
const PATIENCE_MS = 5_000;

/** Takes promises only: neither callbacks nor cursors. */
export class TenantPool extends SessionPool {
  readonly shares: Shares;
  readonly #statementMs: number;

  constructor(config: SessionConfig & { max: number }) {
    const profile = { ...POOL_PROFILE, ...config.profile, tenant: true };
    super({ ...config, profile });
    this.#statementMs = profile.statementTimeout;
    this.shares = new Shares({ most: Math.max(1, Math.ceil(config.max / 2)), waiting: WAITING, patienceMs: PATIENCE_MS });
  }

  of(organizationId: string): Tenant {
    const query = (config: Config, values?: unknown[]) =>
      retried(async () => {
        const client = await this.#client(organizationId);
        try {
          const result = await client.query(config as string, values);
          client.release();
          return result;
        } catch (error) {
          // As node-postgres's own pool does it: a connection with an error is replaced.
          client.release(error as Error);
          throw error;
        }
      });
    return {
      query: query as pg.Pool["query"],
      connect: () => this.#client(organizationId),
    };
  }

  async #client(organizationId: string): Promise<pg.PoolClient> {
    const leave = await this.shares.enter(organizationId);
    try {
      return scoped((await super.connect()) as pg.PoolClient, organizationId, this.#statementMs, leave);
    } catch (error) {
      leave();
      throw error;
    }
  }

  #current(): Tenant {
    const organizationId = organizations.getStore();
    if (organizationId === undefined) throw new TenancyError("a statement of the tenants' pool", "without an organization");
    return this.of(organizationId);
  }

  /** For Prisma, which hands its statements to a pool: of the organization that `asOrganization` names. */
  // biome-ignore lint/suspicious/noExplicitAny: the overloads are node-postgres's own
  override async query(config: Config, values?: any): Promise<any> {
    return this.#current().query(config as string, values as unknown[]);
  }

  // biome-ignore lint/suspicious/noExplicitAny: the overloads are node-postgres's own
  override async connect(): Promise<any> {
    return this.#current().connect();
  }
}
