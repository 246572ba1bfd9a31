/**
 * The texts of events and of whatever was made of them, erased; in the caller's transaction. An event's trace context stays: it names
 * nobody, and leads to spans that hold no payload.
 */
import type { PoolClient } from "../db/client.ts";

/** First: whoever makes further requests of these events, a replay of what was missed, is done then, or waits and finds them erased. */
const EVENTS = "SELECT FROM event WHERE organization_id = $1 AND id = ANY($2::uuid[]) AND id >= $3 AND id <= $4 ORDER BY id FOR UPDATE";

/** All requests of these events, locked: none can be sent again, or settle, before this is done. */
const LOCKED = `
  SELECT r.id, r.event_id, r.definition_id, r.settled_at IS NULL OR EXISTS (SELECT 1 FROM lane_entry e WHERE e.organization_id = r.organization_id
      AND e.lane_id = r.lane_id AND e.position = r.position AND e.request_id = r.id) AS queued
  FROM webhook_request r WHERE r.organization_id = $1 AND r.event_id = ANY($2::uuid[]) ORDER BY r.id FOR UPDATE OF r`;

interface Locked {
  id: string;
  event_id: string;
  definition_id: string;
  queued: boolean;
}

/**
 * @param eventIds in ascending order
 * @returns those that were erased: an event that any request has still to send is left alone
 */
export async function eraseEvents(client: PoolClient, organizationId: string, eventIds: readonly string[]): Promise<Set<string>> {
  if (eventIds.length === 0) return new Set();
  await client.query(EVENTS, [organizationId, eventIds, eventIds[0], eventIds.at(-1)]);
  const { rows } = await client.query<Locked>(LOCKED, [organizationId, eventIds]);
  const needed = new Set(rows.flatMap((row) => (row.queued ? [row.event_id] : [])));
  const events = eventIds.filter((id) => !needed.has(id));
  const requests = rows.filter((row) => !needed.has(row.event_id));
  if (events.length === 0) return new Set();
  await client.query(
    `UPDATE event SET payload = 'null', previous = NULL, scope = NULL, erased_at = COALESCE(erased_at, now())
     WHERE organization_id = $1 AND id = ANY($2::uuid[]) AND id >= $3 AND id <= $4`,
    [organizationId, events, events[0], events.at(-1)],
  );
  const ids = requests.map((row) => row.id);
  if (ids.length === 0) return new Set(events);
  // A receiver's words stand in descriptions too.
  await client.query(
    `UPDATE attempt SET request_body = NULL, request_tail = NULL, rendering = NULL, request_headers = NULL, response_headers = NULL,
       response_body = NULL, error_description = NULL, warning = NULL
     WHERE organization_id = $1 AND request_id = ANY($2::uuid[]) AND request_id >= $3 AND request_id <= $4`,
    [organizationId, ids, ids[0], ids.at(-1)],
  );
  await client.query(
    `UPDATE webhook_request SET error_description = NULL, notification_message = NULL, authentication_code = NULL
     WHERE organization_id = $1 AND id = ANY($2::uuid[]) AND id >= $3 AND id <= $4`,
    [organizationId, ids, ids[0], ids.at(-1)],
  );
  // Whose answer it was is not noted with it.
  await client.query("UPDATE definition_counter SET last_error = NULL WHERE organization_id = $1 AND definition_id = ANY($2::uuid[])", [
    organizationId,
    [...new Set(requests.map((row) => row.definition_id))].sort(),
  ]);
  return new Set(events);
}
