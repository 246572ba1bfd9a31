/**
 * The two ways to Postgres: `pool` for the hot path (raw SQL, prepared, arrays), `prisma` for everything else.
 * A Prisma read or write of a tenant's rows without an organizationId in its `where` is refused: tenancy is kept
 * here, not by everybody's care.
 */
import { PrismaPg } from "@prisma/adapter-pg";
import pg from "pg";
import { readDatabaseUrl } from "../database-url.ts";
import { PrismaClient } from "./generated/prisma/client.ts";
import { SessionPool } from "./pool.ts";
import { type ConflictKinds, retried } from "./retry.ts";
import { POOL_PROFILE, STATEMENT_TIMEOUT_MS } from "./session.ts";
import { type Sent, together } from "./together.ts";
import { transact } from "./transact.ts";

export type { PoolClient } from "pg";

/** int8 as number: our counters stay far below 2^53. */
const INT8 = 20;
pg.types.setTypeParser(INT8, Number);

/** Not a tenant's, or looked up by a unique secret before the tenant is known. */
const UNSCOPED_MODELS = new Set([
  "Organization",
  "OrganizationCounter",
  "OrganizationCatalog",
  "DefinitionCounter",
  "WorkflowRuleDefinition",
  "RateBucket",
]);
const NEEDS_WHERE = new Set([
  ...["findUnique", "findUniqueOrThrow", "findFirst", "findFirstOrThrow", "findMany", "count", "aggregate", "groupBy"],
  ...["update", "updateMany", "updateManyAndReturn", "delete", "deleteMany", "upsert"],
]);

/** A lookup of a tenant's rows that does not say whose. A fault of ours, never the user's. */
export class TenancyError extends Error {
  constructor(model: string, operation: string) {
    super(`${model}.${operation} without organizationId in its where`);
    this.name = "TenancyError";
  }
}

function namesOrganization(where: unknown): boolean {
  if (typeof where !== "object" || where === null) return false;
  const clauses = where as Record<string, unknown>;
  if (clauses["organizationId"] !== undefined) return true;
  const and = clauses["AND"];
  return (
    (Array.isArray(and) ? and : [and]).some(namesOrganization) ||
    Object.entries(clauses).some(([key, value]) => key.startsWith("organizationId_") && value !== undefined)
  );
}

function guarded(base: PrismaClient) {
  return base.$extends({
    name: "tenancy",
    query: {
      $allModels: {
        async $allOperations({ model, operation, args, query }) {
          if (!UNSCOPED_MODELS.has(model) && NEEDS_WHERE.has(operation) && !namesOrganization((args as { where?: unknown }).where)) {
            throw new TenancyError(model, operation);
          }
          // Several statements in one operation are a transaction; one alone was tried again by the pool already.
          return retried(() => query(args));
        },
      },
    },
  });
}

export type Prisma = ReturnType<typeof guarded>;

export interface Database {
  url: string;
  /** Hot path. */
  pool: pg.Pool;
  /** For their figures. */
  pools: Readonly<Record<"hot" | "prisma", SessionPool>>;
  /** Refuses lookups without an organization. */
  prisma: Prisma;
  /** The same without that guard: only for lookups by a unique secret or over all tenants (sign-in, sweep, start). */
  unscoped: PrismaClient;
  /** Runs `work` in one transaction on the hot pool; rolled back when it throws, begun anew when another one is in its way. */
  transaction<T>(work: (client: pg.PoolClient) => Promise<T>, again?: ConflictKinds): Promise<T>;
  /** Statements that are one transaction, in one round trip on the hot pool: db/together.ts. */
  together(sent: () => readonly Sent[], before?: Sent): ReturnType<typeof together>;
  /** Connections made from now on are new ones: those that are open lead to a server that is of no use any more. */
  dropConnections(): void;
  close(): Promise<void>;
}

export interface DatabaseOptions {
  /** Connections of the hot pool (10). */
  poolSize?: number;
  /** Connections of Prisma's pool (half as many as the hot one's, two at least). */
  prismaPoolSize?: number;
  /** SET ROLE of the pools' sessions. */
  roles?: { hot?: string; prisma?: string };
}

const role = (name: string | undefined) => (name === undefined ? {} : { role: name });

/** @param url with `?schema=` when our tables are not in `public` */
export function openDatabase(url: string, options: DatabaseOptions = {}): Database {
  const max = options.poolSize ?? 10;
  const queryTimeout = STATEMENT_TIMEOUT_MS + 2_000;
  const pool = new SessionPool({
    url,
    max,
    queryTimeout,
    purpose: "hot",
    profile: { ...POOL_PROFILE, plans: "generic", ...role(options.roles?.hot) },
  });
  const prismaPool = new SessionPool({
    url,
    max: options.prismaPoolSize ?? Math.max(2, Math.ceil(max / 2)),
    queryTimeout,
    purpose: "prisma",
    profile: { ...POOL_PROFILE, ...role(options.roles?.prisma) },
  });
  const { schema } = readDatabaseUrl(url);
  const unscoped = new PrismaClient({ adapter: new PrismaPg(prismaPool, { schema }) });
  return {
    url,
    pool,
    pools: { hot: pool, prisma: prismaPool },
    unscoped,
    prisma: guarded(unscoped),
    transaction: (work, again) => transact(pool, work, again),
    together: (sent, before) => together(pool, sent, before),
    dropConnections() {
      pool.dropAll();
      prismaPool.dropAll();
    },
    async close() {
      await unscoped.$disconnect();
      await Promise.all([pool.end(), prismaPool.end()]);
    },
  };
}
