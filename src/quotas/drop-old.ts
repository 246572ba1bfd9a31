/** Rows that no quota asks for any more: days that retention has passed, buckets that have long been full, processes that are gone. */
import type { Core } from "../core.ts";
import { firstDay } from "./gate.ts";
import { dropOldBuckets, dropOldDays, dropOldSubscriptions } from "./sql/tell-usage.ts";

export async function dropOldUsage(core: Core): Promise<Record<"days" | "buckets" | "subscriptions", number>> {
  const { pool } = core.db;
  return {
    days: await dropOldDays.count(pool, [firstDay(core)]),
    buckets: await dropOldBuckets.count(pool, []),
    subscriptions: await dropOldSubscriptions.count(pool, []),
  };
}
