import { statement } from "../../db/statement.ts";
import { rowsFrom } from "../../db/values.ts";
import { OPEN } from "./claim-lanes.ts";

/**
 * Leases that their holders let lapse, of lanes that nobody may claim: a claim would write a token of its own. Their rows are locked, by a
 * statement before this one. @returns the lanes that were taken from a holder
 */
export const endLapsedLeases = statement({
  name: "end-lapsed-leases",
  text: `UPDATE lane l SET lease_token = NULL, leased_until = NULL,
           idle_since = CASE WHEN NOT EXISTS (SELECT 1 FROM lane_entry e WHERE e.organization_id = l.organization_id AND e.lane_id = l.id AND e.position >= l.read_from OFFSET 0) THEN now() END
         FROM ${rowsFrom("u", { organization_id: "$1::uuid[]", id: "$2::uuid[]" })}
         WHERE l.organization_id = u.organization_id AND l.id = u.id
           AND l.lease_token IS NOT NULL AND l.leased_until <= now() AND NOT (${OPEN})
         RETURNING l.organization_id, l.id`,
  row: { organization_id: "uuid", id: "uuid" },
});
