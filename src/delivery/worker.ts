/**
 * The lanes that this process holds. Lanes become known as "perhaps due" (ingest in this process, a pg-boss job, a
 * NOTIFY, a retry timer, the sweep); those that can be claimed are claimed together, and each runs by itself.
 *
 * Fairness: a lane that sends holds one place, however slow its receiver; when places are short, a lane gives its place
 * up after a budget of sends and queues again behind the others.
 */
import type { Core } from "../core.ts";
import type { Queue } from "../db/queue.ts";
import type { Committer } from "./committer.ts";
import { createCommitter } from "./committer.ts";
import { correctLanes, createDueLanes } from "./due.ts";
import { createOutHints, type OutHints } from "./hints.ts";
import type { Offer } from "./lane-accept.ts";
import { type ClaimedLane, claimLanes, LEASE_MS, readLanes, releaseLanes, renewLeases } from "./lane-claim.ts";
import type { LaneTicket } from "./lane-enqueue.ts";
import { type LaneRef, laneRef, parseLaneRef } from "./lane-id.ts";
import type { StopHook } from "./lane-stop.ts";
import type { Plans } from "./plan.ts";
import { LaneRun, type RunParts } from "./run.ts";
import type { Sender } from "./sender.ts";
import type { Settlement } from "./settlement.ts";

/** What ingest needs of the lanes held here. */
export interface LaneHost {
  /** How many of so many new requests of a lane held here could be sent at once. It keeps the place for them until `accepted` or `abandoned`. */
  offer(ref: LaneRef, count: number): Offer | undefined;
  /** After the transaction: `sending` of each ticket's requests are SENDING and ours. */
  accepted(tickets: readonly LaneTicket[], catalogVersion: number): void;
  /** Nothing came of these offers. */
  abandoned(refs: readonly LaneRef[]): void;
  /** Whether a woken lane would be claimed at once. */
  readonly hasRoom: boolean;
  holds(ref: LaneRef): boolean;
  wake(refs: Iterable<LaneRef>): void;
}

export interface Worker extends LaneHost {
  start(): void;
  /** Takes nothing new, lets what is in flight end and settles it; gives up after `graceMs`. @returns true when all was settled */
  drain(graceMs: number): Promise<boolean>;
  readonly stats: { held: number; sending: number; waiting: number };
}

/** Lanes that may send at once. */
const PLACES = 1_024;
/** Lanes held open, idle ones included. */
const HELD = 20_000;
/** Sends after which a lane makes room, when others wait for a place. */
const BUDGET = 256;
/** Parts of a lease. An empty lane stays open so long: opening one for every single event would halve the rate. */
const IDLE = 0.7;
const TICK = 0.1;
const RENEW_AFTER = 0.3;
const CLAIM_BATCH = 256;
const PAGE = 32;
/** A lane whose row was locked when we asked: ask again. */
const ASK_AGAIN_MS = 40;
/** How often jobs are looked for without a hint. */
const WAKES_MS = 60_000;
const LONGEST_TIMER_MS = 3_600_000;
const DRAIN_LOOK_MS = 20;

export function createWorker(
  core: Core,
  parts: {
    plans: Plans;
    sender: Sender;
    queue: Pick<Queue, "takeWakes">;
    onStop: StopHook;
    /** Whose roll-ups are added to. */
    processId: string;
    onSettled?: (settlement: Settlement) => void;
    leaseMs?: number;
  },
): Worker {
  const leaseMs = parts.leaseMs ?? LEASE_MS;
  const runs = new Map<string, LaneRun>();
  const idle = new Map<string, number>();
  const renewed = new Map<string, number>();
  const wanted = new Set<string>();
  const asked = new Map<string, number>();
  const timers = new Map<string, NodeJS.Timeout>();
  let claiming = false;
  let draining = false;
  let ticking: NodeJS.Timeout | undefined;
  let releasing = false;
  let taking = false;
  let wakesTaken = Number.NEGATIVE_INFINITY;
  const hints: OutHints = createOutHints(core);
  const committer: Committer = createCommitter(core, { onStop: parts.onStop, leaseMs, processId: parts.processId });
  const { clock } = core;
  const due = createDueLanes(core.db, () => clock.monotonic());
  const working = () => runs.size - idle.size;

  const runParts: RunParts = {
    clock,
    retryScale: core.config.retryScale,
    leaseMs,
    committer,
    plans: parts.plans,
    sender: parts.sender,
    async read(run) {
      return (await readLanes(core, [{ ref: run.ref, skip: run.inHand }], PAGE * 2)).get(run.ref);
    },
    idle(run) {
      if (draining) return run.leave();
      if (!idle.has(run.ref)) idle.set(run.ref, clock.monotonic());
      refill();
    },
    left(run, dueMs) {
      runs.delete(run.ref);
      idle.delete(run.ref);
      renewed.delete(run.ref);
      if (draining) return;
      if (dueMs !== null && dueMs <= 0) return host.wake([run.ref]);
      if (dueMs !== null && dueMs <= LONGEST_TIMER_MS) wakeLater(run.ref, dueMs);
      refill();
    },
    settled(settlement) {
      hints.feed(settlement.request.organizationId);
      parts.onSettled?.(settlement);
      const run = runs.get(laneRef(settlement.request.organizationId, settlement.request.laneId));
      if (run && run.sends >= BUDGET && wanted.size > 0 && working() >= PLACES) run.leave();
    },
  };

  /** A place is free: the next lane that waits for one. */
  function refill(): void {
    if (wanted.size > 0) void claim();
  }

  function wakeLater(ref: LaneRef, ms: number): void {
    clearTimeout(timers.get(ref));
    const timer = setTimeout(() => {
      timers.delete(ref);
      host.wake([ref]);
    }, ms);
    timers.set(ref, timer);
  }

  async function claim(): Promise<void> {
    if (claiming || draining) return;
    claiming = true;
    try {
      while (wanted.size > 0 && !draining) {
        const room = Math.min(CLAIM_BATCH, PLACES - working(), HELD - runs.size);
        if (room <= 0) break;
        const ids: string[] = [];
        for (const id of wanted) {
          if (ids.length >= room) break;
          wanted.delete(id);
          if (!runs.has(id)) ids.push(id);
        }
        if (ids.length === 0) continue;
        const at = clock.monotonic();
        const lanes = await claimLanes(core.db, ids, leaseMs);
        if (lanes.length > 0) await open(lanes, at);
        askAgain(ids, lanes);
      }
    } catch (error) {
      core.log.warn({ err: (error as Error).message }, "claiming waits for the database");
    } finally {
      claiming = false;
    }
  }

  async function open(lanes: readonly ClaimedLane[], at: number): Promise<void> {
    const opened = lanes.map((lane) => new LaneRun(lane, at, runParts));
    for (const run of opened) runs.set(run.ref, run);
    const pages = await readLanes(
      core,
      lanes.map((lane) => ({ ref: lane.ref, skip: [] })),
      PAGE,
    ).catch(() => undefined);
    for (const run of opened) run.begin(pages?.get(run.ref));
    // An interrupted one of a dead worker was published by the claim.
    for (const lane of lanes) hints.feed(lane.organizationId);
  }

  /** A lane whose row somebody had locked (an ingest on its way) was passed over: once more, a little later. */
  function askAgain(ids: readonly string[], claimed: readonly ClaimedLane[]): void {
    const got = new Set(claimed.map((lane) => lane.ref));
    for (const id of ids) {
      const times = asked.get(id) ?? 0;
      if (got.has(id) || times >= 3) asked.delete(id);
      else if (!timers.has(id)) {
        asked.set(id, times + 1);
        wakeLater(id, ASK_AGAIN_MS * (times + 1));
      }
    }
  }

  /** Renews the leases of lanes in the middle of a long send. */
  async function renew(): Promise<void> {
    const now = clock.monotonic();
    const busy = [...runs.values()].filter(
      (run) => run.working && now - Math.max(run.lastActive, renewed.get(run.ref) ?? 0) > leaseMs * RENEW_AFTER,
    );
    if (busy.length === 0) return;
    const { kept, lost } = await renewLeases(core.db, busy, leaseMs);
    for (const run of busy) {
      if (lost.has(run.ref)) run.lost();
      if (!kept.has(run.ref)) continue;
      renewed.set(run.ref, now);
      run.renewed(now);
    }
  }

  /** Renews leases, lets go of lanes that were idle long enough, sweeps. */
  async function tick(): Promise<void> {
    await renew();
    const now = clock.monotonic();
    // A run that nobody pumped since an ingest looked at it must become idle again.
    for (const run of runs.values()) if (!run.working && !idle.has(run.ref)) run.pump();
    const old = [...idle].filter(([, since]) => now - since > leaseMs * IDLE).map(([id]) => id);
    await release(old);
    // A job that nobody told of; its lane is due all the same.
    if (now - wakesTaken > WAKES_MS) await takeWakes();
    await lookAtDue();
  }

  /** Lanes that are due and not held here are claimed; the others get the time when somebody should look again. */
  async function lookAtDue(): Promise<void> {
    const found = await due.look();
    const held = found.filter((ref) => runs.has(ref));
    const others = found.filter((ref) => !runs.has(ref));
    for (const ref of others) wanted.add(ref);
    await claim();
    const later = [...held, ...others.filter((ref) => !runs.has(ref) && !wanted.has(ref))];
    for (let at = 0; at < later.length; at += CLAIM_BATCH) await correctLanes(core.db, later.slice(at, at + CLAIM_BATCH));
  }

  /** pg-boss jobs of processes without a worker: one worker takes each. */
  async function takeWakes(): Promise<void> {
    if (taking || draining) return;
    taking = true;
    wakesTaken = clock.monotonic();
    try {
      for (let ids = await parts.queue.takeWakes(); ids.length > 0; ids = await parts.queue.takeWakes()) host.wake(ids);
    } finally {
      taking = false;
    }
  }

  async function release(refs: readonly LaneRef[]): Promise<void> {
    const lanes = refs.flatMap((ref) => runs.get(ref) ?? []).filter((run) => idle.has(run.ref));
    if (lanes.length === 0 || releasing) return;
    releasing = true;
    try {
      const gone = await releaseLanes(core.db, lanes);
      for (const run of lanes) {
        idle.delete(run.ref);
        if (gone.has(run.ref)) run.released();
        else run.news();
      }
    } finally {
      releasing = false;
    }
  }

  const stopHints = core.notify.on("lane", (ids) => {
    if (ids.length === 0) for (const run of runs.values()) active(run).news();
    else host.wake(ids);
  });

  const stopJobs = core.notify.on("job", () => {
    takeWakes().catch((error: Error) => core.log.warn({ err: error.message }, "wake-ups wait for the database"));
  });

  function active(run: LaneRun): LaneRun {
    idle.delete(run.ref);
    return run;
  }

  const host: Worker = {
    offer(ref, count) {
      const run = runs.get(ref);
      if (!run || draining) return undefined;
      const { token, revision, lastNumber } = active(run);
      const sending = run.reserve(token, revision, lastNumber, count);
      return sending > 0 ? { token, revision, lastNumber, sending } : undefined;
    },
    accepted(tickets, catalogVersion) {
      for (const ticket of tickets) {
        const run = runs.get(ticket.ref);
        if (run) active(run).accepted(ticket.requests, ticket.sending, ticket.before, ticket.after, catalogVersion);
      }
    },
    abandoned(refs) {
      for (const ref of refs) runs.get(ref)?.abandoned();
    },
    get hasRoom() {
      return !draining && wanted.size + working() < PLACES;
    },
    holds: (ref) => runs.has(ref),
    wake(refs) {
      if (draining) return;
      for (const ref of refs) {
        const run = runs.get(ref);
        if (run) active(run).news();
        else if (parseLaneRef(ref)) wanted.add(ref);
      }
      if (wanted.size > 0) void claim();
    },
    start() {
      const loop = async () => {
        await tick().catch((error: Error) => core.log.warn({ err: error.message }, "the sweep waits for the database"));
        if (!draining) ticking = setTimeout(loop, leaseMs * TICK);
      };
      void loop();
    },
    async drain(graceMs) {
      draining = true;
      clearTimeout(ticking);
      stopHints();
      stopJobs();
      for (const timer of timers.values()) clearTimeout(timer);
      wanted.clear();
      const deadline = clock.monotonic() + graceMs;
      // What is in flight may last longer than a lease: others must not take the lane meanwhile.
      const renewing = setInterval(() => void renew().catch(() => undefined), leaseMs * TICK);
      for (const run of [...runs.values()]) run.leave();
      while (runs.size > 0 && clock.monotonic() < deadline) {
        await new Promise((resolve) => setTimeout(resolve, DRAIN_LOOK_MS));
        for (const run of [...runs.values()]) run.leave();
      }
      clearInterval(renewing);
      if (runs.size === 0) await committer.idle();
      await hints.flush();
      return runs.size === 0;
    },
    get stats() {
      return { held: runs.size, sending: working(), waiting: wanted.size };
    },
  };
  return host;
}
