/**
 * One leased lane in this process: reads its queue, marks, sends, settles. Never two in flight on a strict lane.
 *
 * Requests are marked SENDING before they are sent, in windows as large as is sent in about 50 ms or while two windows
 * are committed, and marked and settled in shared transactions while the window before is under way: no receiver is kept
 * waiting for a commit, and behind one that is slow beside a commit only what is really in flight says SENDING. At most
 * `UNSETTLED` sends of a lane are not settled yet: what a kill can repeat.
 */
import type { Clock } from "../clock.ts";
import { nextStep, requeueAfterMs } from "../wire/retry.ts";
import type { Attempted } from "./attempted.ts";
import type { Committer } from "./committer.ts";
import type { ClaimedLane, LanePage } from "./lane-claim.ts";
import type { LaneRef } from "./lane-id.ts";
import type { Plan, Plans } from "./plan.ts";
import type { QueuedRequest } from "./queued.ts";
import type { Sender } from "./sender.ts";
import { isSettled, type LaneStep, type Settlement, type StepResult } from "./settlement.ts";

export const UNSETTLED = 64;
/** A window is what is sent in this time, but never more than so many. */
const WINDOW_MS = 50;
const WINDOW = 32;
/** Part of a send that a commit may take without the next request being marked ahead of it. */
const COMMIT_TRIFLE = 0.25;
/** Sends are settled at the latest so long after the last one. */
const FLUSH_MS = 50;
/** Requests kept in memory behind the window; the rest stays in the table. */
const BUFFER = 256;
/** Longer waits are left to the sweep. */
const LONGEST_TIMER_MS = 3_600_000;
/** A lease is not used to its last fifth. */
const LEASE_USED = 0.8;

export interface RunParts {
  clock: Clock;
  retryScale: number;
  leaseMs: number;
  committer: Committer;
  plans: Plans;
  sender: Sender;
  /** Undefined: there is no such lane any more. */
  read(run: LaneRun): Promise<LanePage | undefined>;
  /** Nothing to do, and nothing more to read. */
  idle(run: LaneRun): void;
  /** Let go of the lane: it is no longer ours. @param dueMs known wait of its next request; 0: at once */
  left(run: LaneRun, dueMs: number | null): void;
  /** An attempt was settled: for metrics and the log. */
  settled(settlement: Settlement): void;
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
  #revision: number;
  /** The revision that the queue was last read at. */
  #readAt = -1;
  #catalogVersion: number;
  /** The lane's last number that we know to be in `#buffer` or behind us. */
  #known: number;
  /** There may be more in the table than in the buffer. */
  #more = false;
  #buffer: QueuedRequest[] = [];
  #marked: QueuedRequest[] = [];
  #inFlight = new Set<QueuedRequest>();
  #done: Settlement[] = [];
  #committing = 0;
  /** A strict lane gave a request up: that must be on disk before the next one is sent, or a kill would turn the two round. */
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
  /** Moving average of a send, milliseconds; starts slow, so that the first window is one request. */
  #average = WINDOW_MS;
  /** The same of a commit. */
  #commitAverage = 0;
  #validUntil: number;
  #flush: NodeJS.Timeout | undefined;
  #due: NodeJS.Timeout | undefined;
  /** Sends since this lane had its place: the budget of fairness. */
  sends = 0;
  /** Monotonic time of the last send or settle. */
  lastActive: number;

  constructor(lane: ClaimedLane, claimedAt: number, parts: RunParts) {
    this.ref = lane.ref;
    this.laneId = lane.laneId;
    this.definitionId = lane.definitionId;
    this.organizationId = lane.organizationId;
    this.token = lane.token;
    this.free = lane.free;
    this.#revision = lane.revision;
    this.#catalogVersion = lane.catalogVersion;
    this.#known = lane.lastNumber;
    this.#parts = parts;
    this.#validUntil = claimedAt + parts.leaseMs * LEASE_USED;
    this.lastActive = claimedAt;
  }

  get revision(): number {
    return this.#revision;
  }
  get lastNumber(): number {
    return this.#known;
  }
  /** What the reader has in hand already. */
  get inHand(): string[] {
    return [...this.#buffer, ...this.#marked, ...this.#inFlight].map((r) => r.id).concat(this.#done.map((s) => s.request.id));
  }
  get working(): boolean {
    return this.#busy || this.#working();
  }
  get hasLeft(): boolean {
    return this.#left;
  }

  /** The first page, read together with those of other lanes; undefined: it could not be read. */
  begin(page: LanePage | undefined): void {
    this.#busy = false;
    this.#reading = false;
    if (page) this.#take(page);
    else this.#more = true;
    this.pump();
  }

  /** The lane may hold something we have not read. */
  news(): void {
    this.#more = true;
    this.pump();
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
    if (this.#more || this.#buffer.length > 0 || this.#reading || !this.#leaseHolds()) return 0;
    if (!this.free && before !== this.#known) return 0;
    const sending = Math.min(count, this.#room());
    if (sending > 0) this.#reserved = sending;
    return Math.max(0, sending);
  }

  /** @param sending the first so many of `requests` are SENDING already */
  accepted(requests: QueuedRequest[], sending: number, before: number, after: number, catalogVersion: number): void {
    this.#catalogVersion = Math.max(this.#catalogVersion, catalogVersion);
    if (sending > 0) this.#reserved = 0;
    if (this.#left) return;
    this.#marked.push(...requests.slice(0, sending));
    // Only what follows directly on what we know may run from memory: otherwise there are unread ones before it.
    const fits = this.#buffer.length + requests.length - sending <= BUFFER;
    if (before === this.#known && !this.#more && !this.#reading && fits) {
      this.#buffer.push(...requests.slice(sending));
      this.#known = after;
    } else {
      this.#more = true;
    }
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

  /** How many may be SENDING at once: what is sent while two windows are committed, where a commit is no trifle beside a send. */
  #window(): number {
    if (this.free) return this.#concurrency;
    const send = Math.max(this.#average, 0.1);
    const ahead = this.#commitAverage > send * COMMIT_TRIFLE ? 1 + Math.ceil((2 * this.#commitAverage) / send) : 1;
    return Math.min(WINDOW, Math.max(ahead, Math.floor(WINDOW_MS / send)));
  }

  /** How many more may be marked. */
  #room(): number {
    const window = this.#window();
    const unsettled = this.#done.length + this.#committing;
    const ahead = this.#marked.length + this.#inFlight.size + this.#reserved;
    const limit = Math.max(UNSETTLED, this.free ? this.#concurrency : 0);
    return Math.min(window - ahead, limit - unsettled - ahead);
  }

  #take(page: LanePage): void {
    const inHand = new Set(this.inHand);
    this.#buffer.push(...page.requests.filter((request) => !inHand.has(request.id)));
    this.#more ||= page.more;
    // A page that is not full says all there was: what is missing up to the lane's last number is settled, or not due yet.
    this.#known = Math.max(this.#known, page.more ? Math.max(0, ...page.requests.map((r) => r.laneNumber)) : page.lastNumber);
    this.#revision = page.revision;
    this.#readAt = page.revision;
  }

  /**
   * The position below which nothing of a strict lane is unsettled, once these are settled. Unknown while an operator's change
   * has not been read: a resend may stand before everything in hand.
   */
  #readFrom(settlements: readonly Settlement[]): number | null {
    if (this.free || this.#readAt !== this.#revision) return null;
    const left = [
      ...this.#buffer,
      ...this.#marked,
      ...this.#inFlight,
      ...settlements.filter((s) => !isSettled(s) || s.blocks).map((s) => s.request),
    ];
    const settled = settlements.filter((s) => isSettled(s) && !s.blocks).map((s) => s.request.position);
    if (settled.length === 0) return null;
    return Math.min(Math.max(...settled) + 1, ...left.map((r) => r.position));
  }

  /** Does whatever can be done now. Called after every change; idempotent. */
  pump(): void {
    if (this.#left) return;
    while (!this.#halt && !this.#gaveUp && this.#marked.length > 0 && this.#inFlight.size < this.#concurrency && this.#leaseHolds()) {
      void this.#send(this.#marked.shift() as QueuedRequest);
    }
    if (this.#busy || this.#reserved > 0) return;
    if (this.#halt) {
      if (this.#inFlight.size === 0) void this.#commit([]);
      return;
    }
    const resting = this.#inFlight.size === 0 && this.#marked.length === 0;
    const head = this.#buffer[0];
    const now = this.#parts.clock.monotonic();
    if (!this.free && head?.dueAt && resting && isLater(head, now)) {
      // A resend went before it, and now the head waits again.
      this.#dueMs = head.dueAt - now;
      this.#halt = { kind: "WAIT", reason: null };
      void this.#commit([]);
      return;
    }
    const room = this.#room();
    const marks = room > 0 && (resting || room >= Math.min(4, this.#window() / 2) || this.free) ? this.#nextMarks(room) : [];
    if (
      marks.length > 0 ||
      (this.#done.length > 0 && (resting || this.#gaveUp || this.#done.length >= UNSETTLED / 2)) ||
      (!this.#leaseHolds() && !resting)
    ) {
      void this.#commit(marks);
    } else if (this.#buffer.length === 0 && this.#more) {
      void this.#read();
    } else if (this.#done.length > 0) {
      this.#flush ??= setTimeout(() => {
        this.#flush = undefined;
        if (!this.#busy && this.#done.length > 0) void this.#commit([]);
      }, FLUSH_MS);
    } else if (resting) {
      if (this.free && this.#dueMs !== null) {
        // Some wait for a retry: let the lane go until the first of them is due.
        this.#halt = { kind: "WAIT", reason: null };
        void this.#commit([]);
      } else {
        this.#parts.idle(this);
      }
    }
  }

  #nextMarks(room: number): QueuedRequest[] {
    const now = this.#parts.clock.monotonic();
    let count = 0;
    while (count < room && count < this.#buffer.length && !isLater(this.#buffer[count], now)) count += 1;
    return this.#buffer.slice(0, count);
  }

  async #read(): Promise<void> {
    this.#busy = true;
    this.#reading = true;
    // News that arrive from here on may be missing in what we read: they set it again.
    this.#more = false;
    try {
      const page = await this.#parts.read(this);
      this.#reading = false;
      this.#busy = false;
      if (!page) return this.#end(null);
      this.#take(page);
      this.pump();
    } catch {
      // The database is away: the lane is claimed again when it is back.
      this.#reading = false;
      this.#busy = false;
      this.#more = true;
      if (this.#working()) setTimeout(() => this.pump(), 500).unref();
      else this.#end(1_000);
    }
  }

  #working(): boolean {
    return this.#inFlight.size > 0 || this.#marked.length > 0 || this.#done.length > 0;
  }

  async #commit(marks: QueuedRequest[]): Promise<void> {
    clearTimeout(this.#flush);
    this.#flush = undefined;
    const settlements = this.#done;
    this.#done = [];
    const gaveUp = this.#gaveUp;
    this.#committing = settlements.length;
    this.#busy = true;
    const halt = this.#halt;
    // What was marked but not sent goes back before the lane is let go.
    const unmarks = halt ? this.#marked.splice(0).map((r) => r.id) : [];
    const at = this.#parts.clock.monotonic();
    const result = await this.#parts.committer.commit({
      organizationId: this.organizationId,
      laneId: this.laneId,
      definitionId: this.definitionId,
      token: this.token,
      revision: this.#revision,
      readFrom: this.#readFrom(settlements),
      settlements,
      marks: marks.map((r) => r.id),
      unmarks,
      release: halt === null ? null : halt.kind === "LEAVE" ? { kind: "WAIT", reason: null } : halt,
      free: this.free,
      stopAt: this.#stopAt,
      gone: this.#gone,
    });
    this.#busy = false;
    this.#commitAverage = this.#commitAverage * 0.7 + (this.#parts.clock.monotonic() - at) * 0.3;
    this.#committing = 0;
    this.#gone = null;
    if (gaveUp) this.#gaveUp = false;
    if (!result.valid) return this.#end(0);
    for (const settlement of settlements) this.#parts.settled(settlement);
    this.#validUntil = at + this.#parts.leaseMs * LEASE_USED;
    this.#catalogVersion = Math.max(this.#catalogVersion, result.catalogVersion);
    this.#after(result, marks, halt);
  }

  #after(result: StepResult, marks: QueuedRequest[], halt: Halt | null): void {
    if (halt) {
      // A free lane waits for nothing but its own requests: one that came meanwhile is due now.
      const now = halt.kind === "LEAVE" || (this.free && result.lastNumber !== this.#known);
      this.#end(halt.kind === "BLOCK" ? null : now ? 0 : this.#dueMs);
      return;
    }
    const chosen = new Set(marks.map((r) => r.id));
    if (result.revision !== this.#revision) {
      // An operator changed the queue: what we read of it counts no more.
      this.#revision = result.revision;
      this.#buffer = [];
      this.#more = true;
    } else {
      this.#buffer = this.#buffer.filter((r) => !chosen.has(r.id));
      this.#marked.push(...marks.filter((r) => result.marked.has(r.id)));
    }
    if (result.lastNumber > this.#known && this.#buffer.length === 0) this.#more = true;
    if (result.held) this.#halt ??= { kind: "LEAVE" };
    this.pump();
  }

  /** A free lane goes on while some of its requests wait: it looks again when the first of them is due. */
  #waits(ms: number): void {
    this.#dueMs = Math.min(this.#dueMs ?? Number.POSITIVE_INFINITY, ms);
    if (!this.free || ms > LONGEST_TIMER_MS) return;
    this.#due ??= setTimeout(() => {
      this.#due = undefined;
      this.news();
    }, this.#dueMs);
  }

  #end(dueMs: number | null): void {
    if (this.#left) return;
    this.#left = true;
    clearTimeout(this.#flush);
    clearTimeout(this.#due);
    this.#parts.left(this, dueMs);
  }

  async #send(request: QueuedRequest): Promise<void> {
    this.#inFlight.add(request);
    this.sends += 1;
    const started = this.#parts.clock.monotonic();
    let plan: Plan | undefined;
    try {
      plan = await this.#parts.plans.get(this.definitionId, this.#catalogVersion);
    } catch {
      // The database is away: nothing was sent, the request goes back.
      this.#inFlight.delete(request);
      this.#marked.unshift(request);
      this.#halt ??= { kind: "LEAVE" };
      return this.pump();
    }
    if (plan) {
      this.#concurrency = this.free ? plan.definition.policy.concurrency : 1;
      this.#stopAt = plan.definition.policy.maxConsecutiveErrors;
    }
    const attempted = await this.#parts.sender.attempt(request, plan);
    const now = this.#parts.clock.monotonic();
    this.lastActive = now;
    this.#average = this.#average * 0.7 + (now - started) * 0.3;
    this.#inFlight.delete(request);
    if (this.#left) return;
    const settlement = settlementOf(request, attempted, plan, this.#parts);
    this.#done.push(settlement);
    if (settlement.state === "REJECTED" && !this.free) this.#gaveUp = true;
    if (settlement.waitMs !== null) this.#waits(settlement.waitMs);
    if (attempted.verdict?.gone && plan?.definition.policy.onGone)
      this.#gone = { state: plan.definition.policy.onGone, requestId: request.id };
    if (attempted.unsent) this.#halt ??= { kind: "LEAVE" };
    const reason = settlement.attempt?.errorCode ?? null;
    if (settlement.blocks) this.#halt = { kind: "BLOCK", requestId: request.id, reason: reason ?? "REJECTED" };
    else if (settlement.waitMs !== null && !this.free) this.#halt = { kind: "WAIT", reason };
    else if (this.#gone) this.#halt ??= { kind: "LEAVE" };
    this.pump();
  }
}

function isLater(request: QueuedRequest | undefined, now: number): boolean {
  return request?.dueAt != null && request.dueAt > now;
}

/** What becomes of a request after its attempt: the policy's word, as one value. */
export function settlementOf(
  request: QueuedRequest,
  attempted: Attempted,
  plan: Plan | undefined,
  chance: { clock: Clock; retryScale: number },
): Settlement {
  const { attempt, verdict, answer } = attempted;
  const policy = plan?.definition.policy;
  const settlement: Settlement = {
    request,
    attempt,
    state: "DELIVERED",
    tries: request.tries,
    waitMs: null,
    requeue: false,
    blocks: false,
    url: attempted.url,
    authenticationCode: attempted.authenticationCode,
    fieldsSet: plan?.definition.fieldsSet ?? [],
    notificationStatus: verdict?.notificationStatus ?? null,
    notificationMessage: verdict?.notificationMessage ?? null,
    lastError: attempted.lastError,
  };
  if (attempted.unsent) return { ...settlement, state: "PENDING" };
  if (!verdict || !attempt) return { ...settlement, state: "SKIPPED" };
  if (verdict.outcome === "DELIVERED") return settlement;
  const tries = request.tries + 1;
  if (!policy || request.isTest) return { ...settlement, state: "REJECTED", tries };
  const dice = { now: chance.clock.now(), random: chance.clock.random, retryScale: chance.retryScale };
  const step = nextStep(policy, tries, answer, verdict, dice);
  if (step.kind === "RETRY") return { ...settlement, state: "WAITING", tries, waitMs: step.afterMs };
  if (step.kind === "EXHAUSTED" && policy.onExhausted === "REQUEUE") {
    // On a strict lane there is no back of the queue: the payload stays at the head, and the next cycle begins there.
    return { ...settlement, state: "WAITING", tries: 0, waitMs: requeueAfterMs(policy, answer, dice), requeue: policy.ordering === "NONE" };
  }
  // doForms: a notification that nobody took has failed.
  const notificationStatus = request.dialect === "DOFORMS" ? "FAILED" : settlement.notificationStatus;
  return {
    ...settlement,
    state: "REJECTED",
    tries,
    notificationStatus,
    blocks: policy.onExhausted === "BLOCK" && policy.ordering !== "NONE",
  };
}
