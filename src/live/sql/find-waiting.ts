/** The organizations with rows that wait for their numbers: a step of the index per organization, not per row. */
import { statement } from "../../db/statement.ts";

export const findWaiting = statement({
  name: "find-feed-waiting",
  text: `WITH RECURSIVE found AS (
           (SELECT u.organization_id FROM feed_unsequenced u ORDER BY u.organization_id LIMIT 1)
           UNION ALL
           SELECT (SELECT u.organization_id FROM feed_unsequenced u WHERE u.organization_id > f.organization_id
                    ORDER BY u.organization_id LIMIT 1)
             FROM found f WHERE f.organization_id IS NOT NULL
         ) SELECT f.organization_id FROM found f WHERE f.organization_id IS NOT NULL`,
  row: { organization_id: "uuid" },
});
