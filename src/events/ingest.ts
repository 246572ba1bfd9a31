/**
 * Events in. One transaction writes the event, a request per matching definition with its lane's next number, and the
 * wake-ups; its commit is what "accepted" means. Calls of an organization that arrive while one of its transactions runs
 * share the next one: no timer, so a lone event waits for nobody. Organizations are written beside each other: a lane that
 * somebody keeps locked, or a huge call, holds up its own organization only.
 */
import type { Core } from "../core.ts";
import type { PoolClient } from "../db/client.ts";
import type { Queue } from "../db/queue.ts";
import { isUnavailable } from "../db/unavailable.ts";
import type { Catalog, Catalogs } from "../definitions/catalog.ts";
import { createOutHints } from "../delivery/hints.ts";
import { enqueue, type LaneTicket, NumbersNeeded, type Reserve } from "../delivery/lane-enqueue.ts";
import type { Numbers } from "../delivery/numbers.ts";
import { makePartitions } from "../delivery/partitions.ts";
import type { LaneHost } from "../delivery/worker.ts";
import { UnavailableError, ValidationError } from "../errors.ts";
import { claimsOf, keysOf, settleKeys, type Taken } from "./call-keys.ts";
import { claimId, giveKeysBack, type KeptAnswer, type KeyClaim, takeKeys } from "./idempotency.ts";
import { type EventInput, eventOf, type IncomingEvent, type IngestCall, type IngestOptions, type IngestResult } from "./input.ts";
import { matchesOf, writeEvents } from "./write.ts";

export interface Ingest {
  /**
   * All or nothing, in the order given.
   * @throws ValidationError (path `events.<i>.…`) for a type that is not in an enforced catalogue
   * @throws IdempotencyKeyReusedError same key, other body · UnavailableError the database is away: nothing was accepted
   */
  emit(organizationId: string, inputs: EventInput[], options?: IngestOptions): Promise<IngestResult>;
  /** In the caller's transaction. @returns what to call once it is committed @throws NumbersNeeded: `reserve`, and begin anew */
  within(client: PoolClient, organizationId: string, inputs: EventInput[]): Promise<() => void>;
  /** Runs a transaction that calls `within`, as often as numbers make it necessary. */
  withNumbers<T>(transaction: () => Promise<T>): Promise<T>;
}

interface Call extends IngestCall {
  resolve(result: IngestResult): void;
  reject(error: unknown): void;
}

/** What one transaction came to. */
interface Outcome {
  taken: Taken<Call>[];
  refused: Map<Call, unknown>;
  catalog: Catalog | undefined;
  tickets: LaneTicket[];
}

/** Events in one transaction; a single call may bring more. */
const MAX_EVENTS = 1_000;
/** Organizations written at a time; each takes a connection. */
const AT_ONCE = 4;
/** Calls of a batch taken apart that run at once. */
const APART = 4;
const NO_LANES = { hasRoom: false };
/** No partition takes the row (check_violation), or it came into being by another name at the same moment. */
const NO_PARTITION = "23514";

export function createIngest(
  core: Core,
  parts: { lanes: LaneHost | undefined; queue: Queue; numbers: Numbers; catalogs: Catalogs },
): Ingest {
  const { lanes, queue, numbers, catalogs } = parts;
  const hints = createOutHints(core);
  const waiting = new Map<string, Call[]>();
  const running = new Set<string>();

  /** Writes events and what they trigger. */
  async function write(
    client: PoolClient,
    events: readonly IncomingEvent[],
    catalog: Catalog | undefined,
    acceptedAt: Date,
    reserve: Reserve,
  ): Promise<LaneTicket[]> {
    const matches = events.flatMap((event) => matchesOf(event, catalog));
    // Events first: should numbers be missing, nothing is locked yet.
    await writeEvents(client, events);
    const tickets = await enqueue(client, matches, acceptedAt, numbers, reserve);
    const jobs = tickets.filter(needsJob).map((ticket) => ticket.ref);
    if (jobs.length > 0) await queue.wakeLanes(client, jobs);
    return tickets;
  }

  const needsJob = (ticket: LaneTicket) => !(lanes ?? NO_LANES).hasRoom && !ticket.leased && !ticket.held && !ticket.waiting;

  function committed(organizationId: string, tickets: readonly LaneTicket[], catalog: Catalog | undefined): void {
    lanes?.accepted(tickets, catalog?.version ?? 0);
    if (tickets.length > 0) hints.feed(organizationId);
    for (const ticket of tickets) {
      if (needsJob(ticket)) hints.job("lane");
      // Held elsewhere: its holder is told. Not held: this process takes it, when it has a worker.
      else if (!ticket.held && (ticket.leased || lanes)) wakeOrTell(ticket);
    }
  }

  function wakeOrTell(ticket: LaneTicket): void {
    if (lanes?.holds(ticket.ref)) return;
    if (ticket.leased) hints.lane(ticket.ref);
    else if (!ticket.waiting) lanes?.wake([ticket.ref]);
  }

  /** Numbers that were short, and a partition that was missing, are got; then the transaction begins anew. */
  async function mended<T>(transaction: () => Promise<T>): Promise<T> {
    for (let madePartitions = false; ; ) {
      try {
        return await transaction();
      } catch (error) {
        if (error instanceof NumbersNeeded) await numbers.reserve(error.needs);
        else if ((error as { code?: unknown }).code === NO_PARTITION && !madePartitions) {
          madePartitions = true;
          await makePartitions(core);
        } else throw error;
      }
    }
  }

  async function transact(organizationId: string, calls: readonly Call[]): Promise<void> {
    const reserved: LaneTicket[] = [];
    const reserve: Reserve = (ticket) => {
      const sending = lanes?.reserve(ticket) ?? 0;
      if (sending > 0) reserved.push(ticket);
      return sending;
    };
    let done: Outcome;
    try {
      done = await mended(async () => {
        // A guess that spares the second beginning: most events are wanted by one definition.
        await numbers.reserve(new Map([[organizationId, calls.reduce((sum, call) => sum + call.inputs.length, 0)]]));
        return core.db.transaction((client) => {
          lanes?.abandoned(reserved.splice(0));
          return attempt(client, organizationId, calls, reserve);
        }, "collisions");
      });
    } catch (error) {
      lanes?.abandoned(reserved);
      throw error;
    }
    core.metrics.events(done.taken.reduce((sum, { fresh }) => sum + fresh.length, 0));
    committed(organizationId, done.tickets, done.catalog);
    for (const { call, result } of done.taken) call.resolve(result);
    for (const [call, error] of done.refused) call.reject(error);
  }

  async function attempt(client: PoolClient, organizationId: string, calls: readonly Call[], reserve: Reserve): Promise<Outcome> {
    const acceptedAt = core.clock.now();
    const catalog = (await catalogs.of(client, [organizationId])).get(organizationId);
    const refused = new Map<Call, unknown>();
    const taken = await takeAllKeys(client, calls, acceptedAt, catalog, refused);
    const events = taken.flatMap((t) => t.fresh);
    const tickets = events.length > 0 ? await write(client, events, catalog, acceptedAt, reserve) : [];
    return { taken, refused, catalog, tickets };
  }

  /** Sorts out which events are new; a call that cannot be taken lands in `refused`, and the others go on. */
  async function takeAllKeys(
    client: PoolClient,
    calls: readonly Call[],
    acceptedAt: Date,
    catalog: Catalog | undefined,
    refused: Map<Call, unknown>,
  ): Promise<Taken<Call>[]> {
    const drafts = calls.flatMap((call) => {
      const problem = unknownTypes(call, catalog);
      if (problem) refused.set(call, problem);
      return problem ? [] : [{ call, events: call.inputs.map((input) => eventOf(core, call.organizationId, input, acceptedAt)) }];
    });
    const claims = new Map<string, KeyClaim>();
    for (const { call, events } of drafts)
      for (const claim of claimsOf(call, events)) claims.set(claimId(claim), claims.get(claimId(claim)) ?? claim);
    const known = claims.size > 0 ? await takeKeys(client, [...claims.values()]) : new Map<string, KeptAnswer>();
    const taken: Taken<Call>[] = [];
    const undo: KeyClaim[] = [];
    for (const { call, events } of drafts) {
      const outcome = settleKeys(call, events, claims, known);
      if (outcome instanceof Error) {
        refused.set(call, outcome);
        undo.push(
          ...claimsOf(call, events).filter((claim) => claims.get(claimId(claim))?.answer === claim.answer && !known.has(claimId(claim))),
        );
      } else taken.push(outcome);
    }
    await giveKeysBack(client, undo);
    return taken;
  }

  /** Starts what may run: one transaction per organization, the organization that waited longest first. */
  function pump(): void {
    for (const organizationId of waiting.keys()) {
      if (running.size >= AT_ONCE) return;
      if (!running.has(organizationId)) void run(organizationId);
    }
  }

  async function run(organizationId: string): Promise<void> {
    running.add(organizationId);
    const batch = nextBatch(organizationId);
    await transact(organizationId, batch).catch((error) => onFailure(organizationId, batch, error));
    running.delete(organizationId);
    pump();
  }

  /** As many calls as fit; calls that share a key never share a transaction. What is left goes behind the other organizations. */
  function nextBatch(organizationId: string): Call[] {
    const batch: Call[] = [];
    const later: Call[] = [];
    const keys = new Set<string>();
    let events = 0;
    for (const call of waiting.get(organizationId) ?? []) {
      const own = keysOf(call);
      if ((batch.length > 0 && events + call.inputs.length > MAX_EVENTS) || own.some((key) => keys.has(key))) {
        later.push(call);
        continue;
      }
      for (const key of own) keys.add(key);
      events += call.inputs.length;
      batch.push(call);
    }
    waiting.delete(organizationId);
    if (later.length > 0) waiting.set(organizationId, later);
    return batch;
  }

  async function onFailure(organizationId: string, batch: readonly Call[], error: unknown): Promise<void> {
    const code = (error as { code?: unknown }).code;
    // What one call brought must not cost the others theirs; a lock that one waited for in vain neither.
    if (batch.length > 1 && (!isUnavailable(error) || code === "55P03" || code === "57014")) {
      const rest = [...batch];
      const apart = async () => {
        for (let call = rest.shift(); call; call = rest.shift()) {
          const alone = call;
          await transact(organizationId, [alone]).catch((again) => fail([alone], again));
        }
      };
      // Nobody behind waits for these: one of them may wait for a lock that somebody keeps.
      for (let i = 0; i < APART; i++) void apart();
      return;
    }
    fail(batch, error);
  }

  function fail(batch: readonly Call[], error: unknown): void {
    const known = isUnavailable(error) && !(error instanceof UnavailableError) ? new UnavailableError({ cause: error }) : error;
    for (const call of batch) call.reject(known);
  }

  return {
    emit: (organizationId, inputs, options = {}) =>
      new Promise((resolve, reject) => {
        const calls = waiting.get(organizationId) ?? [];
        calls.push({ organizationId, inputs, options, resolve, reject });
        waiting.set(organizationId, calls);
        pump();
      }),
    async within(client, organizationId, inputs) {
      const acceptedAt = core.clock.now();
      const catalog = (await catalogs.of(client, [organizationId])).get(organizationId);
      const events = inputs.map((input) => eventOf(core, organizationId, input, acceptedAt));
      const tickets = await write(client, events, catalog, acceptedAt, () => 0);
      return () => {
        core.metrics.events(events.length);
        committed(organizationId, tickets, catalog);
      };
    },
    withNumbers: mended,
  };
}

function unknownTypes(call: IngestCall, catalog: Catalog | undefined): ValidationError | undefined {
  const issues = call.inputs.flatMap((input, i) =>
    catalog && !catalog.accepts(input.type)
      ? [{ path: `events.${i}.type`, message: `${input.type} is not in the catalogue of event types, which this organization enforces` }]
      : [],
  );
  return issues.length > 0 ? new ValidationError(issues) : undefined;
}
