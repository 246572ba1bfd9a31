import { statement } from "../../db/statement.ts";

/**
 * A transaction of its own that waits for no disk: if a crash loses it, it loses every later commit too, so no number
 * that somebody saw is given twice. What the process did not use of its last block ($5 from, $6 next, $7 to) is given
 * again, unless somebody took the numbers behind it: one process alone leaves no gaps.
 */
export const takeNumberBlock = statement({
  name: "take-number-block",
  text: `WITH quick AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true)),
         counter AS MATERIALIZED (SELECT request_number FROM organization_counter WHERE organization_id = $1::uuid FOR UPDATE),
         back AS MATERIALIZED (SELECT $6::int8 AS next FROM counter WHERE request_number = $7::int8),
         shorter AS (
           UPDATE number_block b SET to_number = back.next - 1 FROM back
           WHERE b.organization_id = $1::uuid AND b.from_number = $5::int8 AND back.next > $5::int8
         ), taken AS (
           UPDATE organization_counter c SET request_number = COALESCE((SELECT next - 1 FROM back), c.request_number) + $2::int8 FROM quick, counter
           WHERE c.organization_id = $1::uuid RETURNING c.request_number AS upto
         )
         INSERT INTO number_block (organization_id, from_number, to_number, first_id, last_id)
         SELECT $1::uuid, t.upto - $2::int8 + 1, t.upto, $3::uuid, $4::uuid FROM taken t
         -- Nothing of the last block was used: this is the same one anew.
         ON CONFLICT (organization_id, from_number) DO UPDATE SET to_number = EXCLUDED.to_number, first_id = EXCLUDED.first_id,
           last_id = EXCLUDED.last_id, taken_at = EXCLUDED.taken_at
         RETURNING from_number, to_number, extract(epoch FROM clock_timestamp())::float8 * 1000 AS database_ms`,
  row: { from_number: "int8", to_number: "int8", database_ms: "float8" },
});
