/**
 * 0.1 applied 0001 through Prisma's engine: it wrote the record's row first, then the script as one transaction, then the
 * row's end. A kill between leaves a row without an end, beside all of the tables or none; Prisma then refuses for good.
 */
import type { ClientBase } from "pg";
import { DatabaseRefusal } from "../refusal.ts";
import type { Migration } from "./folder.ts";
import type { MigrationRow } from "./record.ts";

const CREATE_TABLE = /^CREATE TABLE "([a-z_]+)"/;

/** Ends or takes back what a killed 0.1 left. @returns whether the migration is applied */
export async function healWhole(client: ClientBase, migration: Migration, row: MigrationRow): Promise<boolean> {
  if (migration.plan.kind !== "whole") return false;
  const tables = migration.plan.statements.flatMap((statement) => CREATE_TABLE.exec(statement)?.[1] ?? []);
  const { rows } = await client.query<{ name: string }>(
    "SELECT relname AS name FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p') AND relname = ANY($1::text[])",
    [tables],
  );
  if (rows.length === tables.length && tables.length > 0) {
    await client.query(
      "UPDATE _prisma_migrations SET finished_at = clock_timestamp(), logs = NULL, rolled_back_at = NULL, applied_steps_count = 1 WHERE id = $1",
      [row.id],
    );
    return true;
  }
  if (rows.length > 0) {
    const missing = tables.filter((name) => !rows.some((found) => found.name === name));
    throw new DatabaseRefusal(
      `the migration ${migration.name} is half applied by another tool (${missing.slice(0, 3).join(", ")} missing): restore a backup, or start with an empty database`,
    );
  }
  await client.query("DELETE FROM _prisma_migrations WHERE id = $1", [row.id]);
  return false;
}
