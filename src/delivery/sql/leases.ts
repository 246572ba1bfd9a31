import { statement } from "../../db/statement.ts";
import { rowsFrom } from "../../db/values.ts";

const OURS = `FROM lane l JOIN ${rowsFrom("u", { organization_id: "$1::uuid[]", id: "$2::uuid[]", token: "$3::uuid[]" })}
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
