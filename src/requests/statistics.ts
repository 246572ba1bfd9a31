/** Deliveries over time, for people who look: counts and latencies from the roll-ups per minute. */
import type { Database } from "../db/client.ts";
import { percentile } from "../delivery/durations.ts";
import { BadInputError } from "../errors.ts";
import { readDefinitionMinutes, readMinutes } from "./sql/statistics.ts";

export interface DeliveryCounts {
  /** Attempts that the receiver accepted. */
  delivered: number;
  /** Failed attempts that another one follows or will follow. */
  retried: number;
  /** Failed attempts that were the last of their request. */
  rejected: number;
}

export interface DeliveryBucket extends DeliveryCounts {
  /** Its beginning. */
  at: Date;
  /** Milliseconds of an attempt that was answered; null without any. */
  p50Ms: number | null;
  p99Ms: number | null;
}

export interface DeliveryStatistics extends DeliveryCounts {
  p50Ms: number | null;
  p99Ms: number | null;
  buckets: DeliveryBucket[];
  definitions: (DeliveryCounts & { definitionId: string })[];
}

export const MOST_BUCKETS = 240;
/** Roll-ups are kept a day longer. */
const LONGEST_DAYS = 30;
const LONGEST_MS = LONGEST_DAYS * 86_400_000;
const MINUTE_MS = 60_000;

interface Sum extends DeliveryCounts {
  durations: number[];
}

const none = (): Sum => ({ delivered: 0, retried: 0, rejected: 0, durations: [] });

function add(sum: Sum, row: Readonly<Sum>): void {
  sum.delivered += row.delivered;
  sum.retried += row.retried;
  sum.rejected += row.rejected;
  for (const [i, count] of row.durations.entries()) sum.durations[i] = (sum.durations[i] ?? 0) + count;
}

const counts = ({ delivered, retried, rejected }: Sum): DeliveryCounts => ({ delivered, retried, rejected });
const latencies = ({ durations }: Sum) => ({ p50Ms: percentile(durations, 0.5), p99Ms: percentile(durations, 0.99) });

/**
 * Attempts since a moment, cut into equal buckets up to now, as a whole and per definition. A minute counts whole, in the
 * bucket in which it ends, so that one which began before `since` is not lost; what is older than two hours counts by ten
 * minutes, than two days by the hour.
 * @param since at most 30 days ago
 * @param definitionId of this one alone
 * @throws BadInputError
 */
export async function deliveryStatistics(
  db: Database,
  organizationId: string,
  { since, buckets, now, definitionId }: { since: Date; buckets: number; now: Date; definitionId?: string | undefined },
): Promise<DeliveryStatistics> {
  const span = now.getTime() - since.getTime();
  if (!(span > 0 && span <= LONGEST_MS)) throw new BadInputError(`since must be in the past, at most ${LONGEST_DAYS} days ago`);
  if (!Number.isInteger(buckets) || buckets < 1 || buckets > MOST_BUCKETS) throw new BadInputError(`buckets must be 1 to ${MOST_BUCKETS}`);
  const width = span / buckets;
  const begun = new Date(Math.floor(since.getTime() / MINUTE_MS) * MINUTE_MS);
  const all = none();
  const byBucket = Array.from({ length: buckets }, none);
  const byDefinition = new Map<string, Sum>();
  const tenant = db.tenant(organizationId);
  const rows = definitionId
    ? await readDefinitionMinutes.rows(tenant, [organizationId, begun, definitionId])
    : await readMinutes.rows(tenant, [organizationId, begun]);
  for (const { minute, definitionId: definition, ...row } of rows) {
    if (definition !== null) {
      const sum = byDefinition.get(definition) ?? none();
      byDefinition.set(definition, sum);
      add(sum, row);
    }
    if (minute === null) continue;
    const end = minute.getTime() + MINUTE_MS - 1;
    const bucket = Math.min(buckets - 1, Math.max(0, Math.floor((end - since.getTime()) / width)));
    for (const sum of [all, byBucket[bucket] as Sum]) add(sum, row);
  }
  return {
    ...counts(all),
    ...latencies(all),
    buckets: byBucket.map((sum, index) => ({ at: new Date(since.getTime() + index * width), ...counts(sum), ...latencies(sum) })),
    definitions: [...byDefinition].map(([definitionId, sum]) => ({ definitionId, ...counts(sum) })),
  };
}
