import { statement } from "../../db/statement.ts";

export const logAttempts = statement({
  name: "log-attempts",
  text: `INSERT INTO attempt (organization_id, request_id, number, outcome, manual, status_code, duration_ms, error_code, error_description, warning,
           request_url, request_headers, request_body, request_tail, rendering, rerendered, response_headers, response_body, response_truncated, started_at)
         SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::int4[], $4::attempt_outcome[], $5::bool[], $6::int4[], $7::int4[], $8::text[], $9::text[],
           $10::text[], $11::text[], $12::jsonb[], $13::text[], $14::text[], $15::text[], $16::bool[], $17::jsonb[], $18::text[],
           $19::bool[], $20::timestamptz[])`,
  row: {},
});

/** @returns those of some attempts that stand in the log already */
export const loggedAttempts = statement({
  name: "logged-attempts",
  text: `SELECT a.request_id, a.number FROM unnest($1::uuid[], $2::uuid[], $3::int4[]) AS u(organization_id, request_id, number)
         JOIN attempt a ON a.organization_id = u.organization_id AND a.request_id = u.request_id AND a.number = u.number`,
  row: { request_id: "uuid", number: "int4" },
});
