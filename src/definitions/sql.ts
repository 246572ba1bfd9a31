/** Rows in and out: columns are the fields' names in snake_case. Names come from our own code, never from input. */
import type { PoolClient } from "../db/client.ts";

type Table =
  | "webhook_definition"
  | "workflow_rule"
  | "connection"
  | "secret_key"
  | "script"
  | "event_type"
  | "signing_secret"
  | "application";

const column = (field: string): string => field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
const fieldName = (name: string): string => name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());

/** An array of a type of ours has no parser in `pg`: it is read as text[]. */
const READ: Partial<Record<Table, string>> = { webhook_definition: "*, signature_versions::text[] AS signature_versions" };

export function columnsOf(table: Table): string {
  return READ[table] ?? "*";
}

export function rowOf<Row>(raw: Record<string, unknown>): Row {
  return Object.fromEntries(Object.entries(raw).map(([name, value]) => [fieldName(name), value])) as Row;
}

export async function insert<Row extends object>(client: PoolClient, table: Table, values: Partial<Row>): Promise<Row> {
  const fields = Object.entries(values).filter(([, value]) => value !== undefined);
  const { rows } = await client.query(
    `INSERT INTO ${table} (${fields.map(([name]) => column(name)).join(", ")})
     VALUES (${fields.map((_, i) => `$${i + 1}`).join(", ")}) RETURNING ${columnsOf(table)}`,
    fields.map(([, value]) => stored(value)),
  );
  return rowOf<Row>(rows[0]);
}

/** Undefined: no such row of this organization. `updated_at` moves where the table has one. */
export async function update<Row extends object>(
  client: PoolClient,
  table: Table,
  key: { id: string; organizationId: string },
  values: Partial<Row>,
): Promise<Row | undefined> {
  const fields = Object.entries(values).filter(([, value]) => value !== undefined);
  const { rows } = await client.query(
    `UPDATE ${table} SET ${fields.map(([name], i) => `${column(name)} = $${i + 3}`).join(", ")}
     WHERE id = $1 AND organization_id = $2 RETURNING ${columnsOf(table)}`,
    [key.id, key.organizationId, ...fields.map(([, value]) => stored(value))],
  );
  return rows[0] ? rowOf<Row>(rows[0]) : undefined;
}

/** A JSON value, to be told from a list of a text[] column. */
export class Json {
  readonly text: string | null;
  constructor(value: unknown) {
    this.text = value === null || value === undefined ? null : JSON.stringify(value);
  }
}

function stored(value: unknown): unknown {
  return value instanceof Json ? value.text : value;
}
