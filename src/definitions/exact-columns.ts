/** JSON columns with their numbers as they were written: Prisma rounds what it reads. */
import type { Core } from "../core.ts";
import { holdsNumber, parseJson } from "../wire/json-exact.ts";

interface Columns {
  webhook_definition: "filter";
  workflow_rule: "condition";
}

/**
 * The column of each of the rows, by id; of rows whose JSON holds no number it is what they say.
 * @param rows of the organization, as Prisma read them
 */
export async function exactColumn<Table extends keyof Columns>(
  core: Core,
  organizationId: string,
  table: Table,
  column: Columns[Table],
  rows: readonly { id: string }[],
): Promise<Map<string, unknown>> {
  const read = (row: { id: string }) => (row as Record<string, unknown>)[column];
  const values = new Map(rows.map((row) => [row.id, read(row)]));
  const rounded = rows.filter((row) => holdsNumber(read(row))).map(({ id }) => id);
  if (rounded.length === 0) return values;
  const found = await core.db
    .tenant(organizationId)
    .query<{ id: string; text: string }>(
      `SELECT id, ${column}::text AS text FROM ${table} WHERE organization_id = $1 AND id = ANY($2::uuid[]) AND ${column} IS NOT NULL`,
      [organizationId, rounded],
    );
  for (const { id, text } of found.rows) values.set(id, parseJson(text));
  return values;
}
