import { statement } from "../../db/statement.ts";
import { idBetween, rowsFrom } from "../../db/values.ts";
import { definitionOf } from "./definition-of.ts";
import { newestLane } from "./newest-lane.ts";

const OURS = `FROM ${rowsFrom("u", { organization_id: "$1::uuid[]", id: "$2::uuid[]" })}
  WHERE r.organization_id = u.organization_id AND r.id = u.id AND ${idBetween("r.id", "$3", "$4")}`;

/** Idempotent: what is SENDING in a lane that is ours was marked by us. What an operator cancelled meanwhile is not marked. */
export const mark = statement({
  name: "mark",
  text: `UPDATE webhook_request r SET state = 'SENDING', sending_at = now() ${OURS} AND r.state IN ('PENDING', 'WAITING', 'SENDING') RETURNING r.id`,
  row: { id: "uuid" },
});

/** The same, of lanes whose rows the transaction has locked: nothing of one that an operator changed, paused or stopped meanwhile. */
export const markUnchanged = statement({
  name: "mark-unchanged",
  // Step by step, each by its key (OFFSET 0 keeps them apart): the planner, who knows little of lanes, is left no choice.
  text: `WITH unchanged AS MATERIALIZED (
           SELECT u.organization_id, u.id FROM ${rowsFrom("u", { organization_id: "$1::uuid[]", id: "$2::uuid[]", lane_id: "$5::uuid[]", revision: "$6::int4[]" })}
           CROSS JOIN LATERAL (
             SELECT l.definition_id FROM (${newestLane("u.organization_id", "u.lane_id")}) l
             WHERE l.revision = u.revision AND l.paused_at IS NULL AND l.blocked_request_id IS NULL OFFSET 0
           ) l
           WHERE EXISTS (SELECT 1 FROM ${definitionOf("l.definition_id")} d WHERE d.state = 'ACTIVE' AND d.deleted_at IS NULL)
             AND EXISTS (SELECT 1 FROM organization o WHERE o.id = u.organization_id AND o.deliveries_paused_at IS NULL OFFSET 0)
         )
         UPDATE webhook_request r SET state = 'SENDING', sending_at = now() FROM unchanged u
         WHERE r.organization_id = u.organization_id AND r.id = u.id AND ${idBetween("r.id", "$3", "$4")}
           AND r.state IN ('PENDING', 'WAITING', 'SENDING')
         RETURNING r.id`,
  row: { id: "uuid" },
});

/** What was not sent is as the live feed told it last: SENDING is never told, neither is this. */
export const unmark = statement({
  name: "unmark",
  text: `UPDATE webhook_request r SET state = CASE WHEN r.next_attempt_at IS NULL THEN 'PENDING'::webhook_request_state ELSE 'WAITING' END, sending_at = NULL ${OURS} AND r.state = 'SENDING'`,
  row: {},
});
