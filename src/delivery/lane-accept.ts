/**
 * Events and their requests in one round trip: what lane-enqueue.ts does step by step inside somebody's transaction, as one
 * statement in one message. Where it wrote nothing (another catalogue, a known key) the caller goes the long way.
 */
import { newId } from "../clock.ts";
import type { Database } from "../db/client.ts";
import type { RowOf } from "../db/statement.ts";
import { arrayLiteral, ZERO_ID } from "../db/values.ts";
import type { Owner } from "./fairness/shares.ts";
import { type LaneTicket, type Match, newRequest, nextRequest, type Taken, takenLane, type Wanted, wantedLanes } from "./lane-enqueue.ts";
import type { LaneRef } from "./lane-id.ts";
import type { Ahead, Numbers } from "./numbers.ts";
import { feedRows } from "./publish.ts";
import { acceptEvents } from "./sql/accept-events.ts";
import { lockNewestLanes } from "./sql/newest-lane.ts";

/** How a lane held in this process is known to be, and how many new requests its holder would send at once if it still is so. */
export interface Offer {
  /** Of the lease. */
  token: string;
  /** Null: nobody here holds it, and the token is a new one, to claim it with. */
  known: { revision: number; lastNumber: number } | null;
  sending: number;
}

/** A lane that so many new requests are for. */
export interface Offered {
  readonly ref: LaneRef;
  readonly owner: Owner;
  /** Ordered NONE. */
  readonly free: boolean;
  readonly count: number;
}

export interface Accepting {
  organizationId: string;
  /** Of the catalogue that made the matches. */
  version: number;
  /** All deliveries of the organization are paused. */
  paused: boolean;
  acceptedAt: Date;
  matches: readonly Match[];
  /** Columns of the statement: space, key, body hash, status, answer. */
  keys: readonly (readonly unknown[])[];
  /** Columns of the statement: id, type, entity, … as events/write.ts has them. */
  events: readonly (readonly unknown[] | null)[];
  /** How long the lock of a lane may be waited for, in milliseconds. */
  patienceMs: number;
  /** How long a claim lasts without a sign of life, in milliseconds. */
  leaseMs: number;
  /** This process keeps room for what it offers, until it is told what became of it. */
  offer(lane: Offered): Offer | undefined;
}

export interface Accepted {
  /** False: nothing was written. */
  written: boolean;
  /** The organization's catalogue now; undefined: there is no such organization. */
  version: number | undefined;
  tickets: LaneTicket[];
}

type Row = RowOf<(typeof acceptEvents)["row"]>;
/** Columns of events that the statement gets behind the rest: application, traceparent, tracestate. */
const LAST = 3;
const NO_NUMBERS: Ahead = { first: 0 };

/** @throws the database's error: nothing was kept, unless the connection broke before the answer came */
export async function acceptAtOnce(db: Pick<Database, "together">, numbers: Numbers, given: Accepting): Promise<Accepted> {
  const { organizationId, matches } = given;
  const { lanes, of } = wantedLanes(matches);
  const ahead = matches.length === 0 ? NO_NUMBERS : await numbers.ahead(organizationId, matches.length);
  let ids: string[] = [];
  const sent = () => {
    ids = matches.map(() => newId());
    const lockOf = [lanes.map(() => organizationId), lanes.map((lane) => lane.laneId), String(given.patienceMs)];
    return [
      { statement: lockNewestLanes, values: lockOf },
      { statement: acceptEvents, values: valuesOf(given, lanes, of, ids, ahead) },
    ];
  };
  // Others wait for the block, not for the lane that this transaction may wait for.
  const block =
    "block" in ahead
      ? { statement: ahead.block, came: (came?: { rows: Record<string, unknown>[] }) => ahead.took(came?.rows[0]) }
      : undefined;
  const came = await db.together(sent, block);
  const rows = (came[1]?.rows ?? []) as Row[];
  const tickets = rows[0]?.written ? ticketsOf(given, lanes, of, ids, rows) : [];
  return { written: rows[0]?.written ?? false, version: rows[0]?.version, tickets };
}

function valuesOf(given: Accepting, lanes: readonly Wanted[], of: readonly Wanted[], ids: readonly string[], ahead: Ahead): unknown[] {
  const { matches, offer } = given;
  const nth = new Map(lanes.map((lane, i) => [lane, i + 1]));
  const used = new Map<Wanted, number>();
  const inLane = of.map((lane) => {
    const at = (used.get(lane) ?? 0) + 1;
    used.set(lane, at);
    return at;
  });
  const offers = lanes.map(({ ref, first: { definitionId, free }, matches: { length: count } }) =>
    offer({ ref, owner: { organizationId: given.organizationId, definitionId }, free, count }),
  );
  const { counts, bodies } = feedRows(matches.map((match, i) => newRequest(ids[i] as string, match)));
  const lane = <T>(value: (l: Wanted) => T) => lanes.map(value);
  const column = <T>(value: (m: Match) => T) => matches.map(value);
  return [
    ...[given.organizationId, given.version, given.acceptedAt],
    ...("first" in ahead ? [ahead.first, null] : [null, ahead.blockId]),
    ...given.keys,
    ...given.events.slice(0, -LAST),
    ...[lane((l) => l.laneId), lane((l) => l.first.definitionId), lane((l) => l.first.laneKey), lane((l) => l.first.laneEpoch)],
    ...[lane((l) => l.first.free), lane((l) => l.matches.length)],
    ...[offers.map((o) => o?.token ?? ZERO_ID), offers.map((o) => (o ? (o.known?.revision ?? null) : 0))],
    ...[offers.map((o) => (o ? (o.known?.lastNumber ?? null) : 0)), offers.map((o) => o?.sending ?? 0)],
    ...[ids, of.map((l) => nth.get(l)), inLane, column((m) => m.event.id), column((m) => m.workflowRuleId), column((m) => m.dialect)],
    ...[column((m) => m.event.type), column((m) => m.event.entity), column((m) => m.event.entityId)],
    ...[column((m) => m.url), column((m) => arrayLiteral(m.fieldsSet))],
    ...[counts, bodies, given.paused, ...given.events.slice(-LAST), given.leaseMs],
  ];
}

function ticketsOf(
  given: Accepting,
  lanes: readonly Wanted[],
  of: readonly Wanted[],
  ids: readonly string[],
  rows: readonly Row[],
): LaneTicket[] {
  const byId = new Map(rows.map((row) => [row.id, row]));
  type Full = { [K in keyof Row]: K extends "lease_token" ? Row[K] : NonNullable<Row[K]> };
  const taken = new Map(lanes.map((lane) => [lane, takenLane(lane, byId.get(lane.laneId) as Full)]));
  const number = rows[0]?.number ?? 0;
  for (const [i, match] of given.matches.entries()) {
    const lane = taken.get(of[i] as Wanted) as Taken;
    lane.ticket.requests.push(nextRequest(lane, match, { id: ids[i] as string, number: number + i, createdAt: given.acceptedAt }));
  }
  return [...taken.values()].map(({ ticket }) => ticket);
}
