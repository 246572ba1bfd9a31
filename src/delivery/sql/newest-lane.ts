import { statement } from "../../db/statement.ts";
import { rowsFrom } from "../../db/values.ts";

/**
 * The row of one lane, found from its newest version backward. While somebody's snapshot stays open (a dump), the versions that
 * a busy lane leaves behind cannot be cleared away: whoever looks a key up the usual way walks them all, oldest first, and after
 * ten minutes that are a hundred thousand. Equal keys stand in an index in the order of their places in the table, where new
 * versions come last. The comparison of rows says "backward"; equality would leave the planner no order to keep.
 */
export const newestLane = (organizationId: string, id: string, columns = "l.*") => `
  SELECT ${columns} FROM lane l WHERE (l.organization_id, l.id) >= (${organizationId}, ${id}) AND (l.organization_id, l.id) <= (${organizationId}, ${id})
  ORDER BY l.organization_id DESC, l.id DESC LIMIT 1`;

/**
 * Locks lanes in everybody's order, those that there are, and waits for none longer than $3 milliseconds, to the end of the
 * transaction. Sent before a statement that writes them: what is locked keeps its place, and is written by that.
 */
export const lockNewestLanes = statement({
  name: "lock-newest-lanes",
  text: `WITH patience AS MATERIALIZED (SELECT set_config('lock_timeout', $3::text, true))
         SELECT count(*) FROM patience CROSS JOIN LATERAL (
           SELECT u.* FROM ${rowsFrom("u", { organization_id: "$1::uuid[]", id: "$2::uuid[]" })} ORDER BY u.organization_id, u.id
         ) u CROSS JOIN LATERAL (${newestLane("u.organization_id", "u.id", "l.id")} FOR NO KEY UPDATE) l`,
  row: {},
});

/** Of these lanes, those whose rows nobody keeps locked at this moment, and those that are gone. A transaction of its own, which waits for no disk. */
export const findFreeLanes = statement({
  name: "find-free-lanes",
  text: `SELECT u.id FROM (SELECT set_config('synchronous_commit', 'off', true)) AS quick
         CROSS JOIN ${rowsFrom("u", { organization_id: "$1::uuid[]", id: "$2::uuid[]" })}
         LEFT JOIN LATERAL (${newestLane("u.organization_id", "u.id", "l.id")} FOR NO KEY UPDATE SKIP LOCKED) free ON true
         LEFT JOIN LATERAL (${newestLane("u.organization_id", "u.id", "l.id")}) there ON true
         WHERE free.id IS NOT NULL OR there.id IS NULL`,
  row: { id: "uuid" },
});
