/**
 * Rows that would take the doors an hour to make, written straight into the tables. **The only file of the bench that knows
 * tables**: of migration 0001, in which nothing is partitioned (a day is a range of ids there). New tables change this
 * file and nothing else.
 */
import pg from "pg";
import { payloads } from "../test/fixtures/payloads/payloads.ts";

export interface Seed {
  /** Settled requests in all: shared evenly by the definitions of the organization that has most of them … */
  requests: number;
  /** … but for so many of every other organization, for each of its definitions. */
  perSmall: number;
  /** Spread over so many days, the youngest an hour old. */
  days: number;
  /** Days before now where the youngest day ends; 0 when absent. */
  daysAgo?: number;
}

/** Of 50 requests one was rejected, with two attempts before it. */
const REJECTED_EVERY = 50;
/** Rows in one statement: about 100 MB. */
const CHUNK = 20_000;

async function connect(databaseUrl: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  // Lost when the machine dies, and then the run is worth nothing anyway.
  await client.query("SET synchronous_commit = off");
  return client;
}

const ROWS = `
  WITH numbered AS (
    SELECT g AS i, d.organization_id, d.id AS definition_id, d.lane_id, d.lane_base + g / d.count + 1 AS lane_number, d.number_base + g::int + 1 AS number,
      now() - make_interval(secs => ($5::float8 + $6::float8 * (1 - g::float8 / $3)) * 86400 + 3600) AS at
    FROM generate_series($1::int8, $2::int8 - 1) AS g JOIN seed_definition d ON d.organization_id = $4 AND d.position = g % d.count
  ), made AS MATERIALIZED (
    SELECT n.*, uuidv7(at - now()) AS event_id, uuidv7(at - now()) AS request_id, n.i % ${REJECTED_EVERY} = 0 AS failed,
      '{"n":' || n.i || ',' || p.text AS payload, 'seed.type' || (n.i % 20) AS type, 'http://127.0.0.1:9/' || (n.i % 100) AS url
    FROM numbered n JOIN seed_payload p ON p.position = n.i % 1000
  ), events AS (
    INSERT INTO event (id, organization_id, type, entity, entity_id, payload, changes, occurred_at, created_at)
    SELECT event_id, organization_id, type, 'order', i::text, payload, '{}', at, at FROM made
  ), attempts AS (
    INSERT INTO attempt (id, organization_id, request_id, number, outcome, status_code, duration_ms, request_url, request_headers, request_body,
      response_headers, response_body, error_code, started_at)
    SELECT uuidv7(at - now()), organization_id, request_id, a, (CASE WHEN failed THEN 'REJECTED' ELSE 'DELIVERED' END)::attempt_outcome,
      CASE WHEN failed THEN 503 ELSE 200 END, 3, url,
      jsonb_build_object('content-type', 'application/json', 'webhook-id', request_id, 'webhook-timestamp', extract(epoch FROM at)::bigint, 'webhook-signature', 'v1,' || md5(i::text)),
      '{"specversion":"1.0","id":"' || event_id || '","source":"http://127.0.0.1","type":"' || type || '","time":"' || at || '","data":' || payload || '}',
      '{"content-length": "2"}', 'ok', CASE WHEN failed THEN 'HTTP_503' END, at
    FROM made, LATERAL generate_series(1, CASE WHEN failed THEN 3 ELSE 1 END) AS a
  )
  INSERT INTO webhook_request (id, organization_id, number, definition_id, event_id, lane_id, lane_number, position, state, attempt_count, tries, failed,
    dialect, event_type, entity, entity_id, url, error_code, created_at, updated_at, settled_at)
  SELECT request_id, organization_id, number, definition_id, event_id, lane_id, lane_number, lane_number,
    (CASE WHEN failed THEN 'REJECTED' ELSE 'DELIVERED' END)::webhook_request_state, CASE WHEN failed THEN 3 ELSE 1 END, CASE WHEN failed THEN 3 ELSE 1 END,
    failed, 'STANDARD', type, 'order', i::text, url, CASE WHEN failed THEN 'HTTP_503' END, at, at, at FROM made`;

/** Numbers that the next event must not be given again; of $1 requests, of organization $2. */
const LANES = `
  UPDATE lane l SET last_number = n, last_position = n, settled_number = n
  FROM (SELECT lane_id, lane_base + ($1::int8 - position + count - 1) / count AS n FROM seed_definition WHERE organization_id = $2) d
  WHERE l.id = d.lane_id`;
const COUNTERS = "UPDATE organization_counter SET request_number = request_number + $1::int WHERE organization_id = $2";

/** Settled requests with their events and attempts, as if delivered over many days. Definitions must exist; the platform must not run. */
export async function seedSettled(databaseUrl: string, seed: Seed): Promise<void> {
  const client = await connect(databaseUrl);
  await client.query(`
    INSERT INTO lane (id, organization_id, definition_id) SELECT uuidv7(), organization_id, id FROM webhook_definition WHERE deleted_at IS NULL
      ON CONFLICT DO NOTHING;
    CREATE TEMP TABLE seed_definition AS
      SELECT d.organization_id, d.id, l.id AS lane_id, l.last_number AS lane_base, c.request_number AS number_base,
        row_number() OVER w - 1 AS position, count(*) OVER (PARTITION BY d.organization_id) AS count
      FROM webhook_definition d JOIN lane l ON l.definition_id = d.id AND l.key = '' JOIN organization_counter c ON c.organization_id = d.organization_id
      WHERE d.deleted_at IS NULL WINDOW w AS (PARTITION BY d.organization_id ORDER BY d.number);
    CREATE TEMP TABLE seed_payload (position int PRIMARY KEY, text text);`);
  await client.query("INSERT INTO seed_payload SELECT i - 1, text FROM unnest($1::text[]) WITH ORDINALITY AS p(text, i)", [payloads()]);
  const { rows } = await client.query<{ organization_id: string; count: string }>(
    "SELECT organization_id, max(count) AS count FROM seed_definition GROUP BY organization_id ORDER BY 2 DESC, 1",
  );
  const smalls = rows.slice(1).reduce((sum, row) => sum + Number(row.count) * seed.perSmall, 0);
  for (const [i, { organization_id, count }] of rows.entries()) {
    const total = i === 0 ? seed.requests - smalls : Number(count) * seed.perSmall;
    for (let from = 0; from < total; from += CHUNK) {
      await client.query(ROWS, [from, Math.min(total, from + CHUNK), total, organization_id, seed.daysAgo ?? 0, seed.days]);
    }
    await client.query(LANES, [total, organization_id]);
    await client.query(COUNTERS, [total, organization_id]);
  }
  await client.query("VACUUM (ANALYZE)");
  await client.query("CHECKPOINT");
  await client.end();
}

/** Requests that wait in lanes which nobody may run now: of definitions that are stopped, as `stopWebhookDefinitions` leaves them. */
export async function seedQueued(databaseUrl: string, count: number): Promise<void> {
  const client = await connect(databaseUrl);
  const { rows } = await client.query<{ lanes: string }>(`
    SELECT count(*) AS lanes FROM lane l JOIN webhook_definition d ON d.id = l.definition_id WHERE d.state = 'STOPPED'`);
  const lanes = Number(rows[0]?.lanes);
  if (lanes === 0) throw new Error("no lane of a stopped definition to queue in");
  await client.query(
    `WITH lanes AS (
       SELECT l.id, l.organization_id, l.definition_id, l.last_number, row_number() OVER (ORDER BY l.id) - 1 AS position
       FROM lane l JOIN webhook_definition d ON d.id = l.definition_id WHERE d.state = 'STOPPED'
     ), made AS MATERIALIZED (
       SELECT l.*, g, l.last_number + g / $2::int8 + 1 AS lane_number, c.request_number + g + 1 AS number, uuidv7() AS request_id, e.id AS event_id
       FROM generate_series(0::int8, $1::int8 - 1) AS g JOIN lanes l ON l.position = g % $2::int8
       JOIN organization_counter c ON c.organization_id = l.organization_id
       CROSS JOIN LATERAL (SELECT id FROM event WHERE organization_id = l.organization_id ORDER BY id DESC LIMIT 1) e
     ), entries AS (
       INSERT INTO lane_entry (lane_id, position, request_id) SELECT id, lane_number, request_id FROM made
     )
     INSERT INTO webhook_request (id, organization_id, number, definition_id, event_id, lane_id, lane_number, position, dialect, event_type, entity, entity_id)
     SELECT request_id, organization_id, number, definition_id, event_id, id, lane_number, lane_number, 'STANDARD', 'seed.queued', 'order', g::text FROM made`,
    [count, lanes],
  );
  await client.query(
    `WITH lanes AS (
       SELECT l.id, row_number() OVER (ORDER BY l.id) - 1 AS position FROM lane l JOIN webhook_definition d ON d.id = l.definition_id WHERE d.state = 'STOPPED'
     )
     UPDATE lane l SET last_number = last_number + n, last_position = last_position + n
     FROM (SELECT id, ($1::int8 - position + $2::int8 - 1) / $2::int8 AS n FROM lanes) q WHERE l.id = q.id`,
    [count, lanes],
  );
  await client.query(
    "UPDATE organization_counter SET request_number = request_number + $1::int WHERE organization_id IN (SELECT organization_id FROM webhook_definition WHERE state = 'STOPPED')",
    [count],
  );
  await client.query("VACUUM (ANALYZE)");
  await client.end();
}

/** How many settled requests are older than so many days. */
export async function olderThan(databaseUrl: string, days: number): Promise<number> {
  const client = await connect(databaseUrl);
  const { rows } = await client.query<{ count: string }>(
    "SELECT /* bench */ count(*) FROM webhook_request WHERE settled_at < now() - make_interval(days => $1)",
    [days],
  );
  await client.end();
  return Number(rows[0]?.count);
}

/** Indexes of the log's table; of one of its partitions, when there are any. */
export async function logIndexes(databaseUrl: string): Promise<string[]> {
  const client = await connect(databaseUrl);
  const { rows } = await client.query<{ name: string }>(
    "SELECT indexrelid::regclass::text AS name FROM pg_index WHERE indrelid = 'webhook_request'::regclass ORDER BY 1",
  );
  await client.end();
  return rows.map(({ name }) => name);
}
