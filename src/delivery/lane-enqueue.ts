/**
 * Requests come into being: each takes its lane's next number under the lane's row lock, so that number order is
 * commit order. Runs inside the transaction that writes the event.
 *
 * Locks are taken in one order by everybody: lanes by (organization, id), then definitions' counters. No row that a whole
 * organization shares is locked: its numbers come from a block taken before, its feed is sequenced afterwards.
 */
import { newId } from "../clock.ts";
import type { PoolClient } from "../db/client.ts";
import { arrayLiteral } from "../db/values.ts";
import type { DialectName, EventView } from "../wire/dialect.ts";
import { dialects } from "../wire/dialects.ts";
import type { RequestChanged } from "./changes.ts";
import { type LaneRef, laneIdOf, laneRef } from "./lane-id.ts";
import type { Numbers } from "./numbers.ts";
import { publishValues } from "./publish.ts";
import type { QueuedRequest } from "./queued.ts";
import { publishChanges } from "./sql/publish-changes.ts";
import { takeLaneNumbers } from "./sql/take-lane-numbers.ts";
import { makeDue, writeRequests } from "./sql/write-requests.ts";

/** One event for one definition. */
export interface Match {
  event: EventView;
  definitionId: string;
  dialect: DialectName;
  workflowRuleId: string | null;
  /** "" unless ordered by KEY. */
  laneKey: string;
  /** The definition's ordering_epoch. */
  laneEpoch: number;
  /** Ordering NONE: a request that waits holds up nothing. */
  free: boolean;
  url: string | null;
  fieldsSet: readonly string[];
}

/** A lane as its row was when the numbers were taken. The row stays locked until the transaction ends. */
export interface LaneTicket {
  ref: LaneRef;
  organizationId: string;
  laneId: string;
  definitionId: string;
  leaseToken: string | null;
  /** Whether some worker's lease is alive. */
  leased: boolean;
  /** Paused or blocked: nobody may send. */
  held: boolean;
  /** Waits for a retry: a wake-up would come too early. */
  waiting: boolean;
  revision: number;
  /** The lane's last number before and after. */
  before: number;
  after: number;
  requests: QueuedRequest[];
  /** So many of them, from the first, were written as SENDING for the holder in this process. */
  sending: number;
}

/** Rows of one table that a statement writes: what one call brings must not hold up the statements of others for long. */
export const ROWS = 2_000;

export const KEY_SEPARATOR = "\u001f";

/** Thrown before anything is locked: the transaction is begun anew once so many numbers are at hand. */
export class NumbersNeeded extends Error {
  readonly needs: ReadonlyMap<string, number>;
  constructor(needs: ReadonlyMap<string, number>) {
    super("more request numbers are needed");
    this.needs = needs;
  }
}

export interface Wanted {
  ref: LaneRef;
  laneId: string;
  first: Match;
  matches: Match[];
}

/** Lanes in the order of the locks, and which of them each match goes to. */
export function wantedLanes(matches: readonly Match[]): { lanes: Wanted[]; of: Wanted[] } {
  const byDefinition = new Map<string, Map<string, Wanted>>();
  const of = matches.map((match) => {
    const keys = byDefinition.get(match.definitionId) ?? new Map<string, Wanted>();
    byDefinition.set(match.definitionId, keys);
    let wanted = keys.get(match.laneKey);
    if (!wanted) {
      const laneId = laneIdOf(match.definitionId, match.laneEpoch, match.laneKey);
      wanted = { ref: laneRef(match.event.organizationId, laneId), laneId, first: match, matches: [] };
      keys.set(match.laneKey, wanted);
    }
    wanted.matches.push(match);
    return wanted;
  });
  const lanes = [...byDefinition.values()].flatMap((keys) => [...keys.values()]);
  return { lanes: lanes.sort((a, b) => (a.ref < b.ref ? -1 : 1)), of };
}

function takeNumbers(matches: readonly Match[], numbers: Numbers): Map<string, number> {
  const needs = new Map<string, number>();
  for (const { event } of matches) needs.set(event.organizationId, (needs.get(event.organizationId) ?? 0) + 1);
  const first = new Map<string, number>();
  for (const [organizationId, count] of needs) {
    const number = numbers.take(organizationId, count);
    if (number === undefined) throw new NumbersNeeded(needs);
    first.set(organizationId, number);
  }
  return first;
}

async function takeTickets(client: PoolClient, lanes: readonly Wanted[]): Promise<Map<Wanted, Taken>> {
  const taken = new Map<Wanted, Taken>();
  for (const part of parts(lanes)) {
    const rows = await takeLaneNumbers.rows(client, [
      part.map((l) => l.first.event.organizationId),
      part.map((l) => l.laneId),
      part.map((l) => l.first.definitionId),
      part.map((l) => l.first.laneKey),
      part.map((l) => l.first.laneEpoch),
      part.map((l) => l.first.free),
      part.map((l) => l.matches.length),
    ]);
    const byId = new Map(rows.map((row) => [row.id, row]));
    for (const lane of part) taken.set(lane, takenLane(lane, { ...(byId.get(lane.laneId) as (typeof rows)[number]), sending: 0 }));
  }
  return taken;
}

/** A lane's row as the statement that gave out its numbers returned it. */
interface LaneRow {
  last_number: number;
  last_position: number;
  lease_token: string | null;
  leased: boolean;
  held: boolean;
  waiting: boolean;
  revision: number;
  sending: number;
}

export interface Taken {
  ticket: LaneTicket;
  /** The lane's, with all of the ticket's requests in it. */
  lastPosition: number;
  /** Requests that have their place already. */
  placed: number;
}

export const takenLane = (lane: Wanted, row: LaneRow): Taken => ({
  ticket: {
    ref: lane.ref,
    organizationId: lane.first.event.organizationId,
    laneId: lane.laneId,
    definitionId: lane.first.definitionId,
    leaseToken: row.lease_token,
    leased: row.leased,
    held: row.held,
    waiting: row.waiting,
    revision: row.revision,
    before: row.last_number - lane.matches.length,
    after: row.last_number,
    requests: [],
    sending: row.sending,
  },
  lastPosition: row.last_position,
  placed: 0,
});

function* parts<T>(all: readonly T[]): Generator<T[]> {
  for (let at = 0; at < all.length; at += ROWS) yield all.slice(at, at + ROWS);
}

/** Somebody has to claim it now: one that is held by a worker, waits or is held up has its due time already. */
export const becomesDue = (ticket: LaneTicket) => !ticket.leased && !ticket.held && !ticket.waiting;

/**
 * Writes a request per match, in the order given, each with its lane's next number, and tells the feed. In statements of at
 * most `ROWS` rows; tickets of more than that hold no requests, which their lanes' holders read from the table.
 * @param acceptedAt when the events were accepted
 * @throws NumbersNeeded before any lock is taken
 */
export async function enqueue(client: PoolClient, matches: readonly Match[], acceptedAt: Date, numbers: Numbers): Promise<LaneTicket[]> {
  if (matches.length === 0) return [];
  const next = takeNumbers(matches, numbers);
  const { lanes, of } = wantedLanes(matches);
  const taken = await takeTickets(client, lanes);
  const feed = { organizations: [] as string[], counts: [] as number[], bodies: [] as string[] };
  let at = 0;
  for (const part of parts(matches)) {
    const changes = new Map<string, RequestChanged[]>();
    const written = part.map((match, i) => {
      const { organizationId } = match.event;
      const number = next.get(organizationId) as number;
      next.set(organizationId, number + 1);
      const lane = taken.get(of[at + i] as Wanted) as Taken;
      const request = nextRequest(lane, match, { id: newId(), number, createdAt: acceptedAt });
      if (matches.length <= ROWS) lane.ticket.requests.push(request);
      const told = changes.get(organizationId) ?? [];
      changes.set(organizationId, told);
      told.push(newRequest(request.id, match));
      return { request, match };
    });
    at += part.length;
    await writeRequests.count(client, [...requestColumns(written), acceptedAt]);
    const [organizations, counts, bodies] = publishValues(changes);
    feed.organizations.push(...organizations);
    feed.counts.push(...counts);
    feed.bodies.push(...bodies);
  }
  const tickets = [...taken.values()].map(({ ticket }) => ticket);
  for (const due of parts(tickets.filter(becomesDue)))
    await makeDue.count(client, [due.map((t) => t.organizationId), due.map((t) => t.laneId), due.map((t) => t.definitionId)]);
  // Last, after every lock: see publish.ts.
  await publishChanges.count(client, [feed.organizations, feed.counts, feed.bodies]);
  return tickets;
}

/** A new request, behind those of its lane that have their place already. */
export function nextRequest(lane: Taken, match: Match, given: { id: string; number: number; createdAt: Date }): QueuedRequest {
  const { ticket, lastPosition } = lane;
  lane.placed += 1;
  const laneNumber = ticket.before + lane.placed;
  return {
    id: given.id,
    organizationId: match.event.organizationId,
    definitionId: match.definitionId,
    dialect: match.dialect,
    number: given.number,
    laneId: ticket.laneId,
    laneNumber,
    position: lastPosition - (ticket.after - laneNumber),
    attemptCount: 0,
    tries: 0,
    manual: false,
    isTest: false,
    dueAt: null,
    createdAt: given.createdAt,
    sentBody: null,
    event: match.event,
  };
}

/** What the feed is told of a new request. */
export const newRequest = (requestId: string, { definitionId, url, dialect }: Match): RequestChanged => ({
  kind: "REQUEST",
  requestId,
  definitionId,
  state: "PENDING",
  attemptCount: 0,
  waitMs: null,
  errorCode: null,
  errorDescription: null,
  url,
  notificationStatus: dialects[dialect].callsBack ? "NEW" : null,
});

function requestColumns(written: readonly { request: QueuedRequest; match: Match }[]): unknown[][] {
  const column = <T>(of: (request: QueuedRequest, match: Match) => T) => written.map(({ request, match }) => of(request, match));
  return [
    ...[column((r) => r.id), column((r) => r.organizationId), column((r) => r.number), column((r) => r.definitionId)],
    ...[column((r) => r.event.id), column((_, m) => m.workflowRuleId), column((r) => r.laneId), column((r) => r.laneNumber)],
    ...[column((r) => r.position), column((r) => r.dialect), column((r) => r.event.type), column((r) => r.event.entity)],
    ...[column((r) => r.event.entityId), column((_, m) => m.url), column((_, m) => arrayLiteral(m.fieldsSet)), column((_, m) => m.free)],
  ];
}
