/** How often definitions called, ever: what was folded, and the roll-ups since. */
import type { Database } from "../db/client.ts";
import { readTotals } from "./sql/statistics.ts";

export interface Totals {
  totalCalls: number;
  totalErrors: number;
  lastAttemptAt: Date | null;
}

/** By definition. */
export async function totalsOf(db: Database, organizationId: string, definitionIds: readonly string[]): Promise<Map<string, Totals>> {
  const rows = await readTotals.rows(db.tenant(organizationId), [organizationId, definitionIds]);
  return new Map(rows.map(({ definitionId, ...totals }) => [definitionId, totals]));
}
