import { statement } from "../../db/statement.ts";

/** Up to 1 000 at once, so that no sign-in waits. */
export const dropOldSessions = statement({
  name: "drop-old-sessions",
  text: `
    DELETE FROM session WHERE id IN (
      SELECT id FROM session WHERE least(expires_at, revoked_at) < now() - interval '30 days' LIMIT 1000
    )`,
  row: {},
});
