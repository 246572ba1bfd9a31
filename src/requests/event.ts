/** Events as the log holds them. */
import type { Database } from "../db/client.ts";
import { batched } from "./batch.ts";
import { readBodies } from "./budget.ts";
import { rangeOf } from "./id-range.ts";
import { readEventsById, readEventTexts } from "./sql/read-events.ts";

export interface EventRow {
  /** UUID. */
  id: string;
  organizationId: string;
  type: string;
  entity: string | null;
  entityId: string | null;
  changes: readonly string[];
  scope: Readonly<Record<string, unknown>> | null;
  actor: string | null;
  /** CloudEvents source, when it came as one. */
  source: string | null;
  /** UUID of whose event it is. */
  applicationId: string | null;
  /** W3C Trace Context. */
  traceparent: string | null;
  tracestate: string | null;
  occurredAt: Date;
  /** When it was accepted. */
  createdAt: Date;
}

export interface EventTexts {
  /** The payload's JSON text as it was sent. */
  payload: string;
  previous: string | null;
}

export interface EventNode extends EventRow {
  texts(): Promise<EventTexts>;
  /** Those it was read with, and what was read for all of them already (event-requests.ts). */
  readonly batch: { rows: readonly EventRow[]; pages: Map<string, unknown> };
}

/** Payloads of up to 1 MiB: so many at once and no more. */
const TEXT_SLICE = 25;
const NO_TEXTS: EventTexts = { payload: "null", previous: null };

async function readTexts(db: Database, events: readonly EventRow[]): Promise<Map<EventRow, EventTexts>> {
  const organizationId = events[0]?.organizationId as string;
  const ids = events.map((e) => e.id);
  const rows = await readBodies(
    () => readEventTexts.rows(db.tenant(organizationId), [organizationId, ids, ...rangeOf(ids)]),
    ({ payload, previous }) => payload.length + (previous?.length ?? 0),
  );
  const found = new Map(rows.map(({ id, ...texts }) => [id, texts]));
  return new Map(events.flatMap((e) => (found.has(e.id) ? [[e, found.get(e.id) as EventTexts]] : [])));
}

/** Makes nodes of events of one organization that were read together. */
export function eventNodes(db: Database, rows: readonly EventRow[]): EventNode[] {
  const texts = batched<EventRow, EventTexts>(rows, (slice) => readTexts(db, slice), TEXT_SLICE);
  const batch: EventNode["batch"] = { rows, pages: new Map() };
  return rows.map((row) => Object.assign(row, { batch, texts: async () => (await texts(row)) ?? NO_TEXTS }));
}

/** Nodes of events that were written just now: nothing is read. */
export function writtenEvents(events: readonly (EventRow & EventTexts)[]): EventNode[] {
  // Not the events themselves: lanes hold these.
  const rows = events.map((event) => ({ ...event }));
  const batch: EventNode["batch"] = { rows, pages: new Map() };
  return rows.map((row) => Object.assign(row, { batch, texts: async () => ({ payload: row.payload, previous: row.previous }) }));
}

export async function readEvents(db: Database, organizationId: string, ids: readonly string[]): Promise<EventNode[]> {
  const rows = await readEventsById.rows(db.tenant(organizationId), [organizationId, ids, ...rangeOf(ids)]);
  return eventNodes(db, rows as EventRow[]);
}
