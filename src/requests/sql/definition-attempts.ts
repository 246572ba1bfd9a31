/** The attempts of a definition, along its requests. */
import { statement } from "../../db/statement.ts";

/**
 * No index has attempts by their time. They are read by request, newest first, which an index has, and put in order within blocks of so
 * many, the same blocks for every page: each attempt stands on one page, and one of a request with more attempts of later requests than
 * this stands further back.
 */
const BLOCK = 1_000;

/**
 * The newest come first.
 * $1 organization · $2 definition · $3 how many · $4 after so many
 */
export const listDefinitionAttempts = statement({
  name: "list-definition-attempts",
  text: `SELECT a.request_id AS "requestId", a.number, a.outcome, a.status_code AS "statusCode", a.error_code AS "errorCode",
      a.error_description AS "errorDescription", a.started_at AS "startedAt"
    FROM (
      SELECT a.*, (row_number() OVER (ORDER BY a.request_id DESC, a.number DESC) - 1) / ${BLOCK} AS block FROM (
      SELECT a.* FROM (
        SELECT r.organization_id, r.id FROM webhook_request r
         WHERE r.organization_id = $1::uuid AND r.definition_id = $2::uuid AND r.attempt_count > 0
         ORDER BY r.id DESC OFFSET 0) r
      CROSS JOIN LATERAL (
        SELECT a.* FROM attempt a WHERE a.organization_id = r.organization_id AND a.request_id = r.id ORDER BY a.number DESC OFFSET 0) a
      ORDER BY r.id DESC, a.number DESC LIMIT ($3::int8 + $4::int8 + ${BLOCK - 1}) / ${BLOCK} * ${BLOCK}) a) a
    ORDER BY a.block, a.started_at DESC, a.request_id DESC, a.number DESC LIMIT $3::int8 OFFSET $4::int8`,
  row: {
    requestId: "uuid",
    number: "int4",
    outcome: "enum:attempt_outcome",
    statusCode: "int4?",
    errorCode: "text?",
    errorDescription: "text?",
    startedAt: "timestamptz",
  },
});

/** $1 organization · $2 requests · $3 $4 lowest and highest of them */
export const readPastAttempts = statement({
  name: "read-past-attempts",
  text: `SELECT a.request_id AS "requestId", a.number, a.outcome, a.manual FROM attempt a
    WHERE a.organization_id = $1::uuid AND a.request_id = ANY($2::uuid[]) AND a.request_id >= $3::uuid AND a.request_id <= $4::uuid
    ORDER BY a.request_id, a.number`,
  row: { requestId: "uuid", number: "int4", outcome: "enum:attempt_outcome", manual: "bool" },
});
