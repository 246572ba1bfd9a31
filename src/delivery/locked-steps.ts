/**
 * Steps of lanes whose rows somebody keeps locked: a call that makes a hundred thousand requests, an operator's change of many
 * lanes. They wait here, without a connection: with one for each of them, ten locked lanes of one tenant took the process's
 * connections from all others. Every few moments one statement says which rows are free. The step that has waited longest
 * stands in Postgres's own line, so that a lane which is locked again and again has its turn.
 */
import type { Core } from "../core.ts";
import type { LaneStep } from "./settlement.ts";
import { findFreeLanes } from "./sql/newest-lane.ts";

const LOOK_MS = 50;
/** One that has waited so long stands in line. */
const LONG_MS = 1_000;

interface Locked<I> {
  item: I;
  since: number;
}

export interface LockedSteps<I> {
  add(items: readonly I[]): void;
  readonly size: number;
}

/**
 * @param parts.free gets those whose lanes are free, or seem to be
 * @param parts.inLine waits for the lock of one, bounded; false: in vain
 */
export function createLockedSteps<I extends { step: LaneStep }>(
  core: Pick<Core, "db" | "clock">,
  parts: { free(items: I[]): void; inLine(item: I): Promise<boolean>; emptied(): void },
): LockedSteps<I> {
  let waiting: Locked<I>[] = [];
  let standing: I | undefined;
  let looking = false;

  async function look(): Promise<void> {
    const asked = waiting;
    const steps = asked.map(({ item }) => item.step);
    const rows = await findFreeLanes
      .rows(core.db.pool, [steps.map((s) => s.organizationId), steps.map((s) => s.laneId)])
      // The database is away: whoever settles knows how to wait for that.
      .catch(() => steps.map(({ laneId }) => ({ id: laneId })));
    const found = new Set(rows.map(({ id }) => id));
    const free = asked.filter(({ item }) => found.has(item.step.laneId));
    waiting = waiting.filter((each) => !free.includes(each));
    if (free.length > 0) parts.free(free.map(({ item }) => item));
    const [oldest] = waiting;
    if (oldest && standing === undefined && core.clock.monotonic() - oldest.since > LONG_MS) void stand(oldest);
  }

  async function stand(oldest: Locked<I>): Promise<void> {
    waiting = waiting.filter((each) => each !== oldest);
    standing = oldest.item;
    const done = await parts.inLine(oldest.item);
    standing = undefined;
    // Behind the others: who keeps this row may keep it for good.
    if (!done) waiting.push({ ...oldest, since: core.clock.monotonic() });
    if (waiting.length === 0) parts.emptied();
    again(LOOK_MS);
  }

  function again(ms: number): void {
    if (looking || waiting.length === 0) return;
    looking = true;
    setTimeout(() => {
      void look().finally(() => {
        looking = false;
        again(LOOK_MS);
      });
    }, ms);
  }

  return {
    add(items) {
      const since = core.clock.monotonic();
      waiting.push(...items.map((item) => ({ item, since })));
      // Most of a batch are free: it was one of them that was locked.
      again(0);
    },
    get size() {
      return waiting.length + (standing === undefined ? 0 : 1);
    },
  };
}
