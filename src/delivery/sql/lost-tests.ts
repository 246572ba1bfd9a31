/** Tests whose process died with them in its hand. */
import { statement } from "../../db/statement.ts";
import { rowsFrom } from "../../db/values.ts";
import { INTERRUPTED } from "./interrupt.ts";

/** $1 how many at most. Whose time is over; they are the caller's to settle. */
export const takeLostTests = statement({
  name: "take-lost-tests",
  text: `DELETE FROM sending_test WHERE ctid = ANY(ARRAY(
      SELECT t.ctid FROM sending_test t WHERE t.gives_up_at < now() ORDER BY t.organization_id, t.request_id LIMIT $1::int FOR UPDATE SKIP LOCKED))
    RETURNING organization_id, request_id`,
  row: { organization_id: "uuid", request_id: "uuid" },
});

/** $1 $2 organization and request of each */
export const rejectLostTests = statement({
  name: "reject-lost-tests",
  text: `UPDATE webhook_request r SET state = 'REJECTED', failed = true, attempt_count = r.attempt_count + 1, settled_at = now(), updated_at = now(),
      error_code = 'INTERRUPTED', error_description = 'its process died before the outcome was known'
    FROM ${rowsFrom("u", { organization_id: "$1::uuid[]", id: "$2::uuid[]" })}
    WHERE r.organization_id = u.organization_id AND r.id = u.id AND r.state = 'SENDING'
    RETURNING r.id, r.organization_id, r.definition_id, r.attempt_count, r.manual, r.url, r.sending_at`,
  row: INTERRUPTED,
});
