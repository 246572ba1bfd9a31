/**
 * Whole partitions that nobody needs any more. A partition of requests is looked through twice before it is taken out: the second time it
 * is closed, so that nothing in it is sent again meanwhile, and what is to be sent never stands outside. What is outside, also from a round
 * that died or was put off, is looked through there, and put back if it is needed. Nothing pending is ever dropped.
 */
import type { Core } from "../core.ts";
import { CLOCK_SLACK_MS, LOWEST, lowestId } from "./id-range.ts";
import {
  anyOutside,
  attach,
  close,
  detach,
  detachedPartitions,
  drop,
  type HotTable,
  open,
  type Partition,
  partitionsOf,
  quoted,
} from "./partitions.ts";
import { anyRequests } from "./sql/any-requests.ts";
import { countKept } from "./sql/delete-requests.ts";
import { rest, walk } from "./walk.ts";

/**
 * Whether requests stand in this time; attempts and events go after them. Asked organization by organization, as the key has it: the
 * time alone may reach a little into another day's partition, and no index knows where in that one it ends.
 */
async function requestsIn(core: Core, since: Date | null, until: Date): Promise<boolean> {
  const between = [lowestId(since ?? new Date(0)), lowestId(until)];
  for (let after = LOWEST; ; ) {
    const began = core.clock.monotonic();
    const [found] = await anyRequests.rows(core.db.pool, [after, ...between]);
    if (found?.found) return true;
    if (found?.last == null) return false;
    after = found.last;
    await rest(core, began);
  }
}

/** Whether events of this time have requests that a replay made later. */
async function recoveredIn(core: Core, since: Date | null, until: Date): Promise<boolean> {
  const { rows } = await core.db.pool.query(
    `SELECT 1 FROM recovered_event e WHERE e.event_id >= $1 AND e.event_id < $2 AND e.request_id IS NOT NULL
       AND EXISTS (SELECT 1 FROM webhook_request r WHERE r.organization_id = e.organization_id AND r.id = e.request_id OFFSET 0) LIMIT 1`,
    [lowestId(since ?? new Date(0)), lowestId(until)],
  );
  return rows.length > 0;
}

/** Requests first: of one whose partition is outside nobody can say whether it will be back. */
async function needed(core: Core, { parent, name, since, until }: Partition, before: Date, signal?: AbortSignal): Promise<boolean> {
  switch (parent) {
    case "feed_entry":
      return false;
    case "webhook_request":
      return (await walk(core, countKept(quoted(name)), before, signal, { enough: 1 })) !== 0;
    case "attempt":
      return (await anyOutside(core.db.pool, "webhook_request")) || requestsIn(core, since, until);
    case "event":
      // An event and its requests are made together, give or take what their ids' clocks differ; but for those of a replay.
      return (
        (await anyOutside(core.db.pool, "webhook_request")) ||
        (await requestsIn(core, since && new Date(since.getTime() - CLOCK_SLACK_MS), new Date(until.getTime() + CLOCK_SLACK_MS))) ||
        recoveredIn(core, since, until)
      );
  }
}

/** @returns whether it is gone; false: later */
async function remove(core: Core, partition: Partition, before: Date, signal?: AbortSignal): Promise<boolean> {
  if (await needed(core, partition, before, signal)) {
    await attach(core, partition);
    return false;
  }
  return drop(core, partition.name);
}

/** @returns whether it is gone; false: later, or never */
async function takeOut(core: Core, partition: Partition, before: Date, signal?: AbortSignal): Promise<boolean> {
  if (await needed(core, partition, before, signal)) {
    // Closed by a round that died.
    if (partition.closed) await open(core, partition);
    return false;
  }
  if (partition.parent !== "webhook_request") return (await detach(core, partition)) && remove(core, partition, before, signal);
  if (!(await close(core, partition))) return false;
  if (await needed(core, partition, before, signal)) {
    await open(core, partition);
    return false;
  }
  // A process of an older build sends again what stands in a closed one. From outside nothing is, so this look is the last.
  return (await detach(core, partition)) && remove(core, partition, before, signal);
}

/** @param cutoff what is older may go @returns how many are gone */
export async function dropOld(core: Core, parent: HotTable, cutoff: Date, signal?: AbortSignal): Promise<number> {
  let dropped = 0;
  // Left outside by somebody who died, or put off.
  for (const partition of await detachedPartitions(core)) {
    if (partition.parent === parent && !signal?.aborted && (await remove(core, partition, cutoff, signal))) dropped++;
  }
  for (const partition of await partitionsOf(core, parent)) {
    if (signal?.aborted) break;
    if (partition.detaching) {
      if (await detach(core, partition)) dropped += Number(await remove(core, partition, cutoff, signal));
      continue;
    }
    if (partition.until > cutoff) {
      // Retention is longer than when it was closed.
      if (partition.closed) await open(core, partition);
      continue;
    }
    dropped += Number(await takeOut(core, partition, cutoff, signal));
  }
  return dropped;
}
