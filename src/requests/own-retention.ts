/**
 * Organizations that keep less than the installation does (`Organization.retentionDays`): their rows go sooner, a stretch of one
 * organization's keys at a time; nobody else's are read. Idempotency answers are kept for a day, which is the least there is.
 */
import type { Core } from "../core.ts";
import { CLOCK_SLACK_MS, lowestId } from "./id-range.ts";
import { anyOutside, partitionsOf, quoted } from "./partitions.ts";
import { deleteSettled, deleteUnneededEvents } from "./sql/delete-requests.ts";
import { deleteOwnErasures, deleteOwnFeed, deleteOwnReplays, oldestEvent, oldestRequest, shorterRetentions } from "./sql/own-retention.ts";
import { rest, walk } from "./walk.ts";

const DAY_MS = 86_400_000;
const BATCH = 1_000;

/** Rows. */
export interface OwnDeleted {
  requests: number;
  events: number;
  feedEntries: number;
}

/** Partitions in which the organization has nothing so old are not visited. */
async function deleteRows(
  core: Core,
  parent: "webhook_request" | "event",
  organizationId: string,
  cutoff: Date,
  signal?: AbortSignal,
): Promise<number> {
  if (parent === "event" && (await anyOutside(core.db.pool, "webhook_request"))) return 0;
  const below = lowestId(new Date(cutoff.getTime() + CLOCK_SLACK_MS));
  const [oldest, text] = parent === "event" ? ([oldestEvent, deleteUnneededEvents] as const) : ([oldestRequest, deleteSettled] as const);
  const [first] = await oldest.rows(core.db.pool, [organizationId, below]);
  if (!first) return 0;
  let total = 0;
  for (const { name, since, until } of await partitionsOf(core, parent)) {
    if (lowestId(until) <= first.id) continue;
    if (since !== null && lowestId(since) >= below) break;
    total += (await walk(core, text(quoted(name), "OWN"), cutoff, signal, { own: { organizationId, below } })) ?? 0;
  }
  return total;
}

/** One round over all of them. */
export async function deleteOwnOld(core: Core, signal?: AbortSignal): Promise<OwnDeleted> {
  const { pool } = core.db;
  const deleted: OwnDeleted = { requests: 0, events: 0, feedEntries: 0 };
  const repeat = async (one: typeof deleteOwnFeed, organizationId: string, cutoff: Date): Promise<number> => {
    for (let total = 0; ; ) {
      if (signal?.aborted) return total;
      const began = core.clock.monotonic();
      const count = await one.count(pool, [organizationId, cutoff, BATCH]);
      total += count;
      if (count < BATCH) return total;
      await rest(core, began);
    }
  };
  for (const { id, days } of await shorterRetentions.rows(pool, [core.config.retentionDays])) {
    if (signal?.aborted) break;
    const cutoff = new Date(core.clock.now().getTime() - days * DAY_MS);
    deleted.feedEntries += await repeat(deleteOwnFeed, id, cutoff);
    deleted.requests += await deleteRows(core, "webhook_request", id, cutoff, signal);
    deleted.events += await deleteRows(core, "event", id, cutoff, signal);
    await repeat(deleteOwnReplays, id, cutoff);
    await repeat(deleteOwnErasures, id, cutoff);
  }
  return deleted;
}
