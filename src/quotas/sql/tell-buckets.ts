/** What a process took from the buckets of events. */
import { statement } from "../../db/statement.ts";
import { rowsFrom } from "../../db/values.ts";

/**
 * $1 organizations · $2 buckets · $3 their rates · $4 taken from each; in the order of their keys, so that processes that tell at
 * once wait for each other and for nothing else. A full bucket holds a second's worth, which is how the row that is there knows
 * what was taken: rate − level of the one that is told. No disk is waited for.
 */
export const tellBuckets = statement({
  name: "tell-event-buckets",
  text: `INSERT INTO event_bucket AS b (organization_id, id, rate, level, told_at)
    SELECT w.organization_id, w.id, w.rate, w.rate - w.taken, clock_timestamp()
      FROM ${rowsFrom("w", { organization_id: "$1::uuid[]", id: "$2::uuid[]", rate: "$3::float8[]", taken: "$4::float8[]" })}
      CROSS JOIN (SELECT set_config('synchronous_commit', 'off', true)) AS fast
      WHERE EXISTS (SELECT 1 FROM organization o WHERE o.id = w.organization_id)
      ORDER BY w.organization_id, w.id
    ON CONFLICT (organization_id, id) DO UPDATE SET rate = excluded.rate, told_at = clock_timestamp(),
      level = LEAST(excluded.rate, b.level + GREATEST(0, extract(epoch FROM clock_timestamp() - b.told_at))::float8 * excluded.rate)
        - (excluded.rate - excluded.level)
    RETURNING b.organization_id AS "organizationId", b.id, b.level`,
  row: { organizationId: "uuid", id: "uuid", level: "float8" },
});
