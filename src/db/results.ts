/** Rows of statements whose columns' types are declared: what Postgres says as text, as JavaScript has it. */
import pg from "pg";
import type { ColumnType, RowShape, Statement } from "./statement.ts";

type Read = (text: string) => unknown;

const asIs: Read = (text) => text;
const OIDS: Readonly<Record<string, number>> = {
  ...{ timestamptz: 1184, jsonb: 3802, bytea: 17 },
  ...{ "uuid[]": 2951, "text[]": 1009, "bool[]": 1000, "int4[]": 1007, "int8[]": 1016, "float8[]": 1022, "timestamptz[]": 1185 },
  ...{ "jsonb[]": 3807, "bytea[]": 1001 },
};
const READS: Readonly<Record<string, Read>> = { int4: Number, int8: Number, float8: Number, bool: (text) => text === "t" };

function readOf(type: ColumnType | undefined): Read {
  const bare = type?.replace(/\?$/, "") ?? "";
  const oid = OIDS[bare];
  // Looked up when it is read: how JSON is parsed is said later (client.ts).
  if (oid !== undefined) return (text) => pg.types.getTypeParser(oid, "text")(text);
  return READS[bare] ?? asIs;
}

/** Columns of a statement, in the order in which Postgres sends them. */
export class Layout {
  readonly #columns: readonly { name: string; read: Read }[];

  constructor(row: RowShape, names: readonly string[]) {
    this.#columns = names.map((name) => ({ name, read: readOf(row[name]) }));
  }

  row(fields: readonly (string | null)[]): Record<string, unknown> {
    const row: Record<string, unknown> = {};
    for (let i = 0; i < this.#columns.length; i++) {
      const { name, read } = this.#columns[i] as { name: string; read: Read };
      const text = fields[i] as string | null;
      row[name] = text === null ? null : read(text);
    }
    return row;
  }
}

/** Of statements that were described once, in this process: they are not asked for again. */
const layouts = new WeakMap<Statement<RowShape>, Layout>();

/** Undefined: not described yet. */
export const layoutOf = (statement: Statement<RowShape>): Layout | undefined => layouts.get(statement);

export function keepLayout(statement: Statement<RowShape>, names: readonly string[]): Layout {
  const layout = new Layout(statement.row, names);
  layouts.set(statement, layout);
  return layout;
}

/** Whether anything of its rows is read. */
export const hasRows = ({ row }: Statement<RowShape>): boolean => Object.keys(row).length > 0;
