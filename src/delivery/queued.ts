/** A request on its way through a lane: what the log's row and its event say, as the sender needs it. */
import type { RowOf } from "../db/statement.ts";
import type { DialectName, EventView } from "../wire/dialect.ts";
import type { readLanePages } from "./sql/read-lanes.ts";

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
  /** What that one's transformation made beside the body, sealed (draft.ts). */
  rendering?: string | null;
  /** Its resend asked for a rendering by the definition as it is now. */
  rerender?: boolean;
  /** Workers that died with it in their hands, in a row and up to now; counted when there may be many. */
  interruptions?: number;
  event: EventView;
}

type Row = RowOf<(typeof readLanePages)["row"]>;
/** A row that holds a request: its columns are never null then. */
type Full = {
  [K in keyof Row]: K extends
    | "due_in_ms"
    | "sent_body"
    | "rendering"
    | "interruptions"
    | "entity"
    | "entity_id"
    | "previous"
    | "scope"
    | "actor"
    | "caller_number"
    ? Row[K]
    : NonNullable<Row[K]>;
};

/** @param now monotonic milliseconds @returns undefined where the lane's queue holds nothing, or its request is gone */
export function queuedFromRow(given: Row, now: number): QueuedRequest | undefined {
  if (given.id === null || given.event_id === null) return undefined;
  const row = given as Full;
  return {
    id: row.id,
    organizationId: row.lane_organization,
    definitionId: row.definition_id,
    dialect: row.dialect as DialectName,
    number: row.number,
    laneId: row.entry_lane,
    laneNumber: row.lane_number,
    position: row.position,
    attemptCount: row.attempt_count,
    tries: row.tries,
    manual: row.manual,
    isTest: row.is_test,
    dueAt: row.due_in_ms === null ? null : now + row.due_in_ms,
    createdAt: row.created_at,
    sentBody: row.sent_body,
    rendering: row.rendering,
    rerender: row.rerender,
    interruptions: row.interruptions ?? 0,
    event: {
      id: row.event_id,
      organizationId: row.lane_organization,
      type: row.type,
      entity: row.entity,
      entityId: row.entity_id,
      payload: row.payload,
      previous: row.previous,
      changes: row.changes,
      scope: row.scope as Record<string, unknown> | null,
      actor: row.actor,
      callerNumber: row.caller_number,
      occurredAt: row.occurred_at,
      acceptedAt: row.accepted_at,
    },
  };
}
