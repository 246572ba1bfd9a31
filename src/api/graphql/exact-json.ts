/** JSON columns with their numbers as they were written: Prisma rounds what it reads. */
import { holdsNumber } from "../../wire/json-exact.ts";
import { JsonSource } from "../../wire/json-source.ts";
import { compact } from "../../wire/json-text.ts";
import { type Context, callerOf } from "./context.ts";
import { loader } from "./loader.ts";

const COLUMNS = { webhook_definition: ["filter"], workflow_rule: ["condition"], event_type: ["schema", "examples"] } as const;
type Table = keyof typeof COLUMNS;
type Column<T extends Table> = (typeof COLUMNS)[T][number];

/** All exact columns of a table in one statement, for all rows of an operation. */
function textsOf(table: Table) {
  const columns = COLUMNS[table].map((column) => `${column}::text AS ${column}`).join(", ");
  return loader<Record<string, string>>(async (context, ids) => {
    const { organizationId } = callerOf(context);
    const { rows } = await context.doors.core.db
      .tenant(organizationId)
      .query<Record<string, string> & { id: string }>(
        `SELECT id, ${columns} FROM ${table} WHERE organization_id = $1 AND id = ANY($2::uuid[])`,
        [organizationId, ids],
      );
    return new Map(rows.map((row) => [row.id, row]));
  });
}

const texts = {
  webhook_definition: textsOf("webhook_definition"),
  workflow_rule: textsOf("workflow_rule"),
  event_type: textsOf("event_type"),
};

/** @returns for a row as Prisma read it: its column without loss. Rows whose JSON holds no number cost nothing. */
export function exactJson<T extends Table>(table: T, column: Column<T>) {
  return async ({ id }: { id: string }, rounded: unknown, context: Context): Promise<unknown> => {
    if (!holdsNumber(rounded)) return rounded;
    const text = (await texts[table](context, id))?.[column];
    return text === undefined ? rounded : new JsonSource(compact(text));
  };
}
