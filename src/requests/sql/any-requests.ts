import { statement } from "../../db/statement.ts";

/** $1 of organizations behind this one, a thousand · $2 $3 ids from, to (exclusive). @returns the last one looked at; null: there are no more */
export const anyRequests = statement({
  name: "any-requests",
  text: `WITH few AS MATERIALIZED (SELECT o.id FROM organization o WHERE o.id > $1::uuid ORDER BY o.id LIMIT 1000)
    SELECT EXISTS (SELECT 1 FROM few s CROSS JOIN LATERAL (
        SELECT 1 FROM webhook_request r WHERE r.organization_id = s.id AND r.id >= $2::uuid AND r.id < $3::uuid LIMIT 1) r) AS found,
      (SELECT s.id FROM few s ORDER BY s.id DESC LIMIT 1) AS last`,
  row: { found: "bool", last: "uuid?" },
});
