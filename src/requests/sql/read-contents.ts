/** What attempts sent and got. */
import { statement } from "../../db/statement.ts";
import { idBetween, rowsFrom } from "../../db/values.ts";
import { sentBody, sentHeaders } from "../../delivery/sql/sent-body.ts";

/**
 * $1 organization · $2 requests, $3 numbers of the attempts · $4 $5 lowest and highest request.
 * A body like the one that was noted last before it is stored once; an attempt that was cut by a kill noted none.
 */
export const readContents = statement({
  name: "read-attempt-contents",
  text: `SELECT w.place::int AS place, ${sentHeaders("a", "r.event_id")} AS "requestHeaders", a.response_headers AS "responseHeaders",
      a.response_body AS "responseBody", (
        SELECT ${sentBody("one", "v")} FROM attempt one
         WHERE one.organization_id = $1::uuid AND one.request_id = w.request_id AND ${idBetween("one.request_id", "$4", "$5")}
           AND one.request_body IS NOT NULL
         ORDER BY one.number > w.number, abs(one.number - w.number) LIMIT 1) AS "requestBody"
    FROM ${rowsFrom("w", { request_id: "$2::uuid[]", number: "$3::int[]" }, "place")}
    JOIN attempt a ON a.organization_id = $1::uuid AND a.request_id = w.request_id AND a.number = w.number
     AND ${idBetween("a.request_id", "$4", "$5")}
    LEFT JOIN LATERAL (
      SELECT q.event_id FROM webhook_request q
       WHERE q.organization_id = $1::uuid AND q.id = w.request_id AND ${idBetween("q.id", "$4", "$5")} OFFSET 0) r ON true
    LEFT JOIN LATERAL (SELECT * FROM event e WHERE e.organization_id = $1::uuid AND e.id = r.event_id OFFSET 0) v ON true`,
  row: { place: "int4", requestHeaders: "jsonb?", responseHeaders: "jsonb?", responseBody: "text?", requestBody: "text?" },
});
