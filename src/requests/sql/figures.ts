/** What operators watch, counted over all organizations. Each reads what is queued, lanes or the catalog: never the log. */
import { statement } from "../../db/statement.ts";
import { definitionOf } from "../../delivery/sql/definition-of.ts";
import { FIRST_NEW } from "../../delivery/sql/first-new.ts";

/** Lanes by state, as delivery/lane-state.ts names them, and what is queued in them. */
export const countLanes = statement({
  name: "count-lanes-by-state",
  text: `WITH queue AS MATERIALIZED (
      SELECT e.organization_id, e.lane_id, count(*) AS queued FROM lane_entry e GROUP BY e.organization_id, e.lane_id)
    SELECT s.state, count(*) AS lanes, COALESCE(sum(s.queued), 0)::int8 AS queued FROM (
      SELECT q.queued, CASE
        WHEN l.paused_at IS NOT NULL OR d.state <> 'ACTIVE' THEN 'PAUSED'
        WHEN l.blocked_request_id IS NOT NULL THEN 'BLOCKED'
        WHEN q.queued IS NULL THEN 'IDLE'
        WHEN l.leased_until > now() THEN 'LEASED'
        WHEN l.retry_at > now() OR l.epoch > c.open_epoch THEN 'WAITING'
        ELSE 'READY' END AS state
      FROM lane l JOIN LATERAL ${definitionOf("l.definition_id")} d ON d.deleted_at IS NULL
      JOIN definition_counter c ON c.definition_id = l.definition_id
      LEFT JOIN queue q ON q.organization_id = l.organization_id AND q.lane_id = l.id) s
    GROUP BY s.state`,
  row: { state: "text", lanes: "int8", queued: "int8" },
});

/** The first request of the lane that has waited longest, of those that nobody stopped, paused, blocked or resent; no row: none waits. */
export const oldestHead = statement({
  name: "oldest-head",
  text: `SELECT h.request_id, now() AS now FROM lane_due q
      JOIN LATERAL ${definitionOf("q.definition_id")} d ON d.state = 'ACTIVE' AND d.deleted_at IS NULL
      JOIN lane l ON l.organization_id = q.organization_id AND l.id = q.lane_id AND l.paused_at IS NULL
      CROSS JOIN LATERAL (
        SELECT e.request_id FROM lane_entry e WHERE e.organization_id = q.organization_id AND e.lane_id = q.lane_id
          AND e.position >= ${FIRST_NEW} ORDER BY e.position LIMIT 1) h
    WHERE q.due_at < 'infinity' ORDER BY h.request_id LIMIT 1`,
  row: { request_id: "uuid", now: "timestamptz" },
});

export const countDefinitions = statement({
  name: "count-definitions-by-state",
  text: "SELECT d.state::text AS state, count(*) AS definitions FROM webhook_definition d WHERE d.deleted_at IS NULL GROUP BY d.state",
  row: { state: "text", definitions: "int8" },
});

/** In seconds: how long until the newest partition ends, and since when the oldest one with a beginning holds rows. */
export const countPartitions = statement({
  name: "count-partitions",
  text: `SELECT p.parent, count(*) AS partitions, extract(epoch FROM max(p.until) - now())::float8 AS ahead,
      COALESCE(extract(epoch FROM now() - COALESCE(min(p.since), min(p.until))), 0)::float8 AS age
    FROM hot_partition p GROUP BY p.parent`,
  row: { parent: "text", partitions: "int8", ahead: "float8", age: "float8" },
});

/** Connections to the server as a whole, whoever has them. */
export const countConnections = statement({
  name: "count-connections",
  text: `SELECT COALESCE(sum(s.numbackends), 0)::int8 AS connections, current_setting('max_connections')::int8 AS most FROM pg_stat_database s`,
  row: { connections: "int8", most: "int8" },
});
