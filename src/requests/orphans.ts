/**
 * Proves that nothing hangs on what is not there, and mends what it may: an entry without its request goes, a lane with work
 * that is not due becomes due. Attempts and requests are only counted: they are somebody's log.
 *
 * Retention takes partitions out and may put them back (drop-old.ts): what stands in one looks gone meanwhile. So what the
 * walk found is looked at again under a lock that lets no partition leave, and not at all while one is outside.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Core } from "../core.ts";
import type { PoolClient } from "../db/client.ts";
import { laneKeys, laneRef } from "../delivery/lane-id.ts";
import { touchLane } from "../delivery/lane-touch.ts";
import { dropStrayDue, lockLanes } from "../delivery/sql/claim-lanes.ts";
import { deleteStrayEntries, insertMissingDue } from "../delivery/sql/mend-lanes.ts";
import { lowestId } from "./id-range.ts";
import { holdPartitions, partitionsOf, quoted } from "./partitions.ts";
import { attemptsOf, DUE, ENTRIES, firstKey, type Kind, LANES, type Looked, lookAgain, lookAlong, requestsOf } from "./sql/find-orphans.ts";

const STRETCH = 1_000;
/** Between two stretches: the disk is the deliveries' first. */
const PAUSE_MS = 20;
/** Of a kind in one round; the next round finds the others. */
const MOST = 1_000;
const DAY_MS = 86_400_000;
const LOCK_TIMEOUT_MS = 50;
const LOCK_NOT_AVAILABLE = "55P03";

/** How many there were of each kind. */
export interface Orphans {
  /** In a queue, without a request: deleted. */
  entries: number;
  /** Due, without a lane: deleted. */
  due: number;
  /** With work, and never due: due now. */
  lanes: number;
  attempts: number;
  requests: number;
}

type Keys = readonly string[][];

async function walk(core: Core, kind: Kind, signal?: AbortSignal): Promise<string[][]> {
  const found: string[][] = [];
  const text = lookAlong(kind);
  for (let after: string[] | undefined = firstKey(kind); after !== undefined && found.length < MOST; await sleep(PAUSE_MS)) {
    if (signal?.aborted) break;
    const { rows }: { rows: Looked[] } = await core.db.pool.query<Looked>(text, [STRETCH, ...after]);
    for (const row of rows) if (row.orphan) found.push(row.key);
    after = rows.find((row) => row.last)?.key;
  }
  return found;
}

/** What is older than retention goes in turns, requests before what hangs on them: it proves nothing. */
async function walkLog(core: Core, parent: "attempt" | "webhook_request", kindOf: (table: string) => Kind, signal?: AbortSignal) {
  const cutoff = new Date(core.clock.now().getTime() - core.config.retentionDays * DAY_MS);
  const lowest = lowestId(cutoff);
  const found: string[][] = [];
  for (const { name, until, detaching } of await partitionsOf(core, parent)) {
    if (until <= cutoff || detaching) continue;
    for (const key of await walk(core, kindOf(quoted(name)), signal)) if ((key[1] as string) >= lowest) found.push(key);
  }
  return found;
}

const column = (keys: Keys, i: number): string[] => keys.map((key) => key[i] as string);

async function again(client: PoolClient, kind: Kind, keys: Keys): Promise<string[][]> {
  if (keys.length === 0) return [];
  const arrays = kind.key.map((_, i) => column(keys, i));
  return (await client.query<{ key: string[] }>(lookAgain(kind), arrays)).rows.map((row) => row.key);
}

/** Those whose rows nobody else holds; the others have their turn in the next round. */
async function lockLanesOf(client: PoolClient, keys: Keys): Promise<[string[], string[]]> {
  const refs = new Set(keys.map(([organizationId, laneId]) => laneRef(organizationId as string, laneId as string)));
  const locked = await lockLanes.rows(client, laneKeys(refs));
  return laneKeys(locked.map((row) => laneRef(row.organization_id, row.id)));
}

async function mendEntries(client: PoolClient, keys: Keys): Promise<number> {
  const [, locked] = await lockLanesOf(client, keys);
  const mine = new Set(locked);
  const held = keys.filter(([, laneId]) => mine.has(laneId as string));
  const gone = await deleteStrayEntries.rows(client, [column(held, 0), column(held, 1), column(held, 2)]);
  // A lane may have waited for it, and may be empty now.
  for (const row of gone) await touchLane(client, row.organization_id, row.lane_id, row.request_id);
  return gone.length;
}

interface Found {
  entries: Keys;
  due: Keys;
  lanes: Keys;
  attempts: Keys;
  requests: Keys;
}

/** @returns undefined when a partition is on its way out: nothing can be said now */
async function settle(core: Core, found: Found): Promise<Orphans | undefined> {
  return core.db.transaction(async (client) => {
    await client.query(`SET LOCAL lock_timeout = ${LOCK_TIMEOUT_MS}`);
    if (await holdPartitions(client)) return undefined;
    const attempts = await again(client, attemptsOf("attempt"), found.attempts);
    const requests = await again(client, requestsOf("webhook_request"), found.requests);
    const entries = found.entries.length === 0 ? 0 : await mendEntries(client, found.entries);
    const due = found.due.length === 0 ? 0 : await dropStrayDue.count(client, [column(found.due, 0), column(found.due, 1)]);
    const lost = await again(client, LANES, found.lanes);
    const lanes = lost.length === 0 ? 0 : (await insertMissingDue.rows(client, await lockLanesOf(client, lost))).length;
    return { entries, due, lanes, attempts: attempts.length, requests: requests.length };
  });
}

/**
 * One round over everything younger than retention.
 * @returns undefined when it was called off, or could not be sure
 */
export async function findOrphans(core: Core, signal?: AbortSignal): Promise<Orphans | undefined> {
  const found: Found = {
    entries: await walk(core, ENTRIES, signal),
    due: await walk(core, DUE, signal),
    lanes: await walk(core, LANES, signal),
    attempts: await walkLog(core, "attempt", attemptsOf, signal),
    requests: await walkLog(core, "webhook_request", requestsOf, signal),
  };
  if (signal?.aborted) return undefined;
  if (Object.values(found).every((keys) => keys.length === 0)) return { entries: 0, due: 0, lanes: 0, attempts: 0, requests: 0 };
  const orphans = await settle(core, found).catch((error: { code?: string }) => {
    if (error.code === LOCK_NOT_AVAILABLE) return undefined;
    throw error;
  });
  if (orphans && Object.values(orphans).some((count) => count > 0)) {
    const examples = Object.fromEntries(Object.entries(found).map(([kind, keys]) => [kind, keys.slice(0, 3)]));
    core.warnings.warn(
      "orphans",
      "",
      { ...orphans, examples },
      "rows that hang on something that is not there; queues were mended, the log is only counted",
    );
  }
  return orphans;
}
