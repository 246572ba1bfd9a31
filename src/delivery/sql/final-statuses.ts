import { statement } from "../../db/statement.ts";
import { rowsFrom } from "../../db/values.ts";

/** Requests whose receiver has called back already, locked. */
export const finalStatuses = statement({
  name: "final-statuses",
  text: `SELECT r.id, r.notification_status AS status
         FROM ${rowsFrom("u", { organization_id: "$1::uuid[]", id: "$2::uuid[]" })} JOIN webhook_request r ON r.organization_id = u.organization_id AND r.id = u.id
         WHERE r.notification_status IN ('COMPLETED', 'FAILED') FOR UPDATE OF r`,
  row: { id: "uuid", status: "enum:notification_status" },
});
