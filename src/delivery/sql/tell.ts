import { statement } from "../../db/statement.ts";

/** A transaction of its own, which waits for no disk: what it says is a hint. */
export const tell = statement({
  name: "tell",
  text: "SELECT pg_notify($1::text, $2::text) FROM (SELECT set_config('synchronous_commit', 'off', true)) AS quick",
  row: {},
});
