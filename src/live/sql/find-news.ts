/** How far many organizations are numbered, and whether more waits; one statement, whatever their count. */
import { statement } from "../../db/statement.ts";

export const findNews = statement({
  name: "find-feed-news",
  text: `SELECT h.organization_id, h.sequence,
                EXISTS (SELECT 1 FROM feed_unsequenced u WHERE u.organization_id = h.organization_id) AS waiting
           FROM feed_head h WHERE h.organization_id = ANY($1::uuid[])`,
  row: { organization_id: "uuid", sequence: "int8", waiting: "bool" },
});
