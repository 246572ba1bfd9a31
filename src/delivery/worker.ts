/**
 * The lanes that this process holds. Lanes become known as "perhaps due" (ingest in this process, a pg-boss job, a NOTIFY, a
 * retry timer, the look at what is due); those whose turn it is are claimed together, and each runs by itself. Whose turn it
 * is, and what a lane may hold, is fairness/'s.
 */
import type { Core } from "../core.ts";
import type { Queue } from "../db/queue.ts";
import { createBodies } from "./bodies.ts";
import { createClaimOffers } from "./claim-offers.ts";
import type { Committer } from "./committer.ts";
import { createCommitter } from "./committer.ts";
import { correctLanes, createDueLanes } from "./due.ts";
import { type Bytes, createBytes } from "./fairness/bytes.ts";
import { createPace } from "./fairness/pace.ts";
import { createPlaces, PLACE_LIMITS, type Place, type Places } from "./fairness/places.ts";
import type { Owner } from "./fairness/shares.ts";
import type { OutHints } from "./hints.ts";
import { createIdleLanes } from "./idle-lanes.ts";
import type { Offer, Offered } from "./lane-accept.ts";
import { type ClaimedLane, claimLanes, LEASE_MS, readLanes } from "./lane-claim.ts";
import type { LaneTicket } from "./lane-enqueue.ts";
import { type LaneRef, parseLaneRef } from "./lane-id.ts";
import type { StopHook } from "./lane-stop.ts";
import { createRenewal } from "./lease-renewal.ts";
import { createLoop } from "./loop.ts";
import { createPages } from "./pages.ts";
import { hostOf, type Plans } from "./plan.ts";
import { LaneRun } from "./run.ts";
import type { RunParts } from "./run-parts.ts";
import type { Sender } from "./sender.ts";
import type { Settlement } from "./settlement.ts";
import { createStrays } from "./strays.ts";
import { createWakeLater } from "./wake-later.ts";

/** What ingest needs of the lanes held here. */
export interface LaneHost {
  /** How long a claim lasts without a sign of life. */
  readonly leaseMs: number;
  /**
   * How many of its new requests could be sent at once: of a lane held here, or of one that could be claimed with them. The place for
   * them is kept until `accepted` or `abandoned`.
   */
  offer(lane: Offered): Offer | undefined;
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

/** Lanes held open, idle ones included. */
const HELD = 20_000;
/** Parts of a lease. */
const TICK = 0.1;
/** No longer than half a lease: one that somebody took since the last look ends behind the next one. */
const QUIET = 0.5;
const CLAIM_BATCH = 256;
/** Connections that looking up where definitions send to may use. */
const PLANS_AT_ONCE = 4;
const PAGE = 32;
/** How often jobs are looked for without a hint. */
const WAKES_MS = 60_000;
const DRAIN_LOOK_MS = 20;
/** Until lanes that wait for their pace are looked at again. */
const PACE_MS = 10;
/** Lanes whose owner ingest or a job told, until they are woken. */
const MAX_TOLD = 10_000;

export function createWorker(
  core: Core,
  parts: {
    plans: Plans;
    sender: Sender;
    queue: Pick<Queue, "takeWakes">;
    onStop: StopHook;
    /** Those of ingest go with them. */
    hints: OutHints;
    /** Whose roll-ups are added to. */
    processId: string;
    onSettled?: (settlement: Settlement) => void;
    leaseMs?: number;
    /** What lanes may hold here together; tests set less. */
    places?: Places;
    bytes?: Bytes;
  },
): Worker {
  const leaseMs = parts.leaseMs ?? LEASE_MS;
  const runs = new Map<string, LaneRun>();
  const idle = createIdleLanes(core, runs, leaseMs);
  const renewal = createRenewal(core, runs, leaseMs);
  const strays = createStrays(core.db);
  const told = new Map<LaneRef, Owner>();
  const { clock } = core;
  const { hints } = parts;
  const places =
    parts.places ??
    createPlaces(
      PLACE_LIMITS,
      createPace(() => clock.monotonic()),
    );
  let claiming = false;
  let draining = false;
  let pacing: NodeJS.Timeout | undefined;
  let taking = false;
  let wakesTaken = Number.NEGATIVE_INFINITY;
  const committer: Committer = createCommitter(core, { onStop: parts.onStop, leaseMs, processId: parts.processId });
  const pages = createPages(core, PAGE * 2);
  const due = createDueLanes(core.db, () => clock.monotonic(), leaseMs * QUIET);
  const bytes = parts.bytes ?? createBytes();
  const claimOffers = createClaimOffers(clock, places, bytes);

  const runParts: RunParts<LaneRun> = {
    clock,
    retryScale: core.config.retryScale,
    leaseMs,
    committer,
    plans: parts.plans,
    sender: parts.sender,
    places,
    bytes,
    bodies: createBodies(core.db, () => clock.monotonic()),
    read: (run) => pages.read(run.ref, run.inHand),
    idle(run) {
      if (draining) return run.leave();
      run.unplaced();
      idle.add(run.ref);
      if (run.hungry) places.offer(run.ref, ownerOf(run.lane));
      void claim();
    },
    left(run, dueMs) {
      runs.delete(run.ref);
      core.siblings?.holds(run.ref, false);
      idle.delete(run.ref);
      renewal.forget(run.ref);
      places.withdraw(run.ref);
      if (draining) {
        if (dueMs !== null) hints.free(run.ref);
        return;
      }
      if (dueMs !== null && dueMs <= 0) places.offer(run.ref, ownerOf(run.lane));
      else if (dueMs !== null) later.in(run.ref, ownerOf(run.lane), dueMs);
      void claim();
    },
    settled(run, settlement) {
      places.settled(settlement.request.organizationId);
      hints.feed(settlement.request.organizationId);
      parts.onSettled?.(settlement);
      if (run.spent) run.leave();
    },
  };

  const later = createWakeLater(
    (ref, owner) => {
      wake(ref, owner);
      void claim();
    },
    () => due.soon(),
  );
  const ownerOf = ({ organizationId, definitionId }: Owner): Owner => ({ organizationId, definitionId });

  function ownerFrom(ref: LaneRef, definitionId: string | undefined): Owner | undefined {
    const lane = parseLaneRef(ref);
    return lane && definitionId !== undefined ? { organizationId: lane.organizationId, definitionId } : undefined;
  }

  function wake(ref: LaneRef, owner: Owner | undefined): void {
    const run = runs.get(ref);
    if (run) active(run).news();
    else if (owner) places.offer(ref, owner);
    else if (parseLaneRef(ref)) strays.add(ref);
  }

  /** Where they send to: connections of a host are shared. What is loaded for it is what they send by. */
  async function findHosts(definitionIds: readonly string[]): Promise<void> {
    for (let at = 0; at < definitionIds.length; at += PLANS_AT_ONCE) {
      const some = definitionIds.slice(at, at + PLANS_AT_ONCE);
      await Promise.all(some.map(async (id) => places.learn(id, hostOf(id, await parts.plans.get(id, 0)))));
    }
  }

  /** Those whose turn it is: claimed, or, where they are held already, told that they have their place. */
  async function claim(): Promise<void> {
    if (claiming || draining) return;
    claiming = true;
    try {
      for (;;) {
        if (strays.size > 0) await strays.find(wake);
        const turns = places.next(Math.min(CLAIM_BATCH, HELD - runs.size));
        const unknown = places.takeUnknown();
        if (draining) for (const { place } of turns) places.give(place);
        if (draining || turns.length + unknown.length + strays.size === 0) break;
        await Promise.all([take(turns), findHosts(unknown)]);
      }
      if (places.takeMore()) due.again();
      if (places.takePaced() && !draining) pacing ??= setTimeout(goOn, PACE_MS);
    } catch (error) {
      // What it was for is due, whatever the last look said.
      due.soon();
      core.log.warn({ err: (error as Error).message }, "claiming waits for the database");
    } finally {
      claiming = false;
    }
  }

  function goOn(): void {
    pacing = undefined;
    void claim();
  }

  async function take(turns: readonly Turn[]): Promise<void> {
    const wanted = new Map<LaneRef, Place>();
    for (const { ref, place } of turns) {
      const run = runs.get(ref);
      if (!run) wanted.set(ref, place);
      else if (run.hungry) {
        idle.delete(ref);
        run.placed(place);
      } else places.give(place);
    }
    if (wanted.size === 0) return;
    const owners = new Map([...wanted].map(([ref, { owner }]) => [ref, owner]));
    try {
      const at = clock.monotonic();
      const lanes = await claimLanes(core.db, [...wanted.keys()], leaseMs);
      if (lanes.length > 0) await open(lanes, at, wanted);
      later.unless(lanes, owners);
    } finally {
      for (const place of wanted.values()) places.give(place);
    }
  }

  /** @param wanted the places of those that were opened are theirs, and go from here */
  async function open(lanes: readonly ClaimedLane[], at: number, wanted: Map<LaneRef, Place>): Promise<void> {
    const opened = lanes.map((lane) => {
      const place = wanted.get(lane.ref) as Place;
      wanted.delete(lane.ref);
      return keep(new LaneRun(lane, at, place, runParts));
    });
    // Nobody waits for the pages of others.
    void readLanes(
      core,
      lanes.map((lane) => ({ ref: lane.ref, skip: [] })),
      PAGE,
    )
      .catch(() => undefined)
      .then((pages) => {
        for (const run of opened) run.begin(pages?.get(run.ref));
      });
    // An interrupted one of a dead worker was published by the claim.
    for (const lane of lanes) hints.feed(lane.organizationId);
  }

  /** @returns whether its lane was claimed with it */
  function openClaimed(ticket: LaneTicket, catalogVersion: number): boolean {
    const claimed = claimOffers.taken(ticket, catalogVersion);
    if (!claimed) return false;
    // One of ours that was let go of, and has not heard of it.
    runs.get(ticket.ref)?.lost();
    keep(new LaneRun(claimed.lane, claimed.at, claimed.place, runParts)).born(ticket.requests, ticket.sending, ticket.after);
    return true;
  }

  function keep(run: LaneRun): LaneRun {
    runs.set(run.ref, run);
    core.siblings?.holds(run.ref, true);
    return run;
  }

  /** Lets go of lanes that had nothing to do for long enough, looks for what is due. */
  async function tick(): Promise<void> {
    const now = clock.monotonic();
    // A run that nobody pumped since an ingest looked at it must become idle again.
    for (const run of runs.values()) if (!run.working && !idle.has(run.ref)) run.pump();
    await idle.release();
    // A job that nobody told of; its lane is due all the same.
    if (now - wakesTaken > WAKES_MS) await takeWakes();
    await lookAtDue();
  }

  /** Lanes that are due and not held here are claimed; the others get the time when somebody should look again. */
  async function lookAtDue(): Promise<void> {
    const found = await due.look(places.takeFull(), runs.size === 0 && core.notify.connected);
    const held = new Set(found.filter(({ ref }) => runs.has(ref)).map(({ ref }) => ref));
    const tried = found.filter(({ ref, owner }) => held.has(ref) || places.offer(ref, owner)).map(({ ref }) => ref);
    await claim();
    const correct = tried.filter((ref) => held.has(ref) || !(runs.has(ref) || places.queued(ref)));
    for (let at = 0; at < correct.length; at += CLAIM_BATCH) await correctLanes(core, correct.slice(at, at + CLAIM_BATCH));
  }

  /** pg-boss jobs of processes without a worker: one worker takes each. */
  async function takeWakes(): Promise<void> {
    if (taking || draining) return;
    taking = true;
    wakesTaken = clock.monotonic();
    try {
      for (let wakes = await parts.queue.takeWakes(); wakes.length > 0; wakes = await parts.queue.takeWakes()) {
        for (const { lane, definition } of wakes) {
          const owner = ownerFrom(lane, definition);
          if (owner) told.set(lane, owner);
        }
        host.wake(wakes.map(({ lane }) => lane));
      }
    } finally {
      taking = false;
    }
  }

  const stopHints = core.notify.on("lane", (ids) => {
    if (ids.length === 0) allNews();
    else host.wake(ids);
    // It may wait for a retry: then it is claimed when that is due.
    due.soon();
  });

  // Whoever does not hold them has nothing to do: should their holder be gone, they are due when its leases end.
  const stopNews = core.notify.on("held", (ids) => {
    if (ids.length === 0) allNews();
    for (const ref of ids) {
      const run = runs.get(ref);
      if (run) active(run).news();
    }
  });

  const stopJobs = core.notify.on("job", () => {
    takeWakes().catch((error: Error) => core.log.warn({ err: error.message }, "wake-ups wait for the database"));
  });

  function allNews(): void {
    due.again();
    for (const run of runs.values()) active(run).news();
  }

  /** One that waits for its place goes on waiting: since when counts for its lease. */
  function active(run: LaneRun): LaneRun {
    if (!run.hungry) idle.delete(run.ref);
    return run;
  }

  const pauseMs = leaseMs * TICK;
  const rounds = [
    createLoop(() => tick().then(() => pauseMs), { log: core.log, what: "the look at what is due", failedMs: pauseMs }),
    // Apart from the rest, which may take long.
    createLoop(() => renewal.renew().then(() => pauseMs), { log: core.log, what: "renewing leases", failedMs: pauseMs }),
  ];

  const host: Worker = {
    leaseMs,
    offer(offered) {
      if (draining) return undefined;
      const run = runs.get(offered.ref);
      if (!run) return runs.size + claimOffers.size < HELD ? claimOffers.offer(offered) : undefined;
      const { lane, revision, lastNumber } = active(run);
      const { token } = lane;
      const sending = run.reserve(token, revision, lastNumber, offered.count);
      return sending > 0 ? { token, known: { revision, lastNumber }, sending } : undefined;
    },
    accepted(tickets, catalogVersion) {
      for (const ticket of tickets) {
        if (openClaimed(ticket, catalogVersion)) continue;
        const run = runs.get(ticket.ref);
        if (told.size > MAX_TOLD) told.clear();
        if (run) active(run).accepted(ticket.requests, ticket.sending, ticket.before, ticket.after, catalogVersion);
        else told.set(ticket.ref, ownerOf(ticket));
      }
    },
    abandoned(refs) {
      for (const ref of refs) if (!claimOffers.withdraw(ref)) runs.get(ref)?.abandoned();
    },
    get hasRoom() {
      return !draining && places.hasRoom && runs.size < HELD;
    },
    holds: (ref) => runs.has(ref),
    wake(refs) {
      if (draining) return;
      for (const ref of refs) {
        wake(ref, told.get(ref));
        told.delete(ref);
      }
      void claim();
    },
    start() {
      for (const loop of rounds) loop.start();
    },
    async drain(graceMs) {
      draining = true;
      let ended = false;
      void Promise.all(rounds.map((loop) => loop.stop())).then(() => {
        ended = true;
      });
      clearTimeout(pacing);
      stopHints();
      stopNews();
      stopJobs();
      later.stop();
      places.clear();
      const deadline = clock.monotonic() + graceMs;
      // What is in flight may last longer than a lease: others must not take the lane meanwhile.
      const keeping = setInterval(() => void renewal.renew().catch(() => undefined), pauseMs);
      for (const run of [...runs.values()]) run.leave();
      // A claim that is under way brings one more lane, which nobody would hold.
      while (runs.size + claimOffers.size > 0 || !ended || claiming || taking) {
        if (clock.monotonic() >= deadline) break;
        await new Promise((resolve) => setTimeout(resolve, DRAIN_LOOK_MS));
        for (const run of [...runs.values()]) run.leave();
      }
      clearInterval(keeping);
      if (runs.size === 0) await committer.idle();
      return runs.size === 0;
    },
    get stats() {
      return { held: runs.size, sending: runs.size - idle.size, waiting: places.stats.waiting + strays.size };
    },
  };
  return host;
}

type Turn = ReturnType<Places["next"]>[number];
