/** Attempts as the log shows them; their bodies are read apart (read-contents.ts). */
import { statement } from "../../db/statement.ts";
import { idBetween, rowsFrom } from "../../db/values.ts";

const COLUMNS = `a.organization_id AS "organizationId", a.request_id AS "requestId", a.number, a.outcome, a.manual, a.rerendered,
  a.status_code AS "statusCode", a.duration_ms AS "durationMs", a.error_code AS "errorCode", a.error_description AS "errorDescription",
  a.warning, a.request_url AS "requestUrl", a.response_truncated AS "responseTruncated", a.started_at AS "startedAt"`;
const ROW = {
  place: "int4",
  organizationId: "uuid",
  requestId: "uuid",
  number: "int4",
  outcome: "enum:attempt_outcome",
  manual: "bool",
  rerendered: "bool",
  statusCode: "int4?",
  durationMs: "int4",
  errorCode: "text?",
  errorDescription: "text?",
  warning: "text?",
  requestUrl: "text",
  responseTruncated: "bool",
  startedAt: "timestamptz",
} as const;

/** $1 organization · $2 requests, $3 lowest and $4 highest number of each, $5 its place · $6 $7 lowest and highest request */
export const readAttemptWindows = statement({
  name: "read-attempt-windows",
  text: `SELECT w.place, ${COLUMNS}
    FROM ${rowsFrom("w", { request_id: "$2::uuid[]", low: "$3::int[]", high: "$4::int[]", place: "$5::int[]" })}
    JOIN attempt a ON a.organization_id = $1::uuid AND a.request_id = w.request_id AND a.number BETWEEN w.low AND w.high
     AND ${idBetween("a.request_id", "$6", "$7")}
    ORDER BY w.place, a.number`,
  row: ROW,
});

/** $1 organization · $2 lowest and $3 highest request of each, $4 number, $5 place · $6 $7 lowest and highest of all */
export const readAttemptsById = statement({
  name: "read-attempts-by-id",
  text: `SELECT w.place, ${COLUMNS}
    FROM ${rowsFrom("w", { low: "$2::uuid[]", high: "$3::uuid[]", number: "$4::int[]", place: "$5::int[]" })}
    CROSS JOIN LATERAL (
      SELECT a.* FROM attempt a WHERE a.organization_id = $1::uuid AND a.request_id >= w.low AND a.request_id <= w.high
         AND a.request_id >= $6::uuid AND a.request_id <= $7::uuid AND a.number = w.number LIMIT 1) a`,
  row: ROW,
});
