/**
 * Where pg-boss keeps its tables: a schema beside our own, HOOKLINE_QUEUE_SCHEMA, or the one that an installation of 0.1
 * has. 0.1 used pg-boss's own default, `pgboss`, which another program in the same database may use as well: such a one is
 * ours only where it holds a queue of ours. Jobs name no installation: two that shared them would take each other's. So it is
 * noted there whose they are, on a table, since the schema itself may be somebody else's.
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

/** Beside our own schema, so that a foreign pg-boss is left alone. Of `public` and `hookline` it is the same: see `findQueueSchema`. */
export const queueSchemaFor = (schema: string): string => (schema === "public" ? "hookline_queue" : `${schema}_queue`);

interface Contents {
  /** Tables, views and sequences. */
  relations: number;
  /** That may be read. */
  version: boolean;
  queue: boolean;
  /** What is noted there; null: nothing, as by 0.1. */
  note: string | null;
}

const NOTE = "jobs of the Hookline in the schema ";

/** On the table `version`. The name of a schema holds no quote (checkSchemaName). */
export const noteOf = (queueSchema: string, schema: string): string =>
  `COMMENT ON TABLE ${identifier(queueSchema)}.version IS '${NOTE}${schema}'`;

/** By the catalog alone: to_regclass fails on a schema that this role may not use. */
async function contentsOf(client: Queries, schema: string): Promise<Contents | undefined> {
  const { rows } = await (client as ClientBase).query<Contents>(
    `SELECT count(c.oid)::int AS relations,
       COALESCE(bool_or(c.relname = 'version' AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')), false) AS version,
       COALESCE(bool_or(c.relname = 'queue' AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')), false) AS queue,
       max(obj_description(c.oid, 'pg_class')) FILTER (WHERE c.relname = 'version') AS note
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

/** Whose jobs the schema holds, by its note; undefined: nobody's, or of one that is gone. */
async function holderOf(client: Queries, contents: Contents | undefined): Promise<string | undefined> {
  const noted = contents?.note?.startsWith(NOTE) ? contents.note.slice(NOTE.length) : undefined;
  if (noted === undefined) return undefined;
  const { rows } = await (client as ClientBase).query(
    "SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = 'webhook_definition'",
    [noted],
  );
  return rows.length > 0 ? noted : undefined;
}

/** Whether the note says that it holds those of the Hookline in this schema. */
export const isNoted = async (client: Queries, queueSchema: string, schema: string): Promise<boolean> =>
  (await contentsOf(client, queueSchema))?.note === NOTE + schema;

/**
 * `public` and `hookline` would have the same one: whose it is noted to be keeps it, and the other has one of its own.
 * @param schema our own
 * @param wanted HOOKLINE_QUEUE_SCHEMA
 */
export async function findQueueSchema(client: Queries, schema: string, wanted?: string): Promise<string> {
  if (wanted !== undefined) return wanted;
  const own = queueSchemaFor(schema);
  if (own !== queueSchemaFor("public")) return own;
  const apart = `queue_of_${schema}`;
  // Once it was made it stays, also when the other Hookline is gone.
  if ((await contentsOf(client, apart)) !== undefined) return apart;
  const found = await contentsOf(client, own);
  const isTaken = ((await holderOf(client, found)) ?? schema) !== schema;
  if (found !== undefined && !isTaken) return own;
  const old = schema === "public" ? await contentsOf(client, "pgboss") : undefined;
  if (old?.queue && (await queuesOf(client, "pgboss"))[0] === OURS) return "pgboss";
  return isTaken ? apart : own;
}

/**
 * @param schema where jobs are kept
 * @param ours where our own tables are
 * @throws DatabaseRefusal when it holds something else than a pg-boss of ours that this version works with, or another Hookline's
 */
export async function checkQueues(client: Queries, schema: string, ours: string): Promise<void> {
  const contents = await contentsOf(client, schema);
  if (contents === undefined || contents.relations === 0) return;
  const mend = "name a schema of its own in HOOKLINE_QUEUE_SCHEMA";
  const holder = await holderOf(client, contents);
  if (holder !== undefined && holder !== ours)
    throw new DatabaseRefusal(
      `the schema ${schema}, where jobs are kept, holds those of the Hookline in the schema ${holder} of this database, and two would take each other's: ${mend}`,
    );
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
