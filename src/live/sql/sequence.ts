/**
 * Numbers what waits in an organization's feed, as sequence_feed does (06_feed.sql of the migration says how), but looks only above
 * a place in line: while somebody's snapshot stays open (a dump) the rows that were numbered stay in the index, and each look would
 * walk them all. Two statements of one transaction, so that the second sees what was committed before the lock was had.
 */
import { statement } from "../../db/statement.ts";

export const beginSequencing = statement({
  name: "begin-sequencing",
  text: `SELECT set_config('hookline.sequencing', CASE
           WHEN NOT EXISTS (SELECT 1 FROM feed_unsequenced u WHERE u.organization_id = $1::uuid AND u.draw > $2::int8) THEN 'none'
           ELSE pg_try_advisory_xact_lock(hashtextextended('hookline.feed', 0) # hashtextextended(($1::uuid)::text, 0))::text END, true)`,
  row: {},
});

/**
 * $3 how many transactions at most, the first in line. `head` null: another session is at it. `draw`: the last place in line that was
 * numbered now. `more`: there may be more. Nobody else writes the head meanwhile, so it is written where it stands.
 */
export const sequence = statement({
  name: "sequence-feed",
  text: `WITH stands AS MATERIALIZED (SELECT current_setting('hookline.sequencing', true) AS state), head AS MATERIALIZED (
           SELECT h.sequence, h.ctid AS place FROM feed_head h WHERE h.organization_id >= $1::uuid AND h.organization_id <= $1::uuid
           ORDER BY h.organization_id DESC LIMIT 1
         ), waiting AS (
           DELETE FROM feed_unsequenced u USING stands s WHERE s.state = 'true' AND u.organization_id = $1::uuid AND u.draw > $2::int8 AND u.draw <= (
             SELECT max(f.draw) FROM (
               SELECT f.draw FROM feed_unsequenced f WHERE f.organization_id = $1::uuid AND f.draw > $2::int8 ORDER BY f.draw LIMIT $3::int) f)
           RETURNING u.draw, u.changes, u.body, u.created_at
         ), numbered AS (
           SELECT w.*, h.sequence + sum(w.changes) OVER (ORDER BY w.draw) AS upto FROM waiting w, head h
         ), written AS (
           INSERT INTO feed_entry (organization_id, sequence, changes, body, created_at)
           SELECT $1::uuid, n.upto, n.changes, to_char(n.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') || n.body, clock_timestamp() FROM numbered n
           RETURNING sequence
         ), moved AS (
           UPDATE feed_head h SET sequence = (SELECT max(w.sequence) FROM written w) FROM head p
           WHERE h.ctid = p.place AND EXISTS (SELECT 1 FROM written) RETURNING h.sequence
         )
         SELECT CASE WHEN s.state <> 'false' THEN COALESCE((SELECT m.sequence FROM moved m), (SELECT h.sequence FROM head h)) END AS head,
           (SELECT max(w.draw) FROM waiting w) AS draw, (SELECT count(*) FROM waiting) >= $3::int AS more
         FROM stands s`,
  row: { head: "int8?", draw: "int8?", more: "bool" },
});
