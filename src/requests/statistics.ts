/** Deliveries over time, for people who look: counts and latencies of the newest attempts. */
import type { Database } from "../db/client.ts";
import { BadInputError } from "../errors.ts";

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
const LONGEST_MS = 7 * 86_400_000;
/** Beyond, only the newest count: a look at a busy hour must not cost a busy second. */
const MOST_ATTEMPTS = 100_000;

/** The lowest UUIDv7 of a moment: attempts are found by the time in their ids, without an index of their own. */
function idSince(at: Date): string {
  const time = at.getTime().toString(16).padStart(12, "0");
  return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-000000000000`;
}

interface Row extends DeliveryCounts {
  bucket: number | null;
  definition: string | null;
  p50: number | null;
  p99: number | null;
}

// A failed attempt was the last one when its request is REJECTED and has none after it.
const SQL = `
  WITH recent AS (
    SELECT a.request_id, a.number, a.outcome, a.duration_ms, a.started_at, a.status_code
      FROM attempt a WHERE a.organization_id = $1 AND a.id >= $2 AND a.started_at >= $3 ORDER BY a.id DESC LIMIT ${MOST_ATTEMPTS}
  ), judged AS (
    SELECT r.definition_id AS definition, a.outcome, a.duration_ms, a.status_code,
           least(floor(extract(epoch FROM a.started_at - $3::timestamptz) * 1000 / $4)::int, $5 - 1) AS bucket,
           a.outcome <> 'DELIVERED' AND r.state = 'REJECTED' AND a.number = r.attempt_count AS last
      FROM recent a JOIN webhook_request r ON r.id = a.request_id
     WHERE a.outcome <> 'INTERRUPTED'
  )
  SELECT bucket, definition::text,
         count(*) FILTER (WHERE outcome = 'DELIVERED')::int AS delivered,
         count(*) FILTER (WHERE outcome <> 'DELIVERED' AND NOT last)::int AS retried,
         count(*) FILTER (WHERE last)::int AS rejected,
         percentile_disc(0.5) WITHIN GROUP (ORDER BY duration_ms) FILTER (WHERE status_code IS NOT NULL) AS p50,
         percentile_disc(0.99) WITHIN GROUP (ORDER BY duration_ms) FILTER (WHERE status_code IS NOT NULL) AS p99
    FROM judged GROUP BY GROUPING SETS ((bucket), (definition), ())`;

/**
 * Attempts since a moment, cut into equal buckets up to now, as a whole and per definition.
 * @param since at most a week ago
 * @throws BadInputError
 */
export async function deliveryStatistics(
  db: Database,
  organizationId: string,
  { since, buckets, now }: { since: Date; buckets: number; now: Date },
): Promise<DeliveryStatistics> {
  const span = now.getTime() - since.getTime();
  if (!(span > 0 && span <= LONGEST_MS)) throw new BadInputError("since must be in the past, at most seven days ago");
  if (!Number.isInteger(buckets) || buckets < 1 || buckets > MOST_BUCKETS) throw new BadInputError(`buckets must be 1 to ${MOST_BUCKETS}`);
  const width = span / buckets;
  const { rows } = await db.pool.query<Row>(SQL, [organizationId, idSince(since), since, width, buckets]);
  const none = { delivered: 0, retried: 0, rejected: 0, p50: null, p99: null };
  const byBucket = new Map(rows.filter((row) => row.bucket !== null).map((row) => [row.bucket as number, row]));
  const all = rows.find((row) => row.bucket === null && row.definition === null) ?? none;
  return {
    delivered: all.delivered,
    retried: all.retried,
    rejected: all.rejected,
    p50Ms: all.p50,
    p99Ms: all.p99,
    buckets: Array.from({ length: buckets }, (_, index) => {
      const { delivered, retried, rejected, p50, p99 } = byBucket.get(index) ?? none;
      return { at: new Date(since.getTime() + index * width), delivered, retried, rejected, p50Ms: p50, p99Ms: p99 };
    }),
    definitions: rows.flatMap(({ definition, delivered, retried, rejected }) =>
      definition === null ? [] : [{ definitionId: definition, delivered, retried, rejected }],
    ),
  };
}
