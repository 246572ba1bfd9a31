/** Tells the live feed, as the last statement of a transaction. */
import type { PoolClient } from "../db/client.ts";
import { CHANGES_PER_ROW, type Change, encodeChanges } from "./changes.ts";
import { publishChanges } from "./sql/publish-changes.ts";

export type ChangesByOrganization = ReadonlyMap<string, readonly Change[]>;

/** Call it after everything else of the transaction: a lock taken later could turn two changes of one request round. */
export async function publish(client: PoolClient, changes: ChangesByOrganization): Promise<void> {
  const organizations: string[] = [];
  const counts: number[] = [];
  const bodies: string[] = [];
  for (const [organizationId, all] of changes) {
    for (let at = 0; at < all.length; at += CHANGES_PER_ROW) {
      const part = all.slice(at, at + CHANGES_PER_ROW);
      organizations.push(organizationId);
      counts.push(part.length);
      bodies.push(encodeChanges(part));
    }
  }
  if (organizations.length > 0) await publishChanges.count(client, [organizations, counts, bodies]);
}
