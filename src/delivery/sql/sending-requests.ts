import { statement } from "../../db/statement.ts";
import { idBetween, rowsFrom } from "../../db/values.ts";

/** @returns those of some requests that are SENDING */
export const sendingRequests = statement({
  name: "sending-requests",
  text: `SELECT r.id FROM ${rowsFrom("u", { organization_id: "$1::uuid[]", id: "$2::uuid[]" })}
         CROSS JOIN LATERAL (
           SELECT r.id FROM webhook_request r
           WHERE r.organization_id = u.organization_id AND r.id = u.id AND ${idBetween("r.id", "$3", "$4")} AND r.state = 'SENDING' OFFSET 0
         ) r`,
  row: { id: "uuid" },
});
