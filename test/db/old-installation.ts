/** A database as 0.1 left it: its tables, its record, and requests in every state. */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import path from "node:path";
import type pg from "pg";

const INIT = path.resolve(import.meta.dirname, "../../prisma/migrations/0001_init/migration.sql");

/** UUIDv7s that grow with `n`, in SQL. */
const ID = (kind: number, n: string) =>
  `(lpad(to_hex((extract(epoch FROM timestamptz '2026-11-20') * 1000)::bigint + ${n}), 12, '0') || '7${kind}00' || '8000' || lpad(to_hex(${n}), 12, '0'))::uuid`;

export const ORGANIZATION = "01930000-0000-7000-8000-000000000001";
const definitionId = (n: number) => `01930000-0000-7000-8000-0000000001${String(n).padStart(2, "0")}`;

export interface OldDefinition {
  name: string;
  ordering: "DEFINITION" | "KEY" | "NONE";
  state: "ACTIVE" | "STOPPED";
  requests: number;
  /** Keys of a KEY definition. */
  keys?: number;
}

/** 0.1's tables and its record, as its own start leaves them. @param finished false: it was killed before the end was recorded */
export async function applyInit(client: pg.Client, finished = true): Promise<void> {
  const sql = await readFile(INIT, "utf8");
  await client.query(sql);
  await recordInit(client, finished);
}

export async function recordInit(client: pg.Client, finished: boolean): Promise<void> {
  const checksum = createHash("sha256")
    .update(await readFile(INIT))
    .digest("hex");
  await client.query(
    `CREATE TABLE IF NOT EXISTS _prisma_migrations (id varchar(36) PRIMARY KEY NOT NULL, checksum varchar(64) NOT NULL, finished_at timestamptz,
       migration_name varchar(255) NOT NULL, logs text, rolled_back_at timestamptz, started_at timestamptz NOT NULL DEFAULT now(), applied_steps_count integer NOT NULL DEFAULT 0)`,
  );
  await client.query(
    `INSERT INTO _prisma_migrations (id, checksum, migration_name, finished_at, applied_steps_count)
     VALUES (gen_random_uuid()::text, $1, '0001_init', CASE WHEN $2 THEN now() END, $3)`,
    [checksum, finished, finished ? 1 : 0],
  );
}

/** Fills it: each definition's requests are queued, the first of some lanes wait, are blocked, or were being sent. */
export async function fillOld(client: pg.Client, targetUrl: string, definitions: readonly OldDefinition[]): Promise<void> {
  await client.query("INSERT INTO organization (id, name) VALUES ($1, 'Old')", [ORGANIZATION]);
  let from = 1;
  for (const [i, { name, ordering, state, requests, keys = 1 }] of definitions.entries()) {
    const id = definitionId(i);
    await client.query(
      `INSERT INTO webhook_definition (id, organization_id, number, name, code, dialect, state, event_types, target_url, ordering, concurrency)
       VALUES ($1, $2, $3, $4, $4, 'STANDARD', $5::webhook_definition_state, '{order.*}', $6, $7::ordering, 4)`,
      [id, ORGANIZATION, i + 1, name, state, `${targetUrl}/${name}`, ordering],
    );
    const range = [from, from + requests - 1];
    from += requests;
    const key = ordering === "KEY" ? `'thing' || chr(31) || (n % ${keys})` : "''";
    await client.query(
      `INSERT INTO event (id, organization_id, type, entity, entity_id, payload, occurred_at, created_at)
       SELECT ${ID(1, "n")}, $1, 'order.created', 'thing', (n % ${keys})::text, '{"n":' || n || '}', timestamptz '2026-11-20', timestamptz '2026-11-20'
       FROM generate_series($2::int8, $3::int8) n`,
      [ORGANIZATION, ...range],
    );
    await client.query(
      `INSERT INTO lane (id, organization_id, definition_id, key, last_number, last_position, stopped_at)
       SELECT gen_random_uuid(), $1, $2, key, count(*), count(*), CASE WHEN $5 = 'STOPPED' THEN now() END
       FROM (SELECT ${key} AS key FROM generate_series($3::int8, $4::int8) n) s GROUP BY key`,
      [ORGANIZATION, id, ...range, state],
    );
    await client.query(
      `INSERT INTO webhook_request (id, organization_id, number, definition_id, event_id, lane_id, lane_number, position, state, dialect, event_type, entity, entity_id, url, created_at)
       SELECT ${ID(2, "n")}, $1, n::int, $2, ${ID(1, "n")}, l.id, row_number() OVER (PARTITION BY l.id ORDER BY n), row_number() OVER (PARTITION BY l.id ORDER BY n),
         'PENDING', 'STANDARD', 'order.created', 'thing', (n % ${keys})::text, $5, timestamptz '2026-11-20'
       FROM generate_series($3::int8, $4::int8) n JOIN lane l ON l.definition_id = $2 AND l.key = ${key}`,
      [ORGANIZATION, id, ...range, `${targetUrl}/${name}`],
    );
    await client.query(
      "INSERT INTO lane_entry (lane_id, position, request_id) SELECT lane_id, position, id FROM webhook_request WHERE definition_id = $1",
      [id],
    );
  }
  await client.query(
    "UPDATE organization_counter SET request_number = $2, feed_sequence = 17, definition_number = $3 WHERE organization_id = $1",
    [ORGANIZATION, from - 1, definitions.length],
  );
  // One request that its killed worker was sending: it is sent again, and the cut attempt is logged.
  await client.query(
    `UPDATE webhook_request SET state = 'SENDING', sending_at = now() WHERE (lane_id, position) = (SELECT lane_id, position FROM webhook_request ORDER BY number LIMIT 1)`,
  );
  await client.query(
    "UPDATE lane SET lease_token = gen_random_uuid(), leased_until = now() - interval '1 s' WHERE id = (SELECT lane_id FROM webhook_request ORDER BY number LIMIT 1)",
  );
}
