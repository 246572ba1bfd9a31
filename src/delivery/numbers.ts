/**
 * Request numbers. A process takes a block of them in a transaction of its own, so that no transaction which waits for
 * the disk holds the organization's counter, and uses a block for at most a second: what is left is a gap. In a call
 * and in a process numbers grow with ids; `number_block` says which ids a number can have.
 */
import { randomBytes } from "node:crypto";
import { type Clock, lowestId, newestTime } from "../clock.ts";
import type { Database } from "../db/client.ts";
import { demandClock } from "../db/clock-skew.ts";
import type { RowOf } from "../db/statement.ts";
import type { Sent } from "../db/together.ts";
import { takeNumberBlock } from "./sql/take-number-block.ts";

export interface Numbers {
  /** Numbers at hand, so that the next `take`s succeed. Never call it while holding a connection of the pool. */
  reserve(needs: ReadonlyMap<string, number>): Promise<void>;
  /** @returns the first of `count` numbers that follow one another; undefined when so many are not at hand: reserve, and begin anew */
  take(organizationId: string, count: number): number | undefined;
  /**
   * `count` numbers for a message that may take their block itself (db/together.ts), so that a lone event waits for one
   * round trip. Call `took` with what became of `block`, whatever that was.
   */
  ahead(organizationId: string, count: number): Promise<Ahead>;
}

/** The first number, or the block that will have it. */
export type Ahead = { first: number } | { block: Sent; blockId: string; took(row: Record<string, unknown> | undefined): void };

interface Block {
  from: number;
  next: number;
  to: number;
  /** Monotonic milliseconds. */
  until: number;
  /** Numbers used of this block: how many the next second will want. */
  used: number;
}

type BlockRow = RowOf<(typeof takeNumberBlock)["row"]>;

const LIFE_MS = 1_000;
/** Ids made in the last moment of a block, by a process that stood still meanwhile. */
const SLACK_MS = 4_000;
const SMALLEST = 32;
const LARGEST_AHEAD = 10_000;
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

  /** A block to be taken. Its last id is nobody else's, so that it is found by it. */
  function next(organizationId: string, count: number) {
    const before = blocks.get(organizationId);
    const size = Math.max(count, Math.min(LARGEST_AHEAD, Math.max(SMALLEST, (before?.used ?? 0) * 2)));
    const until = clock.monotonic() + LIFE_MS;
    const now = clock.now().getTime();
    const first = lowestId(new Date(now - LIFE_MS));
    const last = lowestId(new Date(newestTime(clock) + LIFE_MS + SLACK_MS)).slice(0, -12) + randomBytes(6).toString("hex");
    const rest = before && before.next <= before.to ? before : undefined;
    // Not to be used any more, whatever becomes of the statement.
    if (rest) blocks.set(organizationId, { ...rest, until: Number.NEGATIVE_INFINITY });
    const values = [organizationId, size, first, last, rest?.from ?? null, rest?.next ?? null, rest?.to ?? null];
    return { values, until, last };
  }

  /** @throws ClockSkewError */
  function keep(organizationId: string, row: BlockRow, until: number, used: number): void {
    demandClock(clock, row.database_ms);
    blocks.delete(organizationId);
    blocks.set(organizationId, { from: row.from_number, next: row.from_number + used, to: row.to_number, until, used });
    const oldest = blocks.keys().next().value;
    if (blocks.size > KEPT && oldest !== undefined) blocks.delete(oldest);
  }

  async function takeBlock(organizationId: string, count: number): Promise<void> {
    const { values, until } = next(organizationId, count);
    const [row] = await takeNumberBlock.rows(db.pool, values);
    // The organization is gone: nothing of it matches anything any more.
    if (row) keep(organizationId, row, until, 0);
  }

  const take = (organizationId: string, count: number): number | undefined => {
    const block = at(organizationId);
    if (!block || block.to - block.next + 1 < count) return undefined;
    const first = block.next;
    block.next += count;
    block.used += count;
    return first;
  };

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
    take,
    async ahead(organizationId, count) {
      while (taking.has(organizationId)) await taking.get(organizationId)?.catch(() => undefined);
      const first = take(organizationId, count);
      if (first !== undefined) return { first };
      const { values, until, last } = next(organizationId, count);
      const over = Promise.withResolvers<void>();
      taking.set(organizationId, over.promise);
      return {
        block: { statement: takeNumberBlock, values },
        blockId: last,
        took(row) {
          taking.delete(organizationId);
          over.resolve();
          if (row) keep(organizationId, row as unknown as BlockRow, until, count);
        },
      };
    },
  };
}
