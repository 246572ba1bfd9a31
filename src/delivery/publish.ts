/** Tells the live feed, as the last statement of a transaction. */
import type { PoolClient } from "../db/client.ts";
import { CHANGES_PER_ROW, type Change, encodeChanges } from "./changes.ts";
import { publishChanges } from "./sql/publish-changes.ts";

export type ChangesByOrganization = ReadonlyMap<string, readonly Change[]>;

/** Changes of one organization as rows of the feed: how many each holds, and their text. */
export function feedRows(changes: readonly Change[]): { counts: number[]; bodies: string[] } {
  const counts: number[] = [];
  const bodies: string[] = [];
  for (let at = 0; at < changes.length; at += CHANGES_PER_ROW) {
    const part = changes.slice(at, at + CHANGES_PER_ROW);
    counts.push(part.length);
    bodies.push(encodeChanges(part));
  }
  return { counts, bodies };
}

/** The statement's values: a row's organization, its changes, its text. */
export function publishValues(changes: ChangesByOrganization): [organizations: string[], counts: number[], bodies: string[]] {
  const values: [string[], number[], string[]] = [[], [], []];
  for (const [organizationId, all] of changes) {
    const { counts, bodies } = feedRows(all);
    values[0].push(...counts.map(() => organizationId));
    values[1].push(...counts);
    values[2].push(...bodies);
  }
  return values;
}

/** Call it after everything else of the transaction: a lock taken later could turn two changes of one request round. */
export async function publish(client: PoolClient, changes: ChangesByOrganization): Promise<void> {
  const values = publishValues(changes);
  if (values[0].length > 0) await publishChanges.count(client, values);
}
