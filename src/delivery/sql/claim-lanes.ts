import { statement } from "../../db/statement.ts";
import { rowsFrom } from "../../db/values.ts";
import { definitionOf } from "./definition-of.ts";

/** The definition's own state is asked, and the organization's: stopping either is one row. @param lane has a definition_id and an epoch */
export const goesOn = (lane: string) => `EXISTS (
    SELECT 1 FROM ${definitionOf(`${lane}.definition_id`)} d JOIN definition_counter c ON c.definition_id = d.id JOIN organization o ON o.id = d.organization_id
    WHERE d.state = 'ACTIVE' AND d.deleted_at IS NULL AND ${lane}.epoch <= c.open_epoch AND o.deliveries_paused_at IS NULL)`;

/** Somebody may claim it, once its lease has ended and its retry time has come. */
export const OPEN = `l.paused_at IS NULL AND l.blocked_request_id IS NULL AND ${goesOn("l")}`;

/** Nothing stops it, nobody holds it, and its retry time has come. */
const CLAIMABLE = `(l.retry_at IS NULL OR l.retry_at <= now()) AND (l.leased_until IS NULL OR l.leased_until <= now()) AND ${OPEN}`;

/**
 * SKIP LOCKED: a lane whose row somebody holds for long must not hold up the claims of the others; whoever asked for it
 * asks again (worker), or the look at what is due does.
 */
export const claimLanes = statement({
  name: "claim-lanes",
  text: `WITH free AS (
           SELECT l.organization_id, l.id, l.definition_id, l.lease_token
           FROM ${rowsFrom("u", { organization_id: "$1::uuid[]", id: "$2::uuid[]" })} JOIN lane l ON l.organization_id = u.organization_id AND l.id = u.id
           WHERE ${CLAIMABLE} ORDER BY l.organization_id, l.id FOR UPDATE OF l SKIP LOCKED
         ), held AS (
           INSERT INTO lane_due AS q (organization_id, lane_id, definition_id, due_at)
           SELECT f.organization_id, f.id, f.definition_id, now() + $4::float8 * interval '1 ms' FROM free f
           ON CONFLICT (organization_id, lane_id) DO UPDATE SET due_at = EXCLUDED.due_at
         )
         UPDATE lane l SET lease_token = $3::uuid, leased_until = now() + $4::float8 * interval '1 ms', retry_at = NULL, blocked_reason = NULL
         FROM free f WHERE l.organization_id = f.organization_id AND l.id = f.id
         RETURNING l.id, l.organization_id, l.definition_id, l.free, l.revision, l.last_number, f.lease_token IS NOT NULL AS abandoned,
           COALESCE((SELECT c.version FROM organization_catalog c WHERE c.organization_id = l.organization_id), 0) AS catalog_version`,
  row: {
    id: "uuid",
    organization_id: "uuid",
    definition_id: "uuid",
    free: "bool",
    revision: "int4",
    last_number: "int8",
    abandoned: "bool",
    catalog_version: "int8",
  },
});

/** The rows of lanes, in the order in which everybody locks them; those that somebody holds are left out. */
export const lockLanes = statement({
  name: "lock-lanes",
  text: `SELECT l.organization_id, l.id
         FROM ${rowsFrom("u", { organization_id: "$1::uuid[]", id: "$2::uuid[]" })} JOIN lane l ON l.organization_id = u.organization_id AND l.id = u.id
         ORDER BY l.organization_id, l.id FOR UPDATE OF l SKIP LOCKED`,
  row: { organization_id: "uuid", id: "uuid" },
});

/**
 * Lanes that were due but could not be claimed: when to look again. One whose definition is not ACTIVE, whose
 * organization is paused, or whose turn after a change of ordering has not come, is parked; activation, resuming and the end of the draining bring it back.
 * One that is held is looked at again when its lease has ended, whatever stops it. Their rows are locked, by a statement before this one: what this one sees of their queues is how they stand.
 */
export const correctDue = statement({
  name: "correct-due",
  text: `WITH l AS MATERIALIZED (
           SELECT l.organization_id, l.id, l.leased_until, l.retry_at, l.paused_at IS NOT NULL OR l.blocked_request_id IS NOT NULL AS held,
             NOT ${goesOn("l")} AS parked,
             COALESCE(l.leased_until > now(), false) AS leased,
             NOT EXISTS (SELECT 1 FROM lane_entry e WHERE e.organization_id = l.organization_id AND e.lane_id = l.id AND e.position >= l.read_from) AS empty
           FROM ${rowsFrom("u", { organization_id: "$1::uuid[]", id: "$2::uuid[]" })} JOIN lane l ON l.organization_id = u.organization_id AND l.id = u.id
         ), gone AS (
           DELETE FROM lane_due q USING l WHERE q.organization_id = l.organization_id AND q.lane_id = l.id AND NOT l.leased AND (l.held OR l.empty)
         )
         UPDATE lane_due q
         SET due_at = CASE WHEN l.leased THEN l.leased_until WHEN l.parked THEN 'infinity' ELSE l.retry_at END
         FROM l
         WHERE q.organization_id = l.organization_id AND q.lane_id = l.id AND (l.leased OR (NOT l.held AND NOT l.empty AND (l.parked OR l.retry_at > now())))`,
  row: {},
});

/** Rows of `lane_due` whose lane is gone. */
export const dropStrayDue = statement({
  name: "drop-stray-due",
  text: `DELETE FROM lane_due q USING ${rowsFrom("u", { organization_id: "$1::uuid[]", id: "$2::uuid[]" })}
         WHERE q.organization_id = u.organization_id AND q.lane_id = u.id
           AND NOT EXISTS (SELECT 1 FROM lane l WHERE l.organization_id = u.organization_id AND l.id = u.id)`,
  row: {},
});
