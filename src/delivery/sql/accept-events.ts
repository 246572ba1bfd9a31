import { statement } from "../../db/statement.ts";
import { rowsFrom } from "../../db/values.ts";
import { goesOn } from "./claim-lanes.ts";
import { newestLane } from "./newest-lane.ts";

/** Of a row as it was: nobody holds it, its queue is empty (that is what `idle_since` says), and it neither waits nor is held up. */
const CLAIMED = `w.claims AND l.idle_since IS NOT NULL AND l.lease_token IS NULL AND l.retry_at IS NULL AND l.paused_at IS NULL AND l.blocked_request_id IS NULL`;
const LEASE_END = "now() + $50::float8 * interval '1 ms'";

const LANE = `l.id, l.definition_id, l.free, l.last_number, l.last_position, l.lease_token, l.revision, COALESCE(l.leased_until > now(), false) AS leased,
             (l.paused_at IS NOT NULL OR l.blocked_request_id IS NOT NULL) AS held, COALESCE(l.retry_at > now(), false) AS waiting`;

/** What is written, row by row. */
const KEYS = rowsFrom("u", {
  space: "$6::text[]",
  key: "$7::text[]",
  body_hash: "$8::bytea[]",
  status: "$9::int4[]",
  answer: "$10::text[]",
});
const EVENTS = rowsFrom("e", {
  id: "$11::uuid[]",
  type: "$12::text[]",
  entity: "$13::text[]",
  entity_id: "$14::text[]",
  payload: "$15::text[]",
  previous: "$16::text[]",
  changes: "$17::text[]",
  scope: "$18::jsonb[]",
  actor: "$19::text[]",
  caller_number: "$20::int4[]",
  source: "$21::text[]",
  occurred_at: "$22::timestamptz[]",
  application_id: "$47::uuid[]",
  traceparent: "$48::text[]",
  tracestate: "$49::text[]",
});
const LANES = rowsFrom("u", {
  id: "$23::uuid[]",
  definition_id: "$24::uuid[]",
  key: "$25::text[]",
  epoch: "$26::int4[]",
  free: "$27::bool[]",
  count: "$28::int8[]",
  token: "$29::uuid[]",
  revision: "$30::int4[]",
});
const REQUESTS = rowsFrom(
  "m",
  {
    id: "$33::uuid[]",
    lane: "$34::int4[]",
    in_lane: "$35::int8[]",
    event_id: "$36::uuid[]",
    workflow_rule_id: "$37::uuid[]",
    dialect: "$38::dialect[]",
    event_type: "$39::text[]",
    entity: "$40::text[]",
    entity_id: "$41::text[]",
    url: "$42::text[]",
    fields_set: "$43::text[]",
  },
  "nth",
);

/**
 * Events, their keys and what they trigger: one statement, so one snapshot and one round trip. It writes all or nothing:
 * nothing when the catalogue that the matches were made with ($2) is not the present one, when a key ($6, $7) is known,
 * or when there are no numbers. Numbers begin at $4, or with the block $5, which the message before this one took.
 *
 * Lanes that there are have been locked by the statement before (newest-lane.ts) and are written where they stand; others come
 * into being in the order of their ids, which is everybody's. One that another made in between fails it: the caller goes the long
 * way. What stands in a lane follows from its row as it is then: the arrays `numbers`, `positions` and `born` say it lane by lane,
 * so that nothing is joined. A request is born
 * SENDING when the lane is as its holder in this process knew it ($29 token, $30 revision, $31 last number), and never while
 * all deliveries of the organization are paused ($46, as the catalogue says it). Where this process has room for a lane that it does
 * not hold, revision and last number are null, and the token is a new one: the lane is claimed with it for $50 milliseconds if nobody
 * holds it, nothing stands in it, and nothing stops it. The feed's row draws its place in line after every lock.
 */
export const acceptEvents = statement({
  name: "accept-events",
  text: `WITH catalog AS MATERIALIZED (
           SELECT c.version, COALESCE($4::int8, (SELECT b.from_number FROM number_block b WHERE b.last_id = $5::uuid AND b.organization_id = $1::uuid)) AS number
           FROM organization_catalog c WHERE c.organization_id = $1::uuid
         ), fits AS MATERIALIZED (
           SELECT c.number FROM catalog c
           WHERE c.version = $2::int8 AND (c.number IS NOT NULL OR cardinality($33::uuid[]) = 0) AND NOT EXISTS (
             SELECT 1 FROM ${rowsFrom("u", { space: "$6::text[]", key: "$7::text[]" })}
             WHERE EXISTS (SELECT 1 FROM idempotency_key k WHERE k.organization_id = $1::uuid AND k.space = u.space AND k.key = u.key OFFSET 0))
         ), keys AS (
           INSERT INTO idempotency_key (organization_id, space, key, body_hash, status, answer)
           SELECT $1::uuid, u.space, u.key, u.body_hash, u.status, u.answer
           FROM fits, ${KEYS}
           ON CONFLICT DO NOTHING RETURNING 1
         ), ours AS MATERIALIZED (
           -- Somebody took one of the keys at this very moment: the cast fails, and with it the statement.
           SELECT f.number FROM fits f WHERE CASE WHEN (SELECT count(*) FROM keys) = cardinality($7::text[]) THEN true
             ELSE ('hookline: a call with the same idempotency key is under way ' || COALESCE(f.number, 0))::bool END
         ), events AS (
           INSERT INTO event (id, organization_id, type, entity, entity_id, payload, previous, changes, scope, actor, caller_number, source, occurred_at, application_id, traceparent, tracestate,
             created_at)
           SELECT e.id, $1::uuid, type, entity, entity_id, payload, previous, changes::text[], scope, actor, caller_number, source, occurred_at, application_id, traceparent,
             tracestate, $3::timestamptz
           FROM ours, ${EVENTS}
         ), wanted AS MATERIALIZED (
           SELECT u.*, l.place, CASE WHEN u.revision IS NULL AND NOT $46::bool THEN ${goesOn("u")} ELSE false END AS claims
           FROM ours CROSS JOIN (
             SELECT * FROM ${LANES} ORDER BY u.id
           ) u LEFT JOIN LATERAL (${newestLane("$1::uuid", "u.id", "l.ctid AS place")}) l ON true
         ), known AS (
           UPDATE lane l SET last_number = l.last_number + w.count, last_position = l.last_position + w.count,
             retry_at = CASE WHEN l.free THEN NULL ELSE l.retry_at END, idle_since = NULL,
             lease_token = CASE WHEN ${CLAIMED} THEN w.token ELSE l.lease_token END, leased_until = CASE WHEN ${CLAIMED} THEN ${LEASE_END} ELSE l.leased_until END
           FROM wanted w WHERE l.ctid = w.place RETURNING ${LANE}
         ), made AS (
           INSERT INTO lane AS l (organization_id, id, definition_id, key, epoch, free, settled_number, last_number, last_position, read_from, lease_token, leased_until)
           SELECT $1::uuid, f.id, f.definition_id, f.key, f.epoch, f.free, f.floor, f.floor + f.count, f.floor + f.count, f.floor,
             CASE WHEN f.claims THEN f.token END, CASE WHEN f.claims THEN ${LEASE_END} END
           FROM (
             SELECT w.*, (SELECT c.lane_floor FROM definition_counter c WHERE c.definition_id = w.definition_id) AS floor
             FROM wanted w WHERE w.place IS NULL
           ) f ORDER BY f.id
           ON CONFLICT (organization_id, id) DO UPDATE SET
             last_number = l.last_number + (EXCLUDED.last_number - EXCLUDED.settled_number),
             last_position = l.last_position + (EXCLUDED.last_number - EXCLUDED.settled_number),
             retry_at = CASE WHEN l.free THEN NULL ELSE l.retry_at END, idle_since = NULL
           RETURNING ${LANE}
         ), lanes AS MATERIALIZED (
           SELECT * FROM known UNION ALL SELECT * FROM made
         ), all_there AS MATERIALIZED (
           SELECT CASE WHEN (SELECT count(*) FROM lanes) = (SELECT count(*) FROM wanted) THEN true
             ELSE ('hookline: a lane came into being, ' || (SELECT count(*) FROM lanes))::bool END AS ok
         ), found AS MATERIALIZED (
           SELECT l.*, CASE WHEN l.claimed THEN ($32::int4[])[l.nth] WHEN l.lease_token = ($29::uuid[])[l.nth] AND l.revision = ($30::int4[])[l.nth] AND NOT l.held
               AND NOT $46::bool AND (l.free OR l.last_number - ($28::int8[])[l.nth] = ($31::int8[])[l.nth]) THEN ($32::int4[])[l.nth] ELSE 0 END AS sending
           FROM (
             SELECT l.*, COALESCE(l.lease_token = ($29::uuid[])[l.nth] AND ($30::int4[])[l.nth] IS NULL, false) AS claimed
             FROM (SELECT l.*, row_number() OVER (ORDER BY l.id) AS nth FROM all_there a JOIN lanes l ON a.ok) l
           ) l
         ), places AS MATERIALIZED (
           SELECT array_agg(l.last_number - ($28::int8[])[l.nth] ORDER BY l.nth) AS numbers,
             array_agg(l.last_position - ($28::int8[])[l.nth] ORDER BY l.nth) AS positions, array_agg(l.sending ORDER BY l.nth) AS born
           FROM found l
         ), placed AS MATERIALIZED (
           SELECT m.*, o.number + m.nth - 1 AS number, ($23::uuid[])[m.lane] AS lane_id, ($24::uuid[])[m.lane] AS definition_id,
             p.numbers[m.lane] + m.in_lane AS lane_number, p.positions[m.lane] + m.in_lane AS position, m.in_lane <= p.born[m.lane] AS born,
             ($27::bool[])[m.lane] AS free
           FROM ours o, places p, ${REQUESTS}
         ), requests AS (
           INSERT INTO webhook_request (id, organization_id, number, definition_id, event_id, workflow_rule_id, lane_id, lane_number, position,
             state, dialect, event_type, entity, entity_id, url, fields_set, notification_status, sending_at, created_at, updated_at)
           SELECT id, $1::uuid, number, definition_id, event_id, workflow_rule_id, lane_id, lane_number, position,
             CASE WHEN born THEN 'SENDING'::webhook_request_state ELSE 'PENDING' END, dialect, event_type, entity, entity_id, url, fields_set::text[],
             CASE WHEN dialect = 'DOFORMS' THEN 'NEW'::notification_status END, CASE WHEN born THEN now() END, $3::timestamptz, $3::timestamptz
           FROM placed RETURNING 1
         ), entries AS (
           INSERT INTO lane_entry (organization_id, lane_id, position, request_id, due_at)
           SELECT $1::uuid, lane_id, position, id, CASE WHEN free THEN '-infinity'::timestamptz END FROM placed
         ), due AS (
           INSERT INTO lane_due AS q (organization_id, lane_id, definition_id, due_at)
           SELECT $1::uuid, l.id, l.definition_id, CASE WHEN l.claimed THEN ${LEASE_END} ELSE now() END
           FROM found l WHERE l.claimed OR NOT l.leased AND NOT l.held AND NOT l.waiting ORDER BY l.id
           ON CONFLICT (organization_id, lane_id) DO UPDATE SET due_at = EXCLUDED.due_at WHERE q.due_at > EXCLUDED.due_at RETURNING 1
         ), feed AS (
           INSERT INTO feed_unsequenced (organization_id, changes, body)
           SELECT $1::uuid, u.changes, u.body FROM ours, ${rowsFrom("u", { changes: "$44::int4[]", body: "$45::text[]" })}
           WHERE (SELECT count(*) FROM requests) + (SELECT count(*) FROM due) > 0
         )
         SELECT c.version, EXISTS (SELECT 1 FROM ours) AS written, c.number, l.id, l.last_number, l.last_position, l.lease_token, l.revision, l.leased,
           l.held, l.waiting, l.sending
         FROM catalog c LEFT JOIN found l ON true ORDER BY l.nth`,
  row: {
    version: "int8",
    written: "bool",
    number: "int8?",
    id: "uuid?",
    last_number: "int8?",
    last_position: "int8?",
    lease_token: "uuid?",
    revision: "int4?",
    leased: "bool?",
    held: "bool?",
    waiting: "bool?",
    sending: "int4?",
  },
});
