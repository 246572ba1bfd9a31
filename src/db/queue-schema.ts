/**
 * Where pg-boss keeps its tables: a schema beside our own, HOOKLINE_QUEUE_SCHEMA, or the one that an installation of 0.1
 * has. 0.1 used pg-boss's own default, `pgboss`, which another program in the same database may use as well: such a one is
 * ours only where it holds a queue of ours.
 */
import { createRequire } from "node:module";
import type { ClientBase, Pool } from "pg";
import { DatabaseRefusal } from "./refusal.ts";
import { identifier } from "./session.ts";

/** Of lanes to wake: the first queue that is made. */
export const LANE_QUEUE = "lane";

/** A queue that every Hookline has made since 0.1. */
const OURS = "definition-stopped";
/** Queues of pg-boss's own, which it makes before anybody's. */
const ITS_OWN = "__pgboss__";

/** The version of the tables that the installed pg-boss works with. */
export const SUPPORTED = (createRequire(import.meta.url)("pg-boss/package.json") as { pgboss: { schema: number } }).pgboss.schema;

type Queries = Pick<ClientBase, "query"> | Pool;

/** Beside our own schema, so that a foreign pg-boss is left alone. */
export const queueSchemaFor = (schema: string): string => (schema === "public" ? "hookline_queue" : `${schema}_queue`);

interface Contents {
  /** Tables, views and sequences. */
  relations: number;
  /** That may be read. */
  version: boolean;
  queue: boolean;
}

/** By the catalog alone: to_regclass fails on a schema that this role may not use. */
async function contentsOf(client: Queries, schema: string): Promise<Contents | undefined> {
  const { rows } = await (client as ClientBase).query<Contents>(
    `SELECT count(c.oid)::int AS relations,
       COALESCE(bool_or(c.relname = 'version' AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')), false) AS version,
       COALESCE(bool_or(c.relname = 'queue' AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')), false) AS queue
     FROM pg_namespace n LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
     WHERE n.nspname = $1 GROUP BY n.oid`,
    [schema],
  );
  return rows[0];
}

async function readVersion(client: Queries, schema: string): Promise<number | undefined> {
  const { rows } = await (client as ClientBase).query<{ version: number }>(
    `SELECT version::int AS version FROM ${identifier(schema)}.version`,
  );
  return rows[0]?.version;
}

/** Of the tables that are there; undefined: none. */
export async function versionOf(client: Queries, schema: string): Promise<number | undefined> {
  return (await contentsOf(client, schema))?.version ? readVersion(client, schema) : undefined;
}

/** Names of what it queues, ours first. */
async function queuesOf(client: Queries, schema: string): Promise<string[]> {
  const { rows } = await (client as ClientBase).query<{ name: string }>(
    `SELECT name FROM ${identifier(schema)}.queue WHERE NOT starts_with(name, $2) ORDER BY name = $1 DESC, name = $3 DESC, name LIMIT 4`,
    [OURS, ITS_OWN, LANE_QUEUE],
  );
  return rows.map((row) => row.name);
}

/**
 * @param schema our own
 * @param wanted HOOKLINE_QUEUE_SCHEMA
 */
export async function findQueueSchema(client: Queries, schema: string, wanted?: string): Promise<string> {
  if (wanted !== undefined) return wanted;
  const own = queueSchemaFor(schema);
  if (schema !== "public" || (await contentsOf(client, own)) !== undefined) return own;
  const old = await contentsOf(client, "pgboss");
  return old?.queue && (await queuesOf(client, "pgboss"))[0] === OURS ? "pgboss" : own;
}

/** @throws DatabaseRefusal when it holds something else than a pg-boss of ours that this version works with */
export async function checkQueues(client: Queries, schema: string): Promise<void> {
  const contents = await contentsOf(client, schema);
  if (contents === undefined || contents.relations === 0) return;
  const mend = "name a schema of its own in HOOKLINE_QUEUE_SCHEMA";
  if (!contents.version || !contents.queue)
    throw new DatabaseRefusal(`the schema ${schema}, where jobs are kept, holds other tables than pg-boss's of this role: ${mend}`);
  const version = (await readVersion(client, schema)) ?? 0;
  const queues = await queuesOf(client, schema);
  // One that was killed while it made them has none yet, or the first alone.
  if (queues.length > 0 && queues[0] !== OURS && queues[0] !== LANE_QUEUE)
    throw new DatabaseRefusal(
      `the schema ${schema}, where jobs are kept, is another program's pg-boss (its queues: ${queues.slice(0, 3).join(", ")}): ${mend}`,
    );
  if (version > SUPPORTED)
    throw new DatabaseRefusal(
      `the jobs in the schema ${schema} are of a newer pg-boss (tables of version ${version}; this Hookline works with ${SUPPORTED}): start the newer Hookline, or ${mend}`,
    );
}
