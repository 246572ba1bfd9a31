import { statement } from "../../db/statement.ts";
import { rowsFrom } from "../../db/values.ts";

export const writeEvents = statement({
  name: "write-events",
  text: `INSERT INTO event (id, organization_id, type, entity, entity_id, payload, previous, changes, scope, actor, caller_number, source, occurred_at, application_id, traceparent, tracestate, created_at)
         SELECT id, organization_id, type, entity, entity_id, payload, previous, changes::text[], scope, actor, caller_number, source, occurred_at, application_id, traceparent, tracestate, created_at
         FROM ${rowsFrom("e", { id: "$1::uuid[]", organization_id: "$2::uuid[]", type: "$3::text[]", entity: "$4::text[]", entity_id: "$5::text[]", payload: "$6::text[]", previous: "$7::text[]", changes: "$8::text[]", scope: "$9::jsonb[]", actor: "$10::text[]", caller_number: "$11::int4[]", source: "$12::text[]", occurred_at: "$13::timestamptz[]", application_id: "$14::uuid[]", traceparent: "$15::text[]", tracestate: "$16::text[]", created_at: "$17::timestamptz[]" })}`,
  row: {},
});
