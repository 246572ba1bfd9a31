/**
 * The lanes that this process holds. Lanes become known as "perhaps due" (ingest in this process, a pg-boss job, a
 * NOTIFY, a retry timer, the sweep); those that can be claimed are claimed together, and each runs by itself.
 *
 * Fairness: a lane that sends holds one place, however slow its receiver; when places are short, a lane gives its place
 * up after a budget of sends and queues again behind the others.
 */
import type { Core } from "../core.ts";
import type { Queue } from "../db/queue.ts";
import type { DialectName } from "../wire/dialect.ts";
import { dialects } from "../wire/dialects.ts";
import type { Committer } from "./committer.ts";
import { createCommitter } from "./committer.ts";
import { createOutHints, type OutHints } from "./hints.ts";
import { type ClaimedLane, claimLanes, LEASE_MS, readLanes, releaseLanes, renewLeases } from "./lane-claim.ts";
import type { LaneTicket, Reserve } from "./lane-enqueue.ts";
import type { Settlement } from "./lane-settle.ts";
import { mendLanes, type StopHook } from "./lane-stop.ts";
import type { Plans } from "./plan.ts";
import { LaneRun, type RunParts } from "./run.ts";
import type { Sender } from "./sender.ts";
import { findDueLanes } from "./sweep.ts";

/** What ingest needs of the lanes held here. */
export interface LaneHost {
  reserve: Reserve;
  /** After the transaction: `sending` of each ticket's requests are SENDING and ours. */
  accepted(tickets: readonly LaneTicket[], catalogVersions: ReadonlyMap<string, number>): void;
  /** The transaction failed. */
  abandoned(tickets: readonly LaneTicket[]): void;
  /** Whether a woken lane would be claimed at once. */
  readonly hasRoom: boolean;
  holds(laneId: string): boolean;
  wake(laneIds: Iterable<string>): void;
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
const LONGEST_TIMER_MS = 3_600_000;
/** Walks all lanes, so seldom. */
const MEND_EVERY_MS = 30_000;
const DRAIN_LOOK_MS = 20;

const isFree = (ordering: string | null, dialect: string) => (ordering ?? dialects[dialect as DialectName].defaults.ordering) === "NONE";

export function createWorker(
  core: Core,
  parts: {
    plans: Plans;
    sender: Sender;
    queue: Pick<Queue, "takeWakes">;
    onStop: StopHook;
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
  let mended = 0;
  const hints: OutHints = createOutHints(core);
  const committer: Committer = createCommitter(core, parts.onStop, leaseMs);
  const { clock } = core;
  const working = () => runs.size - idle.size;

  const runParts: RunParts = {
    clock,
    retryScale: core.config.retryScale,
    leaseMs,
    committer,
    plans: parts.plans,
    sender: parts.sender,
    async read(run) {
      const pages = await readLanes(core, [{ laneId: run.laneId, free: run.free, skip: run.inHand }], PAGE * 2);
      return pages.get(run.laneId);
    },
    idle(run) {
      if (draining) return run.leave();
      if (!idle.has(run.laneId)) idle.set(run.laneId, clock.monotonic());
      refill();
    },
    left(run, dueMs) {
      runs.delete(run.laneId);
      idle.delete(run.laneId);
      renewed.delete(run.laneId);
      if (draining) return;
      if (dueMs !== null && dueMs <= 0) return host.wake([run.laneId]);
      if (dueMs !== null && dueMs <= LONGEST_TIMER_MS) wakeLater(run.laneId, dueMs);
      refill();
    },
    settled(settlement) {
      hints.feed(settlement.request.organizationId);
      parts.onSettled?.(settlement);
      const run = runs.get(settlement.request.laneId);
      if (run && run.sends >= BUDGET && wanted.size > 0 && working() >= PLACES) run.leave();
    },
  };

  /** A place is free: the next lane that waits for one. */
  function refill(): void {
    if (wanted.size > 0) void claim();
  }

  function wakeLater(laneId: string, ms: number): void {
    clearTimeout(timers.get(laneId));
    const timer = setTimeout(() => {
      timers.delete(laneId);
      host.wake([laneId]);
    }, ms);
    timers.set(laneId, timer);
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
        const lanes = await claimLanes(core.db, ids, isFree, leaseMs);
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
    for (const run of opened) runs.set(run.laneId, run);
    const pages = await readLanes(
      core,
      lanes.map((lane) => ({ laneId: lane.laneId, free: lane.free, skip: [] })),
      PAGE,
    ).catch(() => undefined);
    for (const run of opened) run.begin(pages?.get(run.laneId));
    // An interrupted one of a dead worker was published by the claim.
    for (const lane of lanes) hints.feed(lane.organizationId);
  }

  /** A lane whose row somebody had locked (an ingest on its way) was passed over: once more, a little later. */
  function askAgain(ids: readonly string[], claimed: readonly ClaimedLane[]): void {
    const got = new Set(claimed.map((lane) => lane.laneId));
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
      (run) => run.working && now - Math.max(run.lastActive, renewed.get(run.laneId) ?? 0) > leaseMs * RENEW_AFTER,
    );
    if (busy.length === 0) return;
    const { kept, lost } = await renewLeases(core.db, busy, leaseMs);
    for (const run of busy) {
      if (lost.has(run.laneId)) run.lost();
      if (!kept.has(run.laneId)) continue;
      renewed.set(run.laneId, now);
      run.renewed(now);
    }
  }

  /** Renews leases, lets go of lanes that were idle long enough, sweeps. */
  async function tick(): Promise<void> {
    await renew();
    const now = clock.monotonic();
    // A run that nobody pumped since an ingest looked at it must become idle again.
    for (const run of runs.values()) if (!run.working && !idle.has(run.laneId)) run.pump();
    const old = [...idle].filter(([, since]) => now - since > leaseMs * IDLE).map(([id]) => id);
    await release(old);
    await takeWakes();
    for (const id of await findDueLanes(core.db)) wanted.add(id);
    if (now - mended > MEND_EVERY_MS) {
      mended = now;
      await mendLanes(core.db);
    }
    void claim();
  }

  /** pg-boss jobs of processes without a worker: one worker takes each. */
  async function takeWakes(): Promise<void> {
    if (taking || draining) return;
    taking = true;
    try {
      for (let ids = await parts.queue.takeWakes(); ids.length > 0; ids = await parts.queue.takeWakes()) host.wake(ids);
    } finally {
      taking = false;
    }
  }

  async function release(laneIds: readonly string[]): Promise<void> {
    const lanes = laneIds.flatMap((id) => runs.get(id) ?? []).filter((run) => idle.has(run.laneId));
    if (lanes.length === 0 || releasing) return;
    releasing = true;
    try {
      const gone = await releaseLanes(core.db, lanes);
      for (const run of lanes) {
        idle.delete(run.laneId);
        if (gone.has(run.laneId)) run.released();
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
    idle.delete(run.laneId);
    return run;
  }

  const host: Worker = {
    reserve(ticket) {
      const run = runs.get(ticket.laneId);
      if (!run || ticket.held || draining) return 0;
      return active(run).reserve(ticket.leaseToken, ticket.revision, ticket.before, ticket.requests.length);
    },
    accepted(tickets, versions) {
      for (const ticket of tickets) {
        const run = runs.get(ticket.laneId);
        const organizationId = ticket.requests[0]?.organizationId ?? "";
        if (run) active(run).accepted(ticket.requests, ticket.sending, ticket.before, ticket.after, versions.get(organizationId) ?? 0);
      }
    },
    abandoned(tickets) {
      for (const ticket of tickets) runs.get(ticket.laneId)?.abandoned();
    },
    get hasRoom() {
      return !draining && wanted.size + working() < PLACES;
    },
    holds: (laneId) => runs.has(laneId),
    wake(laneIds) {
      if (draining) return;
      for (const id of laneIds) {
        const run = runs.get(id);
        if (run) active(run).news();
        else wanted.add(id);
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
