/** What must be true of a database before anything is written to it. Nothing here writes, but for makeSchema. */
import { setTimeout as sleep } from "node:timers/promises";
import type { ClientBase } from "pg";
import { DatabaseRefusal } from "../refusal.ts";
import { identifier } from "../session.ts";
import type { Migration } from "./folder.ts";
import type { MigrationRow } from "./record.ts";

/**
 * The schema is there and may be used, or the login may make it: makeSchema comes before another role is taken on, or after it is laid down.
 * @param what is kept there, in the sentence of a refusal
 * @throws DatabaseRefusal with what to grant
 */
export async function checkSchema(client: ClientBase, schema: string, what: string): Promise<void> {
  const { rows } = await client.query<{
    there: boolean;
    may_make: boolean;
    may_use: boolean;
    login: string;
    role: string;
    database: string;
  }>(
    // One call with both names would be true for either.
    `SELECT n.oid IS NOT NULL AS there, has_database_privilege(session_user, current_database(), 'CREATE') AS may_make,
       COALESCE(has_schema_privilege(n.oid, 'CREATE') AND has_schema_privilege(n.oid, 'USAGE'), false) AS may_use,
       session_user AS login, current_user AS role, current_database() AS database
     FROM (VALUES ($1::name)) AS wanted(name) LEFT JOIN pg_namespace n ON n.nspname = wanted.name`,
    [schema],
  );
  const { there, may_make: mayMake, may_use: mayUse, login, role, database } = rows[0] as (typeof rows)[number];
  if (!there && !mayMake)
    throw new DatabaseRefusal(
      `permission denied to create the schema ${schema} for ${what} in the database ${database}: GRANT CREATE ON DATABASE ${identifier(database)} TO ${identifier(login)}, or make the schema for it: CREATE SCHEMA ${identifier(schema)} AUTHORIZATION ${identifier(login)}`,
    );
  if (there && !mayUse)
    throw new DatabaseRefusal(
      `permission denied for schema ${schema}, where ${what} are kept: GRANT CREATE, USAGE ON SCHEMA ${identifier(schema)} TO ${identifier(role)}`,
    );
}

/** Asks for no right where it is there already. */
export async function makeSchema(client: ClientBase, schema: string): Promise<void> {
  const { rows } = await client.query("SELECT FROM pg_namespace WHERE nspname = $1", [schema]);
  if (rows.length === 0) await client.query(`CREATE SCHEMA IF NOT EXISTS ${identifier(schema)}`);
}

/** What somebody made by hand or another program did: no part of an extension, and not our record. */
const STRANGERS = `
  WITH found AS (
    SELECT oid, relname::text AS name FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
    UNION ALL SELECT oid, typname FROM pg_type WHERE typnamespace = current_schema()::regnamespace AND typtype IN ('e', 'd')
    UNION ALL SELECT oid, proname || '()' FROM pg_proc WHERE pronamespace = current_schema()::regnamespace
  )
  SELECT name FROM found
  WHERE name NOT LIKE '\\_prisma\\_migrations%' AND name NOT LIKE '\\_hookline\\_migration%'
    AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = found.oid AND d.deptype = 'e')
  ORDER BY 1 LIMIT 4`;

async function notEmpty(client: ClientBase, holds: string): Promise<DatabaseRefusal> {
  const { rows } = await client.query<{ schema: string; database: string }>(
    "SELECT current_schema() AS schema, current_database() AS database",
  );
  const { schema, database } = rows[0] as (typeof rows)[number];
  return new DatabaseRefusal(
    `the schema ${schema} of the database ${database} is not empty (it holds ${holds}): Hookline wants a database or a schema of its own; name an empty database in DATABASE_URL, or set HOOKLINE_DATABASE_SCHEMA=hookline`,
  );
}

/** @throws DatabaseRefusal when the schema holds what Hookline did not make */
export async function checkOurs(client: ClientBase, rows: readonly MigrationRow[], migrations: readonly Migration[]): Promise<void> {
  if (rows.length === 0) {
    const { rows: strangers } = await client.query<{ name: string }>(STRANGERS);
    const names = strangers.slice(0, 3).map((row) => row.name);
    if (strangers.length > 0) throw await notEmpty(client, `${names.join(", ")}${strangers.length > 3 ? ", …" : ""}`);
    return;
  }
  // Other programs keep their migrations in a table of the same name.
  const [first] = migrations;
  const row = rows.find((one) => one.name === first?.name);
  const { rows: ours } = await client.query(
    "SELECT FROM pg_class WHERE relname = 'webhook_definition' AND relnamespace = current_schema()::regnamespace",
  );
  if (row === undefined || (row.finishedAt !== null && row.checksum !== first?.checksum && ours.length === 0))
    throw await notEmpty(client, `another program's tables, with its Prisma migration ${rows[0]?.name}`);
}

/** @throws DatabaseRefusal for a database that a newer version has been at */
export function refuseNewer(rows: readonly MigrationRow[], migrations: readonly Migration[]): void {
  const unknown = rows.find((row) => !migrations.some((migration) => migration.name === row.name));
  if (unknown)
    throw new DatabaseRefusal(
      `the database is of a newer Hookline than this one (it has the migration ${unknown.name}): start that version, or a newer one; to go back, restore a backup`,
    );
}

/** Sessions of this role that may be an older Hookline's; those that probe or wait to migrate are of this version or newer. */
const OTHERS = `
  SELECT pid, application_name AS application, COALESCE(host(client_addr), 'a local socket') AS address, to_char(backend_start, 'YYYY-MM-DD HH24:MI:SS') AS since
  FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
    AND usename = session_user AND application_name !~ '^hookline [^ ]+ (migrate|probe) ' ORDER BY backend_start LIMIT 5`;

/** How long the sessions of a process that has just ended are given to go away, in milliseconds. */
const LINGERING_MS = 2_000;

/** @throws DatabaseRefusal while others are connected */
export async function checkAlone(client: ClientBase, migration: string): Promise<void> {
  for (const deadline = Date.now() + LINGERING_MS; ; await sleep(100)) {
    const { rows } = await client.query<{ pid: number; application: string; address: string; since: string }>(OTHERS);
    if (rows.length === 0) return;
    if (Date.now() < deadline) continue;
    const who = rows.map(
      (row) => `pid ${row.pid}${row.application === "" ? "" : ` (${row.application})`} from ${row.address} since ${row.since} UTC`,
    );
    throw new DatabaseRefusal(
      `the migration ${migration} needs to be alone, and other sessions of this role are connected: ${who.join("; ")}; stop every Hookline process (and psql) on this database, then start again`,
    );
  }
}
