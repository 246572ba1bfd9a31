import { statement } from "../../db/statement.ts";
import { rowsFrom } from "../../db/values.ts";
import { definitionOf } from "./definition-of.ts";
import { newestLane } from "./newest-lane.ts";

const COLUMNS = rowsFrom("u", {
  organization_id: "$1::uuid[]",
  id: "$2::uuid[]",
  token: "$3::uuid[]",
  requeues: "$4::int4[]",
  settled: "$5::int8[]",
  read_from: "$6::int8[]",
  revision: "$7::int4[]",
});

/** Of the lanes in `given`, whose rows are locked. @param found which row of `given` a lane's is */
const held = (found: string) => `
  UPDATE lane l SET leased_until = now() + $8::float8 * interval '1 ms', last_position = l.last_position + u.requeues,
    settled_number = GREATEST(l.settled_number, LEAST(u.settled, l.last_number)),
    read_from = CASE WHEN u.revision = l.revision THEN GREATEST(l.read_from, u.read_from) ELSE l.read_from END
  FROM given u WHERE ${found} AND l.lease_token = u.token
  RETURNING l.organization_id, l.id, l.revision, l.last_number, l.last_position - u.requeues AS back,
    (l.paused_at IS NOT NULL OR l.blocked_request_id IS NOT NULL OR NOT EXISTS (
      SELECT 1 FROM ${definitionOf("l.definition_id")} d JOIN organization o ON o.id = d.organization_id AND o.deliveries_paused_at IS NULL
      WHERE d.state = 'ACTIVE' AND d.deleted_at IS NULL)) AS held,
    COALESCE((SELECT c.version FROM organization_catalog c WHERE c.organization_id = l.organization_id), 0) AS catalog_version`;

const ROW = {
  organization_id: "uuid",
  id: "uuid",
  revision: "int4",
  last_number: "int8",
  back: "int8",
  held: "bool",
  catalog_version: "int8",
} as const;

/**
 * The fence: locks those lanes that are still ours, in everybody's order, and lengthens their leases. `read_from` grows only
 * while the queue is as the holder read it: a resend may have put something before.
 */
export const holdLanes = statement({
  name: "hold-lanes",
  text: `WITH given AS MATERIALIZED (
           SELECT u.* FROM ${COLUMNS} JOIN lane l ON l.organization_id = u.organization_id AND l.id = u.id AND l.lease_token = u.token
           ORDER BY l.organization_id, l.id FOR UPDATE OF l
         ), held AS (${held("l.organization_id = u.organization_id AND l.id = u.id")})
         SELECT * FROM held`,
  row: ROW,
});

/**
 * The same, but all or none, of lanes that the statement before has locked (newest-lane.ts): they are written where they stand. When
 * one of them is ours no longer the cast fails, and with it the statements sent behind this one.
 */
export const holdEveryLane = statement({
  name: "hold-every-lane",
  text: `WITH given AS MATERIALIZED (
           SELECT u.*, l.place FROM ${COLUMNS} CROSS JOIN LATERAL (${newestLane("u.organization_id", "u.id", "l.ctid AS place")}) l
         ), held AS (${held("l.ctid = u.place")}), counted AS (SELECT count(*) AS lanes FROM held), whole AS MATERIALIZED (
           SELECT CASE WHEN c.lanes = cardinality($2::uuid[]) THEN true ELSE ('hookline: a lease was lost, ' || c.lanes || ' held')::bool END AS ok FROM counted c
         )
         SELECT h.* FROM whole w JOIN held h ON w.ok`,
  row: ROW,
});
