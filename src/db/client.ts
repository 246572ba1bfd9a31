/**
 * The ways to Postgres, each with a pool, and a role, of its own: `pool` for the hot path and what is no tenant's (raw SQL,
 * prepared, arrays), `prisma` and `tenant` for what a tenant reads and changes, `asOwner` for partitions.
 * A Prisma read or write of a tenant's rows that does not name the organization is refused (tenancy.ts), and one that does
 * sees nothing but its rows (tenant.ts): tenancy is kept here, not by everybody's care.
 */
import { PrismaPg } from "@prisma/adapter-pg";
import pg from "pg";
import { readDatabaseUrl } from "../database-url.ts";
import { PrismaClient } from "./generated/prisma/client.ts";
import { SessionPool } from "./pool.ts";
import { type ConflictKinds, retried } from "./retry.ts";
import { LONG_PROFILE, POOL_PROFILE } from "./session.ts";
import { clientConfig, SessionClient, type SessionConfig } from "./session-client.ts";
import { asFirst, organizationOf } from "./tenancy.ts";
import { asOrganization, type Tenant, TenantPool } from "./tenant.ts";
import { unwrapping } from "./through-prisma.ts";
import { together } from "./together.ts";
import { transact } from "./transact.ts";

export type { PoolClient } from "pg";

/** int8 as number: our counters stay far below 2^53. */
const INT8 = 20;
pg.types.setTypeParser(INT8, Number);

const JSONS = [114, 3802];

/** How json and jsonb of the hot pool are parsed from now on; `JSON.parse` rounds their numbers. */
export function readJsonWith(parse: (text: string) => unknown): void {
  for (const type of JSONS) pg.types.setTypeParser(type, parse);
}

type Delegates = Record<string, Record<string, (args: unknown) => Promise<unknown>>>;
const delegateOf = (model: string) => `${model.charAt(0).toLowerCase()}${model.slice(1)}`;

function guarded(base: PrismaClient) {
  return base.$extends({
    name: "tenancy",
    query: {
      $allModels: {
        async $allOperations({ model, operation, args, query }) {
          const organizationId = organizationOf(model, operation, args);
          const first = asFirst(operation, args);
          const run = first
            ? () => (base as unknown as Delegates)[delegateOf(model)]?.[first.operation]?.(first.args) as ReturnType<typeof query>
            : () => query(args);
          // Several statements in one operation are a transaction; one alone was tried again by the pool already.
          return retried(() => unwrapping(() => asOrganization(organizationId, async () => run())));
        },
      },
    },
  });
}

export type Prisma = ReturnType<typeof guarded>;

const unguarded = (base: PrismaClient) =>
  base.$extends({
    name: "errors",
    query: { $allOperations: ({ args, query }) => unwrapping(() => query(args)) },
  }) as unknown as PrismaClient;

/** A URL for each role; all the same where there is one only. */
export interface Logins {
  /** Owns the tables: migrations, partitions. */
  owner: string;
  /** Ingest, deliveries, chores, jobs, LISTEN. */
  engine: string;
  /** Reads and changes of one organization at a time. */
  tenant: string;
}

export interface Database {
  /** The engine's. */
  url: string;
  /** Hot path. */
  pool: pg.Pool;
  /** For their figures. */
  pools: Readonly<{ hot: SessionPool; tenant: TenantPool }>;
  /** Refuses what names no organization, and sees that organization's rows only. */
  prisma: Prisma;
  /** Without that guard, with the engine's rights: only for lookups by a unique secret or over all tenants (sign-in, sweep, start). */
  unscoped: PrismaClient;
  /**
   * The engine's, one statement at a time and a second for each: looks into the index of payloads, which row-level security keeps
   * from the tenants' role, since comparing texts is no leakproof operator. What is found is read through `tenant` all the same.
   */
  searches: pg.Pool;
  /** SQL that sees one organization's rows only. */
  tenant(organizationId: string): Tenant;
  /** Runs `work` in one transaction on the hot pool; rolled back when it throws, begun anew when another one is in its way. */
  transaction<T>(work: (client: pg.PoolClient) => Promise<T>, again?: ConflictKinds): Promise<T>;
  /** The same on the tenants' pool. */
  tenantTransaction<T>(organizationId: string, work: (client: pg.PoolClient) => Promise<T>, again?: ConflictKinds): Promise<T>;
  /**
   * A session of the tables' owner, closed when it was not needed for a while; its limits come back. A statement whose limit
   * `work` sets beyond the pool's is cut all the same.
   * DETACH PARTITION CONCURRENTLY runs in no function, so that no right to it can be lent.
   */
  asOwner<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T>;
  /** A session of the owner's of its own, without limits but TCP's keepalive, for what may take hours; cut when `signal` says so. */
  asOwnerForLong<T>(work: (client: pg.ClientBase) => Promise<T>, signal?: AbortSignal): Promise<T>;
  /** Statements that are one transaction, in one round trip on the hot pool: db/together.ts. */
  together(sent: Parameters<typeof together>[1], ahead?: Parameters<typeof together>[2]): ReturnType<typeof together>;
  /** Connections made from now on are new ones: those that are open lead to a server that is of no use any more. */
  dropConnections(silent?: boolean): void;
  close(): Promise<void>;
}

export interface DatabaseOptions {
  /** Connections of the hot pool (10). */
  poolSize?: number;
  /** Connections of the tenants' pool (half as many as the hot one's, two at least). */
  tenantPoolSize?: number;
  /** A statement of the tenants' pool is given up after so many milliseconds (5 000). */
  readTimeoutMs?: number;
  /** Hears what the server says to the pools that answer calls. */
  heard?: SessionConfig["heard"];
}

const READ_TIMEOUT_MS = 5_000;
/** What has not been found by then is looked for without the index. */
const SEARCH_TIMEOUT_MS = 1_000;

/** @param url with `?schema=` when our tables are not in `public`; or one for each role */
export function openDatabase(url: string | Logins, options: DatabaseOptions = {}): Database {
  const logins = typeof url === "string" ? { owner: url, engine: url, tenant: url } : url;
  const max = options.poolSize ?? 10;
  const pool = new SessionPool({
    url: logins.engine,
    max,
    heard: options.heard,
    purpose: "hot",
    profile: { ...POOL_PROFILE, plans: "lookups" },
  });
  const readTimeout = options.readTimeoutMs ?? READ_TIMEOUT_MS;
  const tenantPool = new TenantPool({
    url: logins.tenant,
    max: options.tenantPoolSize ?? Math.max(2, Math.ceil(max / 2)),
    heard: options.heard,
    purpose: "tenant",
    profile: { ...POOL_PROFILE, plans: "generic", statementTimeout: readTimeout },
  });
  const searches = new SessionPool({
    url: logins.engine,
    max: 1,
    purpose: "search",
    profile: { ...POOL_PROFILE, plans: "generic", statementTimeout: SEARCH_TIMEOUT_MS },
  });
  const ownerPool = new SessionPool({ url: logins.owner, max: 1, purpose: "owner" });
  const { schema } = readDatabaseUrl(logins.engine);
  const unscoped = unguarded(new PrismaClient({ adapter: new PrismaPg(pool, { schema }) }));
  const tenants = new PrismaClient({ adapter: new PrismaPg(tenantPool, { schema }) });
  const transaction: Database["transaction"] = (work, again) => transact(pool, work, again);
  return {
    url: logins.engine,
    pool,
    pools: { hot: pool, tenant: tenantPool },
    searches,
    unscoped,
    prisma: guarded(tenants),
    tenant: (organizationId) => tenantPool.of(organizationId),
    transaction,
    tenantTransaction: (organizationId, work, again) => transact(tenantPool.of(organizationId), work, again),
    async asOwner(work) {
      const client = await ownerPool.connect();
      let broken: Error | undefined;
      try {
        return await work(client);
      } finally {
        await client
          .query(`SET lock_timeout = ${POOL_PROFILE.lockTimeout}; SET statement_timeout = ${POOL_PROFILE.statementTimeout}`)
          .catch((error: Error) => {
            broken = error;
          });
        client.release(broken);
      }
    },
    async asOwnerForLong(work, signal) {
      const client = new SessionClient(clientConfig({ url: logins.owner, purpose: "index", profile: LONG_PROFILE }));
      const cut = () => client.connection.stream.destroy();
      await client.connect();
      signal?.addEventListener("abort", cut);
      try {
        signal?.throwIfAborted();
        // Else a server goes on with a statement whose client is gone; not every platform can tell.
        await client.query("SET client_connection_check_interval = 1000").catch(() => undefined);
        return await work(client);
      } finally {
        signal?.removeEventListener("abort", cut);
        await client.end().catch(() => undefined);
      }
    },
    together: (sent, ahead) => together(pool, sent, ahead),
    dropConnections(silent) {
      pool.dropAll(silent);
      tenantPool.dropAll(silent);
      searches.dropAll(silent);
      ownerPool.dropAll(silent);
    },
    async close() {
      await Promise.all([unscoped.$disconnect(), tenants.$disconnect()]);
      await Promise.all([pool.end(), tenantPool.end(), searches.end(), ownerPool.end()]);
    },
  };
}
