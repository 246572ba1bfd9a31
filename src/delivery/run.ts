/**
 * One leased lane in this process: reads its queue, marks, sends, settles. Never two in flight on a strict lane. What it does
 * next is decided in decide.ts, where its modes stand; this file makes the moves, and lane-queue.ts keeps what is in hand.
 *
 * Requests are marked SENDING before they are sent, and marked and settled in shared transactions while the window before is
 * under way. At most `UNSETTLED` sends of a lane are not settled yet: what a kill can repeat. A call ends when its lease does.
 */
import type { Clock } from "../clock.ts";
import type { Bodies } from "./bodies.ts";
import type { Committer } from "./committer.ts";
import { decide, type LaneState, roomOf, WINDOW_MS, windowOf } from "./decide.ts";
import type { Bytes } from "./fairness/bytes.ts";
import type { Place, Places } from "./fairness/places.ts";
import type { ClaimedLane, LanePage } from "./lane-claim.ts";
import type { LaneRef } from "./lane-id.ts";
import { LaneQueue } from "./lane-queue.ts";
import { hostOf, type Plan, type Plans } from "./plan.ts";
import type { Entry, QueuedRequest } from "./queued.ts";
import type { Sender } from "./sender.ts";
import type { LaneStep, Settlement, StepResult } from "./settlement.ts";
import { settlementOf } from "./settlement-of.ts";

/** Sends are settled at the latest so long after the last one. */
const FLUSH_MS = 50;
/** Longer waits are left to the look at what is due. */
const LONGEST_TIMER_MS = 3_600_000;
/** A lease is not used to its last fifth. */
const LEASE_USED = 0.8;
/** The database is away: tried again so much later. */
const AWAY_MS = 500;

export interface RunParts {
  clock: Clock;
  retryScale: number;
  leaseMs: number;
  committer: Committer;
  plans: Plans;
  sender: Sender;
  places: Places;
  bytes: Bytes;
  bodies: Bodies;
  /** Undefined: there is no such lane any more. */
  read(run: LaneRun): Promise<LanePage | undefined>;
  /** Nothing to do, or no place to do it: `run.hungry` tells. */
  idle(run: LaneRun): void;
  /** Let go of the lane: it is no longer ours. @param dueMs known wait of its next request; 0: at once */
  left(run: LaneRun, dueMs: number | null): void;
  /** An attempt was settled: for metrics, the log and turns. */
  settled(run: LaneRun, settlement: Settlement): void;
}

type Halt = { kind: "WAIT"; reason: string | null } | { kind: "BLOCK"; requestId: string; reason: string } | { kind: "LEAVE" };

export class LaneRun {
  readonly ref: LaneRef;
  readonly laneId: string;
  readonly definitionId: string;
  readonly organizationId: string;
  readonly token: string;
  readonly free: boolean;
  readonly #parts: RunParts;
  readonly #queue: LaneQueue;
  #place: Place | undefined;
  #revision: number;
  /** The revision that the queue was last read at. */
  #readAt = -1;
  #catalogVersion: number;
  #done: Settlement[] = [];
  #committing = 0;
  #gaveUp = false;
  /** From the start: the first page is on its way. */
  #busy = true;
  #reading = true;
  #reserved = 0;
  #halt: Halt | null = null;
  #gone: LaneStep["gone"] = null;
  #dueMs: number | null = null;
  #left = false;
  #concurrency = 1;
  #stopAt: number | null = null;
  /** Starts slow, so that the first window is one request. */
  readonly #pace = { send: WINDOW_MS, commit: 0 };
  #validUntil: number;
  /** Gives up what is in flight. */
  readonly #calls = new AbortController();
  #leaseEnds: NodeJS.Timeout | undefined;
  #flush: NodeJS.Timeout | undefined;
  #due: NodeJS.Timeout | undefined;
  #pumping = false;
  #again = false;
  /** Sends since this lane had its place, and the monotonic time since then. */
  sends = 0;
  placedAt: number;
  /** Monotonic time of the last send or settle. */
  lastActive: number;

  constructor(lane: ClaimedLane, claimedAt: number, place: Place, parts: RunParts) {
    this.ref = lane.ref;
    this.laneId = lane.laneId;
    this.definitionId = lane.definitionId;
    this.organizationId = lane.organizationId;
    this.token = lane.token;
    this.free = lane.free;
    this.#revision = lane.revision;
    this.#catalogVersion = lane.catalogVersion;
    this.#parts = parts;
    this.#place = place;
    this.#queue = new LaneQueue(lane.free, place.owner, parts.bytes, lane.lastNumber);
    this.#validUntil = claimedAt + parts.leaseMs * LEASE_USED;
    this.lastActive = claimedAt;
    this.placedAt = claimedAt;
  }

  get revision(): number {
    return this.#revision;
  }
  get lastNumber(): number {
    return this.#queue.known;
  }
  /** What the reader has in hand already. */
  get inHand(): string[] {
    return this.#queue.ids;
  }
  get place(): Place | undefined {
    return this.#place;
  }
  get working(): boolean {
    return this.#busy || !this.#queue.empty;
  }
  /** It has work and no place. */
  get hungry(): boolean {
    return !this.#place && !this.#left && (this.#queue.more || this.#queue.buffer.length > 0);
  }

  /** The first page, read together with those of other lanes; undefined: it could not be read. */
  begin(page: LanePage | undefined): void {
    this.#busy = false;
    this.#reading = false;
    if (page) this.#take(page);
    else this.#queue.more = true;
    this.pump();
  }

  /** The lane may hold something we have not read. */
  news(): void {
    this.#queue.more = true;
    this.pump();
  }

  /** Its turn has come. */
  placed(place: Place): void {
    this.#place = place;
    this.sends = 0;
    this.placedAt = this.#parts.clock.monotonic();
    this.pump();
  }

  /** Gives its place to others; what it has in memory for later goes too. */
  unplaced(): void {
    if (!this.#place) return;
    this.#parts.places.give(this.#place);
    this.#place = undefined;
    if (this.#queue.buffer.length > 0) this.#queue.forget();
  }

  /** Finish what is in flight, give the rest back. */
  leave(): void {
    this.#halt ??= { kind: "LEAVE" };
    this.pump();
  }

  renewed(at: number): void {
    this.#validUntil = at + this.#parts.leaseMs * LEASE_USED;
    this.pump();
  }

  /** Given back while it was empty. */
  released(): void {
    this.#end(null);
  }

  /** The lease is gone: whatever comes back is fenced off. */
  lost(): void {
    this.#end(0);
  }

  /**
   * Asked by ingest while it holds the lane's row: how many new requests may be born SENDING. Until `accepted` or
   * `abandoned` nothing else is marked here, so that they keep their place in the line.
   */
  reserve(token: string | null, revision: number, before: number, count: number): number {
    if (token !== this.token || revision !== this.#revision || this.#halt || this.#left || this.#reserved > 0) return 0;
    if (this.#queue.more || this.#queue.buffer.length > 0 || this.#reading || !this.#leaseHolds()) return 0;
    if (!this.free && before !== this.#queue.known) return 0;
    const { places, bytes, clock } = this.#parts;
    if (!this.#place) {
      const place = places.enter({ organizationId: this.organizationId, definitionId: this.definitionId });
      if (!place) return 0;
      this.#place = place;
      this.placedAt = clock.monotonic();
    }
    if (!bytes.may(this.#place.owner, 1)) return 0;
    const sending = Math.min(count, this.#room());
    if (sending > 0) this.#reserved = sending;
    return Math.max(0, sending);
  }

  /** @param sending the first so many of `requests` are SENDING already */
  accepted(requests: QueuedRequest[], sending: number, before: number, after: number, catalogVersion: number): void {
    this.#catalogVersion = Math.max(this.#catalogVersion, catalogVersion);
    if (sending > 0) this.#reserved = 0;
    if (this.#left) return;
    this.#queue.accept(requests, sending, before, after, this.#reading);
    this.pump();
  }

  /** The transaction that reserved did not come about. */
  abandoned(): void {
    this.#reserved = 0;
    this.pump();
  }

  #leaseHolds(): boolean {
    return this.#parts.clock.monotonic() < this.#validUntil;
  }

  #room(window = windowOf(this.free, this.#concurrency, this.#pace)): number {
    const { marked, inFlight } = this.#queue;
    return roomOf(window, this.#done.length + this.#committing, marked.length + inFlight.size + this.#reserved);
  }

  #take(page: LanePage): void {
    this.#queue.take(page);
    this.#revision = page.revision;
    this.#readAt = page.revision;
  }

  #state(): LaneState {
    const { buffer, marked, inFlight, more } = this.#queue;
    const now = this.#parts.clock.monotonic();
    const window = windowOf(this.free, this.#concurrency, this.#pace);
    const room = this.#room(window);
    const due = this.#queue.due(now, Math.max(1, room));
    return {
      free: this.free,
      placed: this.#place !== undefined,
      busy: this.#busy,
      reserved: this.#reserved,
      halted: this.#halt !== null,
      gaveUp: this.#gaveUp,
      leaseHolds: now < this.#validUntil,
      buffered: buffer.length,
      due,
      fitting: this.#place ? this.#queue.fitting(due) : 0,
      more,
      marked: marked.length,
      ready: marked[0]?.full != null,
      inFlight: inFlight.size,
      done: this.#done.length,
      concurrency: this.free ? this.#slots(marked.length + inFlight.size) : 1,
      window,
      room,
      retryKnown: this.#dueMs !== null,
    };
  }

  /** Calls that may be in flight at once: a place for each, as many as there are to be had. */
  #slots(wanted: number): number {
    const place = this.#place;
    if (!place) return 0;
    const most = Math.min(this.#concurrency, wanted);
    while (place.count < most && this.#parts.places.more(place));
    if (place.count > Math.max(1, wanted)) this.#parts.places.give(place, place.count - Math.max(1, wanted));
    return Math.min(place.count, this.#concurrency);
  }

  /** Does whatever can be done now. Called after every change; idempotent. */
  pump(): void {
    this.#again = true;
    if (this.#pumping) return;
    this.#pumping = true;
    while (!this.#left && (this.#step() || this.#again));
    this.#pumping = false;
  }

  /** @returns whether there may be more to do at once */
  #step(): boolean {
    this.#again = false;
    const state = this.#state();
    const move = decide(state);
    switch (move.kind) {
      case "SEND":
        void this.#send(this.#queue.marked.shift() as Entry);
        return true;
      case "COMMIT":
        void this.#commit(move.marks);
        return true;
      case "READ":
        void this.#read();
        return false;
      case "FLUSH":
        this.#flush ??= setTimeout(() => {
          this.#flush = undefined;
          if (!this.#busy && this.#done.length > 0) void this.#commit(0);
        }, FLUSH_MS);
        return false;
      case "END":
        if (move.why === "HEAD_WAITS") this.#dueMs = (this.#queue.buffer[0]?.light.dueAt as number) - this.#parts.clock.monotonic();
        this.#halt ??= { kind: "WAIT", reason: null };
        void this.#commit(0);
        return false;
      case "IDLE":
        this.#parts.idle(this);
        return false;
      case "WAIT":
        if (state.placed && state.due > 0 && state.fitting === 0 && !state.busy) this.#parts.bytes.wait(this, () => this.pump());
        return false;
    }
  }

  async #read(): Promise<void> {
    this.#busy = true;
    this.#reading = true;
    // News that arrive from here on may be missing in what we read: they set it again.
    this.#queue.more = false;
    const page = await this.#parts.read(this).catch(() => "AWAY" as const);
    this.#reading = false;
    this.#busy = false;
    if (this.#left) return;
    if (page === undefined) return this.#end(null);
    if (page === "AWAY") {
      // The lane is claimed again when the database is back.
      this.#queue.more = true;
      if (this.#queue.empty) this.#end(AWAY_MS * 2);
      else setTimeout(() => this.pump(), AWAY_MS).unref();
      return;
    }
    this.#take(page);
    this.pump();
  }

  async #commit(count: number): Promise<void> {
    clearTimeout(this.#flush);
    this.#flush = undefined;
    const settlements = this.#done;
    this.#done = [];
    const gaveUp = this.#gaveUp;
    this.#committing = settlements.length;
    this.#busy = true;
    const halt = this.#halt;
    // What was marked but not sent goes back before the lane is let go.
    const unmarks = halt ? this.#queue.unmark() : [];
    const marks = this.#queue.mark(count);
    // Read while they are being marked: sent when both are done.
    if (marks.length > 0) void this.#load(marks);
    const at = this.#parts.clock.monotonic();
    const result = await this.#parts.committer.commit({
      organizationId: this.organizationId,
      laneId: this.laneId,
      definitionId: this.definitionId,
      token: this.token,
      revision: this.#revision,
      // Not known while an operator's change has not been read: a resend may stand before everything in hand.
      readFrom: this.#readAt === this.#revision ? this.#queue.readFrom(settlements) : null,
      settlements,
      marks: marks.map((entry) => entry.id),
      unmarks,
      release: halt === null ? null : halt.kind === "LEAVE" ? { kind: "WAIT", reason: null } : halt,
      free: this.free,
      stopAt: this.#stopAt,
      gone: this.#gone,
    });
    this.#busy = false;
    this.#pace.commit = this.#pace.commit * 0.7 + (this.#parts.clock.monotonic() - at) * 0.3;
    this.#committing = 0;
    this.#gone = null;
    if (gaveUp) this.#gaveUp = false;
    if (result.valid) for (const settlement of settlements) this.#parts.settled(this, settlement);
    if (this.#left) return;
    this.#queue.settled(settlements);
    if (!result.valid) return this.#end(0);
    this.#validUntil = at + this.#parts.leaseMs * LEASE_USED;
    this.#catalogVersion = Math.max(this.#catalogVersion, result.catalogVersion);
    this.#after(result, halt);
  }

  #after(result: StepResult, halt: Halt | null): void {
    if (halt) {
      // A free lane waits for nothing but its own requests: one that came meanwhile is due now.
      const now = halt.kind === "LEAVE" || (this.free && result.lastNumber !== this.#queue.known);
      this.#end(halt.kind === "BLOCK" ? null : now ? 0 : this.#dueMs);
      return;
    }
    this.#queue.written(result.marked);
    if (result.revision !== this.#revision) {
      // An operator changed the queue: what we read of it counts no more.
      this.#revision = result.revision;
      this.#queue.forget();
    }
    if (result.lastNumber > this.#queue.known && this.#queue.buffer.length === 0) this.#queue.more = true;
    if (result.held) this.#halt ??= { kind: "LEAVE" };
    this.pump();
  }

  /** An event that is gone, or a database that is away: the lane is let go of, and what it had marked goes back. */
  async #load(entries: readonly Entry[]): Promise<void> {
    const read = await this.#parts.bodies.read(entries).then(
      () => entries.every((entry) => entry.full !== null),
      () => false,
    );
    if (!read) this.#halt ??= { kind: "LEAVE" };
    this.pump();
  }

  /** A free lane goes on while some of its requests wait: it looks again when the first of them is due. */
  #waits(ms: number): void {
    this.#dueMs = Math.min(this.#dueMs ?? Number.POSITIVE_INFINITY, ms);
    if (!this.free || ms > LONGEST_TIMER_MS) return;
    this.#due ??= setTimeout(() => {
      this.#due = undefined;
      this.#dueMs = null;
      this.news();
    }, this.#dueMs);
  }

  #end(dueMs: number | null): void {
    if (this.#left) return;
    this.#left = true;
    clearTimeout(this.#flush);
    clearTimeout(this.#due);
    clearTimeout(this.#leaseEnds);
    this.#calls.abort();
    this.#parts.bytes.forget(this);
    this.#queue.end();
    this.unplaced();
    this.#parts.left(this, dueMs);
  }

  /** Whoever claims the lane next must not find a call of ours under way. What is given up is settled as INTERRUPTED, if it is ours still. */
  #watchLease(): void {
    this.#leaseEnds ??= setTimeout(
      () => {
        this.#leaseEnds = undefined;
        if (this.#queue.inFlight.size === 0) return;
        if (this.#leaseHolds()) return this.#watchLease();
        this.#halt ??= { kind: "LEAVE" };
        this.#calls.abort();
      },
      Math.max(0, this.#validUntil - this.#parts.clock.monotonic()),
    );
  }

  async #send(entry: Entry): Promise<void> {
    const { clock, plans, places, sender } = this.#parts;
    this.#queue.inFlight.add(entry);
    this.#watchLease();
    this.sends += 1;
    const request = entry.full as QueuedRequest;
    const started = clock.monotonic();
    let plan: Plan | undefined;
    try {
      plan = await plans.get(this.definitionId, this.#catalogVersion);
    } catch {
      // The database is away: nothing was sent, the request goes back.
      this.#queue.inFlight.delete(entry);
      this.#queue.marked.unshift(entry);
      this.#halt ??= { kind: "LEAVE" };
      return this.pump();
    }
    if (plan) {
      this.#concurrency = this.free ? plan.definition.policy.concurrency : 1;
      this.#stopAt = plan.definition.policy.maxConsecutiveErrors;
      if (this.#place) places.learn(this.definitionId, hostOf(this.definitionId, plan), this.#place);
    }
    const attempted = await sender.attempt(request, plan, this.#calls.signal);
    const now = clock.monotonic();
    this.lastActive = now;
    this.#pace.send = this.#pace.send * 0.7 + (now - started) * 0.3;
    if (this.#left) return;
    this.#queue.answered(entry);
    const settlement = settlementOf(request, attempted, plan, this.#parts);
    this.#done.push(settlement);
    this.#settles(settlement, attempted.verdict?.gone === true, plan);
    this.pump();
  }

  /** What an answer means for the lane. */
  #settles(settlement: Settlement, gone: boolean, plan: Plan | undefined): void {
    const { request, state, waitMs } = settlement;
    if (state === "REJECTED" && !this.free) this.#gaveUp = true;
    if (waitMs !== null) this.#waits(waitMs);
    if (gone && plan?.definition.policy.onGone) this.#gone = { state: plan.definition.policy.onGone, requestId: request.id };
    const reason = settlement.attempt?.errorCode ?? null;
    if (settlement.blocks) this.#halt = { kind: "BLOCK", requestId: request.id, reason: reason ?? "REJECTED" };
    else if (waitMs !== null && !this.free) this.#halt = { kind: "WAIT", reason };
    else if (this.#gone || state === "PENDING") this.#halt ??= { kind: "LEAVE" };
  }
}
