/**
 * The feed's rows of a stretch of sequences, each with its last one. Rows that do not name the topic come without their
 * body: the reader still sees that nothing is missing. No bound on created_at: a clock that was set back could hide a row.
 */
import { statement } from "../../db/statement.ts";

export const readStretch = statement({
  name: "read-feed-stretch",
  text: `SELECT f.sequence, f.changes,
                CASE WHEN $4::text IS NULL OR position($4::text IN f.body) > 0 THEN f.body END AS body
           FROM feed_entry f
          WHERE f.organization_id = $1::uuid AND f.sequence > $2::int8 AND f.sequence <= $3::int8
          ORDER BY f.sequence`,
  row: { sequence: "int8", changes: "int4", body: "text?" },
});
