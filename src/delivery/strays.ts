/** Lanes woken by name only: whose they are is looked up. */
import type { Database } from "../db/client.ts";
import type { Owner } from "./fairness/shares.ts";
import { type LaneRef, laneKeys, laneRef } from "./lane-id.ts";
import { laneOwners } from "./sql/lane-owners.ts";

/** Looked up by one statement. */
const BATCH = 256;

export interface Strays {
  readonly size: number;
  add(ref: LaneRef): void;
  /** Looks some of them up. @param found told of each that there is */
  find(found: (ref: LaneRef, owner: Owner) => void): Promise<void>;
}

export function createStrays({ pool }: Pick<Database, "pool">): Strays {
  const strays = new Set<LaneRef>();
  return {
    get size() {
      return strays.size;
    },
    add: (ref) => void strays.add(ref),
    async find(found) {
      const refs: LaneRef[] = [];
      for (const ref of strays) {
        if (refs.length === BATCH) break;
        refs.push(ref);
        strays.delete(ref);
      }
      if (refs.length === 0) return;
      for (const row of await laneOwners.rows(pool, laneKeys(refs)))
        found(laneRef(row.organization_id, row.id), { organizationId: row.organization_id, definitionId: row.definition_id });
    },
  };
}
