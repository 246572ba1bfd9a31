/**
 * Rows that would take the doors an hour to make, written straight into the tables. **The only file of the bench that knows
 * tables**: new ones change this file and nothing else. Ids come from PostgreSQL 18's uuidv7(), which the bench's server has.
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

async function connected<T>(databaseUrl: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    // Lost when the machine dies, and then the run is worth nothing anyway.
    await client.query("SET synchronous_commit = off");
    return await work(client);
  } finally {
    await client.end();
  }
}

/** A partition for each day that was, as if the installation had run since then; they belong to whom the tables belong to. */
const PARTITIONS = (days: number) => `DO $$
  DECLARE kind TEXT; child TEXT; high TIMESTAMPTZ; low TIMESTAMPTZ;
  BEGIN
    EXECUTE format('SET LOCAL ROLE %I', (SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = 'event'::regclass));
    FOREACH kind IN ARRAY ARRAY['event', 'webhook_request', 'attempt', 'feed_entry'] LOOP
      SELECT min(since) INTO high FROM hot_partition WHERE parent = kind;
      WHILE high > now() - make_interval(days => ${days}) LOOP
        low := date_trunc('day', high - interval '1 millisecond', 'UTC');
        child := kind || to_char(low AT TIME ZONE 'UTC', '_YYYYMMDD_seed');
        EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL)', child, kind);
        IF kind = 'webhook_request' THEN EXECUTE format('ALTER TABLE %I SET (fillfactor = 60)', child); END IF;
        EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', kind, child,
          CASE kind WHEN 'feed_entry' THEN low::text ELSE lowest_id(low)::text END, CASE kind WHEN 'feed_entry' THEN high::text ELSE lowest_id(high)::text END);
        PERFORM guard_partition(kind::regclass, child::regclass);
        high := low;
      END LOOP;
    END LOOP;
    RESET ROLE;
  END $$`;

/** chr(1) to chr(3) stand for what the event's row says already: src/delivery/sql/sent-body.ts. */
const ROWS = `
  WITH numbered AS (
    SELECT g AS i, d.organization_id, d.id AS definition_id, d.lane_id, d.lane_base + g / d.count + 1 AS lane_number, d.number_base + g + 1 AS number,
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
    INSERT INTO attempt (organization_id, request_id, number, outcome, status_code, duration_ms, request_url, request_headers, request_body, request_tail,
      response_headers, response_body, error_code, started_at)
    SELECT organization_id, request_id, a, (CASE WHEN failed THEN 'REJECTED' ELSE 'DELIVERED' END)::attempt_outcome,
      CASE WHEN failed THEN 503 ELSE 200 END, 3, url,
      jsonb_build_object('content-type', 'application/json', 'webhook-id', chr(1), 'webhook-timestamp', extract(epoch FROM at)::bigint, 'webhook-signature', 'v1,' || md5(i::text)),
      CASE WHEN a = 1 THEN chr(1) || '"http://127.0.0.1",' || chr(2) || chr(3) || '"data":' END, CASE WHEN a = 1 THEN '}' END,
      '{"content-length": "2"}', 'ok', CASE WHEN failed THEN 'HTTP_503' END, at
    FROM made, LATERAL generate_series(1, CASE WHEN failed THEN 3 ELSE 1 END) AS a
  ), blocks AS (
    INSERT INTO number_block (organization_id, from_number, to_number, first_id, last_id)
    SELECT organization_id, min(number), max(number), min(request_id::text COLLATE "C")::uuid, max(request_id::text COLLATE "C")::uuid FROM made GROUP BY organization_id
  )
  INSERT INTO webhook_request (id, organization_id, number, definition_id, event_id, lane_id, lane_number, position, state, attempt_count, tries, failed,
    dialect, event_type, entity, entity_id, url, error_code, created_at, updated_at, settled_at)
  SELECT request_id, organization_id, number, definition_id, event_id, lane_id, lane_number, lane_number,
    (CASE WHEN failed THEN 'REJECTED' ELSE 'DELIVERED' END)::webhook_request_state, CASE WHEN failed THEN 3 ELSE 1 END, CASE WHEN failed THEN 3 ELSE 1 END,
    failed, 'STANDARD', type, 'order', i::text, url, CASE WHEN failed THEN 'HTTP_503' END, at, at, at FROM made`;

/** Numbers that the next event must not be given again; of $1 requests, of organization $2. */
const LANES = `
  UPDATE lane l SET last_number = n, last_position = n, settled_number = n, read_from = n, idle_since = now()
  FROM (SELECT organization_id, lane_id, lane_base + ($1::int8 - position + count - 1) / count AS n FROM seed_definition WHERE organization_id = $2) d
  WHERE l.organization_id = d.organization_id AND l.id = d.lane_id`;
const COUNTERS = "UPDATE organization_counter SET request_number = request_number + $1::int8 WHERE organization_id = $2";
/** As the chore that folds left them: hours, after two days; what was counted into the totals. The bucket of 3 ms is the fourth. */
const ROLL_UPS = `
  WITH folded AS (
    INSERT INTO delivery_minute (organization_id, definition_id, minute, process, delivered, retried, rejected, durations, last_attempt_at)
    SELECT r.organization_id, r.definition_id,
      CASE WHEN r.settled_at < now() - interval '2 days' THEN date_trunc('hour', r.settled_at)
        WHEN r.settled_at < now() - interval '2 hours' THEN date_bin(interval '10 minutes', r.settled_at, timestamptz '2000-01-01 00:00:00+00')
        ELSE date_trunc('minute', r.settled_at) END AS minute,
      '00000000-0000-0000-0000-000000000000', count(*) FILTER (WHERE NOT r.failed), 2 * count(*) FILTER (WHERE r.failed), count(*) FILTER (WHERE r.failed),
      ARRAY[0, 0, 0, sum(r.attempt_count)]::int4[], max(r.settled_at)
    FROM webhook_request r WHERE r.settled_at IS NOT NULL AND r.event_type LIKE 'seed.%' GROUP BY 1, 2, 3
    ON CONFLICT DO NOTHING RETURNING *
  ), organizations AS (
    INSERT INTO delivery_minute (organization_id, definition_id, minute, process, delivered, retried, rejected, durations, last_attempt_at)
    SELECT f.organization_id, '00000000-0000-0000-0000-000000000000'::uuid, f.minute, '00000000-0000-0000-0000-000000000000', sum(f.delivered), sum(f.retried),
      sum(f.rejected), ARRAY[0, 0, 0, sum(f.durations[4])]::int4[], max(f.last_attempt_at) FROM folded f GROUP BY 1, 2, 3
    ON CONFLICT DO NOTHING
  )
  UPDATE definition_counter c SET total_calls = c.total_calls + f.calls, total_errors = c.total_errors + f.errors, last_attempt_at = f.last
  FROM (SELECT definition_id, sum(delivered + retried + rejected) AS calls, sum(retried + rejected) AS errors, max(last_attempt_at) AS last FROM folded GROUP BY 1) f
  WHERE c.definition_id = f.definition_id`;

/** Settled requests with their events and attempts, as if delivered over many days. Definitions must exist; the platform must not run. */
export function seedSettled(databaseUrl: string, seed: Seed): Promise<void> {
  return connected(databaseUrl, (client) => settled(client, seed));
}

async function settled(client: pg.Client, seed: Seed): Promise<void> {
  await client.query(PARTITIONS((seed.daysAgo ?? 0) + seed.days + 1));
  await client.query(`
    INSERT INTO lane (id, organization_id, definition_id)
      SELECT lane_id(id, 0, ''), organization_id, id FROM webhook_definition WHERE deleted_at IS NULL ON CONFLICT DO NOTHING;
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
  await client.query(ROLL_UPS);
  await client.query("VACUUM (ANALYZE)");
  await client.query("CHECKPOINT");
}

/** Requests that wait in lanes which nobody may run now: of definitions that are stopped, as `stopWebhookDefinitions` leaves them. */
export function seedQueued(databaseUrl: string, count: number): Promise<void> {
  return connected(databaseUrl, (client) => queued(client, count));
}

async function queued(client: pg.Client, count: number): Promise<void> {
  const { rows } = await client.query<{ lanes: string }>(`
    SELECT count(*) AS lanes FROM lane l JOIN webhook_definition d ON d.id = l.definition_id WHERE d.state = 'STOPPED'`);
  const lanes = Number(rows[0]?.lanes);
  if (lanes === 0) throw new Error("no lane of a stopped definition to queue in");
  await client.query(
    `WITH lanes AS (
       SELECT l.id, l.organization_id, l.definition_id, l.last_number, row_number() OVER (ORDER BY l.id) - 1 AS position
       FROM lane l JOIN webhook_definition d ON d.id = l.definition_id WHERE d.state = 'STOPPED'
     ), newest AS MATERIALIZED (
       SELECT o.organization_id, (SELECT e.id FROM event e WHERE e.organization_id = o.organization_id ORDER BY e.id DESC LIMIT 1) AS event_id
       FROM (SELECT DISTINCT organization_id FROM lanes) o
     ), made AS MATERIALIZED (
       SELECT l.*, g, l.last_number + g / $2::int8 + 1 AS lane_number, c.request_number + g + 1 AS number, uuidv7() AS request_id, n.event_id
       FROM generate_series(0::int8, $1::int8 - 1) AS g JOIN lanes l ON l.position = g % $2::int8
       JOIN organization_counter c ON c.organization_id = l.organization_id JOIN newest n ON n.organization_id = l.organization_id
     ), entries AS (
       INSERT INTO lane_entry (organization_id, lane_id, position, request_id) SELECT organization_id, id, lane_number, request_id FROM made
     ), parked AS (
       INSERT INTO lane_due (organization_id, lane_id, definition_id, due_at) SELECT organization_id, id, definition_id, 'infinity' FROM lanes
       ON CONFLICT DO NOTHING
     ), blocks AS (
       INSERT INTO number_block (organization_id, from_number, to_number, first_id, last_id)
       SELECT organization_id, min(number), max(number), min(request_id::text COLLATE "C")::uuid, max(request_id::text COLLATE "C")::uuid FROM made GROUP BY organization_id
     )
     INSERT INTO webhook_request (id, organization_id, number, definition_id, event_id, lane_id, lane_number, position, dialect, event_type, entity, entity_id)
     SELECT request_id, organization_id, number, definition_id, event_id, id, lane_number, lane_number, 'STANDARD', 'seed.queued', 'order', g::text FROM made`,
    [count, lanes],
  );
  await client.query(
    `WITH lanes AS (
       SELECT l.organization_id, l.id, row_number() OVER (ORDER BY l.id) - 1 AS position
       FROM lane l JOIN webhook_definition d ON d.id = l.definition_id WHERE d.state = 'STOPPED'
     )
     UPDATE lane l SET last_number = last_number + n, last_position = last_position + n, idle_since = NULL
     FROM (SELECT organization_id, id, ($1::int8 - position + $2::int8 - 1) / $2::int8 AS n FROM lanes) q
     WHERE l.organization_id = q.organization_id AND l.id = q.id`,
    [count, lanes],
  );
  await client.query(
    "UPDATE organization_counter SET request_number = request_number + $1::int8 WHERE organization_id IN (SELECT organization_id FROM webhook_definition WHERE state = 'STOPPED')",
    [count],
  );
  await client.query("VACUUM (ANALYZE)");
}

/** How many settled requests are older than so many days. */
export async function olderThan(databaseUrl: string, days: number): Promise<number> {
  const count = "SELECT /* bench */ count(*) FROM webhook_request WHERE settled_at < now() - make_interval(days => $1)";
  const { rows } = await connected(databaseUrl, (client) => client.query<{ count: string }>(count, [days]));
  return Number(rows[0]?.count);
}

/** Indexes of the log's table; of one of its partitions, when there are any. */
export async function logIndexes(databaseUrl: string): Promise<string[]> {
  const names = "SELECT indexrelid::regclass::text AS name FROM pg_index WHERE indrelid = 'webhook_request'::regclass ORDER BY 1";
  const { rows } = await connected(databaseUrl, (client) => client.query<{ name: string }>(names));
  return rows.map(({ name }) => name);
}
