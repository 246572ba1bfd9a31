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
import type { RequestChanged } from "./changes.ts";
import { type LaneRef, laneIdOf, laneRef } from "./lane-id.ts";
import type { Numbers } from "./numbers.ts";
import { publish } from "./publish.ts";
import type { QueuedRequest } from "./queued.ts";
import { takeLaneNumbers } from "./sql/take-lane-numbers.ts";
import { writeRequests } from "./sql/write-requests.ts";

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

/** Asked with the lane's row locked: how many new requests may its holder in this process send at once, without a claim? */
export type Reserve = (ticket: LaneTicket) => number;

export const KEY_SEPARATOR = "\u001f";

/** Thrown before anything is locked: the transaction is begun anew once so many numbers are at hand. */
export class NumbersNeeded extends Error {
  readonly needs: ReadonlyMap<string, number>;
  constructor(needs: ReadonlyMap<string, number>) {
    super("more request numbers are needed");
    this.needs = needs;
  }
}

interface Wanted {
  ref: LaneRef;
  laneId: string;
  first: Match;
  matches: Match[];
}

/** Lanes in the order of the locks, and which of them each match goes to. */
function wantedLanes(matches: readonly Match[]): { lanes: Wanted[]; of: Wanted[] } {
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

async function takeTickets(
  client: PoolClient,
  lanes: readonly Wanted[],
): Promise<Map<Wanted, { ticket: LaneTicket; lastPosition: number }>> {
  const rows = await takeLaneNumbers.rows(client, [
    lanes.map((l) => l.first.event.organizationId),
    lanes.map((l) => l.laneId),
    lanes.map((l) => l.first.definitionId),
    lanes.map((l) => l.first.laneKey),
    lanes.map((l) => l.first.laneEpoch),
    lanes.map((l) => l.first.free),
    lanes.map((l) => l.matches.length),
  ]);
  const byId = new Map(rows.map((row) => [row.id, row]));
  return new Map(
    lanes.map((lane) => {
      const row = byId.get(lane.laneId) as (typeof rows)[number];
      const ticket: LaneTicket = {
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
        sending: 0,
      };
      return [lane, { ticket, lastPosition: row.last_position }];
    }),
  );
}

/** A lane that somebody holds, or that waits or is held up, has its due time already. */
const becomesDue = (ticket: LaneTicket) => !ticket.leased && !ticket.held && !ticket.waiting;

/**
 * Writes a request per match, in the order given, each with its lane's next number, and tells the feed.
 * @param acceptedAt when the events were accepted
 * @throws NumbersNeeded before any lock is taken
 */
export async function enqueue(
  client: PoolClient,
  matches: readonly Match[],
  acceptedAt: Date,
  numbers: Numbers,
  reserve: Reserve,
): Promise<LaneTicket[]> {
  if (matches.length === 0) return [];
  const next = takeNumbers(matches, numbers);
  const { lanes, of } = wantedLanes(matches);
  const taken = await takeTickets(client, lanes);

  for (const [i, match] of matches.entries()) {
    const { ticket, lastPosition } = taken.get(of[i] as Wanted) as { ticket: LaneTicket; lastPosition: number };
    const { organizationId } = match.event;
    const number = next.get(organizationId) as number;
    next.set(organizationId, number + 1);
    const laneNumber = ticket.before + ticket.requests.length + 1;
    ticket.requests.push({
      id: newId(),
      organizationId,
      definitionId: match.definitionId,
      dialect: match.dialect,
      number,
      laneId: ticket.laneId,
      laneNumber,
      position: lastPosition - (ticket.after - laneNumber),
      attemptCount: 0,
      tries: 0,
      manual: false,
      isTest: false,
      dueAt: null,
      createdAt: acceptedAt,
      sentBody: null,
      event: match.event,
    });
  }
  const tickets = [...taken.values()].map(({ ticket }) => ticket);
  for (const ticket of tickets) ticket.sending = reserve(ticket);
  await writeAll(client, matches, of, taken, acceptedAt);
  return tickets;
}

async function writeAll(
  client: PoolClient,
  matches: readonly Match[],
  of: readonly Wanted[],
  taken: ReadonlyMap<Wanted, { ticket: LaneTicket }>,
  acceptedAt: Date,
): Promise<void> {
  const columns: unknown[][] = Array.from({ length: 17 }, () => []);
  const changes = new Map<string, RequestChanged[]>();
  const index = new Map<LaneTicket, number>();
  for (const [i, match] of matches.entries()) {
    const { ticket } = taken.get(of[i] as Wanted) as { ticket: LaneTicket };
    const at = index.get(ticket) ?? 0;
    index.set(ticket, at + 1);
    const request = ticket.requests[at] as QueuedRequest;
    const { event } = match;
    const values = [
      ...[request.id, request.organizationId, request.number, request.definitionId, event.id, match.workflowRuleId],
      ...[request.laneId, request.laneNumber, request.position, at < ticket.sending ? "SENDING" : "PENDING", request.dialect],
      ...[event.type, event.entity, event.entityId, match.url, arrayLiteral(match.fieldsSet), match.free],
    ];
    for (const [column, value] of values.entries()) columns[column]?.push(value);
    const told = changes.get(request.organizationId) ?? [];
    changes.set(request.organizationId, told);
    told.push({
      kind: "REQUEST",
      requestId: request.id,
      definitionId: request.definitionId,
      state: "PENDING",
      attemptCount: 0,
      waitMs: null,
      errorCode: null,
      errorDescription: null,
      url: match.url,
      notificationStatus: request.dialect === "DOFORMS" ? "NEW" : null,
    });
  }
  const due = [...taken.values()].map(({ ticket }) => ticket).filter(becomesDue);
  await writeRequests.count(client, [
    ...columns,
    acceptedAt,
    due.map((t) => t.organizationId),
    due.map((t) => t.laneId),
    due.map((t) => t.definitionId),
  ]);
  await publish(client, changes);
}
