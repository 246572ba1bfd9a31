/**
 * Many requests sent again, with progress: a job for each batch, which goes through the matching requests by id, upwards,
 * and writes down how far it got together with the next job. A process that dies is followed by another, which repeats at
 * most one batch; a request whose turn came already is then PENDING again or has settled since the replay began, and is
 * left alone.
 */

import { z } from "zod";
import { newId } from "../clock.ts";
import type { Core } from "../core.ts";
import { queries, rowsOf } from "../db/queries.ts";
import type { JobKind, Queue } from "../db/queue.ts";
import { resend } from "../delivery/control.ts";
import { HooklineError } from "../errors.ts";
import { observed } from "../observe/chore.ts";
import { between } from "./clauses.ts";
import { type RequestFilter, statesOf } from "./filter.ts";
import { clausesFor } from "./list.ts";
import { isSettled, LIFE_CYCLE_STATES, REQUEST_STATES } from "./row.ts";

export type ReplayState = "RUNNING" | "DONE" | "FAILED";

export interface ReplayRow {
  /** UUID. */
  id: string;
  organizationId: string;
  /** How many requests it sends again. */
  total: number;
  /** How many it has dealt with: sent again, or found changed meanwhile and left alone. */
  done: number;
  state: ReplayState;
  createdAt: Date;
  updatedAt: Date;
}

const COLUMNS = `id, organization_id AS "organizationId", total, done, state, created_at AS "createdAt", updated_at AS "updatedAt"`;

/** As stored: dates as text. */
const storedFilter = z.object({
  ids: z.array(z.string()).optional(),
  webhookDefinitionId: z.string().optional(),
  eventType: z.string().optional(),
  entity: z.string().optional(),
  entityId: z.string().optional(),
  url: z.string().optional(),
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

/**
 * What a replay may touch: only REJECTED requests, unless the filter names other settled states; never what is still
 * queued, and no tests, which stand outside every lane.
 */
function eligible(filter: RequestFilter): RequestFilter {
  const chosen: RequestFilter = { ...filter, state: (statesOf(filter) ?? ["REJECTED"]).filter(isSettled), isTest: false };
  delete chosen.lifeCycleState;
  return chosen;
}

const replayJob = z.object({ organizationId: z.uuid(), replayId: z.uuid() });
type ReplayJob = z.infer<typeof replayJob>;
export const REPLAY_JOB: JobKind<ReplayJob> = { name: "replay", payload: replayJob };

type Jobs = Pick<Queue, "send">;

/** Starts one; some process takes it up at once. */
export async function startReplay(
  core: Core,
  jobs: Jobs,
  caller: { organizationId: string; userId: string | undefined },
  filter: RequestFilter,
): Promise<ReplayRow> {
  const clauses = await clausesFor(core.db, caller.organizationId, eligible(filter));
  // On the engine's pool: a tenant's session may not write jobs.
  return core.db.transaction(async (client) => {
    // Ids of processes whose clocks are ahead are below it too; what settles after now is left alone in any case.
    const head = await client.query<{ until: string }>("SELECT lowest_id(now() + interval '1 hour') AS until");
    const until = head.rows[0]?.until as string;
    let total = 0;
    if (clauses) {
      const counted = queries
        .selectFrom("webhook_request as r")
        .where(({ and }) => and([...clauses.walk, ...clauses.rest, ...between({ below: until })]))
        .select(({ fn }) => fn.countAll<number>().as("count"));
      total = (await rowsOf(client, counted))[0]?.count ?? 0;
    }
    const { rows } = await client.query<ReplayRow>(
      `INSERT INTO replay (id, organization_id, filter, total, until_id, created_by_id, state, created_at, updated_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, now(), now()) RETURNING ${COLUMNS}`,
      [
        newId(core.clock),
        caller.organizationId,
        JSON.stringify(eligible(filter)),
        total,
        until,
        caller.userId ?? null,
        total === 0 ? "DONE" : "RUNNING",
      ],
    );
    const replay = rows[0] as ReplayRow;
    if (total > 0) await jobs.send(client, REPLAY_JOB, { organizationId: caller.organizationId, replayId: replay.id });
    return replay;
  });
}

export async function showReplays(core: Core, organizationId: string, ids: readonly string[]): Promise<ReplayRow[]> {
  const { rows } = await core.db.pool.query<ReplayRow>(
    `SELECT ${COLUMNS} FROM replay WHERE organization_id = $1 AND id = ANY($2::uuid[])`,
    [organizationId, ids],
  );
  return rows;
}

/** Requests of one job: what a crash repeats at most. */
const BATCH = 50;
/** Replays that go on beside each other in one process. */
const AT_ONCE = 2;
/** One that nobody has gone on with for so long lost its job: a restored database has none. */
const LOST_MS = 5 * 60_000;

const FIND = `SELECT filter, last_id, until_id, created_by_id, created_at FROM replay
  WHERE organization_id = $1 AND id = $2 AND state = 'RUNNING'`;

interface Running {
  filter: unknown;
  last_id: string;
  until_id: string;
  created_by_id: string | null;
  created_at: Date;
}

async function nextIds(core: Core, organizationId: string, replay: Running, filter: RequestFilter): Promise<string[]> {
  const clauses = await clausesFor(core.db, organizationId, filter);
  if (!clauses) return [];
  const found = queries
    .selectFrom("webhook_request as r")
    .where(({ and }) => and([...clauses.walk, ...clauses.rest, ...between({ above: replay.last_id, below: replay.until_id })]))
    // Settled anew since: sent again by an earlier run of this batch, or by hand.
    .where("r.settled_at", "<=", replay.created_at)
    .select("r.id")
    .orderBy("r.id")
    .limit(BATCH);
  return (await rowsOf(core.db.pool, found)).map((row) => row.id);
}

/**
 * The next stretch of one replay. How far it got, and the job for what follows, are written together: of two that run the
 * same stretch (one was thought dead) only the first goes on.
 */
async function runBatch(core: Core, jobs: Jobs, { organizationId, replayId }: ReplayJob): Promise<void> {
  const { rows } = await core.db.pool.query<Running>(FIND, [organizationId, replayId]);
  const replay = rows[0];
  if (!replay) return;
  const end = (state: "DONE" | "FAILED") =>
    core.db.pool.query(
      "UPDATE replay SET state = $3::replay_state, done = CASE WHEN $3::replay_state = 'DONE' THEN total ELSE done END, updated_at = now() WHERE organization_id = $1 AND id = $2",
      [organizationId, replayId, state],
    );
  const parsed = storedFilter.safeParse(replay.filter);
  if (!parsed.success) {
    core.log.error({ err: parsed.error, replayId }, "a replay's filter cannot be read");
    await end("FAILED");
    return;
  }
  const batch = await nextIds(core, organizationId, replay, parsed.data as RequestFilter);
  const last = batch.at(-1);
  if (!last) {
    // Those deleted meanwhile will never come: the rest counts as dealt with.
    await end("DONE");
    return;
  }
  for (const id of batch) {
    try {
      await resend(core, organizationId, id, { force: true, userId: replay.created_by_id ?? undefined });
    } catch (error) {
      // Somebody resent, or deleted, just this one.
      if (!(error instanceof HooklineError)) throw error;
    }
  }
  await core.db.transaction(async (client) => {
    const { rowCount } = await client.query(
      `UPDATE replay SET last_id = $4, done = LEAST(total, done + $5), updated_at = now()
        WHERE organization_id = $1 AND id = $2 AND last_id = $3 AND state = 'RUNNING'`,
      [organizationId, replayId, replay.last_id, last, batch.length],
    );
    if (rowCount === 1) await jobs.send(client, REPLAY_JOB, { organizationId, replayId });
  });
}

/** From now on this process goes on with replays, of all organizations. */
export function workReplays(core: Core, queue: Pick<Queue, "send" | "work">): Promise<void> {
  const run = observed(core, REPLAY_JOB.name, (job: ReplayJob) => runBatch(core, queue, job));
  return queue.work(REPLAY_JOB, run, AT_ONCE);
}

/** @returns how many had lost their job and have one again */
export async function resumeReplays(core: Core, jobs: Jobs, lostMs: number = LOST_MS): Promise<number> {
  const { rows } = await core.db.pool.query<{ organizationId: string; replayId: string }>(
    `SELECT organization_id AS "organizationId", id AS "replayId" FROM replay
      WHERE state = 'RUNNING' AND updated_at < now() - $1 * interval '1 millisecond' ORDER BY id LIMIT 100`,
    [lostMs],
  );
  for (const lost of rows) await jobs.send(core.db.pool, REPLAY_JOB, lost);
  return rows.length;
}
