import { statement } from "../../db/statement.ts";

/** Rows draw their places in the order given. */
export const publishChanges = statement({
  name: "publish-changes",
  text: `INSERT INTO feed_unsequenced (organization_id, changes, body)
         SELECT u.organization_id, u.changes, u.body FROM unnest($1::uuid[], $2::int4[], $3::text[]) AS u(organization_id, changes, body)`,
  row: {},
});
