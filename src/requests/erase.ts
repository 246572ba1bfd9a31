/**
 * Payloads erased from the log, with progress: events, what was sent and what came back lose their texts, the rows stay, so that
 * numbers, counts and states are as they were. A job for each batch goes through the matching requests by id, and writes down how
 * far it got together with the next job: a process that dies is followed by another, which repeats at most one batch. A filter that
 * speaks of events alone means all of them: those that no request was made of, or none any more, follow.
 */
import { z } from "zod";
import { audit } from "../accounts/audit.ts";
import { type Caller, demand } from "../accounts/caller.ts";
import { newId } from "../clock.ts";
import type { Core } from "../core.ts";
import type { PoolClient } from "../db/client.ts";
import type { JobKind, Queue } from "../db/queue.ts";
import { ZERO_ID } from "../db/values.ts";
import { cancel, skip } from "../delivery/control.ts";
import { eraseEvents } from "../delivery/lane-erase.ts";
import { HooklineError } from "../errors.ts";
import { observed } from "../observe/chore.ts";
import { countAhead, MOST_WALKED } from "./ahead.ts";
import { between } from "./clauses.ts";
import { eraseFeed } from "./erase-feed.ts";
import { matcher, type RequestFilter } from "./filter.ts";
import { clausesFor, endOf, matching } from "./list.ts";
import { anyOutside, holdPartitions } from "./partitions.ts";
import type { RequestRow } from "./row.ts";
import { erasableEvents } from "./sql/erasable-events.ts";
import { readWalkedPage } from "./walked-page.ts";

export type ErasureState = "RUNNING" | "DONE" | "FAILED";

export interface ErasureRow {
  /** UUID. */
  id: string;
  organizationId: string;
  /** How many requests the filter found: when it began, as far as that looked, and as many as were found since. */
  total: number;
  erased: number;
  /** Not settled, or of an event that another request still has to send. */
  leftOut: number;
  state: ErasureState;
  createdAt: Date;
}

const COLUMNS = `id, organization_id AS "organizationId", total, erased, left_out AS "leftOut", state, created_at AS "createdAt"`;

const erasureJob = z.object({ organizationId: z.uuid(), erasureId: z.uuid() });
type ErasureJob = z.infer<typeof erasureJob>;
export const ERASURE_JOB: JobKind<ErasureJob> = { name: "erase-payloads", payload: erasureJob };
/** Its second part. A kind of its own: processes of before it would end the erasure there. */
export const ERASE_EVENTS_JOB: JobKind<ErasureJob> = { name: "erase-events", payload: erasureJob };

type Jobs = Pick<Queue, "send">;

/** Numbers what of an organization's live feed nobody has read yet: it has the same words. @returns false: it could not, others are at it */
export type NumberFeed = (organizationId: string) => Promise<boolean>;

interface Means {
  jobs: Jobs;
  numberFeed: NumberFeed;
}

/** What of a filter says something of events, whatever was made of them. */
const OF_EVENTS = new Set(["eventType", "entity", "entityId", "createdAfter", "createdBefore"]);
const meansEvents = (filter: RequestFilter): boolean =>
  Object.entries(filter).every(([name, value]) => value == null || OF_EVENTS.has(name));

/**
 * Starts one; some process takes it up at once. Backups keep what they have.
 * @param cancelQueued gives up what is still to be sent of these events; else it is left out
 * @throws ForbiddenError without the scope admin
 */
export async function erasePayloads(
  core: Core,
  jobs: Jobs,
  caller: Caller,
  filter: RequestFilter,
  cancelQueued: boolean,
): Promise<ErasureRow> {
  demand(caller, "admin");
  const clauses = await clausesFor(core.db, caller.organizationId, filter);
  return core.db.transaction(async (client) => {
    const head = await client.query<{ until: string }>("SELECT lowest_id(now() + interval '1 hour') AS until");
    const until = head.rows[0]?.until as string;
    const { total, more } = clauses ? await countAhead(client, clauses, until) : { total: 0, more: false };
    const { rows } = await client.query<ErasureRow>(
      `INSERT INTO erasure (id, organization_id, filter, cancel_queued, total, until_id, created_by_id, state)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING ${COLUMNS}`,
      [
        ...[newId(core.clock), caller.organizationId, JSON.stringify(filter), cancelQueued, total, until, caller.userId ?? null],
        total > 0 || more || meansEvents(filter) || (await anyOutside(client, "webhook_request")) ? "RUNNING" : "DONE",
      ],
    );
    const erasure = rows[0] as ErasureRow;
    const subject = { type: "Erasure", id: erasure.id };
    await audit(core, caller, "payloads.erase", subject, undefined, { filter, cancelQueued, total }, client);
    if (erasure.state === "RUNNING") await jobs.send(client, ERASURE_JOB, { organizationId: caller.organizationId, erasureId: erasure.id });
    return erasure;
  });
}

export async function showErasures(core: Core, organizationId: string, ids: readonly string[]): Promise<ErasureRow[]> {
  const { rows } = await core.db.pool.query<ErasureRow>(
    `SELECT ${COLUMNS} FROM erasure WHERE organization_id = $1 AND id = ANY($2::uuid[])`,
    [organizationId, ids],
  );
  return rows;
}

/**
 * A partition that retention takes out, and may put back: what stands in it is not found, and its attempts outlive it for a while. The
 * batch waits until it is back or gone.
 */
class Outside extends Error {}
const OUTSIDE_MS = 5_000;

/** Requests of one job: what a crash repeats at most. */
const BATCH = 100;
/** One that nobody has gone on with for so long lost its job. */
const LOST_MS = 5 * 60_000;

interface Running {
  filter: RequestFilter & { createdAfter?: string; createdBefore?: string };
  cancel_queued: boolean;
  last_id: string;
  until_id: string;
  events_after: string | null;
  created_by_id: string | null;
}

const date = (text: unknown) => (typeof text === "string" ? new Date(text) : undefined);

const storedFilter = ({ filter }: Running): RequestFilter =>
  ({ ...filter, createdAfter: date(filter.createdAfter), createdBefore: date(filter.createdBefore) }) as RequestFilter;

type Found = Pick<RequestRow, "id" | "eventId">;

/** `stoppedAt`: it looked so far, found less than a batch, and there are requests behind. */
async function nextRequests(
  core: Core,
  organizationId: string,
  erasure: Running,
): Promise<{ batch: Found[]; stoppedAt: string | undefined }> {
  const { last_id, until_id } = erasure;
  // States are those of now: what a first run cancelled is among them again.
  const found = await clausesFor(core.db, organizationId, storedFilter(erasure));
  if (!found) return { batch: [], stoppedAt: undefined };
  const clauses = { walk: [...found.walk, ...between({ above: last_id, below: until_id })], rest: found.rest };
  const page = matching(clauses, "asc", MOST_WALKED).select(["r.id", "r.event_id as eventId"]).limit(BATCH);
  const end = endOf(clauses, "asc", MOST_WALKED);
  const { rows, stoppedAt } = await readWalkedPage<Found>(core.db.pool, { page, end, order: "asc", enough: BATCH });
  return { batch: rows, stoppedAt };
}

/** How far it is, and the job that goes on from there: of those that run the same stretch only the first has both. */
async function goOn(
  client: Pick<PoolClient, "query">,
  { jobs }: Means,
  job: ErasureJob,
  { last_id }: Running,
  step: { lastId: string; erased: number; leftOut: number },
): Promise<void> {
  const { rowCount } = await client.query(
    `UPDATE erasure SET last_id = $4, erased = erased + $5, left_out = left_out + $6, total = GREATEST(total, erased + left_out + $5 + $6), updated_at = now()
     WHERE organization_id = $1 AND id = $2 AND last_id = $3 AND state = 'RUNNING'`,
    [job.organizationId, job.erasureId, last_id, step.lastId, step.erased, step.leftOut],
  );
  if (rowCount === 1) await jobs.send(client, ERASURE_JOB, job);
}

/** Events looked at in one statement. */
const STRETCH = 2_000;
/** One job looks at as many as it comes to in so long, where none is to be erased. */
const LOOKING_MS = 2_000;

/** @returns events to erase, in the order of their ids, and the last one looked at; undefined: there are no more */
async function nextEvents(core: Core, organizationId: string, erasure: Running): Promise<{ ids: string[]; last: string | undefined }> {
  const filter = storedFilter(erasure);
  const { createdAfter, createdBefore, ...named } = filter;
  const wanted = matcher(named);
  const until = core.clock.monotonic() + LOOKING_MS;
  for (let after = erasure.events_after ?? ZERO_ID; ; ) {
    const walked = await erasableEvents.rows(core.db.pool, [
      ...[organizationId, after, erasure.until_id, STRETCH, createdAfter ?? null, createdBefore ?? null],
    ]);
    const found = walked.filter(
      (row) => row.inside && wanted({ eventType: row.type, entity: row.entity, entityId: row.entity_id } as RequestRow),
    );
    const ids = found.slice(0, BATCH).map(({ id }) => id);
    if (found.length > BATCH) return { ids, last: ids.at(-1) };
    const last = walked.length === STRETCH ? walked.at(-1)?.id : undefined;
    if (ids.length > 0 || last === undefined || core.clock.monotonic() > until) return { ids, last };
    after = last;
  }
}

/** Every request of these events that is not settled, or blocks its lane. */
async function giveUp(core: Core, organizationId: string, eventIds: readonly string[], userId: string | null): Promise<void> {
  const { rows } = await core.db.pool.query<{ id: string; settled: boolean }>(
    `SELECT r.id, r.settled_at IS NOT NULL AS settled FROM webhook_request r WHERE r.organization_id = $1 AND r.event_id = ANY($2::uuid[])
       AND (r.settled_at IS NULL OR EXISTS (SELECT 1 FROM lane_entry e WHERE e.organization_id = r.organization_id AND e.lane_id = r.lane_id
         AND e.position = r.position AND e.request_id = r.id)) ORDER BY r.id`,
    [organizationId, eventIds],
  );
  const by = { organizationId, userId: userId ?? undefined };
  for (const { id, settled } of rows) {
    try {
      await (settled ? skip : cancel)(core, organizationId, id, by);
    } catch (error) {
      // It is on its way right now, or was settled meanwhile: it is judged below as it is.
      if (!(error instanceof HooklineError)) throw error;
    }
  }
}

async function finish(core: Core, { numberFeed }: Means, { organizationId, erasureId }: ErasureJob): Promise<void> {
  if (!(await numberFeed(organizationId))) throw new Error("the live feed is being numbered: the erasure ends with the next try");
  await eraseFeed(core, organizationId);
  await core.db.pool.query("UPDATE erasure SET state = 'DONE', updated_at = now() WHERE organization_id = $1 AND id = $2", [
    organizationId,
    erasureId,
  ]);
}

/** A batch of events, whatever was made of them. Not counted: what is counted are requests. */
async function runEvents(core: Core, means: Means, job: ErasureJob, erasure: Running): Promise<void> {
  const { organizationId, erasureId } = job;
  const { ids, last } = await nextEvents(core, organizationId, erasure);
  if (ids.length > 0 && erasure.cancel_queued) await giveUp(core, organizationId, ids, erasure.created_by_id);
  await core.db.transaction(async (client) => {
    if (await holdPartitions(client)) throw new Outside();
    await eraseEvents(client, organizationId, ids);
    if (last === undefined) return;
    const { rowCount } = await client.query(
      `UPDATE erasure SET events_after = $4, updated_at = now() WHERE organization_id = $1 AND id = $2 AND events_after = $3 AND state = 'RUNNING'`,
      [organizationId, erasureId, erasure.events_after, last],
    );
    if (rowCount === 1) await means.jobs.send(client, ERASE_EVENTS_JOB, job);
  });
  if (last === undefined) await finish(core, means, job);
}

async function runBatch(core: Core, means: Means, job: ErasureJob): Promise<void> {
  const { organizationId, erasureId } = job;
  const { rows } = await core.db.pool.query<Running>(
    "SELECT filter, cancel_queued, last_id, until_id, events_after, created_by_id FROM erasure WHERE organization_id = $1 AND id = $2 AND state = 'RUNNING'",
    [organizationId, erasureId],
  );
  const erasure = rows[0];
  if (!erasure) return;
  if (erasure.events_after !== null) return runEvents(core, means, job, erasure);
  const { batch, stoppedAt } = await nextRequests(core, organizationId, erasure);
  const lastId = batch.at(-1)?.id ?? stoppedAt;
  if (lastId === undefined) {
    if (await anyOutside(core.db.pool, "webhook_request")) throw new Outside();
    if (!meansEvents(erasure.filter)) return finish(core, means, job);
    await core.db.transaction(async (client) => {
      await client.query("UPDATE erasure SET events_after = $3, updated_at = now() WHERE organization_id = $1 AND id = $2", [
        ...[organizationId, erasureId, ZERO_ID],
      ]);
      await means.jobs.send(client, ERASE_EVENTS_JOB, job);
    });
    return;
  }
  const eventIds = [...new Set(batch.map((row) => row.eventId))].sort();
  if (erasure.cancel_queued) await giveUp(core, organizationId, eventIds, erasure.created_by_id);
  await core.db.transaction(async (client) => {
    if (await holdPartitions(client)) throw new Outside();
    const erased = await eraseEvents(client, organizationId, eventIds);
    const count = batch.filter((row) => erased.has(row.eventId)).length;
    await goOn(client, means, job, erasure, { lastId, erased: count, leftOut: batch.length - count });
  });
}

async function runOrPutOff(core: Core, means: Means, kind: JobKind<ErasureJob>, job: ErasureJob): Promise<void> {
  try {
    await runBatch(core, means, job);
  } catch (error) {
    if (!(error instanceof Outside)) throw error;
    await core.db.transaction(async (client) => {
      // It has not lost its job.
      await client.query("UPDATE erasure SET updated_at = now() WHERE organization_id = $1 AND id = $2", [
        job.organizationId,
        job.erasureId,
      ]);
      await means.jobs.send(client, kind, job, OUTSIDE_MS);
    });
  }
}

/** From now on this process goes on with erasures of payloads. */
export async function workErasures(core: Core, queue: Pick<Queue, "send" | "work">, numberFeed: NumberFeed): Promise<void> {
  for (const kind of [ERASURE_JOB, ERASE_EVENTS_JOB])
    await queue.work(
      kind,
      observed(core, kind.name, (job: ErasureJob) => runOrPutOff(core, { jobs: queue, numberFeed }, kind, job)),
      1,
    );
}

/** @returns how many had lost their job and have one again */
export async function resumeErasures(core: Core, jobs: Jobs, lostMs: number = LOST_MS): Promise<number> {
  const { rows } = await core.db.pool.query<ErasureJob & { events: boolean }>(
    `SELECT organization_id AS "organizationId", id AS "erasureId", events_after IS NOT NULL AS events FROM erasure
     WHERE state = 'RUNNING' AND updated_at < now() - $1 * interval '1 millisecond' ORDER BY id LIMIT 100`,
    [lostMs],
  );
  for (const { events, ...lost } of rows) await jobs.send(core.db.pool, events ? ERASE_EVENTS_JOB : ERASURE_JOB, lost);
  return rows.length;
}
