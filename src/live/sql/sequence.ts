/** Numbers what waits in an organization's feed (06_feed.sql of the migration says how). Null: another session is at it. */
import { statement } from "../../db/statement.ts";

export const sequence = statement({
  name: "sequence-feed",
  text: "SELECT sequence_feed($1::uuid) AS head",
  row: { head: "int8?" },
});
