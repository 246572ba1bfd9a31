/** How a webhook did over a time that stands in the address. */
import { graphql, type ResultOf } from "../graphql/tada.ts";

const HOUR_MS = 3_600_000;

export interface Range {
  /** As in `?range=`. */
  value: string;
  /** As in "in the last …". */
  label: string;
  milliseconds: number;
  /** Into how many slices; statistics of more than two days ago are by the hour, so that no slice is shorter. */
  buckets: number;
  /** How long a slice is, in words. */
  per: string;
}

/** The API counts from at most 30 days ago, by its own clock: an hour is left for a clock here that is behind it. */
const MARGIN_MS = HOUR_MS;

const DAY: Range = { value: "24h", label: "24 h", milliseconds: 24 * HOUR_MS, buckets: 48, per: "30 min" };
export const RANGES: readonly Range[] = [
  { value: "1h", label: "1 h", milliseconds: HOUR_MS, buckets: 60, per: "minute" },
  DAY,
  { value: "7d", label: "7 d", milliseconds: 7 * 24 * HOUR_MS, buckets: 56, per: "3 h" },
  { value: "30d", label: "30 d", milliseconds: 30 * 24 * HOUR_MS - MARGIN_MS, buckets: 60, per: "12 h" },
];

/** What the address says; a day where it says nothing that there is. */
export const rangeOf = (query: URLSearchParams): Range => RANGES.find((each) => each.value === query.get("range")) ?? DAY;

export const WebhookFiguresQuery = graphql(`
  query WebhookFigures($id: ID!, $since: DateTime!, $buckets: Int!) {
    deliveryStatistics(webhookDefinitionId: $id, since: $since, buckets: $buckets) {
      delivered
      retried
      rejected
      p50Ms
      p99Ms
      buckets {
        at
        delivered
        retried
        rejected
        p50Ms
        p99Ms
      }
    }
  }
`);
type Statistics = ResultOf<typeof WebhookFiguresQuery>["deliveryStatistics"];
export type Slice = Statistics["buckets"][number];
type Counts = Pick<Slice, "delivered" | "retried" | "rejected">;

export const attemptsOf = ({ delivered, retried, rejected }: Counts): number => delivered + retried + rejected;
/** Of all attempts; null without any. */
export const successOf = (counts: Counts): number | null => (attemptsOf(counts) === 0 ? null : counts.delivered / attemptsOf(counts));
