import { statement } from "../../db/statement.ts";

/**
 * A transaction of its own that waits for no disk: if a crash loses it, it loses every later commit too, so no number
 * that somebody saw is given twice.
 */
export const takeNumberBlock = statement({
  name: "take-number-block",
  text: `WITH quick AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true)),
         taken AS (
           UPDATE organization_counter c SET request_number = c.request_number + $2::int8 FROM quick
           WHERE c.organization_id = $1::uuid RETURNING c.request_number AS upto
         )
         INSERT INTO number_block (organization_id, from_number, to_number, first_id, last_id)
         SELECT $1::uuid, t.upto - $2::int8 + 1, t.upto, $3::uuid, $4::uuid FROM taken t
         RETURNING from_number, to_number, extract(epoch FROM clock_timestamp())::float8 * 1000 AS database_ms`,
  row: { from_number: "int8", to_number: "int8", database_ms: "float8" },
});
