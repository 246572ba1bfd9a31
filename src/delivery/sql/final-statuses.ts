import { statement } from "../../db/statement.ts";

/** Requests whose receiver has called back already, locked. */
export const finalStatuses = statement({
  name: "final-statuses",
  text: `SELECT r.id, r.notification_status AS status
         FROM unnest($1::uuid[], $2::uuid[]) AS u(organization_id, id) JOIN webhook_request r ON r.organization_id = u.organization_id AND r.id = u.id
         WHERE r.notification_status IN ('COMPLETED', 'FAILED') FOR UPDATE OF r`,
  row: { id: "uuid", status: "enum:notification_status" },
});
