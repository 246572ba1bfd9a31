/** What the demo claims, judged by what the receiver saw and what the subscription told. Pure. */
import type { Call, LaneOf } from "./receiver.ts";
import type { Claim } from "./stage.ts";

export interface Evidence {
  /** Lane → the sequences that it must deliver, in this order. */
  expected: ReadonlyMap<string, readonly number[]>;
  laneOf: LaneOf;
  calls: readonly Call[];
  /** Attempts that came through the subscription: path, sequence, attempt number. */
  live: readonly { lane: string; laneNumber: number; attempt: number; delivered: boolean }[];
}

const sum = (numbers: Iterable<number>) => [...numbers].reduce((a, b) => a + b, 0);

export function judge({ expected, laneOf, calls, live }: Evidence): Claim[] {
  const real = calls.filter((call) => call.sequence !== undefined);
  const byLane = Map.groupBy(real, (call) => laneOf(call.path, call.entityId));
  const wanted = sum([...expected.values()].map((sequences) => sequences.length));
  const successes = (lane: string) => (byLane.get(lane) ?? []).filter((call) => call.status === 200).map((call) => call.sequence as number);
  const delivered = sum([...expected].map(([lane, sequences]) => new Set(successes(lane).filter((n) => sequences.includes(n))).size));
  const surplus = real.filter((call) => call.status === 200).length - delivered;
  const failures = real.filter((call) => call.status === 503).length;
  const inOrder = [...expected].filter(([lane, sequences]) => successes(lane).join() === sequences.join());
  const beside = real.filter((call) => call.beside > 0).length;
  const verified = calls.filter((call) => call.verified).length;
  const shown = new Set(live.map((line) => `${line.lane} ${line.laneNumber} ${line.attempt}`));
  const shownDelivered = live.filter((line) => line.delivered).length;
  return [
    {
      name: "delivered",
      holds: wanted > 0 && delivered === wanted && surplus === 0,
      detail: `${delivered} of ${wanted}${surplus === 0 ? ", none twice" : `, ${surplus} more than that`}`,
    },
    { name: "retried", holds: failures > 0 && delivered === wanted, detail: `${failures} failed attempts` },
    {
      name: "in order",
      holds: inOrder.length === expected.size && beside === 0,
      detail:
        inOrder.length === expected.size && beside === 0
          ? `yes, in each of ${expected.size} lanes`
          : `no: ${inOrder.length} of ${expected.size} lanes, ${beside} calls beside another`,
    },
    { name: "signatures", holds: calls.length > 0 && verified === calls.length, detail: `${verified} of ${calls.length} verified` },
    {
      name: "live",
      holds: shown.size === real.length && live.length === shown.size && shownDelivered === wanted,
      detail: `${shown.size} of ${real.length} attempts seen through the subscription${live.length === shown.size ? ", none twice" : `, ${live.length - shown.size} twice`}`,
    },
  ];
}
