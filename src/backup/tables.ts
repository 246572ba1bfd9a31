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
  /** Those of them that its parent does not show. */
  outside: string[];
}

/** The records of migrations: a restore makes its own. */
const RECORDS = ["_prisma_migrations", "_hookline_migration_step"];

interface Row {
  name: string;
  partitioned: boolean;
  columns: string[];
  partitions: Partition[];
  outside: string[];
  needs: string[];
}

/**
 * Tables that retention took out and has not dropped yet, with the bounds that they had: it puts back one that is needed. They
 * stand on them as a comment (requests/partitions.ts).
 */
const DETACHED = `
  SELECT c.oid, c.relname, c.reloptions, b->>'parent' AS parent, format('FOR VALUES FROM (%s) TO (%s)',
    coalesce(quote_literal(CASE b->>'parent' WHEN 'feed_entry' THEN b->>'since' ELSE lowest_id((b->>'since')::timestamptz)::text END), 'MINVALUE'),
    quote_literal(CASE b->>'parent' WHEN 'feed_entry' THEN b->>'until' ELSE lowest_id((b->>'until')::timestamptz)::text END)) AS bound
  FROM pg_class c, LATERAL (SELECT obj_description(c.oid, 'pg_class') AS text) AS comment,
    LATERAL (SELECT CASE WHEN comment.text LIKE '{"parent":%' THEN comment.text::json END AS b) AS bounds
  WHERE c.relnamespace = $1::regnamespace AND c.relkind = 'r' AND NOT c.relispartition AND b IS NOT NULL`;

/** Tables of the schema, each after those that its foreign keys name. @throws for keys that go round in a circle */
export async function readTables(client: ClientBase, schema: string): Promise<Table[]> {
  const { rows } = await client.query<Row>(
    `WITH detached AS (${DETACHED}), part AS (
       SELECT i.inhparent AS parent, k.relname AS name, pg_get_expr(k.relpartbound, k.oid) AS bound, k.reloptions AS options, i.inhdetachpending AS outside
       FROM pg_inherits i JOIN pg_class k ON k.oid = i.inhrelid
       UNION ALL
       SELECT to_regclass($1 || '.' || quote_ident(d.parent)), d.relname, d.bound, d.reloptions, true FROM detached d)
     SELECT c.relname AS name, c.relkind = 'p' AS partitioned,
       (SELECT coalesce(json_agg(a.attname ORDER BY a.attnum), '[]') FROM pg_attribute a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '') AS columns,
       (SELECT coalesce(json_agg(json_build_object('name', p.name, 'bound', p.bound, 'options', coalesce(p.options, '{}')) ORDER BY p.name), '[]')
        FROM part p WHERE p.parent = c.oid) AS partitions,
       (SELECT coalesce(json_agg(p.name ORDER BY p.name), '[]') FROM part p WHERE p.parent = c.oid AND p.outside) AS outside,
       (SELECT coalesce(json_agg(DISTINCT t.relname), '[]') FROM pg_constraint f JOIN pg_class t ON t.oid = f.confrelid
        WHERE f.conrelid = c.oid AND f.contype = 'f' AND t.oid <> c.oid AND NOT t.relispartition) AS needs
     FROM pg_class c
     WHERE c.relnamespace = $1::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relname <> ALL ($2)
       AND c.oid NOT IN (SELECT d.oid FROM detached d)
     ORDER BY c.relname`,
    [identifier(schema), RECORDS],
  );
  return inOrder(rows).map(({ name, columns, partitioned, partitions, outside }) => ({
    ...{ name, columns, outside },
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
