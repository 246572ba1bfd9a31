/** What comes in, and what an ingest call answers. */
import { newId } from "../clock.ts";
import type { Core } from "../core.ts";
import type { TraceContext } from "../observe/tracing.ts";
import type { TokenRate } from "../quotas/gate.ts";
import type { EventView } from "../wire/dialect.ts";

export interface EventInput {
  /** UUID; made here when absent. */
  id?: string;
  type: string;
  entity?: string | null;
  entityId?: string | null;
  /** JSON text, kept as it is. */
  payload: string;
  /** JSON text. */
  previous?: string | null;
  changes?: string[];
  scope?: Record<string, unknown> | null;
  actor?: string | null;
  /** Of the user whose call brought it. */
  callerNumber?: number | null | undefined;
  /** CloudEvents source. */
  source?: string | null;
  /** The uid of whose event it is. */
  application?: string | null;
  /** Of the event itself; else it is the call's. */
  trace?: TraceContext | undefined;
  occurredAt?: Date;
  /** At most one event of an organization per key. */
  idempotencyKey?: string;
  /** The key is the event's own name (CloudEvents: source and id): sent again it is the same event, whatever else differs. */
  namedByKey?: boolean;
}

export interface AcceptedEvent {
  /** UUID. */
  id: string;
  type: string;
}

export interface IngestOptions {
  /** Covers the whole call. */
  idempotency?: { space?: string; key: string; bodyHash: Uint8Array };
  /** What is kept as the answer under the call's key. */
  answer?: (events: AcceptedEvent[]) => { status: number; answer: string };
  /** The API token that brought it, when it has a rate of its own. */
  token?: TokenRate | undefined;
  /** Of the call that brought it. */
  trace?: TraceContext | undefined;
  /** Hookline's own events: no quota counts them. */
  exempt?: boolean;
}

export interface IngestResult {
  events: AcceptedEvent[];
  /** Those of `events` that this call wrote, as they were written: the others are there from before, under their keys. */
  fresh: readonly IncomingEvent[];
  /** The call's key was used before: the first answer, byte for byte. */
  replayed?: { status: number; answer: string };
}

/** One call of a door: all or nothing, in the order given. */
export interface IngestCall {
  organizationId: string;
  inputs: EventInput[];
  options: IngestOptions;
}

/** `applicationId`: a UUID. */
export type IncomingEvent = EventView & { source: string | null; applicationId: string | null };

export function eventOf(
  core: Core,
  organizationId: string,
  input: EventInput,
  acceptedAt: Date,
  applicationId: string | null,
): IncomingEvent {
  return {
    id: input.id ?? newId(core.clock),
    organizationId,
    type: input.type,
    entity: input.entity ?? null,
    entityId: input.entityId ?? null,
    payload: input.payload,
    previous: input.previous ?? null,
    changes: input.changes ?? [],
    scope: input.scope ?? null,
    actor: input.actor ?? null,
    callerNumber: input.callerNumber ?? null,
    source: input.source ?? null,
    applicationId,
    trace: input.trace ?? null,
    occurredAt: input.occurredAt ?? acceptedAt,
    acceptedAt,
  };
}

/** What a call holds in memory while it waits, roughly. */
export const bytesOf = (inputs: readonly EventInput[]): number =>
  inputs.reduce(
    (sum, { payload, previous, scope, changes }) =>
      sum +
      500 +
      payload.length +
      (previous?.length ?? 0) +
      (scope ? JSON.stringify(scope).length : 0) +
      (changes?.reduce((names, name) => names + name.length, 0) ?? 0),
    0,
  );
