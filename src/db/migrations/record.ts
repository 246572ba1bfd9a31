/** What is applied: Prisma's own table, so that its CLI stays usable, and beside it a mark for each step. */
import type { ClientBase } from "pg";

export interface MigrationRow {
  id: string;
  name: string;
  checksum: string;
  finishedAt: Date | null;
  startedAt: Date;
  logs: string | null;
}

/** The rows that count: those rolled back are history. Undefined: there is no such table. */
export async function readRecord(client: ClientBase): Promise<MigrationRow[] | undefined> {
  const table = await client.query<{ found: boolean }>(
    "SELECT EXISTS (SELECT 1 FROM pg_class WHERE relname = '_prisma_migrations' AND relnamespace = current_schema()::regnamespace) AS found",
  );
  if (table.rows[0]?.found !== true) return undefined;
  const { rows } = await client.query<MigrationRow>(
    `SELECT id, migration_name AS name, checksum, finished_at AS "finishedAt", started_at AS "startedAt", logs
     FROM _prisma_migrations WHERE rolled_back_at IS NULL ORDER BY started_at`,
  );
  return rows;
}

/** As Prisma's CLI makes it, column by column. */
const RECORD_TABLE = `CREATE TABLE IF NOT EXISTS _prisma_migrations (
  id varchar(36) PRIMARY KEY NOT NULL,
  checksum varchar(64) NOT NULL,
  finished_at timestamptz,
  migration_name varchar(255) NOT NULL,
  logs text,
  rolled_back_at timestamptz,
  started_at timestamptz NOT NULL DEFAULT now(),
  applied_steps_count integer NOT NULL DEFAULT 0
)`;

const STEP_TABLE = `CREATE TABLE IF NOT EXISTS _hookline_migration_step (
  migration text NOT NULL,
  step text NOT NULL,
  state jsonb,
  started_at timestamptz NOT NULL DEFAULT now(),
  finished_at timestamptz,
  PRIMARY KEY (migration, step)
)`;

/** CREATE TABLE IF NOT EXISTS wants CREATE on the schema even when the table is there: a role that only runs has none. */
async function make(client: ClientBase, table: string, statement: string): Promise<void> {
  const { rows } = await client.query<{ found: boolean }>(
    "SELECT EXISTS (SELECT 1 FROM pg_class WHERE relname = $1 AND relnamespace = current_schema()::regnamespace) AS found",
    [table],
  );
  if (rows[0]?.found !== true) await client.query(statement);
}

export const makeRecordTable = (client: ClientBase): Promise<void> => make(client, "_prisma_migrations", RECORD_TABLE);
export const makeStepTable = (client: ClientBase): Promise<void> => make(client, "_hookline_migration_step", STEP_TABLE);

/** Records a migration as begun; `finished` in the same transaction as its last change. */
export async function recordStart(client: ClientBase, name: string, checksum: string): Promise<string> {
  const { rows } = await client.query<{ id: string }>(
    `INSERT INTO _prisma_migrations (id, checksum, migration_name, started_at)
     VALUES (gen_random_uuid()::text, $1, $2, clock_timestamp()) RETURNING id`,
    [checksum, name],
  );
  return rows[0]?.id as string;
}

export async function recordEnd(client: ClientBase, id: string, steps: number): Promise<void> {
  await client.query("UPDATE _prisma_migrations SET finished_at = clock_timestamp(), logs = NULL, applied_steps_count = $2 WHERE id = $1", [
    id,
    steps,
  ]);
}

export interface StepMark {
  step: string;
  state: Record<string, string | number | boolean | null> | null;
  finished: boolean;
}

export async function readMarks(client: ClientBase, migration: string): Promise<StepMark[]> {
  const { rows: table } = await client.query<{ found: boolean }>(
    "SELECT EXISTS (SELECT 1 FROM pg_class WHERE relname = '_hookline_migration_step' AND relnamespace = current_schema()::regnamespace) AS found",
  );
  if (table[0]?.found !== true) return [];
  const { rows } = await client.query<StepMark>(
    "SELECT step, state, finished_at IS NOT NULL AS finished FROM _hookline_migration_step WHERE migration = $1 ORDER BY started_at",
    [migration],
  );
  return rows;
}

/** In the step's own transaction. */
export async function mark(client: ClientBase, migration: string, step: string, state: unknown, finished: boolean): Promise<void> {
  await client.query(
    `INSERT INTO _hookline_migration_step (migration, step, state, started_at, finished_at)
     VALUES ($1, $2, $3::jsonb, clock_timestamp(), CASE WHEN $4 THEN clock_timestamp() END)
     ON CONFLICT (migration, step) DO UPDATE SET state = EXCLUDED.state, finished_at = EXCLUDED.finished_at`,
    [migration, step, state === undefined ? null : JSON.stringify(state), finished],
  );
}
