/** The log as a history reads it: with what retention took of it, as it was when it went. */
import pg from "pg";
import type { Core } from "../../src/core.ts";
import { globalId } from "../../src/wire/ids.ts";
import type { RequestRow } from "./claims.ts";

/** In a schema of its own: a backup leaves it out. */
const KEEP = `
  CREATE SCHEMA test_gone;
  CREATE TABLE test_gone.kept (kind text NOT NULL, row jsonb NOT NULL);
  CREATE FUNCTION test_gone.keep() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN INSERT INTO test_gone.kept VALUES (TG_ARGV[0], to_jsonb(OLD)); RETURN NULL; END $$;
  GRANT USAGE ON SCHEMA test_gone TO PUBLIC;
  GRANT SELECT ON test_gone.kept TO PUBLIC;
  ${["webhook_request", "attempt", "event"]
    .map((table) => `CREATE TRIGGER test_gone AFTER DELETE ON ${table} FOR EACH ROW EXECUTE FUNCTION test_gone.keep('${table}');`)
    .join("\n")}`;

/** From now on what is deleted of the log is kept aside. @param from what was kept of another database goes with it */
export async function keepDeleted(url: string, from?: Core): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(KEEP);
    if (!from) return;
    const { rows } = await from.db.pool.query<{ kind: string; row: string }>("SELECT kind, row::text AS row FROM test_gone.kept");
    await client.query("INSERT INTO test_gone.kept SELECT u.kind, u.row::jsonb FROM unnest($1::text[], $2::text[]) AS u(kind, row)", [
      rows.map((each) => each.kind),
      rows.map((each) => each.row),
    ]);
  } finally {
    await client.end();
  }
}

const all = (table: string) => `
  SELECT t.* FROM ${table} t WHERE t.organization_id = ANY($1)
  UNION ALL SELECT p.* FROM test_gone.kept g, jsonb_populate_record(NULL::${table}, g.row) p
  WHERE g.kind = '${table}' AND p.organization_id = ANY($1)`;

export async function readLog(core: Core, organizationIds: readonly string[]): Promise<{ requests: RequestRow[]; events: string[] }> {
  const requests = await core.db.pool.query<RequestRow>(
    `WITH r AS MATERIALIZED (${all("webhook_request")}), a AS MATERIALIZED (${all("attempt")}), made AS (
       SELECT a.request_id, bool_or(a.manual) AS manual, count(*)::int AS attempts,
         (count(*) FILTER (WHERE a.outcome = 'INTERRUPTED'))::int AS interrupted,
         string_agg(a.number || ' ' || a.outcome || CASE WHEN a.manual THEN ' by hand' ELSE '' END, ', ' ORDER BY a.number) AS outcomes
       FROM a GROUP BY a.request_id)
     SELECT r.id, r.definition_id, r.event_id, r.dialect, r.lane_id, r.lane_number, r.state, r.attempt_count, COALESCE(m.manual, false) AS manual,
       m.outcomes, COALESCE(m.attempts, 0) AS attempts, COALESCE(m.interrupted, 0) AS interrupted, COALESCE(l.free, true) AS free,
       COALESCE(l.epoch, 0) AS epoch
     -- A deleted definition's lane is gone before its requests are.
     FROM r LEFT JOIN made m ON m.request_id = r.id LEFT JOIN lane l ON l.organization_id = r.organization_id AND l.id = r.lane_id`,
    [organizationIds],
  );
  const events = await core.db.pool.query<{ id: string }>(`SELECT e.id FROM (${all("event")}) e`, [organizationIds]);
  return {
    requests: requests.rows.map((row) => ({ ...row, event_id: globalId("Event", row.event_id) })),
    events: events.rows.map((row) => globalId("Event", row.id)),
  };
}
