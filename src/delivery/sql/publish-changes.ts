import { statement } from "../../db/statement.ts";
import { rowsFrom } from "../../db/values.ts";

/** Rows draw their places in the order given. */
export const publishChanges = statement({
  name: "publish-changes",
  text: `INSERT INTO feed_unsequenced (organization_id, changes, body)
         SELECT u.organization_id, u.changes, u.body FROM ${rowsFrom("u", { organization_id: "$1::uuid[]", changes: "$2::int4[]", body: "$3::text[]" })}`,
  row: {},
});
