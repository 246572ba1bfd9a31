/**
 * Shares commits: while transactions run, the steps of all other lanes gather for the next (beside.ts). A few run at once: a
 * lane has one step on its way at a time, so they are of different lanes. A step that nobody waits for gathers a little while
 * in any case: at a hundred events a second each would be a transaction of its own, which costs what thirty cost.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { newId } from "../clock.ts";
import type { Core } from "../core.ts";
import { afterTurn, createBeside } from "./beside.ts";
import { type CommitOptions, commitSteps, writtenAlready } from "./lane-settle.ts";
import { createLockedSteps } from "./locked-steps.ts";
import type { LaneStep, StepResult } from "./settlement.ts";
import { isRefused, reduced } from "./storable.ts";

export interface Committer {
  /**
   * Resolves when the step is durable, or its lease turned out to be lost; waits as long as the database is away.
   * @param patient nobody waits for it: it may gather with others first
   */
  commit(step: LaneStep, patient?: boolean): Promise<StepResult>;
  /** Somebody waits for a step after all. */
  hurry(): void;
  /** Resolves when nothing is left to write. */
  idle(): Promise<void>;
}

interface Item {
  step: LaneStep;
  resolve: (result: StepResult) => void;
  /** It was locked out before. */
  again?: true;
}

const MAX_STEPS = 256;
/** Patient steps gather so long, or until there are so many. What a kill then repeats is more by what was answered in that time. */
const GATHER_MS = 40;
const GATHERED = 32;
/** Transactions at once; the n-th begins with so many steps at least. */
const WORTH = [1, 2, 32];
/** How long the lock of a lane may be waited for: while others of the batch keep theirs, by those that were locked out before, and by one alone whose turn it is. */
const PATIENCE_MS = 50;
const MORE_PATIENCE_MS = 250;
const IN_LINE_MS = 3_000;
const LOCK_NOT_AVAILABLE = "55P03";
const LOST: StepResult = {
  valid: false,
  revision: 0,
  lastNumber: 0,
  catalogVersion: 0,
  held: true,
  marked: new Set(),
  consecutiveErrors: null,
};

const isLocked = (error: unknown) => (error as { code?: unknown }).code === LOCK_NOT_AVAILABLE;

export function createCommitter(core: Core, options: Omit<CommitOptions, "patienceMs">): Committer {
  let queue: Item[] = [];
  /** Set while all that is queued is patient. */
  let gathering: NodeJS.Timeout | undefined;
  /** Each adds to roll-ups of its own, so that none waits for another's disk; by which one is free. */
  const free = WORTH.map((_, i) => (i === WORTH.length - 1 ? options.processId : newId(core.clock)));
  const others = { ...options, processId: newId(core.clock), patienceMs: IN_LINE_MS };
  const beside = createBeside(WORTH, Number.POSITIVE_INFINITY, () => core.clock.monotonic());
  const locked = createLockedSteps<Item>(core, {
    free(items) {
      queue = [...items.map((item) => ({ ...item, again: true as const })), ...queue];
      hurry();
    },
    async inLine(item) {
      const results = await commitSteps(core.db, [item.step], others).catch((error: unknown) =>
        isLocked(error) ? undefined : commitAgain([item.step]),
      );
      if (results) item.resolve(results[0] ?? LOST);
      return results !== undefined;
    },
    emptied: rested,
  });
  const waiters: (() => void)[] = [];

  /** An answer may have been lost on the way back: what is logged already is not written twice. */
  async function commitAgain(steps: LaneStep[], isReduced = false): Promise<StepResult[]> {
    for (let pause = 50; ; pause = Math.min(pause * 2, 1_000)) {
      try {
        const written = await writtenAlready(core.db, steps);
        const rest = steps.map((step) => ({ ...step, settlements: step.settlements.filter((s) => !written(s)) }));
        const results = await commitSteps(core.db, rest, others);
        return results.map((result, i) => (result.valid ? result : { ...result, stand: steps[i]?.settlements.filter(written) ?? [] }));
      } catch (error) {
        core.log.warn({ err: (error as Error).message, steps: steps.length }, "settling waits for the database");
        if (isRefused(error) && steps.length > 1) return (await Promise.all(steps.map((step) => commitAgain([step])))).flat();
        if (isRefused(error)) return giveLess(steps[0] as LaneStep, error, isReduced);
        await sleep(pause);
      }
    }
  }

  /** What Postgres refuses for what it says is settled without its texts: its receiver is not called again for them. */
  function giveLess(step: LaneStep, refusal: { code: string }, isReduced: boolean): Promise<StepResult[]> {
    const { laneId, settlements } = step;
    const of = { err: refusal, code: refusal.code, laneId, requests: settlements.map((s) => s.request.id) };
    if (isReduced) {
      core.log.error(of, "a step cannot be written: its lane is given up until its lease passes");
      return Promise.resolve([LOST]);
    }
    core.log.error(of, "a step cannot be written in full: it is settled without its texts");
    return commitAgain([{ ...step, settlements: settlements.map((s) => reduced(s, refusal.code)) }], true);
  }

  const plan = afterTurn(begin);

  function hurry(): void {
    clearTimeout(gathering);
    gathering = undefined;
    plan();
  }

  function begin(): void {
    if (gathering !== undefined) return;
    while (queue.length > 0 && beside.worth(Math.min(queue.length, MAX_STEPS))) {
      const batch = queue.slice(0, MAX_STEPS);
      queue = queue.slice(MAX_STEPS);
      void commit(batch);
    }
  }

  async function commit(batch: readonly Item[]): Promise<void> {
    const ended = beside.begin(batch.length);
    const processId = free.pop() as string;
    const steps = batch.map((item) => item.step);
    // A slow disk holds all locks for longer: who was locked out once by that is not to be again and again.
    const patienceMs = batch.some(({ again }) => again) ? MORE_PATIENCE_MS : PATIENCE_MS;
    const results = await commitSteps(core.db, steps, { ...options, processId, patienceMs }).catch((error: unknown) =>
      isLocked(error) ? undefined : commitAgain(steps),
    );
    if (results) for (const [i, item] of batch.entries()) item.resolve(results[i] ?? LOST);
    // Somebody keeps the row of one of them: the others are written again without it.
    else locked.add(batch);
    free.push(processId);
    ended();
    plan();
    rested();
  }

  const isIdle = () => queue.length === 0 && beside.running === 0 && locked.size === 0;

  function rested(): void {
    if (isIdle()) for (const resolve of waiters.splice(0)) resolve();
  }

  return {
    commit: (step, patient = false) =>
      new Promise((resolve) => {
        if (patient && queue.length === 0) gathering = setTimeout(hurry, GATHER_MS);
        queue.push({ step, resolve });
        if (!patient || queue.length >= GATHERED) hurry();
      }),
    hurry,
    idle() {
      hurry();
      return isIdle() ? Promise.resolve() : new Promise((resolve) => waiters.push(resolve));
    },
  };
}
