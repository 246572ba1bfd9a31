/** A row in each table of an organization, made from the catalog alone: a table that comes tomorrow has one too. */
import { newId } from "../../../src/clock.ts";
import type { TestCore } from "../../helpers/database.ts";

export interface Guarded {
  name: string;
  /** The column that says whose a row is. */
  column: "id" | "organization_id";
  columns: string[];
}

/** Every table whose rows belong to organizations, partitions left out. */
export async function guardedTables(t: TestCore): Promise<Guarded[]> {
  const { rows } = await t.asServer(
    `SELECT c.relname::text AS name, CASE c.relname WHEN 'organization' THEN 'id' ELSE 'organization_id' END AS column,
       (SELECT json_agg(a.attname ORDER BY a.attnum) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns
     FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
       AND (c.relname = 'organization' OR EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'organization_id')) ORDER BY 1`,
  );
  return rows as Guarded[];
}

/** A value of each column that must have one and has no default, by its type. */
const SAMPLE = `CASE WHEN t.typtype = 'e' THEN quote_literal((SELECT e.enumlabel FROM pg_enum e WHERE e.enumtypid = t.oid ORDER BY e.enumsortorder LIMIT 1))
  WHEN t.typcategory = 'A' THEN '''{}''' WHEN t.typname = 'uuid' THEN quote_literal('$ID') WHEN t.typname IN ('json', 'jsonb') THEN '''{}'''
  WHEN t.typcategory = 'N' THEN '1' WHEN t.typcategory = 'B' THEN 'false' WHEN t.typcategory = 'D' THEN 'now()'
  WHEN t.typname = 'bytea' THEN quote_literal('$ID') || '::bytea' ELSE quote_literal('$ID') END`;

/** What the organization has none of yet. Keys to other tables and triggers are not asked. */
export async function fill(t: TestCore, organizationId: string, tables: readonly Guarded[]): Promise<void> {
  for (const { name, column } of tables) {
    const { rows } = await t.asServer(`SELECT 1 FROM "${name}" WHERE ${column} = '${organizationId}' LIMIT 1`);
    if (rows.length > 0) continue;
    const wanted = await t.asServer(
      `SELECT string_agg(format('%I', a.attname), ', ') AS names,
         string_agg(CASE a.attname WHEN 'organization_id' THEN quote_literal('${organizationId}') ELSE ${SAMPLE} END, ', ') AS values
       FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
       WHERE a.attrelid = '"${name}"'::regclass AND a.attnum > 0 AND NOT a.attisdropped AND (a.attname = 'organization_id' OR a.attnotnull AND NOT a.atthasdef)`,
    );
    const { names, values } = wanted.rows[0] as { names: string; values: string };
    await t.asServer(
      `SET session_replication_role = replica; INSERT INTO "${name}" (${names}) VALUES (${values.replaceAll("$ID", newId())})`,
    );
  }
}
