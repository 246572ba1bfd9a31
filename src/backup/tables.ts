/** What there is to copy, from the database's own catalogue: no list of tables to keep true. */
import type { ClientBase } from "pg";
import { identifier } from "../db/session.ts";

export interface Partition {
  name: string;
  /** `FOR VALUES FROM (…) TO (…)` */
  bound: string;
  options: string[];
}

export interface Table {
  name: string;
  columns: string[];
  /** Of a partitioned table, which is copied through its parent. */
  partitions: Partition[] | undefined;
}

/** The records of migrations: a restore makes its own. */
const RECORDS = ["_prisma_migrations", "_hookline_migration_step"];

interface Row {
  name: string;
  partitioned: boolean;
  columns: string[];
  partitions: Partition[];
  needs: string[];
}

/** Tables of the schema, each after those that its foreign keys name. @throws for keys that go round in a circle */
export async function readTables(client: ClientBase, schema: string): Promise<Table[]> {
  const { rows } = await client.query<Row>(
    `SELECT c.relname AS name, c.relkind = 'p' AS partitioned,
       (SELECT coalesce(json_agg(a.attname ORDER BY a.attnum), '[]') FROM pg_attribute a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '') AS columns,
       (SELECT coalesce(json_agg(json_build_object('name', k.relname, 'bound', pg_get_expr(k.relpartbound, k.oid),
           'options', coalesce(k.reloptions, '{}')) ORDER BY k.relname), '[]')
        FROM pg_inherits i JOIN pg_class k ON k.oid = i.inhrelid WHERE i.inhparent = c.oid) AS partitions,
       (SELECT coalesce(json_agg(DISTINCT t.relname), '[]') FROM pg_constraint f JOIN pg_class t ON t.oid = f.confrelid
        WHERE f.conrelid = c.oid AND f.contype = 'f' AND t.oid <> c.oid AND NOT t.relispartition) AS needs
     FROM pg_class c
     WHERE c.relnamespace = $1::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relname <> ALL ($2)
     ORDER BY c.relname`,
    [identifier(schema), RECORDS],
  );
  return inOrder(rows).map(({ name, columns, partitioned, partitions }) => ({
    name,
    columns,
    partitions: partitioned ? partitions : undefined,
  }));
}

function inOrder(rows: Row[]): Row[] {
  const left = new Map(rows.map((row) => [row.name, row]));
  const ordered: Row[] = [];
  while (left.size > 0) {
    const free = [...left.values()].filter((row) => row.needs.every((name) => !left.has(name)));
    if (free.length === 0) throw new Error(`foreign keys go round in a circle: ${[...left.keys()].join(", ")}`);
    for (const row of free) {
      ordered.push(row);
      left.delete(row.name);
    }
  }
  return ordered;
}

export interface Sequence {
  name: string;
  /** Null: never used. */
  last: string | null;
}

export async function readSequences(client: ClientBase, schema: string): Promise<Sequence[]> {
  const { rows } = await client.query<Sequence>(
    "SELECT sequencename AS name, last_value::text AS last FROM pg_sequences WHERE schemaname = $1 ORDER BY 1",
    [schema],
  );
  return rows;
}
