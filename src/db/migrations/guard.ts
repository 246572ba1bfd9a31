/** What must be true of a database before anything is written to it. */
import type { ClientBase } from "pg";
import { DatabaseRefusal } from "../refusal.ts";
import { identifier } from "../session.ts";

/** The schema that the session's search path names; made when it is missing. */
export async function ensureSchema(client: ClientBase, schema: string): Promise<void> {
  const { rows } = await client.query<{ there: boolean; may_make: boolean; may_use: boolean; role: string; database: string }>(
    `SELECT to_regnamespace($1) IS NOT NULL AS there, has_database_privilege(current_database(), 'CREATE') AS may_make,
       COALESCE((SELECT has_schema_privilege(oid, 'CREATE') FROM pg_namespace WHERE nspname = $1), false) AS may_use,
       current_user AS role, current_database() AS database`,
    [schema],
  );
  const found = rows[0] as (typeof rows)[number];
  const { role, database } = found;
  if (!found.there && !found.may_make)
    throw new DatabaseRefusal(
      `permission denied to create the schema ${schema} in the database ${database}: GRANT CREATE ON DATABASE ${identifier(database)} TO ${identifier(role)}, or make the schema for it: CREATE SCHEMA ${identifier(schema)} AUTHORIZATION ${identifier(role)}`,
    );
  if (!found.there) await client.query(`CREATE SCHEMA ${identifier(schema)}`);
  else if (!found.may_use)
    throw new DatabaseRefusal(
      `permission denied for schema ${schema}: CREATE TABLE needs it; GRANT CREATE, USAGE ON SCHEMA ${identifier(schema)} TO ${identifier(role)}`,
    );
}

/** pg-boss's own schema must be there, or may be made. */
export async function checkQueueSchema(client: ClientBase, schema: string): Promise<void> {
  const { rows } = await client.query<{ there: boolean; may_make: boolean; may_use: boolean; role: string; database: string }>(
    `SELECT to_regnamespace($1) IS NOT NULL AS there, has_database_privilege(current_database(), 'CREATE') AS may_make,
       COALESCE((SELECT has_schema_privilege(oid, 'CREATE, USAGE') FROM pg_namespace WHERE nspname = $1), false) AS may_use,
       current_user AS role, current_database() AS database`,
    [schema],
  );
  const { there, may_make: mayMake, may_use: mayUse, role, database } = rows[0] as (typeof rows)[number];
  if (!there && !mayMake)
    throw new DatabaseRefusal(
      `permission denied to create the schema ${schema} for jobs in the database ${database}: GRANT CREATE ON DATABASE ${identifier(database)} TO ${identifier(role)}, or make it: CREATE SCHEMA ${identifier(schema)} AUTHORIZATION ${identifier(role)}`,
    );
  if (there && !mayUse)
    throw new DatabaseRefusal(
      `permission denied for schema ${schema}, where jobs are kept: GRANT CREATE, USAGE ON SCHEMA ${identifier(schema)} TO ${identifier(role)}`,
    );
}

/** Tables, views, types or functions that are not ours. */
const STRANGERS = `
  SELECT c.relname AS name FROM pg_class c WHERE c.relnamespace = current_schema()::regnamespace
    AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND c.relname NOT LIKE '\\_prisma\\_migrations%' AND c.relname NOT LIKE '\\_hookline\\_migration%'
    AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
  ORDER BY 1 LIMIT 4`;

/** @throws DatabaseRefusal when the schema holds what Hookline did not make */
export async function checkEmpty(client: ClientBase): Promise<void> {
  const { rows } = await client.query<{ name: string }>(STRANGERS);
  if (rows.length === 0) return;
  const { rows: where } = await client.query<{ schema: string; database: string }>(
    "SELECT current_schema() AS schema, current_database() AS database",
  );
  const { schema, database } = where[0] as (typeof where)[number];
  const names = rows.slice(0, 3).map((row) => row.name);
  throw new DatabaseRefusal(
    `the schema ${schema} of the database ${database} is not empty (it holds ${names.join(", ")}${rows.length > 3 ? ", …" : ""}): Hookline wants a database or a schema of its own; name an empty database in DATABASE_URL, or set HOOKLINE_DATABASE_SCHEMA=hookline`,
  );
}

/** Other sessions on this database that may be an older Hookline's. Those that wait to migrate are of this version or newer. */
const OTHERS = `
  SELECT pid, application_name AS application, COALESCE(host(client_addr), 'a local socket') AS address, to_char(backend_start, 'YYYY-MM-DD HH24:MI:SS') AS since
  FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
    AND usename = session_user AND application_name NOT LIKE 'hookline % migrate %' ORDER BY backend_start LIMIT 5`;

/** @throws DatabaseRefusal while others are connected */
export async function checkAlone(client: ClientBase, migration: string): Promise<void> {
  const { rows } = await client.query<{ pid: number; application: string; address: string; since: string }>(OTHERS);
  if (rows.length === 0) return;
  const who = rows.map(
    (row) => `pid ${row.pid}${row.application === "" ? "" : ` (${row.application})`} from ${row.address} since ${row.since} UTC`,
  );
  throw new DatabaseRefusal(
    `the migration ${migration} needs to be alone, and other sessions of this role are connected: ${who.join("; ")}; stop every Hookline process (and psql) on this database, then start again`,
  );
}
