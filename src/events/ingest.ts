/**
 * Events in. One transaction writes the event, a request per matching definition with its lane's next number, and the
 * wake-ups; its commit is what "accepted" means. Calls that arrive while one transaction runs share the next one: no
 * timer, so a lone event waits for nobody.
 */
import { newId } from "../clock.ts";
import type { Core } from "../core.ts";
import type { PoolClient } from "../db/client.ts";
import type { Queue } from "../db/queue.ts";
import { isUnavailable } from "../db/unavailable.ts";
import { type Catalog, catalogOf } from "../definitions/catalog.ts";
import { createOutHints } from "../delivery/hints.ts";
import { enqueue, KEY_SEPARATOR, type LaneTicket, type Match, type Reserve } from "../delivery/lane-enqueue.ts";
import type { LaneHost } from "../delivery/worker.ts";
import { ConflictError, IdempotencyKeyReusedError, UnavailableError, ValidationError } from "../errors.ts";
import type { EventView } from "../wire/dialect.ts";
import { bodyHash, claimId, type KeptAnswer, type KeyClaim, takeKeys } from "./idempotency.ts";

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
  occurredAt?: Date;
  /** At most one event of an organization per key. */
  idempotencyKey?: string;
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
}

export interface IngestResult {
  events: AcceptedEvent[];
  /** The call's key was used before: the first answer, byte for byte. */
  replayed?: { status: number; answer: string };
}

export interface Ingest {
  /**
   * All or nothing, in the order given.
   * @throws ValidationError (path `events.<i>.…`) for a type that is not in an enforced catalogue
   * @throws IdempotencyKeyReusedError same key, other body · UnavailableError the database is away: nothing was accepted
   */
  emit(organizationId: string, inputs: EventInput[], options?: IngestOptions): Promise<IngestResult>;
  /** In the caller's transaction. @returns what to call once it is committed */
  within(client: PoolClient, organizationId: string, inputs: EventInput[]): Promise<() => void>;
}

interface Call {
  organizationId: string;
  inputs: EventInput[];
  options: IngestOptions;
  resolve(result: IngestResult): void;
  reject(error: unknown): void;
}

/** A call as far as it got in a transaction. */
interface Taken {
  call: Call;
  /** To be written; those whose own key is known already stand in `result` only. */
  fresh: EventView[];
  result: IngestResult;
}

/** Events in one transaction; a single call may bring more. */
const MAX_EVENTS = 1_000;
/** Calls of a batch taken apart that run at once. */
const APART = 4;
const NO_LANES = { hasRoom: false };
const UNSPECIFIED_ANSWER = { status: 202, answer: "" };

export function createIngest(core: Core, parts: { lanes: LaneHost | undefined; queue: Queue }): Ingest {
  const { lanes, queue } = parts;
  const hints = createOutHints(core);
  let waiting: Call[] = [];
  let running = false;

  function viewOf(organizationId: string, input: EventInput, acceptedAt: Date): EventView & { source: string | null } {
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
      occurredAt: input.occurredAt ?? acceptedAt,
      acceptedAt,
    };
  }

  /** Writes events and what they trigger. Locks: lanes, then counters, as everywhere. */
  async function write(
    client: PoolClient,
    events: readonly EventView[],
    catalogs: ReadonlyMap<string, Catalog>,
    acceptedAt: Date,
    reserve: Reserve,
  ): Promise<LaneTicket[]> {
    await writeEvents(client, events);
    const matches = events.flatMap((event) => matchesOf(event, catalogs.get(event.organizationId)));
    const tickets = await enqueue(client, matches, acceptedAt, reserve);
    const jobs = tickets.filter(needsJob).map((ticket) => ticket.laneId);
    if (jobs.length > 0) await queue.wakeLanes(client, jobs);
    return tickets;
  }

  const needsJob = (ticket: LaneTicket) => !(lanes ?? NO_LANES).hasRoom && !ticket.leased && !ticket.held && !ticket.waiting;

  function committed(tickets: readonly LaneTicket[], catalogs: ReadonlyMap<string, Catalog>): void {
    const versions = new Map([...catalogs].map(([id, catalog]) => [id, catalog.version]));
    lanes?.accepted(tickets, versions);
    for (const ticket of tickets) {
      const organizationId = ticket.requests[0]?.organizationId;
      if (organizationId) hints.feed(organizationId);
      if (needsJob(ticket)) hints.job("lane");
      // Held elsewhere: its holder is told. Not held: this process takes it, when it has a worker.
      else if (!ticket.held && (ticket.leased || lanes)) wakeOrTell(ticket);
    }
  }

  function wakeOrTell(ticket: LaneTicket): void {
    if (lanes?.holds(ticket.laneId)) return;
    if (ticket.leased) hints.lane(ticket.laneId);
    else if (!ticket.waiting) lanes?.wake([ticket.laneId]);
  }

  async function transact(calls: readonly Call[]): Promise<void> {
    let tickets: LaneTicket[] = [];
    const reserved: LaneTicket[] = [];
    const reserve: Reserve = (ticket) => {
      const sending = lanes?.reserve(ticket) ?? 0;
      if (sending > 0) reserved.push(ticket);
      return sending;
    };
    let done: { taken: Taken[]; refused: Map<Call, unknown>; catalogs: Map<string, Catalog> };
    try {
      done = await core.db.transaction(async (client) => {
        const acceptedAt = core.clock.now();
        const organizations = [...new Set(calls.map((call) => call.organizationId))];
        const catalogs = await catalogOf(core, client, organizations);
        const refused = new Map<Call, unknown>();
        const kept = await takeAllKeys(client, calls, acceptedAt, catalogs, refused);
        const taken = kept.taken;
        const events = taken.flatMap((t) => t.fresh);
        if (events.length > 0) tickets = await write(client, events, catalogs, acceptedAt, reserve);
        return { taken, refused, catalogs };
      });
    } catch (error) {
      lanes?.abandoned(reserved);
      throw error;
    }
    committed(tickets, done.catalogs);
    for (const { call, result } of done.taken) call.resolve(result);
    for (const [call, error] of done.refused) call.reject(error);
  }

  /** Sorts out which events are new; a call that cannot be taken lands in `refused`, and the others go on. */
  async function takeAllKeys(
    client: PoolClient,
    calls: readonly Call[],
    acceptedAt: Date,
    catalogs: ReadonlyMap<string, Catalog>,
    refused: Map<Call, unknown>,
  ): Promise<{ taken: Taken[] }> {
    const drafts = calls.flatMap((call) => {
      const problem = unknownTypes(call, catalogs.get(call.organizationId));
      if (problem) refused.set(call, problem);
      return problem ? [] : [{ call, views: call.inputs.map((input) => viewOf(call.organizationId, input, acceptedAt)) }];
    });
    const claims = new Map<string, KeyClaim>();
    for (const { call, views } of drafts)
      for (const claim of claimsOf(call, views)) claims.set(claimId(claim), claims.get(claimId(claim)) ?? claim);
    const known = claims.size > 0 ? await takeKeys(client, [...claims.values()]) : new Map<string, KeptAnswer>();
    const taken: Taken[] = [];
    const undo: KeyClaim[] = [];
    for (const { call, views } of drafts) {
      const outcome = settleKeys(call, views, claims, known);
      if (outcome instanceof Error) {
        refused.set(call, outcome);
        undo.push(
          ...claimsOf(call, views).filter((claim) => claims.get(claimId(claim))?.answer === claim.answer && !known.has(claimId(claim))),
        );
      } else taken.push(outcome);
    }
    // A refused call must not leave keys behind that others of its events took.
    for (const claim of undo) {
      await client.query("DELETE FROM idempotency_key WHERE organization_id = $1 AND space = $2 AND key = $3", [
        claim.organizationId,
        claim.space,
        claim.key,
      ]);
    }
    return { taken };
  }

  async function loop(): Promise<void> {
    running = true;
    while (waiting.length > 0) {
      const batch = nextBatch();
      await transact(batch).catch((error) => onFailure(batch, error));
    }
    running = false;
  }

  /** As many calls as fit; calls that share a key never share a transaction. */
  function nextBatch(): Call[] {
    const batch: Call[] = [];
    const later: Call[] = [];
    const keys = new Set<string>();
    let events = 0;
    for (const call of waiting) {
      const own = keysOf(call);
      if ((batch.length > 0 && events + call.inputs.length > MAX_EVENTS) || own.some((key) => keys.has(key))) {
        later.push(call);
        continue;
      }
      for (const key of own) keys.add(key);
      events += call.inputs.length;
      batch.push(call);
    }
    waiting = later;
    return batch;
  }

  async function onFailure(batch: readonly Call[], error: unknown): Promise<void> {
    const code = (error as { code?: unknown }).code;
    // A deadlock was rolled back whole: once more.
    if (code === "40P01" || code === "40001") return transact(batch).catch((again) => fail(batch, again));
    // What one call brought must not cost the others theirs; a lock that one waited for in vain neither.
    if (batch.length > 1 && (!isUnavailable(error) || code === "55P03" || code === "57014")) {
      const rest = [...batch];
      const apart = async () => {
        for (let call = rest.shift(); call; call = rest.shift()) {
          const alone = call;
          await transact([alone]).catch((again) => fail([alone], again));
        }
      };
      // Nobody behind waits for these: one of them may wait for a lock that somebody keeps.
      for (let i = 0; i < APART; i++) void apart();
      return;
    }
    fail(batch, error);
  }

  function fail(batch: readonly Call[], error: unknown): void {
    for (const call of batch) call.reject(isUnavailable(error) ? new UnavailableError({ cause: error }) : error);
  }

  return {
    emit: (organizationId, inputs, options = {}) =>
      new Promise((resolve, reject) => {
        waiting.push({ organizationId, inputs, options, resolve, reject });
        if (!running) void loop();
      }),
    async within(client, organizationId, inputs) {
      const acceptedAt = core.clock.now();
      const catalogs = await catalogOf(core, client, [organizationId]);
      const events = inputs.map((input) => viewOf(organizationId, input, acceptedAt));
      const tickets = await write(client, events, catalogs, acceptedAt, () => 0);
      return () => committed(tickets, catalogs);
    },
  };
}

function matchesOf(event: EventView, catalog: Catalog | undefined): Match[] {
  return (catalog?.match(event) ?? []).flatMap(({ definitionId, workflowRuleId }) => {
    const definition = catalog?.definition(definitionId);
    if (!definition) return [];
    const url = definition.url(event);
    // The dialect sends nothing for it (doForms: a connection without a URL for this action).
    if (url === null && definition.targetType === "WEBHOOK") return [];
    const laneKey = definition.ordering === "KEY" ? `${event.entity ?? ""}${KEY_SEPARATOR}${event.entityId ?? ""}` : "";
    const { dialect, fieldsSet } = definition;
    return [{ event, definitionId, dialect, workflowRuleId, laneKey, free: definition.ordering === "NONE", url, fieldsSet }];
  });
}

const arrayLiteral = (items: readonly string[]) => `{${items.map((item) => `"${item.replace(/[\\"]/g, "\\$&")}"`).join(",")}}`;

async function writeEvents(client: PoolClient, events: readonly (EventView & { source?: string | null })[]): Promise<void> {
  const column = <T>(of: (event: EventView & { source?: string | null }) => T) => events.map(of);
  await client.query({
    name: "write-events",
    text: `INSERT INTO event (id, organization_id, type, entity, entity_id, payload, previous, changes, scope, actor, caller_number, source, occurred_at, created_at)
           SELECT id, organization_id, type, entity, entity_id, payload, previous, changes::text[], scope, actor, caller_number, source, occurred_at, created_at
           FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::jsonb[], $10::text[],
             $11::int[], $12::text[], $13::timestamptz[], $14::timestamptz[])
           AS e(id, organization_id, type, entity, entity_id, payload, previous, changes, scope, actor, caller_number, source, occurred_at,
             created_at)`,
    values: [
      column((e) => e.id),
      column((e) => e.organizationId),
      column((e) => e.type),
      column((e) => e.entity),
      column((e) => e.entityId),
      column((e) => e.payload),
      column((e) => e.previous),
      column((e) => arrayLiteral(e.changes)),
      column((e) => (e.scope === null ? null : JSON.stringify(e.scope))),
      column((e) => e.actor),
      column((e) => e.callerNumber ?? null),
      column((e) => e.source ?? null),
      column((e) => e.occurredAt),
      column((e) => e.acceptedAt),
    ],
  });
}

function unknownTypes(call: Call, catalog: Catalog | undefined): ValidationError | undefined {
  const issues = call.inputs.flatMap((input, i) =>
    catalog && !catalog.accepts(input.type)
      ? [{ path: `events.${i}.type`, message: `${input.type} is not in the catalogue of event types, which this organization enforces` }]
      : [],
  );
  return issues.length > 0 ? new ValidationError(issues) : undefined;
}

const keysOf = ({ organizationId, inputs, options }: Call): string[] => [
  ...(options.idempotency ? [claimId({ organizationId, space: options.idempotency.space ?? "", key: options.idempotency.key })] : []),
  ...inputs.flatMap(({ idempotencyKey: key }) => (key === undefined ? [] : [claimId({ organizationId, space: "", key })])),
];

/** What makes two events the same under one key. */
function eventHash(input: EventInput): Uint8Array {
  const { type, entity, entityId, payload, previous, changes, scope, actor, source, occurredAt } = input;
  return bodyHash(
    JSON.stringify([
      type,
      entity ?? null,
      entityId ?? null,
      previous ?? null,
      changes ?? [],
      scope ?? null,
      actor ?? null,
      source ?? null,
      occurredAt ?? null,
    ]),
    payload,
  );
}

function claimsOf(call: Call, views: readonly EventView[]): KeyClaim[] {
  const { organizationId, options } = call;
  const claims: KeyClaim[] = call.inputs.flatMap((input, i) => {
    if (input.idempotencyKey === undefined) return [];
    const answer = JSON.stringify({ id: views[i]?.id, type: input.type });
    return [
      { organizationId, space: "", key: input.idempotencyKey, bodyHash: eventHash(input), status: UNSPECIFIED_ANSWER.status, answer },
    ];
  });
  if (options.idempotency) {
    const { space = "", key, bodyHash: hash } = options.idempotency;
    const { status, answer } = options.answer?.(views.map(({ id, type }) => ({ id, type }))) ?? UNSPECIFIED_ANSWER;
    // One key in both places means the call's.
    const rest = claims.filter((claim) => claim.space !== space || claim.key !== key);
    return [...rest, { organizationId, space, key, bodyHash: hash, status, answer }];
  }
  return claims;
}

/** What a call becomes once it is known which of its keys are new. */
function settleKeys(
  call: Call,
  views: readonly EventView[],
  claims: ReadonlyMap<string, KeyClaim>,
  known: ReadonlyMap<string, KeptAnswer>,
): Taken | Error {
  const { organizationId, options } = call;
  const callKey = options.idempotency
    ? claimId({ organizationId, space: options.idempotency.space ?? "", key: options.idempotency.key })
    : undefined;
  const kept = callKey === undefined ? undefined : known.get(callKey);
  if (kept) {
    if (!kept.sameBody) return new IdempotencyKeyReusedError();
    return { call, fresh: [], result: { events: [], replayed: { status: kept.status, answer: kept.answer } } };
  }
  const fresh: EventView[] = [];
  const events: AcceptedEvent[] = [];
  for (const [i, input] of call.inputs.entries()) {
    const view = views[i] as EventView;
    const id = input.idempotencyKey === undefined ? undefined : claimId({ organizationId, space: "", key: input.idempotencyKey });
    const earlier = id === undefined || id === callKey ? undefined : known.get(id);
    const sibling = id === undefined || id === callKey ? undefined : claims.get(id);
    if (earlier && !earlier.sameBody) return new IdempotencyKeyReusedError();
    if (sibling && !earlier && Buffer.compare(sibling.bodyHash, eventHash(input)) !== 0) return new IdempotencyKeyReusedError();
    const first = earlier?.answer ?? sibling?.answer;
    const known1 = first === undefined ? undefined : (JSON.parse(first) as Partial<AcceptedEvent>);
    if (known1 && typeof known1.id !== "string")
      return new ConflictError("this idempotency key belongs to another call", "IDEMPOTENCY_KEY_REUSED", 422);
    if (known1?.id !== undefined && known1.id !== view.id) {
      events.push({ id: known1.id, type: view.type });
      continue;
    }
    fresh.push(view);
    events.push({ id: view.id, type: view.type });
  }
  return { call, fresh, result: { events } };
}
