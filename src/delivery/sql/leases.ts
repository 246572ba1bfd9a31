import { statement } from "../../db/statement.ts";

const OURS = `FROM lane l JOIN unnest($1::uuid[], $2::uuid[], $3::uuid[]) AS u(organization_id, id, token)
  ON u.organization_id = l.organization_id AND u.id = l.id AND u.token = l.lease_token`;

/** A row that somebody has locked is passed over: its turn comes with the next tick. */
export const renewLeases = statement({
  name: "renew-leases",
  text: `WITH mine AS (SELECT l.organization_id, l.id ${OURS} FOR UPDATE OF l SKIP LOCKED)
         UPDATE lane l SET leased_until = now() + $4::float8 * interval '1 ms'
         FROM mine WHERE l.organization_id = mine.organization_id AND l.id = mine.id RETURNING l.organization_id, l.id`,
  row: { organization_id: "uuid", id: "uuid" },
});

export const lanesStillOurs = statement({
  name: "lanes-still-ours",
  text: `SELECT l.organization_id, l.id ${OURS}`,
  row: { organization_id: "uuid", id: "uuid" },
});
