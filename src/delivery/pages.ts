/**
 * Reads on in the queues of lanes whose requests came from other processes: while one statement runs, the lanes that ask
 * gather for the next (beside.ts). One by one each would cost a round trip and a session of its own.
 */
import type { Core } from "../core.ts";
import { afterTurn, createBeside } from "./beside.ts";
import { type LanePage, readLanes } from "./lane-claim.ts";
import type { LaneRef } from "./lane-id.ts";

/** Statements at once; the n-th begins with so many lanes at least. */
const WORTH = [1, 2, 8, 32];
/** Lanes of one statement. */
const MOST = 256;

interface Asked {
  ref: LaneRef;
  skip: readonly string[];
  resolve(page: LanePage | undefined): void;
  reject(error: unknown): void;
}

export interface Pages {
  /** @param skip what is in hand already @returns undefined: there is no such lane @throws the database is away */
  read(ref: LaneRef, skip: readonly string[]): Promise<LanePage | undefined>;
}

/** @param limit requests of each lane */
export function createPages(core: Pick<Core, "db" | "clock">, limit: number): Pages {
  const asked: Asked[] = [];
  const beside = createBeside(WORTH, MOST, () => core.clock.monotonic());
  // What one hint tells of is read together.
  const plan = afterTurn(begin);

  function begin(): void {
    while (asked.length > 0 && beside.worth(Math.min(asked.length, MOST))) void readTogether(asked.splice(0, MOST));
  }

  async function readTogether(part: readonly Asked[]): Promise<void> {
    const ended = beside.begin(part.length);
    try {
      const pages = await readLanes(core, part, limit);
      for (const { ref, resolve } of part) resolve(pages.get(ref));
    } catch (error) {
      for (const { reject } of part) reject(error);
    }
    ended();
    begin();
  }

  return {
    read: (ref, skip) =>
      new Promise((resolve, reject) => {
        asked.push({ ref, skip, resolve, reject });
        plan();
      }),
  };
}
