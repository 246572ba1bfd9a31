/**
 * One leased lane in this process: reads its queue, marks, sends, settles. Never two in flight on a strict lane. What it does
 * next is decided in decide.ts, where its modes stand; this file makes the moves, and lane-queue.ts keeps what is in hand.
 *
 * Requests are marked SENDING before they are sent, and marked and settled in shared transactions while the window before is
 * under way. At most `UNSETTLED` sends of a lane are not settled yet: what a kill can repeat. A call ends when its lease does.
 */
import { decide, type LaneState, perCommitOf, roomOf, WINDOW_MS, windowOf } from "./decide.ts";
import { LanePlace } from "./fairness/lane-place.ts";
import type { Place } from "./fairness/places.ts";
import { type Halt, haltOf, releaseOf } from "./halt.ts";
import type { ClaimedLane, LanePage } from "./lane-claim.ts";
import type { LaneRef } from "./lane-id.ts";
import { LaneLease } from "./lane-lease.ts";
import { LaneQueue } from "./lane-queue.ts";
import { hostOf, type Plan } from "./plan.ts";
import type { Entry, QueuedRequest } from "./queued.ts";
import type { RunParts } from "./run-parts.ts";
import type { LaneStep, Settlement, StepResult } from "./settlement.ts";
import { settlementOf } from "./settlement-of.ts";

/** Sends are settled at the latest so long after the last one. */
const FLUSH_MS = 50;
/** Longer waits are left to the look at what is due. */
const LONGEST_TIMER_MS = 3_600_000;
/** The database is away: tried again so much later. */
const AWAY_MS = 500;

/** All went well: nothing follows from it. */
const isPatient = (settlements: readonly Settlement[]) => settlements.length > 0 && settlements.every(({ state }) => state === "DELIVERED");

export class LaneRun {
  readonly lane: ClaimedLane;
  readonly #parts: RunParts<LaneRun>;
  readonly #queue: LaneQueue;
  readonly #place: LanePlace;
  #revision: number;
  /** The revision that the queue was last read at. */
  #readAt = -1;
  #catalogVersion: number;
  #done: Settlement[] = [];
  #committing = 0;
  /** What is being settled may gather with that of other lanes. */
  #patient = false;
  #gaveUp = false;
  /** From the start: the first page is on its way. */
  #busy = true;
  #reading = true;
  #reserved = 0;
  #halt: Halt | null = null;
  #gone: LaneStep["gone"] = null;
  /** When the first of those that wait for a retry may go, or the head: monotonic; null: nothing waits that we know of. */
  #dueAt: number | null = null;
  #left = false;
  #concurrency = 1;
  #stopAt: number | null = null;
  /** Starts slow, so that the first window is one request. */
  readonly #pace = { send: WINDOW_MS, commit: 0 };
  readonly #lease: LaneLease;
  #flush: NodeJS.Timeout | undefined;
  #due: NodeJS.Timeout | undefined;
  #pumping = false;
  #again = false;
  /** Monotonic time of the last send or settle. */
  lastActive: number;

  constructor(lane: ClaimedLane, claimedAt: number, place: Place, parts: RunParts<LaneRun>) {
    this.lane = lane;
    this.#revision = lane.revision;
    this.#catalogVersion = lane.catalogVersion;
    this.#parts = parts;
    this.#place = new LanePlace(parts.places, parts.clock, place.owner);
    this.#place.put(place);
    this.#queue = new LaneQueue(lane.free, place.owner, parts.bytes, lane.lastNumber);
    this.#lease = new LaneLease(parts.clock, parts.leaseMs, claimedAt);
    this.lastActive = claimedAt;
  }

  get ref(): LaneRef {
    return this.lane.ref;
  }
  get revision(): number {
    return this.#revision;
  }
  /** The lane's last number that we know of. */
  get lastNumber(): number {
    return this.#queue.known;
  }
  /** What the reader has in hand already. */
  get inHand(): string[] {
    return this.#queue.ids;
  }
  /** It had its turn, and others wait for theirs. */
  get spent(): boolean {
    return this.#place.spent;
  }
  get working(): boolean {
    return this.#busy || !this.#queue.empty;
  }
  /** It has work and no place. */
  get hungry(): boolean {
    return !this.#place.held && !this.#left && (this.#queue.more || this.#queue.buffer.length > 0);
  }

  /** The first page, read together with those of other lanes; undefined: it could not be read. */
  begin(page: LanePage | undefined): void {
    this.#busy = false;
    this.#reading = false;
    if (page) this.#take(page);
    else this.#queue.more = true;
    this.pump();
  }

  /** Claimed by the statement that wrote these, its first requests: nothing else is in it. @param sending the first so many are SENDING already */
  born(requests: QueuedRequest[], sending: number, after: number): void {
    const { lastNumber, revision, catalogVersion } = this.lane;
    // Else it would find nothing to do, and give its place to others.
    this.#reserved = sending;
    this.begin({ entries: [], more: false, lastNumber, revision });
    this.accepted(requests, sending, lastNumber, after, catalogVersion);
  }

  /** The lane may hold something we have not read. */
  news(): void {
    this.#queue.more = true;
    this.pump();
  }

  /** Its turn has come. */
  placed(place: Place): void {
    this.#place.put(place);
    this.pump();
  }

  /** Gives its place to others; what it has in memory for later goes too. */
  unplaced(): void {
    this.#place.give();
    if (this.#queue.buffer.length > 0) this.#queue.forget();
  }

  /** Finish what is in flight, give the rest back. */
  leave(): void {
    this.#halt ??= { kind: "LEAVE" };
    this.pump();
  }

  renewed(at: number): void {
    this.#lease.renewed(at);
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
    if (token !== this.lane.token || revision !== this.#revision || this.#halt || this.#left || this.#reserved > 0) return 0;
    if (!this.#queue.clear || this.#reading || !this.#lease.holds) return 0;
    if (!this.lane.free && before !== this.#queue.known) return 0;
    if (!this.#place.enter() || !this.#parts.bytes.may(this.#place.owner, 1)) return 0;
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

  #room(window = windowOf(this.lane.free, this.#concurrency, this.#pace)): number {
    const { marked, inFlight } = this.#queue;
    return roomOf(window, this.#done.length + this.#committing, marked.length + inFlight.size + this.#reserved);
  }

  #take(page: LanePage): void {
    this.#queue.take(page);
    this.#revision = page.revision;
    this.#readAt = page.revision;
  }

  #state(): LaneState {
    const window = windowOf(this.lane.free, this.#concurrency, this.#pace);
    const room = this.#room(window);
    const placed = this.#place.held;
    const hand = this.#queue.hand(this.#parts.clock.monotonic(), placed ? Math.max(1, room) : 0);
    return {
      ...hand,
      free: this.lane.free,
      placed,
      busy: this.#busy,
      reserved: this.#reserved,
      halted: this.#halt !== null,
      gaveUp: this.#gaveUp,
      leaseHolds: this.#lease.holds,
      done: this.#done.length,
      concurrency: this.#place.slots(this.#concurrency, hand.marked + hand.inFlight),
      ...{ window, room, perCommit: perCommitOf(this.#concurrency, this.#pace) },
      retryKnown: this.#dueAt !== null,
    };
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
          // A lane that is to be let go of waits for what is in flight.
          if (!this.#busy && !this.#halt && this.#done.length > 0) void this.#commit(0);
        }, FLUSH_MS);
        return false;
      case "END":
        if (move.why === "HEAD_WAITS") this.#dueAt = this.#queue.buffer[0]?.light.dueAt as number;
        this.#halt ??= { kind: "WAIT", reason: null };
        void this.#commit(0);
        return false;
      case "IDLE":
        this.#parts.idle(this);
        return false;
      case "WAIT":
        if (this.#patient && (state.halted || !this.#queue.clear)) this.#parts.committer.hurry();
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
    const release = releaseOf(halt);
    this.#patient = isPatient(settlements) && release === null && marks.length + unmarks.length === 0 && this.#queue.clear;
    // While it is being settled it has nothing to send, and others may. What comes meanwhile takes a place anew.
    if (this.#patient && this.#queue.inFlight.size + this.#queue.marked.length + this.#reserved === 0) this.#place.give();
    // Read while they are being marked: sent when both are done.
    if (marks.length > 0) void this.#parts.bodies.read(marks).then((all) => (all ? this.pump() : this.leave()));
    const at = this.#parts.clock.monotonic();
    const step: LaneStep = {
      ...this.lane,
      revision: this.#revision,
      // Not known while an operator's change has not been read: a resend may stand before everything in hand.
      readFrom: this.#readAt === this.#revision ? this.#queue.readFrom(settlements) : null,
      settlements,
      marks: marks.map((entry) => entry.id),
      unmarks,
      release,
      stopAt: this.#stopAt,
      gone: this.#gone,
    };
    const result = await this.#parts.committer.commit(step, this.#patient);
    this.#busy = false;
    // What it waited for others says nothing about the database.
    if (!this.#patient) this.#pace.commit = this.#pace.commit * 0.7 + (this.#parts.clock.monotonic() - at) * 0.3;
    this.#patient = false;
    this.#committing = 0;
    this.#gone = null;
    if (gaveUp) this.#gaveUp = false;
    if (!result.valid) this.#end(0);
    for (const settlement of result.valid ? settlements : (result.stand ?? [])) this.#parts.settled(this, settlement);
    if (this.#left) return;
    this.#queue.settled(settlements);
    for (const { waitMs } of settlements) if (waitMs !== null) this.#waits(waitMs);
    this.#lease.renewed(at);
    this.#catalogVersion = Math.max(this.#catalogVersion, result.catalogVersion);
    this.#after(result, halt);
  }

  #after(result: StepResult, halt: Halt | null): void {
    if (halt) {
      // A free lane waits for nothing but its own requests: one that came meanwhile is due now.
      const now = halt.kind === "LEAVE" || (this.lane.free && result.lastNumber !== this.#queue.known);
      this.#end(halt.kind === "BLOCK" ? null : now ? 0 : this.#dueMs());
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

  /**
   * A free lane goes on while some of its requests wait: it looks again when the first of them is due. Counted from when that is
   * written: a look before it would find nothing, and none would follow.
   */
  #waits(ms: number): void {
    const at = this.#parts.clock.monotonic() + ms;
    if (this.#dueAt !== null && this.#dueAt <= at) return;
    this.#dueAt = at;
    if (!this.lane.free || ms > LONGEST_TIMER_MS) return;
    clearTimeout(this.#due);
    this.#due = setTimeout(() => {
      this.#due = undefined;
      this.#dueAt = null;
      this.news();
    }, ms);
  }

  #dueMs(): number | null {
    return this.#dueAt === null ? null : Math.max(0, this.#dueAt - this.#parts.clock.monotonic());
  }

  #end(dueMs: number | null): void {
    if (this.#left) return;
    this.#left = true;
    clearTimeout(this.#flush);
    clearTimeout(this.#due);
    this.#lease.end();
    this.#parts.bytes.forget(this);
    this.#queue.end();
    this.unplaced();
    this.#parts.left(this, dueMs);
  }

  async #send(entry: Entry): Promise<void> {
    const { clock, plans, sender } = this.#parts;
    this.#queue.inFlight.add(entry);
    // What is given up then is settled as INTERRUPTED, if the lane is ours still.
    this.#lease.watch(
      () => this.#queue.inFlight.size > 0,
      () => {
        this.#halt ??= { kind: "LEAVE" };
      },
    );
    const request = entry.full as QueuedRequest;
    const started = clock.monotonic();
    let plan: Plan | undefined;
    try {
      plan = await plans.get(this.lane.definitionId, this.#catalogVersion);
    } catch {
      // The database is away: nothing was sent, the request goes back.
      this.#queue.inFlight.delete(entry);
      this.#queue.marked.unshift(entry);
      this.#halt ??= { kind: "LEAVE" };
      return this.pump();
    }
    if (plan) {
      this.#concurrency = this.lane.free ? plan.definition.policy.concurrency : 1;
      this.#stopAt = plan.definition.policy.maxConsecutiveErrors;
    }
    this.#place.sent(hostOf(this.lane.definitionId, plan));
    const attempted = await sender.attempt(request, plan, this.#lease.signal);
    const now = clock.monotonic();
    this.lastActive = now;
    this.#pace.send = this.#pace.send * 0.7 + (now - started) * 0.3;
    if (this.#left) return;
    this.#queue.answered(entry);
    const settlement = settlementOf(request, attempted, plan, this.lane.free, this.#parts);
    this.#done.push(settlement);
    if (settlement.state === "REJECTED" && !this.lane.free) this.#gaveUp = true;
    const stops = attempted.verdict?.gone ? plan?.definition.policy.onGone : undefined;
    if (stops) this.#gone = { state: stops, requestId: request.id };
    this.#halt = haltOf(settlement, this.lane.free, this.#gone !== null, this.#halt);
    this.pump();
  }
}
