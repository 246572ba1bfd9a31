import { statement } from "../../db/statement.ts";

/** Partitions that hold this moment's rows and have grown to three times the pages that their statistics know of; small ones look the same by every plan. */
export const findGrown = statement({
  name: "find-grown-partitions",
  text: `SELECT p.name FROM hot_partition p JOIN pg_class c ON c.oid = p.oid
         WHERE p.until > now() AND (p.since IS NULL OR p.since <= now())
           AND pg_relation_size(c.oid) / current_setting('block_size')::int8 > GREATEST(8, 3 * c.relpages)`,
  row: { name: "text" },
});
