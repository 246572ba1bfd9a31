/** Blocked lanes by definition: what a person has to look at, counted whole whatever page of the lanes is on screen. */
import { MOST_COUNTED } from "../accounts/keyset.ts";
import type { Database } from "../db/client.ts";
import { BadInputError } from "../errors.ts";
import { type Count, countOf } from "./count.ts";
import { countBlockedLanes, countBlockedRequests } from "./sql/blocked-lanes.ts";

export interface BlockedDefinition {
  /** UUID. */
  definitionId: string;
  lanes: Count;
  /** Unsettled requests behind the heads of these lanes. */
  behind: Count;
}

export interface BlockedLanes {
  /** Over all definitions. */
  lanes: Count;
  /** How many definitions have any. */
  definitions: number;
  /** Those with most of them, that many first. */
  worst: BlockedDefinition[];
}

/** Definitions that one reading names. */
export const MOST_WORST = 20;

/**
 * @param definitionIds of these alone
 * @param first how many definitions are named, 0 to 20
 * @throws BadInputError
 */
export async function blockedLanes(
  db: Database,
  organizationId: string,
  { first, definitionIds }: { first: number; definitionIds?: readonly string[] | undefined },
): Promise<BlockedLanes> {
  if (!Number.isInteger(first) || first < 0 || first > MOST_WORST) throw new BadInputError(`first must be 0 to ${MOST_WORST}`);
  const tenant = db.tenant(organizationId);
  const rows = await countBlockedLanes.rows(tenant, [organizationId, definitionIds ?? null, MOST_COUNTED + 1]);
  const named = rows.slice(0, first);
  const queued = new Map<string, number>();
  if (named.length > 0) {
    const ids = named.map((row) => row.definitionId);
    const most = 2 * MOST_COUNTED + 2;
    for (const row of await countBlockedRequests.rows(tenant, [organizationId, ids, MOST_COUNTED + 1, most])) {
      queued.set(row.definitionId, row.queued);
    }
  }
  const all = countOf(rows.reduce((sum, row) => sum + row.lanes, 0));
  return {
    lanes: { count: all.count, capped: all.capped || rows.some((row) => countOf(row.lanes).capped) },
    definitions: rows.length,
    worst: named.map(({ definitionId, lanes }) => {
      const behind = countOf(Math.max(0, (queued.get(definitionId) ?? 0) - lanes));
      // Of lanes that are not counted nobody knows what stands behind them.
      return { definitionId, lanes: countOf(lanes), behind: { ...behind, capped: behind.capped || countOf(lanes).capped } };
    }),
  };
}
