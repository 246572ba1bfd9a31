/** Roll-ups of processes into those of nobody, minutes into longer stretches, and the end of what is old. */
import { statement } from "../../db/statement.ts";
import { EVERY_DEFINITION, FOLDED } from "./statistics.ts";

const SUMS = `sum(t.delivered)::int AS delivered, sum(t.retried)::int AS retried, sum(t.rejected)::int AS rejected,
  max(t.last_attempt_at) AS last_attempt_at`;
/** Histograms, position by position. */
const DURATIONS = `ARRAY(SELECT COALESCE(sum(u.n), 0)::int FROM added_to t
   JOIN LATERAL unnest(t.durations) WITH ORDINALITY AS u (n, place) ON true
  WHERE t.organization_id = s.organization_id AND t.definition_id = s.definition_id AND t.into_minute = s.into_minute
  GROUP BY u.place ORDER BY u.place) AS durations`;
const ADD = `INSERT INTO delivery_minute AS m (organization_id, definition_id, minute, process, delivered, retried, rejected, durations, last_attempt_at)
  SELECT s.organization_id, s.definition_id, s.into_minute, '${FOLDED}'::uuid, s.delivered, s.retried, s.rejected, ${DURATIONS}, s.last_attempt_at
    FROM (SELECT t.organization_id, t.definition_id, t.into_minute, ${SUMS} FROM added_to t
           GROUP BY t.organization_id, t.definition_id, t.into_minute ORDER BY 1, 2, 3) s
  ON CONFLICT (organization_id, definition_id, minute, process) DO UPDATE SET delivered = m.delivered + EXCLUDED.delivered,
    retried = m.retried + EXCLUDED.retried, rejected = m.rejected + EXCLUDED.rejected,
    durations = add_durations(m.durations, EXCLUDED.durations), last_attempt_at = GREATEST(m.last_attempt_at, EXCLUDED.last_attempt_at)`;

/**
 * $1 minutes below this · $2 how many rows. One statement: a row counts in the totals either as folded or as not.
 * @returns how many it folded
 */
export const foldFinished = statement({
  name: "fold-finished-minutes",
  text: `WITH taken AS (
      DELETE FROM delivery_minute d USING (
        SELECT m.organization_id, m.definition_id, m.minute, m.process FROM delivery_minute m
         WHERE m.process <> '${FOLDED}' AND m.minute < $1::timestamptz
         ORDER BY m.minute LIMIT $2::int FOR UPDATE SKIP LOCKED) old
       WHERE d.organization_id = old.organization_id AND d.definition_id = old.definition_id AND d.minute = old.minute AND d.process = old.process
      RETURNING d.*, d.minute AS into_minute
    ), sums AS (
      SELECT t.definition_id, sum(t.delivered::int8 + t.retried + t.rejected) AS calls, sum(t.retried::int8 + t.rejected) AS errors,
        max(t.last_attempt_at) AS last_attempt_at FROM taken t GROUP BY t.definition_id
    ), locked AS (
      -- In the order in which settling locks them.
      SELECT c.definition_id FROM definition_counter c JOIN sums s ON s.definition_id = c.definition_id ORDER BY c.definition_id FOR UPDATE OF c
    ), totals AS (
      UPDATE definition_counter c SET total_calls = c.total_calls + s.calls, total_errors = c.total_errors + s.errors,
        last_attempt_at = GREATEST(c.last_attempt_at, s.last_attempt_at)
      FROM sums s, locked l WHERE l.definition_id = s.definition_id AND c.definition_id = s.definition_id
    ), added_to AS (
      -- Each row counts for its definition and for its organization.
      SELECT t.* FROM taken t UNION ALL
      SELECT t.organization_id, '${EVERY_DEFINITION}'::uuid, t.minute, t.process, t.delivered, t.retried, t.rejected, t.durations, t.last_attempt_at, t.into_minute
        FROM taken t
    ), added AS (${ADD})
    SELECT count(*)::int AS folded FROM taken`,
  row: { folded: "int4" },
});

/**
 * $1 minutes from this one · $2 below this · $3 how many rows · $4 minutes of a stretch, such as 60. What does not begin a
 * stretch goes into the one that it lies in. @returns how many
 */
export const foldIntoStretches = statement({
  name: "fold-minutes-into-stretches",
  text: `WITH added_to AS (
      DELETE FROM delivery_minute d USING (
        SELECT m.organization_id, m.definition_id, m.minute, m.process FROM delivery_minute m
         WHERE m.process = '${FOLDED}' AND m.minute >= $1::timestamptz AND m.minute < $2::timestamptz
           AND m.minute <> date_bin($4::int4 * interval '1 minute', m.minute, timestamptz '2000-01-01 00:00:00+00')
         LIMIT $3::int FOR UPDATE SKIP LOCKED) old
       WHERE d.organization_id = old.organization_id AND d.definition_id = old.definition_id AND d.minute = old.minute AND d.process = old.process
      RETURNING d.*, date_bin($4::int4 * interval '1 minute', d.minute, timestamptz '2000-01-01 00:00:00+00') AS into_minute
    ), added AS (${ADD})
    SELECT count(*)::int AS folded FROM added_to`,
  row: { folded: "int4" },
});

/** $1 below this · $2 how many rows */
export const deleteOldMinutes = statement({
  name: "delete-old-minutes",
  text: `DELETE FROM delivery_minute d USING (
      SELECT m.organization_id, m.definition_id, m.minute, m.process FROM delivery_minute m
       WHERE m.process = '${FOLDED}' AND m.minute < $1::timestamptz LIMIT $2::int FOR UPDATE SKIP LOCKED) old
    WHERE d.organization_id = old.organization_id AND d.definition_id = old.definition_id AND d.minute = old.minute AND d.process = old.process`,
  row: {},
});
