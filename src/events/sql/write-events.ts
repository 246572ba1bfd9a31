import { statement } from "../../db/statement.ts";

export const writeEvents = statement({
  name: "write-events",
  text: `INSERT INTO event (id, organization_id, type, entity, entity_id, payload, previous, changes, scope, actor, caller_number, source, occurred_at, application_id, traceparent, tracestate, created_at)
         SELECT id, organization_id, type, entity, entity_id, payload, previous, changes::text[], scope, actor, caller_number, source, occurred_at, application_id, traceparent, tracestate, created_at
         FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::jsonb[], $10::text[],
           $11::int4[], $12::text[], $13::timestamptz[], $14::uuid[], $15::text[], $16::text[], $17::timestamptz[])
         AS e(id, organization_id, type, entity, entity_id, payload, previous, changes, scope, actor, caller_number, source, occurred_at, application_id, traceparent, tracestate, created_at)`,
  row: {},
});
