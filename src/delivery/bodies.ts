/**
 * Reads what is large of requests that are about to be sent: their events, and what an earlier attempt sent. Those of many
 * lanes are read together, in statements of at most `READ_BYTES`; an event is read once while any request in memory has it.
 */
import type { Database } from "../db/client.ts";
import { idRange } from "../db/values.ts";
import type { EventView } from "../wire/dialect.ts";
import { afterTurn, createBeside } from "./beside.ts";
import { READ_BYTES } from "./fairness/bytes.ts";
import type { Entry, QueuedRequest } from "./queued.ts";
import { readEventBodies, readSentBodies } from "./sql/read-bodies.ts";

/** Requests of one statement. */
const MOST = 512;
/** Statements at once; the n-th begins with so many requests at least: while some run, others gather for the next. */
const WORTH = [1, 2, 8, 32];

export interface Bodies {
  /** Fills in `full`. @returns false: an event is gone, or the database is away */
  read(entries: readonly Entry[]): Promise<boolean>;
}

interface Asked {
  entry: Entry;
  done: (read: boolean) => void;
}

type Sent = Pick<QueuedRequest, "sentBody" | "rendering">;
type EventRow = Awaited<ReturnType<typeof readEventBodies.rows>>[number];

/** So many, from the first, fit one statement. */
function fitting(asked: readonly Asked[]): number {
  const events = new Set<string>();
  let bytes = 0;
  let count = 0;
  for (const { entry } of asked.slice(0, MOST)) {
    bytes += events.has(entry.eventId) ? 0 : entry.bytes;
    if (count > 0 && bytes > READ_BYTES) break;
    events.add(entry.eventId);
    count++;
  }
  return count;
}

const eventOf = (row: EventRow): EventView => ({
  id: row.id,
  organizationId: row.organization_id,
  type: row.type,
  entity: row.entity,
  entityId: row.entity_id,
  payload: row.payload,
  previous: row.previous,
  changes: row.changes,
  scope: row.scope as Record<string, unknown> | null,
  actor: row.actor,
  callerNumber: row.caller_number,
  trace: row.traceparent === null ? null : { traceparent: row.traceparent, tracestate: row.tracestate },
  occurredAt: row.occurred_at,
  acceptedAt: row.accepted_at,
});

/** @param monotonic milliseconds */
export function createBodies({ pool }: Pick<Database, "pool">, monotonic: () => number): Bodies {
  let asked: Asked[] = [];
  const beside = createBeside(WORTH, MOST, monotonic);
  /** Events that some request in memory holds: it goes when the last of them does. */
  const known = new Map<string, WeakRef<EventView>>();
  /** And those that are being read. */
  const reading = new Map<string, Promise<Map<string, EventView>>>();
  const forgotten = new FinalizationRegistry<string>((id) => {
    if (known.get(id)?.deref() === undefined) known.delete(id);
  });

  async function readEvents(missing: ReadonlyMap<string, string>): Promise<Map<string, EventView>> {
    const ids = [...missing.keys()];
    const rows = await readEventBodies.rows(pool, [[...missing.values()], ids, ...idRange(ids)]);
    return new Map(
      rows.map((row) => {
        const event = eventOf(row);
        known.set(event.id, new WeakRef(event));
        forgotten.register(event, event.id);
        return [event.id, event];
      }),
    );
  }

  async function eventsOf(entries: readonly Entry[]): Promise<Map<string, EventView>> {
    const events = new Map<string, EventView>();
    const missing = new Map<string, string>();
    const coming = new Set<Promise<Map<string, EventView>>>();
    for (const { eventId, light } of entries) {
      const kept = known.get(eventId)?.deref();
      const running = reading.get(eventId);
      if (kept) events.set(eventId, kept);
      else if (running) coming.add(running);
      else missing.set(eventId, light.organizationId);
    }
    if (missing.size > 0) {
      const read = readEvents(missing).finally(() => {
        for (const id of missing.keys()) reading.delete(id);
      });
      for (const id of missing.keys()) reading.set(id, read);
      coming.add(read);
    }
    for (const read of await Promise.all(coming)) for (const [id, event] of read) events.set(id, event);
    return events;
  }

  async function sentBodiesOf(entries: readonly Entry[]): Promise<Map<string, Sent>> {
    const tried = entries.filter(({ light }) => light.attemptCount > 0 && !light.rerender);
    if (tried.length === 0) return new Map();
    const rows = await readSentBodies.rows(pool, [
      tried.map(({ light }) => light.organizationId),
      tried.map(({ id }) => id),
      tried.map(({ eventId }) => eventId),
    ]);
    return new Map(rows.map((row) => [row.id, { sentBody: row.sent_body, rendering: row.rendering }]));
  }

  async function readTogether(part: readonly Asked[]): Promise<void> {
    const ended = beside.begin(part.length);
    try {
      const entries = part.map(({ entry }) => entry);
      const [events, sent] = await Promise.all([eventsOf(entries), sentBodiesOf(entries)]);
      for (const { entry, done } of part) {
        const event = events.get(entry.eventId);
        if (event) entry.full = { ...entry.light, sentBody: null, rendering: null, ...sent.get(entry.id), event };
        done(event !== undefined);
      }
    } catch {
      for (const { done } of part) done(false);
    }
    ended();
    start();
  }

  // What many lanes ask for after one commit is read together.
  const plan = afterTurn(start);

  function start(): void {
    while (asked.length > 0 && beside.worth(asked.length)) {
      const count = fitting(asked);
      void readTogether(asked.slice(0, count));
      asked = asked.slice(count);
    }
  }

  return {
    async read(entries) {
      const missing = entries.filter((entry) => entry.full === null);
      if (missing.length === 0) return true;
      plan();
      const read = await Promise.all(missing.map((entry) => new Promise<boolean>((done) => asked.push({ entry, done }))));
      return read.every(Boolean);
    },
  };
}
