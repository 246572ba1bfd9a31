/**
 * The truth behind all wake-ups: lanes that may be claimed, found by when they are due. A look costs what is due, not what
 * exists; it begins at a low-water mark, so that it does not walk again over what is gone, and once a minute at the beginning.
 */
import type { Core } from "../core.ts";
import type { Database } from "../db/client.ts";
import type { Owner } from "./fairness/shares.ts";
import { endLapsed, interruptAbandoned } from "./lane-claim.ts";
import { type LaneRef, laneKeys, laneRef } from "./lane-id.ts";
import { correctDue, dropStrayDue, lockLanes } from "./sql/claim-lanes.ts";
import { dueLanes } from "./sql/due-lanes.ts";

/** Lanes brought by one look. */
const LIMIT = 5_000;
/** Longer than any of our transactions lasts: what commits late is due no earlier than so long ago. */
const LATE_MS = 30_000;
const FULL_LOOK_MS = 60_000;

export interface DueLane {
  ref: LaneRef;
  owner: Owner;
}

export interface DueLanes {
  /**
   * @param except definitions of which enough lanes are known: theirs hide none of the others, however many are due
   * @param resting no lane is held here, and who makes one due tells: then it is looked for when the next one is due
   * @returns lanes that are due now, the longest due first
   */
  look(except: readonly string[], resting: boolean): Promise<DueLane[]>;
  /** There is more than was kept of former looks: the next begins at the beginning. */
  again(): void;
  /** Something may be due sooner than the last look said: the next one is not spared. */
  soon(): void;
}

/** @param quietMs for how long a process that rests may rely on having seen what is due next */
export function createDueLanes(db: Database, monotonic: () => number, quietMs: number): DueLanes {
  let since: Date | null = null;
  let full = Number.NEGATIVE_INFINITY;
  let quietUntil = Number.NEGATIVE_INFINITY;
  return {
    again() {
      since = null;
      quietUntil = Number.NEGATIVE_INFINITY;
    },
    soon() {
      quietUntil = Number.NEGATIVE_INFINITY;
    },
    async look(except, resting) {
      const at = monotonic();
      if (resting && at < quietUntil) return [];
      quietUntil = Number.NEGATIVE_INFINITY;
      const whole = since === null || at - full > FULL_LOOK_MS;
      const rows = await dueLanes.rows(db.pool, [whole ? "-infinity" : since, LIMIT, except, resting]);
      const now = rows[0]?.now ?? new Date(0);
      if (whole) full = at;
      // More than one look brings: the next goes on from here.
      const found = rows.flatMap(({ organization_id: organizationId, lane_id: laneId, definition_id: definitionId }) =>
        organizationId === null || laneId === null || definitionId === null
          ? []
          : [{ ref: laneRef(organizationId, laneId), owner: { organizationId, definitionId } }],
      );
      const last = found.length === LIMIT ? (rows.at(-1)?.due_at ?? null) : null;
      since = last ?? new Date(now.getTime() - LATE_MS);
      const next = rows[0]?.next?.getTime() ?? Number.POSITIVE_INFINITY;
      if (resting && found.length + except.length === 0) quietUntil = at + Math.min(quietMs, next - now.getTime());
      return found;
    },
  };
}

/**
 * Lanes that were due but could not be claimed get the time when they can; what stands there for nothing goes. What a dead holder had in
 * flight of a lane that nobody may claim, as it was stopped or paused meanwhile, is taken from it here.
 */
export async function correctLanes({ db, notify }: Pick<Core, "db" | "notify">, refs: readonly LaneRef[]): Promise<void> {
  if (refs.length === 0) return;
  await db.transaction(async (client) => {
    const locked = (await lockLanes.rows(client, laneKeys(refs))).map((row) => laneRef(row.organization_id, row.id));
    const lapsed = await endLapsed(client, locked);
    if (locked.length > 0) await correctDue.count(client, laneKeys(locked));
    if (locked.length < refs.length) await dropStrayDue.count(client, laneKeys(refs));
    if (await interruptAbandoned(client, lapsed)) await client.query(notify.statement("feed", [...new Set(laneKeys(lapsed)[0])]));
  }, "collisions");
}
