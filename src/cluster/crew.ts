/** The processes that a primary has under it: started, replaced when they die, ended with it. */
import cluster, { type Worker } from "node:cluster";
import { fileURLToPath } from "node:url";
import { createDeaths } from "./deaths.ts";
import { takeBackConnections } from "./handover.ts";
import { isToPrimary, type ToPrimary, type ToWorker } from "./messages.ts";

/** STARTING → SERVING → LEAVING; from each of them it may be gone. */
type State = "STARTING" | "SERVING" | "LEAVING";

export interface Member {
  /** Never given twice. */
  readonly id: number;
  readonly name: string;
  state: State;
  send(message: ToWorker): void;
}

export interface CrewOptions {
  workers: number;
  /** What one is told that came up and says hello. */
  start(member: Member): ToWorker;
  /** Everything that it says beside its own state. */
  heard(member: Member, message: ToPrimary): void;
  gone(member: Member): void;
  /** One is replaced, so that somebody can read why. */
  died(name: string, why: string, againInMs: number): void;
}

export interface Crew {
  /** Resolves when all serve. @throws what one of them could not start for, or that they die again and again */
  start(): Promise<void>;
  /** Resolves with the reason when workers died again and again: nothing is replaced any more. */
  readonly failed: Promise<Error>;
  serving(): Member[];
  member(id: number): Member | undefined;
  /** Each drains and ends; what has not ended after `ms` is killed. */
  stop(ms: number): Promise<void>;
  /** At once, synchronously: for a process that is exiting. */
  kill(): void;
}

interface Hand extends Member {
  process: Worker;
  why: string | undefined;
}

const MAIN = fileURLToPath(new URL("./worker.ts", import.meta.url));

export function createCrew(options: CrewOptions): Crew {
  const hands = new Map<number, Hand>();
  const waiting = new Set<NodeJS.Timeout>();
  const deaths = createDeaths(() => performance.now());
  const failed = Promise.withResolvers<Error>();
  const allServe = Promise.withResolvers<void>();
  const allGone = Promise.withResolvers<void>();
  // Whoever stops it before it has started waits for nobody.
  allServe.promise.catch(() => undefined);
  let stopping = false;
  let starting = true;

  function spawn(name: string): void {
    const worker = cluster.fork();
    const hand: Hand = {
      id: worker.id,
      name,
      state: "STARTING",
      process: worker,
      why: undefined,
      send(message) {
        // It may be gone by now: then nobody needs to hear it.
        if (worker.isConnected()) worker.send(message, undefined, undefined, () => undefined);
      },
    };
    hands.set(hand.id, hand);
    takeBackConnections(worker, () => serving().some((other) => other.id !== hand.id));
    worker.on("error", (error) => {
      hand.why ??= error.message;
      // It never ran.
      if (worker.process.pid === undefined) gone(hand, "");
    });
    worker.on("message", (message: unknown) => isToPrimary(message) && hear(hand, message));
    worker.once("exit", (code, signal) => gone(hand, signal ? `it was ended by ${signal}` : `it ended with code ${code}`));
  }

  function hear(hand: Hand, message: ToPrimary): void {
    // What it had counted and held is seen to: its last words, should they be read after its end, would stand for good.
    if (!hands.has(hand.id)) return;
    if (message.kind === "hello") hand.send(stopping ? { kind: "stop" } : options.start(hand));
    else if (message.kind === "up") {
      hand.state = "SERVING";
      if (serving().length === options.workers) allServe.resolve();
    } else if (message.kind === "leaving") hand.state = "LEAVING";
    else if (message.kind === "failed") hand.why = message.message;
    else options.heard(hand, message);
  }

  function gone(hand: Hand, how: string): void {
    if (!hands.delete(hand.id)) return;
    options.gone(hand);
    if (stopping) {
      if (hands.size === 0) allGone.resolve();
      return;
    }
    if (hand.state === "LEAVING" && hand.why === undefined) {
      spawn(hand.name);
      return;
    }
    const why = hand.why ?? how;
    if (starting && hand.state === "STARTING" && hand.why !== undefined) {
      // What the first ones cannot start for is the operator's to mend, as with a single process.
      allServe.reject(new Error(why));
      return;
    }
    const wait = deaths.next();
    if (wait === undefined) {
      const error = new Error(`five workers died within a minute, the last one (${hand.name}): ${why}`);
      allServe.reject(error);
      failed.resolve(error);
      return;
    }
    options.died(hand.name, why, wait);
    const timer = setTimeout(() => {
      waiting.delete(timer);
      spawn(hand.name);
    }, wait);
    waiting.add(timer);
  }

  function kill(): void {
    stopping = true;
    for (const hand of hands.values()) hand.process.process.kill("SIGKILL");
  }

  const serving = () => [...hands.values()].filter((hand) => hand.state === "SERVING");

  return {
    failed: failed.promise,
    serving,
    member: (id) => hands.get(id),
    async start() {
      cluster.schedulingPolicy = cluster.SCHED_RR;
      cluster.setupPrimary({ exec: MAIN, args: [], serialization: "advanced" });
      for (let i = 1; i <= options.workers; i++) spawn(`worker-${i}`);
      await allServe.promise;
      starting = false;
    },
    async stop(ms) {
      stopping = true;
      allServe.reject(new Error("it is told to stop"));
      for (const timer of waiting) clearTimeout(timer);
      if (hands.size === 0) return;
      for (const hand of hands.values()) hand.send({ kind: "stop" });
      const late = setTimeout(kill, ms);
      await allGone.promise;
      clearTimeout(late);
    },
    kill,
  };
}
