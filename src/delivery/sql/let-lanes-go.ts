import { statement } from "../../db/statement.ts";
import { rowsFrom } from "../../db/values.ts";

/**
 * What the queue itself says of lanes that are let go: when the head of a strict one, or the first of a free one, is due;
 * null: it is empty. `due` follows from that, as does `retry_at`.
 */
const NEXT = `
  SELECT l.organization_id, l.id, l.definition_id, u.blocked, u.reason,
    CASE WHEN l.free
      THEN (SELECT e.due_at FROM lane_entry e
            WHERE e.organization_id = l.organization_id AND e.lane_id = l.id AND e.due_at IS NOT NULL ORDER BY e.due_at, e.position LIMIT 1)
      ELSE (SELECT COALESCE(e.due_at, '-infinity') FROM lane_entry e
            WHERE e.organization_id = l.organization_id AND e.lane_id = l.id AND e.position >= l.read_from ORDER BY e.position LIMIT 1) END AS due_at`;

const LET_GO = `
  gone AS (
    DELETE FROM lane_due q USING next n WHERE q.organization_id = n.organization_id AND q.lane_id = n.id AND (n.blocked IS NOT NULL OR n.due_at IS NULL)
  ), due AS (
    INSERT INTO lane_due AS q (organization_id, lane_id, definition_id, due_at)
    SELECT n.organization_id, n.id, n.definition_id, GREATEST(n.due_at, now()) FROM next n WHERE n.blocked IS NULL AND n.due_at IS NOT NULL
    ON CONFLICT (organization_id, lane_id) DO UPDATE SET due_at = EXCLUDED.due_at
  )
  UPDATE lane l SET lease_token = NULL, leased_until = NULL, blocked_request_id = n.blocked, blocked_reason = n.reason,
    retry_at = CASE WHEN n.blocked IS NULL AND n.due_at > now() THEN n.due_at END, idle_since = CASE WHEN n.due_at IS NULL THEN now() END
  FROM next n WHERE l.organization_id = n.organization_id AND l.id = n.id`;

/** Inside the transaction that settled, which holds the lanes' rows. */
export const letLanesGo = statement({
  name: "let-lanes-go",
  text: `WITH next AS MATERIALIZED (
           ${NEXT} FROM ${rowsFrom("u", { organization_id: "$1::uuid[]", id: "$2::uuid[]", blocked: "$3::uuid[]", reason: "$4::text[]" })}
           JOIN lane l ON l.organization_id = u.organization_id AND l.id = u.id
         ), ${LET_GO}`,
  row: {},
});

/**
 * Gives empty lanes back. The check and the release are one statement under the row lock: an event that came in meanwhile
 * keeps the lane with its holder, so no wake-up is lost.
 * @returns the lanes that were let go; the others have news
 */
export const releaseLanes = statement({
  name: "release-lanes",
  text: `WITH mine AS MATERIALIZED (
           SELECT l.organization_id, l.id, NULL::uuid AS blocked, NULL::text AS reason
           FROM lane l JOIN ${rowsFrom("u", { organization_id: "$1::uuid[]", id: "$2::uuid[]", token: "$3::uuid[]", last_number: "$4::int8[]", revision: "$5::int4[]" })}
             ON u.organization_id = l.organization_id AND u.id = l.id AND u.token = l.lease_token
             AND u.last_number = l.last_number AND u.revision = l.revision
           ORDER BY l.organization_id, l.id FOR UPDATE OF l
         ), next AS MATERIALIZED (
           ${NEXT} FROM mine u JOIN lane l ON l.organization_id = u.organization_id AND l.id = u.id
         ), ${LET_GO}
         RETURNING l.organization_id, l.id`,
  row: { organization_id: "uuid", id: "uuid" },
});
