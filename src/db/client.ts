/**
 * The two ways to Postgres: `pool` for the hot path (raw SQL, prepared, arrays), `prisma` for everything else.
 * A Prisma read or write of a tenant's rows without an organizationId in its `where` is refused: tenancy is kept
 * here, not by everybody's care.
 */
import { PrismaPg } from "@prisma/adapter-pg";
import pg from "pg";
import { PrismaClient } from "./generated/prisma/client.ts";

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
          return query(args);
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
  /** Refuses lookups without an organization. */
  prisma: Prisma;
  /** The same without that guard: only for lookups by a unique secret or over all tenants (sign-in, sweep, start). */
  unscoped: PrismaClient;
  /** Runs `work` in one transaction on the hot pool; rolled back when it throws. */
  transaction<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** A statement that takes longer than this is given up: nothing of ours does, unless the database hangs. */
const STATEMENT_TIMEOUT_MS = 15_000;
const IDLE_TRANSACTION_TIMEOUT_MS = 5_000;
/** Our own locks last milliseconds. Less than what a transaction may idle: whoever waited tries again. */
const LOCK_TIMEOUT_MS = 3_000;

export function openDatabase(url: string, options: { poolSize?: number } = {}): Database {
  const timeouts = {
    connectionTimeoutMillis: 5_000,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    query_timeout: STATEMENT_TIMEOUT_MS + 2_000,
    // A process that froze in the midst of a transaction must not keep its lanes' rows locked for the others.
    idle_in_transaction_session_timeout: IDLE_TRANSACTION_TIMEOUT_MS,
    lock_timeout: LOCK_TIMEOUT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: 5_000,
  };
  const pool = new pg.Pool({ connectionString: url, max: options.poolSize ?? 10, ...timeouts });
  const prismaPool = new pg.Pool({ connectionString: url, max: options.poolSize ?? 10, ...timeouts });
  // An idle connection that breaks (Postgres restarted) is replaced on next use; without a listener it would end the process.
  pool.on("error", () => undefined);
  prismaPool.on("error", () => undefined);
  // The pool listens to idle ones alone: one that breaks between two statements of a transaction would end it too.
  pool.on("connect", (client) => client.on("error", () => undefined));
  prismaPool.on("connect", (client) => client.on("error", () => undefined));
  const unscoped = new PrismaClient({ adapter: new PrismaPg(prismaPool) });
  return {
    url,
    pool,
    unscoped,
    prisma: guarded(unscoped),
    async transaction(work) {
      const client = await pool.connect();
      try {
        await client.query("BEGIN");
        const result = await work(client);
        await client.query("COMMIT");
        client.release();
        return result;
      } catch (error) {
        // A connection that cannot even roll back is thrown away.
        const rollback = await client.query("ROLLBACK").then(
          () => undefined,
          (e: Error) => e,
        );
        client.release(rollback);
        throw error;
      }
    },
    async close() {
      await unscoped.$disconnect();
      await Promise.all([pool.end(), prismaPool.end()]);
    },
  };
}
