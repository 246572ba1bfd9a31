/**
 * Replays go on: a job for each batch, which goes upwards by id and writes down how far it got with each request, in the
 * transaction that sends it again. A process that dies is followed by another, which repeats nothing; one that is cancelled
 * sends nothing more.
 */
import { type SqlBool, sql } from "kysely";
import { z } from "zod";
import type { Core } from "../core.ts";
import type { PoolClient } from "../db/client.ts";
import type { Queue } from "../db/queue.ts";
import { resend } from "../delivery/control.ts";
import { HooklineError } from "../errors.ts";
import { observed } from "../observe/chore.ts";
import { MOST_WALKED } from "./ahead.ts";
import { between } from "./clauses.ts";
import type { RequestFilter } from "./filter.ts";
import { clausesFor, endOf, matching } from "./list.ts";
import { type Jobs, REPLAY_JOB, type ReplayJob, type ReplayKind } from "./replay.ts";
import { LIFE_CYCLE_STATES, REQUEST_STATES } from "./row.ts";
import { readWalkedPage } from "./walked-page.ts";

/** Requests of one job that are sent again, each in a transaction of its own. */
const BATCH = 50;
/** And of those that were missed, in one transaction: a crash repeats none. */
const MISSED_BATCH = 500;
/** Replays that go on beside each other in one process. */
const AT_ONCE = 2;
/** One that nobody has gone on with for so long lost its job: a restored database has none. */
const LOST_MS = 5 * 60_000;

/** As stored: dates as text. */
const storedFilter = z.object({
  ids: z.array(z.string()).optional(),
  webhookDefinitionId: z.string().optional(),
  eventType: z.string().optional(),
  entity: z.string().optional(),
  entityId: z.string().optional(),
  url: z.string().optional(),
  urlsMasked: z.boolean().optional(),
  state: z.array(z.enum(REQUEST_STATES)).optional(),
  lifeCycleState: z.array(z.enum(LIFE_CYCLE_STATES)).optional(),
  errorCode: z.string().optional(),
  number: z.number().optional(),
  createdAfter: z.coerce.date().optional(),
  createdBefore: z.coerce.date().optional(),
  workflowRuleId: z.string().optional(),
  dialect: z.enum(["STANDARD", "CRMCOM", "DOFORMS", "COTALKER", "SUPEROFFICE"]).optional(),
  isTest: z.boolean().optional(),
});

export interface Running {
  id: string;
  organizationId: string;
  kind: ReplayKind;
  filter: RequestFilter;
  /** It has dealt with all up to this id. */
  lastId: string;
  untilId: string;
  createdById: string | null;
  createdAt: Date;
  definitionId: string | null;
  since: Date | null;
  until: Date | null;
  /** How many the next batch may hold. */
  most: number;
}

/** What a batch came to. `MOVED`: how far it is was written, more may follow. `STALE`: another process was quicker. */
export type Step = { kind: "MOVED"; count: number } | { kind: "STALE" } | { kind: "END"; state: "DONE" | "FAILED" };

/** Makes requests for what a definition missed: events/missed.ts. */
export type RunMissed = (replay: Running) => Promise<Step>;

const FIND = `
  SELECT id, organization_id AS "organizationId", kind, filter, last_id AS "lastId", until_id AS "untilId", created_by_id AS "createdById",
    created_at AS "createdAt", definition_id AS "definitionId", since, until, rate_per_second AS "ratePerSecond"
  FROM replay WHERE organization_id = $1 AND id = $2 AND state = 'RUNNING'`;

/** Of those that run the same stretch (one was thought dead) only the first goes on. */
export const MOVE = `
  UPDATE replay SET last_id = $4, done = done + $5, failed = failed + $6, total = GREATEST(total, done + failed + $5 + $6), updated_at = now()
  WHERE organization_id = $1 AND id = $2 AND last_id = $3 AND state = 'RUNNING'`;

/** `stoppedAt`: it looked so far, found less than a batch, and there are requests behind. */
async function nextIds(core: Core, replay: Running): Promise<{ ids: string[]; stoppedAt: string | undefined }> {
  const found = await clausesFor(core.db, replay.organizationId, replay.filter);
  if (!found) return { ids: [], stoppedAt: undefined };
  const clauses = {
    walk: [...found.walk, ...between({ above: replay.lastId, below: replay.untilId })],
    // Settled anew since: sent again by an earlier run of this batch, or by hand.
    rest: [...found.rest, sql<SqlBool>`r.settled_at <= ${replay.createdAt}`],
  };
  const page = matching(clauses, "asc", MOST_WALKED).select("r.id").limit(replay.most);
  const end = endOf(clauses, "asc", MOST_WALKED);
  const { rows, stoppedAt } = await readWalkedPage<{ id: string }>(core.db.pool, { page, end, order: "asc", enough: replay.most });
  return { ids: rows.map(({ id }) => id), stoppedAt };
}

/** Nothing of the request can be sent any more. Any other refusal says that somebody has dealt with it. */
const UNSENDABLE: ReadonlySet<string> = new Set(["DEFINITION_DELETED", "PAYLOAD_ERASED"]);

/** It was cancelled, or another process was quicker: what was to be written with it is not. */
class Stale extends Error {}

async function runRejected(core: Core, replay: Running): Promise<Step> {
  const { id, organizationId, createdById } = replay;
  const { ids, stoppedAt } = await nextIds(core, replay);
  let { lastId } = replay;
  if (ids.length === 0) {
    if (stoppedAt === undefined) return { kind: "END", state: "DONE" };
    const { rowCount } = await core.db.pool.query(MOVE, [organizationId, id, lastId, stoppedAt, 0, 0]);
    return rowCount === 1 ? { kind: "MOVED", count: 0 } : { kind: "STALE" };
  }
  for (const requestId of ids) {
    const move = async (client: Pick<PoolClient, "query">, failed: number) => {
      const { rowCount } = await client.query(MOVE, [organizationId, id, lastId, requestId, 1 - failed, failed]);
      if (rowCount !== 1) throw new Stale();
    };
    try {
      try {
        // Another replay, or a hand, may have sent it again since the batch was read: what came of that stands.
        const settledBy = replay.createdAt;
        await resend(core, organizationId, requestId, {
          ...{ force: true, settledBy, userId: createdById ?? undefined },
          with: (client) => move(client, 0),
        });
      } catch (error) {
        // Somebody resent, or deleted, just this one; or its definition, or its payload, is gone.
        if (!(error instanceof HooklineError)) throw error;
        await move(core.db.pool, UNSENDABLE.has(error.code) ? 1 : 0);
      }
    } catch (error) {
      if (error instanceof Stale) return { kind: "STALE" };
      throw error;
    }
    lastId = requestId;
  }
  return { kind: "MOVED", count: ids.length };
}

/** Requests that were deleted meanwhile will never come: the rest of a REJECTED one counts as dealt with. */
async function end(core: Core, { id, organizationId }: Running, state: "DONE" | "FAILED"): Promise<void> {
  await core.db.pool.query(
    `UPDATE replay SET state = $3::replay_state, updated_at = now(), finished_at = now(),
       done = CASE WHEN $3 = 'DONE' AND kind = 'REJECTED' THEN GREATEST(done, total - failed) ELSE done END,
       total = CASE WHEN $3 = 'DONE' AND kind = 'MISSED' THEN done + failed ELSE total END
     WHERE organization_id = $1 AND id = $2 AND state = 'RUNNING'`,
    [organizationId, id, state],
  );
}

async function runBatch(core: Core, jobs: Jobs, missed: RunMissed, job: ReplayJob): Promise<void> {
  const started = core.clock.monotonic();
  const { rows } = await core.db.pool.query<Running & { ratePerSecond: number | null }>(FIND, [job.organizationId, job.replayId]);
  const row = rows[0];
  if (!row) return;
  const { ratePerSecond } = row;
  const filter = storedFilter.safeParse(row.filter);
  if (!filter.success) {
    core.log.error({ err: filter.error, replayId: row.id }, "a replay's filter cannot be read");
    return end(core, row, "FAILED");
  }
  const batch = row.kind === "MISSED" ? MISSED_BATCH : BATCH;
  const most = Math.min(batch, ratePerSecond ?? batch);
  const replay: Running = { ...row, filter: filter.data as RequestFilter, most };
  const step = replay.kind === "MISSED" ? await missed(replay) : await runRejected(core, replay);
  if (step.kind === "END") return end(core, replay, step.state);
  if (step.kind === "STALE") return;
  // Its turn comes again when its rate says; until then its place is others'.
  const pauseMs = ratePerSecond === null ? 0 : (step.count / ratePerSecond) * 1_000 - (core.clock.monotonic() - started);
  await jobs.send(core.db.pool, REPLAY_JOB, job, Math.max(0, pauseMs));
}

/** From now on this process goes on with replays, of all organizations. */
export function workReplays(core: Core, queue: Pick<Queue, "send" | "work">, missed: RunMissed): Promise<void> {
  const run = observed(core, REPLAY_JOB.name, (job: ReplayJob) => runBatch(core, queue, missed, job));
  return queue.work(REPLAY_JOB, run, AT_ONCE);
}

/** @returns how many had lost their job and have one again */
export async function resumeReplays(core: Core, jobs: Jobs, lostMs: number = LOST_MS): Promise<number> {
  const { rows } = await core.db.pool.query<ReplayJob>(
    `SELECT organization_id AS "organizationId", id AS "replayId" FROM replay
      WHERE state = 'RUNNING' AND updated_at < now() - $1 * interval '1 millisecond' ORDER BY id LIMIT 100`,
    [lostMs],
  );
  for (const lost of rows) await jobs.send(core.db.pool, REPLAY_JOB, lost);
  return rows.length;
}
