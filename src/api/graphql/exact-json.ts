/** JSON columns with their numbers as they were written: Prisma rounds what it reads. */
import { holdsNumber } from "../../wire/json-exact.ts";
import { JsonSource } from "../../wire/json-source.ts";
import { compact } from "../../wire/json-text.ts";
import { type Context, callerOf } from "./context.ts";
import { loader } from "./loader.ts";

interface Columns {
  webhook_definition: "filter";
  workflow_rule: "condition";
}

/**
 * @returns for a row as Prisma read it: its column without loss. Rows of one operation are read in one statement; those
 * whose JSON holds no number need none.
 */
export function exactJson<Table extends keyof Columns>(table: Table, column: Columns[Table]) {
  const read = loader<string>(async (context, ids) => {
    const { organizationId } = callerOf(context);
    const { rows } = await context.doors.core.db
      .tenant(organizationId)
      .query<{ id: string; text: string }>(
        `SELECT id, ${column}::text AS text FROM ${table} WHERE organization_id = $1 AND id = ANY($2::uuid[])`,
        [organizationId, ids],
      );
    return new Map(rows.map(({ id, text }) => [id, text]));
  });
  return async ({ id }: { id: string }, rounded: unknown, context: Context): Promise<unknown> => {
    if (!holdsNumber(rounded)) return rounded;
    const text = await read(context, id);
    return text === undefined ? rounded : new JsonSource(compact(text));
  };
}
