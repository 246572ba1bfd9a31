/**
 * Events in. One transaction writes the event, a request per matching definition with its lane's next number, and what the
 * feed tells; its commit is what "accepted" means. It is one statement in one message (delivery/lane-accept.ts), begun as
 * line.ts says. What that statement does not write goes the long way, step by step in a transaction: a call whose key was
 * used before, one too large for a statement, a caller's own transaction.
 */
import type { Core } from "../core.ts";
import type { PoolClient } from "../db/client.ts";
import type { Queue } from "../db/queue.ts";
import { retried } from "../db/retry.ts";
import { isUnavailable, toldOf } from "../db/unavailable.ts";
import type { Catalog, Catalogs } from "../definitions/catalog.ts";
import { OPERATIONAL } from "../definitions/match.ts";
import type { OutHints } from "../delivery/hints.ts";
import { type Accepting, acceptAtOnce, type Offered } from "../delivery/lane-accept.ts";
import { enqueue, type Match, NumbersNeeded } from "../delivery/lane-enqueue.ts";
import type { LaneRef } from "../delivery/lane-id.ts";
import type { Numbers } from "../delivery/numbers.ts";
import { makePartitions } from "../delivery/partitions.ts";
import type { LaneHost } from "../delivery/worker.ts";
import { OverloadedError } from "../errors.ts";
import type { TraceContext } from "../observe/tracing.ts";
import type { TokenRate } from "../quotas/gate.ts";
import type { OpenQuotas } from "../quotas/open.ts";
import { OverQuotaError } from "../quotas/quotas.ts";
import { createAcceptedBefore } from "./accepted-before.ts";
import { createAfterCommit } from "./after-commit.ts";
import { atOnceOf } from "./at-once.ts";
import { keysOf } from "./call-keys.ts";
import { bytesOf, type EventInput, type IngestCall, type IngestOptions, type IngestResult } from "./input.ts";
import { createLine, type Turn, type Waiting } from "./line.ts";
import { acceptLongWay, eventsOf, type Outcome } from "./long-way.ts";
import { fitsOneStatement, type Matched, match, matchAnew, matchFew, SchemasChangedError, STRETCH, wholeOf } from "./matched.ts";
import { traced } from "./traced.ts";

export interface Ingest {
  /**
   * All or nothing, in the order given.
   * @throws ValidationError (path `events.<i>.…`) for a type that is not in an enforced catalogue, a payload against its schema, a call that would make too many requests
   * @throws IdempotencyKeyReusedError same key, other body · UnavailableError the database is away, or OverloadedError: nothing was accepted
   * @throws RateLimitedError as much as one organization may have waiting waits, or a quota is used up
   */
  emit(organizationId: string, inputs: EventInput[], options?: IngestOptions): Promise<IngestResult>;
  /** In the caller's transaction. @param trace of the call that makes them @returns what to call once it is committed @throws NumbersNeeded: `reserve`, and begin anew */
  within(client: PoolClient, organizationId: string, inputs: EventInput[], trace?: TraceContext): Promise<() => void>;
  /** Asks the quotas for events that `within` will write: before its transaction, which they never undo. @throws RateLimitedError */
  admit(organizationId: string, events: number, bytes: number, token?: TokenRate): Promise<void>;
  /**
   * Requests for events that are there already, behind what their lanes hold, in the caller's transaction, as its last step.
   * @returns and @throws as `within`
   */
  again(client: PoolClient, organizationId: string, matches: readonly Match[]): Promise<() => void>;
  /** Runs a transaction that calls `within` or `again`, as often as numbers make it necessary. */
  withNumbers<T>(transaction: () => Promise<T>): Promise<T>;
  /** What waits for its transaction. */
  readonly stats: { events: number; bytes: number };
}

interface Call extends IngestCall, Waiting {
  organizationId: string;
  matched: Matched;
  resolve(result: IngestResult): void;
  reject(error: unknown): void;
}

/** How long the lock of a lane may be waited for, in milliseconds: by turns that others wait behind, and by those that have a place of their own. */
const PATIENCE_MS: Record<Turn, number> = { SHORT: 250, PATIENT: 3_000, LONG: 3_000 };
/** No partition takes the row (check_violation), or it came into being by another name at the same moment. */
const NO_PARTITION = "23514";
const LOCK_NOT_AVAILABLE = "55P03";
/** Of sql/accept-events.ts: a key that is being taken right now, or a lane that came into being meanwhile. */
const TAKEN_MEANWHILE = "22P02";
/** Tries with an ever newer catalogue. */
const CATALOGUES = 5;
/** And with ever newer numbers. */
const ROUNDS = 20;

const codeOf = (error: unknown) => (error as { code?: unknown }).code;

/** @param parts.hints absent: its own @param parts.quotas absent: none are kept */
export function createIngest(
  core: Core,
  parts: {
    lanes: LaneHost | undefined;
    hints?: OutHints;
    queue: Queue;
    numbers: Numbers;
    catalogs: Catalogs;
    quotas?: Pick<OpenQuotas, "admit" | "refused" | "ended">;
  },
): Ingest {
  const { lanes, numbers, catalogs, quotas } = parts;
  const committed = createAfterCommit(core, parts);
  const acceptedBefore = createAcceptedBefore(core);
  const { ingestQueue, ingestQueueMb, databasePool } = core.config;
  const short = Math.max(2, Math.floor(databasePool * 0.4));
  const limits = { events: ingestQueue, bytes: ingestQueueMb * 2 ** 20, short, slow: databasePool < 8 ? 1 : 2 };
  const line = createLine<Call>(limits, takeTurn, () => core.clock.monotonic());

  /** Numbers that were short, and a partition that was missing, are got; then the transaction begins anew. */
  async function mended<T>(transaction: () => Promise<T>): Promise<T> {
    for (let rounds = 0, madePartitions = false; ; rounds++) {
      try {
        return await transaction();
      } catch (error) {
        // A process that is too slow for the numbers' second is told of, instead of going on for ever.
        if (error instanceof NumbersNeeded) {
          if (rounds >= ROUNDS) throw new OverloadedError(1);
          await numbers.reserve(error.needs);
        } else if (codeOf(error) === NO_PARTITION && !madePartitions) {
          madePartitions = true;
          await makePartitions(core);
        } else throw error;
      }
    }
  }

  const catalogOf = async (organizationId: string) => (await catalogs.of(core.db.pool, [organizationId])).get(organizationId);

  /** As the database has it now: a type that is not in the catalogue kept here may have come into it. */
  async function matchedNow(organizationId: string, inputs: readonly EventInput[]): Promise<Matched> {
    try {
      return await match(core, organizationId, inputs, await catalogOf(organizationId));
    } catch (error) {
      throw toldOf(error);
    }
  }

  function matchedOrUndefined(organizationId: string, inputs: readonly EventInput[], catalog: Catalog): Matched | undefined {
    try {
      return matchFew(core, organizationId, inputs, catalog);
    } catch {
      return undefined;
    }
  }

  /** Those that can still be written by this catalogue, matched with it. */
  async function matchedBy(catalog: Catalog | undefined, calls: readonly Call[]): Promise<Call[]> {
    const kept: Call[] = [];
    for (const call of calls) {
      try {
        if (call.matched.catalog !== catalog) call.matched = await matchAnew(core, call.organizationId, call.inputs, call.matched, catalog);
        kept.push(call);
      } catch (error) {
        call.reject(error);
      }
    }
    return kept;
  }

  /** One message. @returns why nothing was written */
  async function atOnce(
    organizationId: string,
    calls: readonly Call[],
    catalog: Catalog,
    patienceMs: number,
  ): Promise<"LONG_WAY" | "OTHER_CATALOGUE" | undefined> {
    const acceptedAt = core.clock.now();
    const { outcome, columns } = atOnceOf(calls, acceptedAt);
    const offered = new Set<LaneRef>();
    const offer = (lane: Offered) => {
      const made = lanes?.offer(lane);
      if (made) offered.add(lane.ref);
      return made;
    };
    const abandon = () => {
      if (offered.size > 0) lanes?.abandoned([...offered]);
      offered.clear();
    };
    const given: Accepting = {
      organizationId,
      version: catalog.version,
      paused: catalog.paused,
      acceptedAt,
      patienceMs,
      leaseMs: lanes?.leaseMs ?? 0,
      ...columns,
      offer,
    };
    const tryOnce = () => {
      abandon();
      return acceptAtOnce(core.db, numbers, given);
    };
    try {
      const { written, version, tickets } = await mended(() => retried(tryOnce, { again: "collisions" }));
      if (!written) return version === catalog.version ? "LONG_WAY" : "OTHER_CATALOGUE";
      for (const ticket of tickets) if (ticket.sending > 0) offered.delete(ticket.ref);
      settle(organizationId, { ...outcome, catalog, tickets });
      return undefined;
    } catch (error) {
      if (codeOf(error) === TAKEN_MEANWHILE && String((error as Error).message).includes("hookline:")) return "LONG_WAY";
      throw error;
    } finally {
      // What was offered and not taken: after the lanes know of their new requests.
      abandon();
    }
  }

  /** Writes these calls, all of one organization, in one transaction. */
  async function write(given: readonly Call[], turn: Turn): Promise<void> {
    const organizationId = given[0]?.organizationId as string;
    let calls = [...given];
    let catalog = catalogs.kept(organizationId) ?? (await catalogOf(organizationId));
    for (let tries = 0; catalog && tries < CATALOGUES && turn !== "LONG"; tries++) {
      calls = await matchedBy(catalog, calls);
      if (calls.length === 0) return;
      if (!calls.every((call) => fitsOneStatement(call.matched))) break;
      const again = await atOnce(organizationId, calls, catalog, PATIENCE_MS[turn]);
      if (again === undefined) return;
      if (again === "LONG_WAY") break;
      catalog = await catalogOf(organizationId);
    }
    calls = await matchedBy(catalog, calls);
    if (calls.length === 0) return;
    // Before numbers are taken, which last a second, and before keys and rows are locked.
    for (const call of calls) call.matched = await wholeOf(core, call.matched);
    const wanted = new Map([[organizationId, calls.reduce((sum, call) => sum + call.matched.requests, 0)]]);
    const outcome = await mended(async () => {
      await numbers.reserve(wanted);
      return core.db.transaction((client) => acceptLongWay(core, client, { catalogs, numbers }, organizationId, calls), "collisions");
    });
    settle(organizationId, outcome);
  }

  function settle(organizationId: string, { taken, refused, catalog, tickets }: Outcome<Call>): void {
    core.metrics.events(taken.reduce((sum, { fresh }) => sum + fresh.length, 0));
    committed(organizationId, tickets, catalog);
    for (const { call, result } of taken) call.resolve(result);
    for (const [call, error] of refused) call.reject(error);
  }

  async function takeTurn(calls: Call[], turn: Turn): Promise<void> {
    try {
      await write(calls, turn);
    } catch (error) {
      if (turn === "SHORT" && codeOf(error) === LOCK_NOT_AVAILABLE) return line.putOff(byLanes(calls));
      // What one call brought must not cost the others theirs.
      if (calls.length > 1 && (!isUnavailable(error) || codeOf(error) === "57014")) {
        for (const call of calls) await takeTurn([call], turn);
        return;
      }
      for (const call of calls) call.reject(toldOf(error));
    }
  }

  async function take(organizationId: string, inputs: EventInput[], options: IngestOptions): Promise<IngestResult> {
    const kept = catalogs.kept(organizationId);
    const usable = kept && !kept.judge ? kept : undefined;
    // Without waiting where that is possible: calls are taken in the order in which they come.
    const few = usable && inputs.length <= STRETCH ? matchedOrUndefined(organizationId, inputs, usable) : undefined;
    const many = usable && !few ? await match(core, organizationId, inputs, usable).catch(() => undefined) : undefined;
    const matched: Matched = few ?? many ?? (await matchedNow(organizationId, inputs));
    const bytes = bytesOf(inputs);
    const { requests } = matched;
    const counted = quotas && !isExempt(inputs, options) ? quotas : undefined;
    if (counted) {
      const wanted = { events: inputs.length, bytes, requests, token: options.token };
      try {
        const admitting = counted.admit(organizationId, wanted);
        // From memory, mostly: then it keeps its place in the order of the calls.
        if (admitting) await admitting;
      } catch (error) {
        if (!(error instanceof OverQuotaError)) throw toldOf(error);
        const known = await acceptedBefore({ organizationId, inputs, options }, matched.events).catch((failed: unknown): never => {
          throw toldOf(failed);
        });
        if (known) return known;
        counted.refused(organizationId, error);
        throw error;
      }
    }
    const inLine = (by: Matched) =>
      new Promise<IngestResult>((resolve, reject) => {
        const call = { organizationId, inputs, options };
        line.join({
          ...call,
          matched: by,
          // A call of none still has its answer kept, under its key.
          events: Math.max(1, inputs.length),
          bytes,
          lanes: by.lanes,
          requests: by.requests,
          long: !fitsOneStatement(by),
          keys: keysOf(call),
          resolve,
          reject,
        });
      });
    const accepted = (by: Matched, tries: number): Promise<IngestResult> =>
      inLine(by).catch(async (error: unknown) => {
        if (!(error instanceof SchemasChangedError) || tries === CATALOGUES) throw error;
        // Judged where nobody waits for it.
        return accepted(await matchedNow(organizationId, inputs), tries + 1);
      });
    const taken = accepted(matched, 1);
    taken.then(
      () => counted?.ended(organizationId, requests, true),
      () => counted?.ended(organizationId, requests, false),
    );
    return taken;
  }

  return {
    emit(organizationId, given, options = {}) {
      const { inputs, end } = traced(core, organizationId, given, options.trace);
      const taken = take(organizationId, inputs, options);
      if (end) taken.then(() => end(), end);
      return taken;
    },
    async within(client, organizationId, given, trace) {
      // The span of a transaction that does not come about is never ended, and so never told.
      const { inputs, end } = traced(core, organizationId, given, trace);
      const catalog = (await catalogs.of(client, [organizationId])).get(organizationId);
      const tickets = await eventsOf(core, client, numbers, organizationId, inputs, catalog);
      return () => {
        core.metrics.events(inputs.length);
        committed(organizationId, tickets, catalog);
        end?.();
      };
    },
    async admit(organizationId, events, bytes, token) {
      try {
        await quotas?.admit(organizationId, { events, bytes, requests: 0, token });
      } catch (error) {
        if (error instanceof OverQuotaError) quotas?.refused(organizationId, error);
        throw toldOf(error);
      }
    },
    async again(client, organizationId, matches) {
      const tickets = await enqueue(client, matches, core.clock.now(), numbers);
      // Their payloads are not at hand: whoever holds their lanes reads them.
      const unread = tickets.map((ticket) => ({ ...ticket, requests: [] }));
      return () => committed(organizationId, unread, undefined);
    },
    withNumbers: mended,
    get stats() {
      return line.stats;
    },
  };
}

/** What Hookline tells of itself is never refused; the doors take no such event of others (`reservedType`). */
const isExempt = (inputs: readonly EventInput[], { exempt = false }: IngestOptions): boolean =>
  exempt || inputs.every(({ type }) => type.startsWith(OPERATIONAL));

/** Calls that share a lane stay together, the others wait each for their own. In the order of the calls, each lane looked up once a call. */
function byLanes(calls: readonly Call[]): Call[][] {
  const leaders = calls.map((_, i) => i);
  const leaderOf = (i: number): number => {
    let at = i;
    while (leaders[at] !== at) {
      // Each step halves what is left of the way for whoever comes next.
      leaders[at] = leaders[leaders[at] as number] as number;
      at = leaders[at] as number;
    }
    return at;
  };
  const firsts = new Map<LaneRef, number>();
  for (const [i, call] of calls.entries())
    for (const lane of call.lanes) {
      const first = firsts.get(lane);
      if (first === undefined) firsts.set(lane, i);
      else {
        const [a, b] = [leaderOf(first), leaderOf(i)];
        leaders[Math.max(a, b)] = Math.min(a, b);
      }
    }
  return [...Map.groupBy(calls.keys(), leaderOf).values()].map((group) => group.map((i) => calls[i] as Call));
}
