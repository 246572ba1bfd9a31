/** A request on its way through a lane: what the log's row and its event say, as the sender needs it. */
import type { DialectName, EventView } from "../wire/dialect.ts";

export interface QueuedRequest {
  /** UUID. */
  id: string;
  organizationId: string;
  definitionId: string;
  dialect: DialectName;
  number: number;
  /** Empty for a test, which stands outside every lane. */
  laneId: string;
  laneNumber: number;
  position: number;
  /** Attempts logged so far. */
  attemptCount: number;
  /** Failed tries of the present schedule. */
  tries: number;
  manual: boolean;
  isTest: boolean;
  /** Not before then: monotonic milliseconds of this process, made from what the database's clock says is left. */
  dueAt: number | null;
  createdAt: Date;
  /** The text that an earlier attempt sent: sent again as it is. */
  sentBody: string | null;
  event: EventView;
}

/** The columns of `QueuedRequest` over `r` (webhook_request) and `v` (event), and how to read them. */
export const QUEUED_COLUMNS = `
  r.id, r.organization_id, r.definition_id, r.dialect, r.number, r.lane_id, r.lane_number, r.position, r.attempt_count, r.tries,
  r.manual, r.is_test, r.created_at, r.state,
  CASE WHEN r.attempt_count > 0 THEN (
    SELECT a.request_body FROM attempt a WHERE a.request_id = r.id AND a.request_body IS NOT NULL ORDER BY a.number LIMIT 1
  ) END AS sent_body,
  v.id AS event_id, v.type, v.entity, v.entity_id, v.payload, v.previous, v.changes, v.scope, v.actor, v.caller_number, v.occurred_at, v.created_at AS accepted_at`;

export interface QueuedRow {
  id: string;
  organization_id: string;
  definition_id: string;
  dialect: DialectName;
  number: number;
  lane_id: string | null;
  lane_number: number;
  position: number;
  attempt_count: number;
  tries: number;
  manual: boolean;
  is_test: boolean;
  created_at: Date;
  state: string;
  sent_body: string | null;
  due_in_ms?: number | null;
  event_id: string;
  type: string;
  entity: string | null;
  entity_id: string | null;
  payload: string;
  previous: string | null;
  changes: string[];
  scope: Record<string, unknown> | null;
  actor: string | null;
  caller_number: number | null;
  occurred_at: Date;
  accepted_at: Date;
}

/** @param now monotonic milliseconds */
export function queuedFromRow(row: QueuedRow, now: number): QueuedRequest {
  return {
    id: row.id,
    organizationId: row.organization_id,
    definitionId: row.definition_id,
    dialect: row.dialect,
    number: row.number,
    laneId: row.lane_id ?? "",
    laneNumber: row.lane_number,
    position: row.position,
    attemptCount: row.attempt_count,
    tries: row.tries,
    manual: row.manual,
    isTest: row.is_test,
    dueAt: row.due_in_ms == null ? null : now + row.due_in_ms,
    createdAt: row.created_at,
    sentBody: row.sent_body,
    event: {
      id: row.event_id,
      organizationId: row.organization_id,
      type: row.type,
      entity: row.entity,
      entityId: row.entity_id,
      payload: row.payload,
      previous: row.previous,
      changes: row.changes,
      scope: row.scope,
      actor: row.actor,
      callerNumber: row.caller_number,
      occurredAt: row.occurred_at,
      acceptedAt: row.accepted_at,
    },
  };
}
