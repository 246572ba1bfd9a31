/**
 * Many requests sent again, with progress. The row in `replay` is the job: whoever holds it (lease by `updated_at`)
 * goes through the matching requests by id, upwards, and writes down how far it got; a process that dies is
 * followed by another, which repeats at most one batch. A request whose turn came already is then PENDING again or has
 * settled since the replay began, and is left alone.
 */

import { z } from "zod";
import { newId } from "../clock.ts";
import type { Core } from "../core.ts";
import { queries, rowsOf } from "../db/queries.ts";
import { resend } from "../delivery/control.ts";
import { createLoop } from "../delivery/loop.ts";
import { HooklineError } from "../errors.ts";
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

/** Starts one; a runner of some process takes it up at once. */
export async function startReplay(
  core: Core,
  caller: { organizationId: string; userId: string | undefined },
  filter: RequestFilter,
): Promise<ReplayRow> {
  const clauses = await clausesFor(core.db, caller.organizationId, eligible(filter));
  return core.db.tenantTransaction(caller.organizationId, async (client) => {
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
       VALUES ($1, $2, $3, $4, $5, $6, $7, now(), to_timestamp(0)) RETURNING ${COLUMNS}`,
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
    await client.query(core.notify.statement("job", [REPLAY]));
    return rows[0] as ReplayRow;
  });
}

export async function showReplays(core: Core, organizationId: string, ids: readonly string[]): Promise<ReplayRow[]> {
  const { rows } = await core.db.pool.query<ReplayRow>(
    `SELECT ${COLUMNS} FROM replay WHERE organization_id = $1 AND id = ANY($2::uuid[])`,
    [organizationId, ids],
  );
  return rows;
}

/** Requests between two writings of the progress: what a crash repeats at most. */
const BATCH = 25;
/** A replay whose holder has not been heard of for so long is taken over. */
const LEASE_SECONDS = 30;
/** For those whose holder died, and a hint that was lost. */
const LOOK_MS = 2_000;
/** What the channel `job` says of a new one. */
const REPLAY = "replay";

interface ClaimedReplay {
  id: string;
  organization_id: string;
  filter: unknown;
  last_id: string;
  until_id: string;
  created_by_id: string | null;
  created_at: Date;
}

export interface ReplayRunner {
  start(): void;
  /** Lets the batch in hand end; the rest is taken up by the next who runs. */
  stop(): Promise<void>;
}

/** Takes up replays of all organizations. Any number of processes may run one. */
export function createReplayRunner(core: Core): ReplayRunner {
  let stopped = true;
  let stopListening: (() => void) | undefined;

  async function claim(): Promise<ClaimedReplay | undefined> {
    const { rows } = await core.db.pool.query<ClaimedReplay>(
      `UPDATE replay SET updated_at = now() WHERE id = (
         SELECT id FROM replay WHERE state = 'RUNNING' AND updated_at < now() - $1 * interval '1 second'
          ORDER BY created_at LIMIT 1 FOR UPDATE SKIP LOCKED)
       RETURNING id, organization_id, filter, last_id, until_id, created_by_id, created_at`,
      [LEASE_SECONDS],
    );
    return rows[0];
  }

  async function nextIds(replay: ClaimedReplay, filter: RequestFilter, after: string): Promise<string[]> {
    const clauses = await clausesFor(core.db, replay.organization_id, filter);
    if (!clauses) return [];
    const found = queries
      .selectFrom("webhook_request as r")
      .where(({ and }) => and([...clauses.walk, ...clauses.rest, ...between({ above: after, below: replay.until_id })]))
      // Settled anew since: sent again by this replay before it was taken over, or by hand.
      .where("r.settled_at", "<=", replay.created_at)
      .select("r.id")
      .orderBy("r.id")
      .limit(BATCH);
    return (await rowsOf(core.db.pool, found)).map((row) => row.id);
  }

  /** @returns false when somebody else took it over meanwhile */
  async function progress(replay: ClaimedReplay, from: string, to: string, count: number): Promise<boolean> {
    const { rowCount } = await core.db.pool.query(
      `UPDATE replay SET last_id = $3, done = LEAST(total, done + $4), updated_at = now()
        WHERE id = $1 AND last_id = $2 AND state = 'RUNNING'`,
      [replay.id, from, to, count],
    );
    return rowCount === 1;
  }

  async function run(replay: ClaimedReplay): Promise<void> {
    const parsed = storedFilter.safeParse(replay.filter);
    if (!parsed.success) {
      core.log.error({ err: parsed.error, replayId: replay.id }, "a replay's filter cannot be read");
      await core.db.pool.query("UPDATE replay SET state = 'FAILED', updated_at = now() WHERE id = $1", [replay.id]);
      return;
    }
    const filter = parsed.data as RequestFilter;
    for (let after = replay.last_id; !stopped; ) {
      const batch = await nextIds(replay, filter, after);
      const last = batch.at(-1);
      if (!last) {
        // Those deleted meanwhile will never come: the rest counts as dealt with.
        await core.db.pool.query("UPDATE replay SET state = 'DONE', done = total, updated_at = now() WHERE id = $1", [replay.id]);
        return;
      }
      for (const id of batch) {
        try {
          await resend(core, replay.organization_id, id, { force: true, userId: replay.created_by_id ?? undefined });
        } catch (error) {
          // Somebody resent, or deleted, just this one.
          if (!(error instanceof HooklineError)) throw error;
        }
      }
      if (!(await progress(replay, after, last, batch.length))) return;
      after = last;
    }
    // Stopped: let go at once, so that the next process need not wait for the lease.
    await core.db.pool.query("UPDATE replay SET updated_at = to_timestamp(0) WHERE id = $1 AND state = 'RUNNING'", [replay.id]);
  }

  async function look(): Promise<void> {
    for (;;) {
      if (stopped) return;
      let replay: ClaimedReplay | undefined;
      try {
        replay = await claim();
        if (!replay) return;
        await run(replay);
      } catch (error) {
        core.log.warn({ err: error, replayId: replay?.id }, "a replay was interrupted; it goes on when its lease has passed");
        return;
      }
    }
  }

  const looks = createLoop(() => look().then(() => LOOK_MS), { log: core.log, what: "looking for replays" });

  return {
    start() {
      if (!stopped) return;
      stopped = false;
      stopListening = core.notify.on("job", (names) => {
        if (names.length === 0 || names.includes(REPLAY)) looks.kick();
      });
      looks.start();
    },
    async stop() {
      stopped = true;
      stopListening?.();
      await looks.stop();
    },
  };
}
