import { statement } from "../../db/statement.ts";
import { rowsFrom } from "../../db/values.ts";

const COLUMNS = {
  organization_id: "$1::uuid[]",
  request_id: "$2::uuid[]",
  number: "$3::int4[]",
  outcome: "$4::attempt_outcome[]",
  manual: "$5::bool[]",
  status_code: "$6::int4[]",
  duration_ms: "$7::int4[]",
  error_code: "$8::text[]",
  error_description: "$9::text[]",
  warning: "$10::text[]",
  request_url: "$11::text[]",
  request_headers: "$12::jsonb[]",
  request_body: "$13::text[]",
  request_tail: "$14::text[]",
  rendering: "$15::text[]",
  rerendered: "$16::bool[]",
  response_headers: "$17::jsonb[]",
  response_body: "$18::text[]",
  response_truncated: "$19::bool[]",
  started_at: "$20::timestamptz[]",
};

export const logAttempts = statement({
  name: "log-attempts",
  text: `INSERT INTO attempt (${Object.keys(COLUMNS).join(", ")})
         SELECT * FROM ${rowsFrom("a", COLUMNS)}`,
  row: {},
});

/** @returns those of some attempts that stand in the log already */
export const loggedAttempts = statement({
  name: "logged-attempts",
  text: `SELECT a.request_id, a.number, a.outcome FROM ${rowsFrom("u", { organization_id: "$1::uuid[]", request_id: "$2::uuid[]", number: "$3::int4[]" })}
         JOIN attempt a ON a.organization_id = u.organization_id AND a.request_id = u.request_id AND a.number = u.number`,
  row: { request_id: "uuid", number: "int4", outcome: "enum:attempt_outcome" },
});
