import { statement } from "../../db/statement.ts";

/**
 * Partitions of events and requests that hold this moment's rows and have grown to twenty times the pages that their statistics know of: that there are some is
 * what counts, and each time all sessions plan anew. Small ones look the same by every plan.
 */
export const findGrown = statement({
  name: "find-grown-partitions",
  text: `SELECT p.name FROM hot_partition p JOIN pg_class c ON c.oid = p.oid
         WHERE p.parent IN ('event', 'webhook_request') AND p.until > now() AND (p.since IS NULL OR p.since <= now())
           AND pg_relation_size(c.oid) / current_setting('block_size')::int8 > GREATEST(8, 20 * c.relpages)`,
  row: { name: "text" },
});
