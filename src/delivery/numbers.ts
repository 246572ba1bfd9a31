/**
 * Request numbers. A process takes a block of them in a transaction of its own, so that no transaction which waits for
 * the disk holds the organization's counter, and uses a block for at most a second: what is left is a gap. In a call
 * and in a process numbers grow with ids; `number_block` says which ids a number can have.
 */
import { type Clock, lowestId, newestTime } from "../clock.ts";
import type { Database } from "../db/client.ts";
import { ClockSkewError } from "../errors.ts";
import { takeNumberBlock } from "./sql/take-number-block.ts";

export interface Numbers {
  /** Numbers at hand, so that the next `take`s succeed. Never call it while holding a connection of the pool. */
  reserve(needs: ReadonlyMap<string, number>): Promise<void>;
  /** @returns the first of `count` numbers that follow one another; undefined when so many are not at hand: reserve, and begin anew */
  take(organizationId: string, count: number): number | undefined;
}

interface Block {
  from: number;
  next: number;
  to: number;
  /** Monotonic milliseconds. */
  until: number;
  /** Numbers used of this block: how many the next second will want. */
  used: number;
}

const LIFE_MS = 1_000;
/** Ids made in the last moment of a block, by a process that stood still meanwhile. */
const SLACK_MS = 4_000;
const SMALLEST = 32;
const LARGEST_AHEAD = 10_000;
/** Further apart, a process and its database would put rows into partitions that do not fit, or leases into the past. */
export const MAX_SKEW_MS = 60_000;
/** Organizations kept. */
const KEPT = 5_000;

export function createNumbers(db: Pick<Database, "pool">, clock: Clock): Numbers {
  const blocks = new Map<string, Block>();
  /** One block at a time for each: two at once would both give the same rest back. */
  const taking = new Map<string, Promise<void>>();

  const at = (organizationId: string): Block | undefined => {
    const block = blocks.get(organizationId);
    return block && clock.monotonic() < block.until ? block : undefined;
  };

  async function takeBlock(organizationId: string, count: number): Promise<void> {
    const before = blocks.get(organizationId);
    const size = Math.max(count, Math.min(LARGEST_AHEAD, Math.max(SMALLEST, (before?.used ?? 0) * 2)));
    const until = clock.monotonic() + LIFE_MS;
    const now = clock.now().getTime();
    const first = lowestId(new Date(now - LIFE_MS));
    const last = lowestId(new Date(newestTime(clock) + LIFE_MS + SLACK_MS));
    const rest = before && before.next <= before.to ? before : undefined;
    // Not to be used any more, whatever becomes of the statement.
    if (rest) blocks.set(organizationId, { ...rest, until: Number.NEGATIVE_INFINITY });
    const values = [organizationId, size, first, last, rest?.from ?? null, rest?.next ?? null, rest?.to ?? null];
    const [row] = await takeNumberBlock.rows(db.pool, values);
    // The organization is gone: nothing of it matches anything any more.
    if (!row) return;
    const skew = clock.now().getTime() - row.database_ms;
    if (Math.abs(skew) > MAX_SKEW_MS) throw new ClockSkewError(skew);
    blocks.delete(organizationId);
    blocks.set(organizationId, { from: row.from_number, next: row.from_number, to: row.to_number, until, used: 0 });
    const oldest = blocks.keys().next().value;
    if (blocks.size > KEPT && oldest !== undefined) blocks.delete(oldest);
  }

  return {
    async reserve(needs) {
      for (const [organizationId, count] of needs) {
        const enough = () => {
          const block = at(organizationId);
          return block !== undefined && block.to - block.next + 1 >= count;
        };
        while (taking.has(organizationId)) await taking.get(organizationId)?.catch(() => undefined);
        if (enough()) continue;
        const run = takeBlock(organizationId, count).finally(() => taking.delete(organizationId));
        taking.set(organizationId, run);
        await run;
      }
    },
    take(organizationId, count) {
      const block = at(organizationId);
      if (!block || block.to - block.next + 1 < count) return undefined;
      const first = block.next;
      block.next += count;
      block.used += count;
      return first;
    },
  };
}
