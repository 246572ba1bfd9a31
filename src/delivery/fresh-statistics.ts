/**
 * Statistics of the tables that are being filled. A session keeps the plans of its statements. Made while a partition has a page or two, such a
 * plan may take an index by which it walks all of an organization's requests for each key, since that costs the same there; autovacuum, whose
 * statistics have it made anew, comes a minute later, and a minute is 50 000 requests (settlements of 70 to 1 000 ms, docs/decisions/plans.md).
 * So whoever writes looks now and then whether a table has become twenty times as large as its statistics say, and has them made.
 */
import type { Core } from "../core.ts";
import { identifier } from "../db/session.ts";
import { findGrown } from "./sql/find-grown.ts";

/** Looked at after so many requests, and then whenever half as many came as before; else after a while of writing. */
const FIRST = 100;
const LATER_MS = 10_000;

export interface FreshStatistics {
  /** So many requests were written. Waits for nothing. */
  wrote(requests: number): void;
}

export function createFreshStatistics(core: Pick<Core, "db" | "clock" | "log">): FreshStatistics {
  let all = 0;
  let since = 0;
  let lookedAt = core.clock.monotonic();
  let looking = false;

  async function look(): Promise<void> {
    const rows = await findGrown.rows(core.db.pool, []);
    if (rows.length === 0) return;
    await core.db.asOwner(async (client) => {
      // How many rows there are, and of how many organizations: the rest is autovacuum's, and costs a hundred times as much.
      for (const { name } of rows) await client.query(`ANALYZE ${identifier(name)} (organization_id)`);
    });
  }

  return {
    wrote(requests) {
      all += requests;
      since += requests;
      const now = core.clock.monotonic();
      if (looking || (since < Math.max(FIRST, all / 3) && now - lookedAt < LATER_MS)) return;
      looking = true;
      since = 0;
      lookedAt = now;
      look()
        // Autovacuum does it as well, a minute later.
        .catch((error: Error) => core.log.debug({ err: error.message }, "statistics were not made"))
        .finally(() => {
          looking = false;
        });
    },
  };
}
