/** Lanes that nobody has used for long, in two phases: first their definition's floor rises above them, later they go. */
import { statement } from "../../db/statement.ts";
import { rowsFrom } from "../../db/values.ts";

/** Nothing stands in it, nobody holds it, and nobody has held it up: by its row; its queue is asked for again under its lock. */
const IDLE = `l.idle_since <= now() - $1::float8 * interval '1 ms' AND l.lease_token IS NULL AND l.paused_at IS NULL AND l.blocked_request_id IS NULL`;

/**
 * Every statement that still runs sees the floor: none makes a lane that starts below it. One that could not see it has a
 * snapshot from before the raise had committed, whose xmin is not above the raise's transaction. A backend's xmin is shown to
 * every role (when it began is not), in 32 bits: `now` turns it into what the floor's is. Foreign sessions make no lanes, and
 * hold up nothing. A floor of another cluster, as after a restore, was there before any of our sessions.
 */
const SETTLED_FLOOR = `c.draining_since IS NULL AND c.lane_floor_at <= now() - $3::float8 * interval '1 ms' AND (c.lane_floor_xid IS NULL OR NOT EXISTS (
  SELECT 1 FROM pg_stat_activity a, LATERAL (SELECT pg_snapshot_xmax(pg_current_snapshot())::text::int8 AS top) now,
    LATERAL (SELECT (now.top - a.backend_xmin::text::int8) & 4294967295 AS age) x
  WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() AND a.application_name LIKE 'hookline%' AND a.backend_xmin IS NOT NULL
    AND c.lane_floor_xid <= now.top AND now.top - (CASE WHEN x.age < 2147483648 THEN x.age ELSE x.age - 4294967296 END) <= c.lane_floor_xid))`;

/**
 * $1 idle for so many ms · $2 how many lanes are looked at · $3 a floor is not raised again within so many ms.
 * A statement of its own, so that COMMIT follows at once. A counter that somebody holds has its turn later.
 * @returns the definitions whose floor it raised
 */
export const raiseLaneFloors = statement({
  name: "raise-lane-floors",
  text: `WITH tops AS MATERIALIZED (
           SELECT i.definition_id, max(i.last_number) AS top
           FROM (SELECT l.definition_id, l.last_number FROM lane l WHERE ${IDLE} ORDER BY l.idle_since LIMIT $2::int8) i
           GROUP BY i.definition_id
         ), locked AS MATERIALIZED (
           SELECT c.definition_id, t.top FROM definition_counter c JOIN tops t ON t.definition_id = c.definition_id
           WHERE c.draining_since IS NULL AND (c.lane_floor_at IS NULL OR (t.top > c.lane_floor AND ${SETTLED_FLOOR}))
           ORDER BY c.definition_id FOR UPDATE OF c SKIP LOCKED
         )
         UPDATE definition_counter c SET lane_floor = GREATEST(c.lane_floor, k.top), lane_floor_at = now(), lane_floor_xid = pg_current_xact_id()::text::int8
         FROM locked k WHERE c.definition_id = k.definition_id RETURNING c.definition_id`,
  row: { definition_id: "uuid" },
});

/** $1 idle for so many ms · $2 how many · $3 the floor stands for so many ms. Lanes that may go, locked. */
export const lockIdleLanes = statement({
  name: "lock-idle-lanes",
  text: `SELECT l.organization_id, l.id FROM lane l JOIN definition_counter c ON c.definition_id = l.definition_id
         WHERE ${IDLE} AND l.last_number <= c.lane_floor AND ${SETTLED_FLOOR}
         ORDER BY l.idle_since LIMIT $2::int8 FOR UPDATE OF l SKIP LOCKED`,
  row: { organization_id: "uuid", id: "uuid" },
});

/** A statement after the one that locked them: what this one sees of their queues is how they stand. */
export const deleteLanes = statement({
  name: "delete-lanes",
  text: `WITH gone AS (
           DELETE FROM lane l USING ${rowsFrom("u", { organization_id: "$1::uuid[]", id: "$2::uuid[]" })}
           WHERE l.organization_id = u.organization_id AND l.id = u.id
             AND NOT EXISTS (SELECT 1 FROM lane_entry e WHERE e.organization_id = l.organization_id AND e.lane_id = l.id OFFSET 0)
           RETURNING l.organization_id, l.id
         ), due AS (
           DELETE FROM lane_due q USING gone g WHERE q.organization_id = g.organization_id AND q.lane_id = g.id
         )
         SELECT g.organization_id, g.id FROM gone g`,
  row: { organization_id: "uuid", id: "uuid" },
});
