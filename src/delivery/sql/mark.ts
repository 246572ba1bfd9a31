import { statement } from "../../db/statement.ts";

const OURS = `FROM unnest($1::uuid[], $2::uuid[]) AS u(organization_id, id)
  WHERE r.organization_id = u.organization_id AND r.id = u.id AND r.id >= $3::uuid AND r.id <= $4::uuid`;

/** Idempotent: what is SENDING in a lane that is ours was marked by us. What an operator cancelled meanwhile is not marked. */
export const mark = statement({
  name: "mark",
  text: `UPDATE webhook_request r SET state = 'SENDING', sending_at = now() ${OURS} AND r.state IN ('PENDING', 'WAITING', 'SENDING') RETURNING r.id`,
  row: { id: "uuid" },
});

export const unmark = statement({
  name: "unmark",
  text: `UPDATE webhook_request r SET state = 'PENDING', sending_at = NULL ${OURS} AND r.state = 'SENDING'`,
  row: {},
});
