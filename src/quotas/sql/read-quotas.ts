/** What an organization may use, and what the tables say it uses. */
import { statement } from "../../db/statement.ts";

/** $1 organization · $2 the first day that counts, unless the organization keeps less. No row: there is no such organization. */
export const readQuotas = statement({
  name: "read-quotas",
  text: `SELECT q.events_per_second AS "eventsPerSecond", q.definitions, q.queued_requests AS "queuedRequests",
      q.stored_bytes AS "storedBytes", q.subscriptions,
      COALESCE((SELECT sum(s.bytes) FROM stored_day s WHERE s.organization_id = o.id AND s.day >= GREATEST($2::date, (now() AT TIME ZONE 'UTC')::date - o.retention_days)), 0)::int8 AS "stored",
      COALESCE((SELECT sum(c.subscriptions) FROM subscription_count c
        WHERE c.organization_id = o.id AND c.told_at > now() - interval '30 seconds' AND c.process_id <> $3::uuid), 0)::int8 AS "elsewhere"
    FROM organization o LEFT JOIN organization_quota q ON q.organization_id = o.id WHERE o.id = $1::uuid`,
  row: {
    eventsPerSecond: "int4?",
    definitions: "int4?",
    queuedRequests: "int8?",
    storedBytes: "int8?",
    subscriptions: "int4?",
    stored: "int8",
    elsewhere: "int8",
  },
});

/** $1 organization · $2 bucket · $3 its rate. What is left of it; no row: it is full. */
export const readBucket = statement({
  name: "read-event-bucket",
  text: `SELECT LEAST($3::float8, b.level + GREATEST(0, extract(epoch FROM clock_timestamp() - b.told_at))::float8 * $3::float8) AS level
    FROM event_bucket b WHERE b.organization_id = $1::uuid AND b.id = $2::uuid`,
  row: { level: "float8" },
});

/** $1 organization · $2 how many at most */
export const countQueued = statement({
  name: "count-queued",
  text: `SELECT count(*) AS count FROM (SELECT 1 FROM lane_entry e WHERE e.organization_id = $1::uuid LIMIT $2::int8) AS counted`,
  row: { count: "int8" },
});

/** $1 organization · $2 above this id · $3 how many at most */
export const countEventsSince = statement({
  name: "count-events-since",
  text: `SELECT count(*) AS count FROM (SELECT 1 FROM event e WHERE e.organization_id = $1::uuid AND e.id > $2::uuid LIMIT $3::int8) AS counted`,
  row: { count: "int8" },
});

/** $1 organization · $2 how many at most */
export const countLiving = statement({
  name: "count-living-definitions",
  text: `SELECT count(*) AS count FROM (
      SELECT 1 FROM webhook_definition d WHERE d.organization_id = $1::uuid AND d.deleted_at IS NULL LIMIT $2::int8) AS counted`,
  row: { count: "int8" },
});
