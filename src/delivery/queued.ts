/** A request on its way through a lane: what the log's row and its event say, as the sender needs it. */
import type { RowOf } from "../db/statement.ts";
import type { DialectName, EventView } from "../wire/dialect.ts";
import { REQUEST_BYTES } from "./fairness/bytes.ts";
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

/** What a page of the queue says of it: everything but what is large. */
export type LightRequest = Omit<QueuedRequest, "event" | "sentBody" | "rendering">;

/** A request in a lane's queue, in memory. */
export interface Entry {
  readonly id: string;
  readonly eventId: string;
  readonly light: LightRequest;
  /** Of its event's payload and what goes with it, about. */
  readonly bytes: number;
  /** With its event: once that is read. */
  full: QueuedRequest | null;
  /** Bytes taken for it. */
  charged: number;
}

type Row = RowOf<(typeof readLanePages)["row"]>;
/** A row that holds a request: its columns are never null then. */
type Full = { [K in keyof Row]: K extends "due_in_ms" | "interruptions" ? Row[K] : NonNullable<Row[K]> };

/** @param now monotonic milliseconds @returns undefined where the lane's queue holds nothing, or its request is gone */
export function entryFromRow(given: Row, now: number): Entry | undefined {
  if (given.id === null || given.event_id === null) return undefined;
  const row = given as Full;
  const light: LightRequest = {
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
    rerender: row.rerender,
    interruptions: row.interruptions ?? 0,
  };
  // What was sent before is sent again, and is about as large as the payload.
  const bytes = REQUEST_BYTES + row.event_bytes * (row.attempt_count > 0 ? 2 : 1);
  return { id: row.id, eventId: row.event_id, light, bytes, full: null, charged: 0 };
}

/** One that ingest hands over in memory. */
export const entryOf = (request: QueuedRequest): Entry => ({
  id: request.id,
  eventId: request.event.id,
  light: withoutBody(request),
  bytes: REQUEST_BYTES + request.event.payload.length + (request.event.previous?.length ?? 0),
  full: request,
  charged: 0,
});

function withoutBody(request: QueuedRequest): LightRequest {
  const { event: _event, sentBody: _sentBody, rendering: _rendering, ...light } = request;
  return light;
}
