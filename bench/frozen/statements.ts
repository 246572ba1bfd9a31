/** The SQL of `limit.db` and `limit.rate`: one statement for many deliveries, on the tables of schema.sql. */
import { readFile } from "node:fs/promises";
import path from "node:path";
import pg from "pg";

export const INGEST = `
  WITH given AS (SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::int[], $5::text[]) AS g(event_id, request_id, lane_id, n, payload)),
  events AS (
    INSERT INTO event (id, organization_id, type, entity, entity_id, payload, changes, occurred_at)
    SELECT event_id, $6, 'bench.event', 'order', n::text, payload, '{}', now() FROM given
  ), lanes AS (
    UPDATE lane l SET last_number = l.last_number + c.n, last_position = l.last_position + c.n
    FROM (SELECT lane_id, count(*) AS n FROM given GROUP BY lane_id) c WHERE l.id = c.lane_id
  ), requests AS (
    INSERT INTO webhook_request (id, organization_id, number, definition_id, event_id, lane_id, lane_number, position, dialect, event_type,
      entity, entity_id, url)
    SELECT request_id, $6, n, $7, event_id, lane_id, n, n, 'STANDARD', 'bench.event', 'order', n::text, $8 FROM given
  ), feed AS (
    INSERT INTO feed_entry (organization_id, sequence, kind, subject_id, topic_id, state, attempt_count)
    SELECT $6, n::int8 * 2, 'REQUEST', request_id, $7, 'PENDING', 0 FROM given
  )
  INSERT INTO lane_entry (lane_id, position, request_id) SELECT lane_id, n, request_id FROM given`;

export const CLAIM = `
  SELECT e.lane_id, e.position, r.id, v.payload FROM unnest($1::uuid[]) AS w(lane_id)
  CROSS JOIN LATERAL (SELECT * FROM lane_entry q WHERE q.lane_id = w.lane_id ORDER BY q.position LIMIT 32) e
  JOIN webhook_request r ON r.id = e.request_id JOIN event v ON v.id = r.event_id`;

export const SETTLE = `
  WITH given AS (SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::int8[], $5::text[]) AS g(attempt_id, request_id, lane_id, position, body)),
  attempts AS (
    INSERT INTO attempt (id, organization_id, request_id, number, outcome, status_code, duration_ms, request_url, request_body, started_at)
    SELECT attempt_id, $6, request_id, 1, 'DELIVERED', 200, 1, $8, body, now() FROM given
  ), requests AS (
    UPDATE webhook_request r SET state = 'DELIVERED', attempt_count = 1, settled_at = now(), updated_at = now() FROM given g WHERE r.id = g.request_id
  ), feed AS (
    INSERT INTO feed_entry (organization_id, sequence, kind, subject_id, topic_id, state, attempt_count)
    SELECT $6, position * 2 + 1, 'REQUEST', request_id, $7, 'DELIVERED', 1 FROM given
  )
  DELETE FROM lane_entry e USING given g WHERE e.lane_id = g.lane_id AND e.position = g.position`;

/** INGEST without order (no lane's row, though the queue's row stays: what is not sent must be found again) and feed. */
export const INGEST_RATE = `
  WITH given AS (SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::int[], $4::text[], $5::text[]) AS g(event_id, request_id, n, type, payload)),
  events AS (
    INSERT INTO event (id, organization_id, type, entity, entity_id, payload, changes, occurred_at)
    SELECT event_id, $6, type, 'order', n::text, payload, '{}', now() FROM given
  ), requests AS (
    INSERT INTO webhook_request (id, organization_id, number, definition_id, event_id, lane_id, lane_number, position, dialect, event_type,
      entity, entity_id, url)
    SELECT request_id, $6, n, $7, event_id, $7, n, n, 'STANDARD', type, 'order', n::text, $8 FROM given
  )
  INSERT INTO lane_entry (lane_id, position, request_id) SELECT $7, n, request_id FROM given`;

/** SETTLE without the body and the feed. */
export const SETTLE_RATE = `
  WITH given AS (SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::int8[]) AS g(attempt_id, request_id, position)),
  attempts AS (
    INSERT INTO attempt (id, organization_id, request_id, number, outcome, status_code, duration_ms, request_url, started_at)
    SELECT attempt_id, $4, request_id, 1, 'DELIVERED', 200, 1, $6, now() FROM given
  ), requests AS (
    UPDATE webhook_request r SET state = 'DELIVERED', attempt_count = 1, settled_at = now(), updated_at = now() FROM given g WHERE r.id = g.request_id
  )
  DELETE FROM lane_entry e USING given g WHERE e.lane_id = $5 AND e.position = g.position`;

/** Makes the tables in an empty database. @returns a pool on it */
export async function openTables(databaseUrl: string, connections: number): Promise<pg.Pool> {
  const pool = new pg.Pool({ connectionString: databaseUrl, max: connections });
  await pool.query(await readFile(path.join(import.meta.dirname, "schema.sql"), "utf8"));
  return pool;
}
