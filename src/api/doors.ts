/** What every door (GraphQL, REST, a face) is given: built once in app.ts, passed by hand. */
import type { PoolClient } from "pg";
import type { Core } from "../core.ts";
import type { Sandbox } from "../delivery/sandbox/sandbox.ts";
import type { Sender } from "../delivery/sender.ts";
import type { PayloadQuery } from "../delivery/shaping.ts";
import type { Feed } from "../live/feed.ts";

export interface EventInput {
  id?: string;
  type: string;
  entity?: string | null;
  entityId?: string | null;
  /** JSON text. */
  payload: string;
  previous?: string | null;
  changes?: string[];
  scope?: Record<string, unknown> | null;
  actor?: string | null;
  source?: string | null;
  occurredAt?: Date;
  idempotencyKey?: string;
}

export interface AcceptedEvent {
  /** UUID. */
  id: string;
  type: string;
}

export interface IngestOptions {
  idempotency?: { space?: string; key: string; bodyHash: Uint8Array };
  /** What is kept as the answer of the idempotency key. */
  answer?: (events: AcceptedEvent[]) => { status: number; answer: string };
}

export interface IngestResult {
  events: AcceptedEvent[];
  /** An idempotency key was used again: the first answer, byte for byte. */
  replayed?: { status: number; answer: string };
}

export interface Ingest {
  emit(organizationId: string, inputs: EventInput[], options?: IngestOptions): Promise<IngestResult>;
  within(client: PoolClient, organizationId: string, inputs: EventInput[]): Promise<() => void>;
}

export interface Doors {
  core: Core;
  ingest: Ingest;
  feed: Feed;
  /** Where clients reach us, without a trailing slash: HOOKLINE_PUBLIC_URL, else where this process listens. */
  publicUrl: () => string;
  /** Checks scripts and transformations, runs dry runs. */
  sandbox: Sandbox;
  payloadQuery: PayloadQuery;
  /** For calls outside every lane: tests of a definition. */
  sender: Sender;
}
