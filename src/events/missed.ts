/**
 * Events that a definition takes today and never had a request for: it was stopped when they came, or made later. They get
 * requests with new numbers, behind what is queued, in the order of the events' ids. Each pair of event and definition has
 * one row in `recovered_event`, whose key keeps two replays from making a second request.
 */
import { setImmediate as breathe, setTimeout as sleep } from "node:timers/promises";
import { MOST_COUNTED } from "../accounts/keyset.ts";
import { newId } from "../clock.ts";
import type { Core } from "../core.ts";
import { idRange, rowsFrom } from "../db/values.ts";
import { type Taker, takerOf } from "../definitions/catalog.ts";
import type { MatchEvent } from "../definitions/match.ts";
import { ourTransactions } from "../delivery/lane-chores.ts";
import type { Match } from "../delivery/lane-enqueue.ts";
import { readEventBodies } from "../delivery/sql/read-bodies.ts";
import { matcher, type RequestFilter } from "../requests/filter.ts";
import { CLOCK_SLACK_MS, LOWEST, lowestId, rangeAround } from "../requests/id-range.ts";
import { MOVE, type RunMissed, type Step } from "../requests/replay-run.ts";
import type { RequestRow } from "../requests/row.ts";
import { eventsHad, walkEvents } from "../requests/sql/missed-events.ts";
import type { EventView } from "../wire/dialect.ts";
import type { Ingest } from "./ingest.ts";
import { matchFor } from "./write.ts";

/** Events looked at in one statement. */
const STRETCH = 500;
/** And matched without a break. */
const TURN = 50;
/** Of payloads that are read together, for filters. */
const READ_BYTES = 8 * 2 ** 20;
/** Events that a plan looks at. */
const MOST_WALKED = 200_000;

/** What of a filter says something of an event that has no request. */
export type MissedFilter = Pick<RequestFilter, "eventType" | "entity" | "entityId">;

export interface Missed {
  organizationId: string;
  definitionId: string;
  /** When the events were accepted, both ends included. */
  since: Date;
  until: Date;
  filter: MissedFilter;
}

interface Found {
  id: string;
  acceptedAt: Date;
  match: Match;
}

interface Stretch {
  found: Found[];
  /** The last event looked at; undefined: there are no more. */
  last: string | undefined;
}

const DAY_MS = 86_400_000;
/** Between the clocks of two of our processes, twice over. */
const SKEW_MS = 120_000;

/** What is so old may have had a request that is gone already. */
const sinceOf = (core: Core, since: Date): Date =>
  new Date(Math.max(since.getTime(), core.clock.now().getTime() - core.config.retentionDays * DAY_MS + SKEW_MS));

/** Ids that events accepted by `until` can have. */
export const missedUntilId = (until: Date): string => lowestId(new Date(until.getTime() + CLOCK_SLACK_MS));

const firstId = (since: Date): string => lowestId(new Date(since.getTime() - CLOCK_SLACK_MS));

/** The next events after `after`, and which of them were missed. */
async function nextStretch(core: Core, taker: Taker, missed: Missed, after: string, untilId: string): Promise<Stretch> {
  const { organizationId, definitionId, filter } = missed;
  const since = sinceOf(core, missed.since);
  const from = after > firstId(since) ? after : firstId(since);
  const walked = await walkEvents.rows(core.db.pool, [organizationId, from, untilId, STRETCH, since, missed.until]);
  const last = walked.length === STRETCH ? walked.at(-1)?.id : undefined;
  const wanted = matcher(filter);
  const light = walked
    .filter((row) => row.inside && wanted({ eventType: row.type, entity: row.entity, entityId: row.entity_id } as RequestRow))
    .map((row) => ({ ...row, event: viewOf(organizationId, row) }))
    .filter(({ event }) => taker.mayTake(event));
  if (light.length === 0) return { found: [], last };
  const ids = light.map(({ id }) => id);
  const had = new Set((await eventsHad.rows(core.db.pool, [organizationId, ids, definitionId, ...rangeAround(ids)])).map(({ id }) => id));
  const left = light.filter(({ id }) => !had.has(id));
  const payloads = taker.needsPayload ? payloadsOf(core, organizationId, left) : undefined;
  const found: Found[] = [];
  for (const [i, { event, created_at: acceptedAt }] of left.entries()) {
    // Others have their turn meanwhile.
    if (i % TURN === TURN - 1) await breathe();
    const payload = payloads ? await payloads(event.id) : event.payload;
    // Deleted at this moment.
    if (payload === undefined) continue;
    const taken = taker.match({ ...event, payload });
    const match = taken && matchFor(event, taker.definition, taken.workflowRuleId);
    if (match) found.push({ id: event.id, acceptedAt, match });
  }
  return { found, last };
}

type Walked = Awaited<ReturnType<typeof walkEvents.rows>>[number];

/** Without its payload: who sends it reads that. */
const viewOf = (organizationId: string, row: Walked): EventView & MatchEvent => ({
  ...{ id: row.id, organizationId, type: row.type, entity: row.entity, entityId: row.entity_id },
  ...{
    payload: "null",
    previous: null,
    changes: row.changes,
    scope: row.scope as EventView["scope"],
    actor: row.actor,
    applicationId: row.application_id,
  },
  ...{ occurredAt: row.created_at, acceptedAt: row.created_at },
});

/** Payloads one after another, read in parts of `READ_BYTES`. */
function payloadsOf(core: Core, organizationId: string, events: readonly Walked[]): (id: string) => Promise<string | undefined> {
  let next = 0;
  let part: string[] = [];
  let read = new Map<string, string>();
  return async (id) => {
    while (!part.includes(id) && next < events.length) {
      part = [];
      for (let bytes = 0; next < events.length && (part.length === 0 || bytes < READ_BYTES); next++) {
        part.push((events[next] as Walked).id);
        bytes += (events[next] as Walked).bytes;
      }
      const rows = await readEventBodies.rows(core.db.pool, [part.map(() => organizationId), part, ...idRange(part)]);
      read = new Map(rows.map((row) => [row.id, row.payload]));
    }
    return read.get(id);
  };
}

export interface MissedPlan {
  total: number;
  /** There are more, or may be. */
  totalCapped: boolean;
  oldest: Date | null;
  newest: Date | null;
}

/** Writes nothing. Undefined: there is no such definition. */
export async function planMissed(core: Core, missed: Missed): Promise<(MissedPlan & { active: boolean }) | undefined> {
  const taker = await takerOf(core.db.pool, missed.organizationId, missed.definitionId);
  if (!taker) return undefined;
  const untilId = missedUntilId(missed.until);
  let after: string | undefined = LOWEST;
  let total = 0;
  let oldest: Date | null = null;
  let newest: Date | null = null;
  for (let walked = 0; after !== undefined && total <= MOST_COUNTED && walked < MOST_WALKED; walked += STRETCH) {
    const stretch: Stretch = await nextStretch(core, taker, missed, after, untilId);
    for (const { acceptedAt } of stretch.found) {
      if (oldest === null || acceptedAt < oldest) oldest = acceptedAt;
      if (newest === null || acceptedAt > newest) newest = acceptedAt;
    }
    total += stretch.found.length;
    after = stretch.last;
  }
  const totalCapped = after !== undefined || total > MOST_COUNTED;
  return { total: Math.min(total, MOST_COUNTED), totalCapped, oldest, newest, active: taker.active };
}

/** Not of events that were erased meanwhile: an erasure that is under way is waited for, and one that comes later finds the request. */
const MARK = `
  INSERT INTO recovered_event (organization_id, event_id, definition_id, request_id)
  SELECT $1, v.id, $2, u.request_id FROM ${rowsFrom("u", { event_id: "$3::uuid[]", request_id: "$4::uuid[]" })}
    JOIN event v ON v.organization_id = $1 AND v.id = u.event_id AND v.id >= $5 AND v.id <= $6
  WHERE v.erased_at IS NULL ORDER BY v.id FOR KEY SHARE OF v
  ON CONFLICT DO NOTHING RETURNING event_id`;

/** Longer than any transaction of ours lasts. */
const RUNNING_MS = 30_000;
const LOOK_MS = 20;

/** What was being accepted when the replay began may not have seen the definition ACTIVE: it is waited for, to be found. */
async function settled(core: Core): Promise<void> {
  const before = new Set(await ourTransactions(core));
  for (const end = core.clock.monotonic() + RUNNING_MS; core.clock.monotonic() < end; await sleep(LOOK_MS)) {
    if (!(await ourTransactions(core)).some((transaction) => before.has(transaction))) return;
  }
}

/** Of stretches in which nothing was missed, one job looks at as many as it comes to in so long. */
const LOOKING_MS = 2_000;

async function nextFound(core: Core, taker: Taker, missed: Missed, after: string, untilId: string): Promise<Stretch> {
  const until = core.clock.monotonic() + LOOKING_MS;
  let stretch = await nextStretch(core, taker, missed, after, untilId);
  while (stretch.found.length === 0 && stretch.last !== undefined && core.clock.monotonic() < until)
    stretch = await nextStretch(core, taker, missed, stretch.last, untilId);
  return stretch;
}

/** Goes on with a replay of what was missed: one stretch of events, at most `most` requests. */
export function createRunMissed(core: Core, ingest: Ingest): RunMissed {
  return async (replay) => {
    const { id, organizationId, definitionId, since, until, lastId, untilId, most } = replay;
    if (definitionId === null || since === null || until === null) return { kind: "END", state: "FAILED" };
    const taker = await takerOf(core.db.pool, organizationId, definitionId);
    // Stopped, or deleted: one that is not ACTIVE gets no request.
    if (!taker?.active) return { kind: "END", state: "FAILED" };
    if (lastId === LOWEST) await settled(core);
    const missed: Missed = { organizationId, definitionId, since, until, filter: replay.filter };
    const { found, last } = await nextFound(core, taker, missed, lastId, untilId);
    const batch = found.slice(0, most);
    const to = batch.length < found.length ? (batch.at(-1) as Found).id : last;
    const end = to ?? untilId;
    if (batch.length === 0 && last === undefined) return { kind: "END", state: "DONE" };
    return ingest.withNumbers(() => write(core, ingest, { id, organizationId, definitionId, lastId }, batch, end));
  };
}

async function write(
  core: Core,
  ingest: Ingest,
  replay: { id: string; organizationId: string; definitionId: string; lastId: string },
  batch: readonly Found[],
  end: string,
): Promise<Step> {
  const { id, organizationId, definitionId, lastId } = replay;
  let committed = () => {};
  let count = 0;
  const moved = await core.db
    .transaction(async (client) => {
      const matches = batch.map(({ match }) => ({ ...match, requestId: newId(core.clock) }));
      const eventIds = batch.map((each) => each.id);
      const marked = await client.query<{ event_id: string }>(MARK, [
        organizationId,
        definitionId,
        eventIds,
        matches.map((m) => m.requestId),
        ...idRange(eventIds),
      ]);
      const ours = new Set(marked.rows.map((row) => row.event_id));
      const { rowCount } = await client.query(MOVE, [organizationId, id, lastId, end, ours.size, 0]);
      // Cancelled, or another process was quicker: nothing of this is kept.
      if (rowCount !== 1) throw new Stale();
      count = ours.size;
      committed = await ingest.again(
        client,
        organizationId,
        matches.filter(({ event }) => ours.has(event.id)),
      );
    }, "collisions")
    .then(
      () => true,
      (error: unknown) => {
        if (error instanceof Stale) return false;
        throw error;
      },
    );
  committed();
  return moved ? { kind: "MOVED", count } : { kind: "STALE" };
}

class Stale extends Error {}
