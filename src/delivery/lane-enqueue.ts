/**
 * Requests come into being: each takes its lane's next number under the lane's row lock, so that number order is
 * commit order. Runs inside the transaction that writes the event.
 *
 * Locks are taken in one order by everybody: lanes by (definition, key), then counters by organization. Writers
 * therefore never deadlock, and per organization the feed's sequence is commit order too.
 */
import type { PoolClient } from "pg";
import { newId } from "../clock.ts";
import type { DialectName, EventView } from "../wire/dialect.ts";
import type { QueuedRequest } from "./queued.ts";

/** One event for one definition. */
export interface Match {
  event: EventView;
  definitionId: string;
  dialect: DialectName;
  workflowRuleId: string | null;
  /** "" unless ordered by KEY. */
  laneKey: string;
  /** Ordering NONE: a request that waits holds up nothing. */
  free: boolean;
  url: string | null;
  fieldsSet: readonly string[];
}

/** A lane as its row was when the numbers were taken. The row stays locked until the transaction ends. */
export interface LaneTicket {
  laneId: string;
  definitionId: string;
  leaseToken: string | null;
  /** Whether some worker's lease is alive. */
  leased: boolean;
  /** Paused, stopped or blocked: nobody may send. */
  held: boolean;
  /** Waits for a retry: a wake-up would come too early. */
  waiting: boolean;
  revision: number;
  /** The lane's last number before and after. */
  before: number;
  after: number;
  requests: QueuedRequest[];
  /** So many of them, from the first, were written as SENDING for the holder in this process. */
  sending: number;
}

/** Asked with the lane's row locked: how many new requests may its holder in this process send at once, without a claim? */
export type Reserve = (ticket: LaneTicket) => number;

export const KEY_SEPARATOR = "\u001f";

interface LaneRow {
  id: string;
  definition_id: string;
  key: string;
  last_number: number;
  last_position: number;
  lease_token: string | null;
  leased: boolean;
  held: boolean;
  waiting: boolean;
  revision: number;
}

const TAKE_NUMBERS = `
  INSERT INTO lane AS l (id, organization_id, definition_id, key, last_number, last_position, retry_at)
  SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::int8[], $5::int8[], $6::timestamptz[])
  ON CONFLICT (definition_id, key) DO UPDATE SET
    last_number = l.last_number + EXCLUDED.last_number,
    last_position = l.last_position + EXCLUDED.last_position,
    retry_at = COALESCE(EXCLUDED.retry_at, l.retry_at)
  RETURNING id, definition_id, key, last_number, last_position, lease_token, COALESCE(leased_until > now(), false) AS leased,
    (paused_at IS NOT NULL OR stopped_at IS NOT NULL OR blocked_request_id IS NOT NULL) AS held,
    COALESCE(retry_at > now(), false) AS waiting, revision`;

const WRITE_REQUESTS = `
  WITH given AS (
    SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::int[], $4::uuid[], $5::uuid[], $6::uuid[], $7::uuid[], $8::int8[], $9::int8[],
      $10::webhook_request_state[], $11::dialect[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[], $17::int8[])
    AS g(id, organization_id, number, definition_id, event_id, workflow_rule_id, lane_id, lane_number, position,
      state, dialect, event_type, entity, entity_id, url, fields_set, sequence)
  ), requests AS (
    INSERT INTO webhook_request (id, organization_id, number, definition_id, event_id, workflow_rule_id, lane_id, lane_number, position,
      state, dialect, event_type, entity, entity_id, url, fields_set, notification_status, sending_at, created_at, updated_at)
    SELECT id, organization_id, number, definition_id, event_id, workflow_rule_id, lane_id, lane_number, position,
      state, dialect, event_type, entity, entity_id, url, fields_set::text[],
      CASE WHEN dialect = 'DOFORMS' THEN 'NEW'::notification_status END, CASE WHEN state = 'SENDING' THEN now() END, $18, $18
    FROM given
  ), entries AS (
    INSERT INTO lane_entry (lane_id, position, request_id) SELECT lane_id, position, id FROM given
  )
  INSERT INTO feed_entry (organization_id, sequence, kind, subject_id, topic_id, state, attempt_count, url, notification_status)
  SELECT organization_id, sequence, 'REQUEST', id, definition_id, 'PENDING', 0, url,
    CASE WHEN dialect = 'DOFORMS' THEN 'NEW'::notification_status END
  FROM given`;

/** Hands out request numbers and feed sequences, in commit order per organization. */
export async function takeSequences(
  client: PoolClient,
  needs: ReadonlyMap<string, { requests: number; entries: number }>,
): Promise<Map<string, { number: number; sequence: number }>> {
  const organizations = [...needs.keys()].sort();
  if (organizations.length > 1) {
    await client.query({
      name: "lock-counters",
      text: "SELECT 1 FROM organization_counter WHERE organization_id = ANY($1::uuid[]) ORDER BY organization_id FOR UPDATE",
      values: [organizations],
    });
  }
  const { rows } = await client.query<{ organization_id: string; request_number: number; feed_sequence: number }>({
    name: "take-sequences",
    text: `UPDATE organization_counter c SET request_number = c.request_number + n.requests, feed_sequence = c.feed_sequence + n.entries
           FROM unnest($1::uuid[], $2::int[], $3::int8[]) AS n(organization_id, requests, entries)
           WHERE c.organization_id = n.organization_id
           RETURNING c.organization_id, c.request_number - n.requests AS request_number, c.feed_sequence - n.entries AS feed_sequence`,
    values: [organizations, organizations.map((o) => needs.get(o)?.requests ?? 0), organizations.map((o) => needs.get(o)?.entries ?? 0)],
  });
  return new Map(rows.map((row) => [row.organization_id, { number: row.request_number, sequence: row.feed_sequence }]));
}

const arrayLiteral = (items: readonly string[]) => `{${items.map((item) => `"${item.replace(/[\\"]/g, "\\$&")}"`).join(",")}}`;

/**
 * Writes a request per match, in the order given, each with its lane's next number.
 * @param acceptedAt when the events were accepted
 */
export async function enqueue(client: PoolClient, matches: readonly Match[], acceptedAt: Date, reserve: Reserve): Promise<LaneTicket[]> {
  if (matches.length === 0) return [];
  const wanted = new Map<string, { first: Match; matches: Match[] }>();
  for (const match of matches) {
    const lane = `${match.definitionId}${match.laneKey}`;
    const found = wanted.get(lane);
    if (found) found.matches.push(match);
    else wanted.set(lane, { first: match, matches: [match] });
  }
  // The order of the locks: by definition, then key.
  const lanes = [...wanted.keys()].sort().map((lane) => wanted.get(lane) as { first: Match; matches: Match[] });
  const taken = await client.query<LaneRow>({
    name: "take-lane-numbers",
    text: TAKE_NUMBERS,
    values: [
      lanes.map(() => newId()),
      lanes.map((l) => l.first.event.organizationId),
      lanes.map((l) => l.first.definitionId),
      lanes.map((l) => l.first.laneKey),
      lanes.map((l) => l.matches.length),
      lanes.map((l) => (l.first.free ? "-infinity" : null)),
    ],
  });
  const rows = new Map(taken.rows.map((row) => [`${row.definition_id}${row.key}`, row]));

  const needs = new Map<string, { requests: number; entries: number }>();
  for (const { event } of matches) {
    const need = needs.get(event.organizationId) ?? { requests: 0, entries: 0 };
    need.requests += 1;
    need.entries += 1;
    needs.set(event.organizationId, need);
  }
  const sequences = await takeSequences(client, needs);

  const tickets = new Map<string, LaneTicket>();
  for (const [lane, row] of rows) {
    const count = wanted.get(lane)?.matches.length ?? 0;
    tickets.set(lane, {
      laneId: row.id,
      definitionId: row.definition_id,
      leaseToken: row.lease_token,
      leased: row.leased,
      held: row.held,
      waiting: row.waiting,
      revision: row.revision,
      before: row.last_number - count,
      after: row.last_number,
      requests: [],
      sending: 0,
    });
  }
  const columns: unknown[][] = Array.from({ length: 17 }, () => []);
  for (const match of matches) {
    const lane = `${match.definitionId}${match.laneKey}`;
    const [row, ticket] = [rows.get(lane) as LaneRow, tickets.get(lane) as LaneTicket];
    const sequence = sequences.get(match.event.organizationId) as { number: number; sequence: number };
    const laneNumber = ticket.before + ticket.requests.length + 1;
    ticket.requests.push({
      id: newId(),
      organizationId: match.event.organizationId,
      definitionId: match.definitionId,
      dialect: match.dialect,
      number: ++sequence.number,
      laneId: row.id,
      laneNumber,
      position: row.last_position - (ticket.after - laneNumber),
      attemptCount: 0,
      tries: 0,
      manual: false,
      isTest: false,
      dueAt: null,
      createdAt: acceptedAt,
      sentBody: null,
      event: match.event,
    });
  }
  for (const ticket of tickets.values()) ticket.sending = reserve(ticket);

  const next = new Map<LaneTicket, number>();
  for (const match of matches) {
    const ticket = tickets.get(`${match.definitionId}${match.laneKey}`) as LaneTicket;
    const index = next.get(ticket) ?? 0;
    next.set(ticket, index + 1);
    const request = ticket.requests[index] as QueuedRequest;
    const sequence = sequences.get(request.organizationId) as { sequence: number };
    const values = [
      ...[request.id, request.organizationId, request.number, request.definitionId, match.event.id, match.workflowRuleId],
      ...[request.laneId, request.laneNumber, request.position, index < ticket.sending ? "SENDING" : "PENDING", request.dialect],
      ...[match.event.type, match.event.entity, match.event.entityId, match.url, arrayLiteral(match.fieldsSet), ++sequence.sequence],
    ];
    for (const [i, value] of values.entries()) columns[i]?.push(value);
  }
  await client.query({ name: "write-requests", text: WRITE_REQUESTS, values: [...columns, acceptedAt] });
  return [...tickets.values()];
}
