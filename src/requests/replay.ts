/**
 * Many requests at once, with progress: those that were rejected are sent again, those that a definition missed are made
 * (events/missed.ts). A row here says what, and how far it is; replay-run.ts goes on with it, a batch at a time.
 */

import { z } from "zod";
import { audit } from "../accounts/audit.ts";
import type { Caller } from "../accounts/caller.ts";
import { newId } from "../clock.ts";
import type { Core } from "../core.ts";
import type { PoolClient } from "../db/client.ts";
import type { JobKind, Queue } from "../db/queue.ts";
import { ConflictError, NotFoundError } from "../errors.ts";
import { countAhead } from "./ahead.ts";
import { type RequestFilter, statesOf } from "./filter.ts";
import { clausesFor } from "./list.ts";
import { isSettled } from "./row.ts";

export type ReplayState = "RUNNING" | "DONE" | "FAILED" | "CANCELLED";
export type ReplayKind = "REJECTED" | "MISSED";

export interface ReplayRow {
  /** UUID. */
  id: string;
  organizationId: string;
  kind: ReplayKind;
  /** How many it sends: counted when it began, as far as that looked, and as many as were found since. */
  total: number;
  /** How many it has dealt with: sent, or found changed meanwhile and left alone. */
  done: number;
  /** How many could not be sent: their definition was deleted, or their payload erased. */
  failed: number;
  state: ReplayState;
  ratePerSecond: number | null;
  createdAt: Date;
  updatedAt: Date;
  finishedAt: Date | null;
}

const COLUMNS = `id, organization_id AS "organizationId", kind, total, done, failed, state, rate_per_second AS "ratePerSecond",
  created_at AS "createdAt", updated_at AS "updatedAt", finished_at AS "finishedAt"`;

/**
 * What a replay may touch: only REJECTED requests, unless the filter names other settled states; never what is still
 * queued, and no tests, which stand outside every lane.
 */
export function eligible(filter: RequestFilter): RequestFilter {
  const chosen: RequestFilter = { ...filter, state: (statesOf(filter) ?? ["REJECTED"]).filter(isSettled), isTest: false };
  delete chosen.lifeCycleState;
  return chosen;
}

const replayJob = z.object({ organizationId: z.uuid(), replayId: z.uuid() });
export type ReplayJob = z.infer<typeof replayJob>;
export const REPLAY_JOB: JobKind<ReplayJob> = { name: "replay", payload: replayJob };

export type Jobs = Pick<Queue, "send">;

export interface NewReplay {
  kind: ReplayKind;
  /** As stored. */
  filter: object;
  total: number;
  /** There may be more than were counted. */
  more?: boolean;
  /** What comes later is none of its business: an id above all of it. */
  untilId: string;
  ratePerSecond?: number | null | undefined;
  missed?: { definitionId: string; since: Date; until: Date };
}

/** In the caller's transaction. */
export async function insertReplay(core: Core, client: PoolClient, caller: Caller, given: NewReplay): Promise<ReplayRow> {
  const { kind, filter, total, more = false, untilId, ratePerSecond = null, missed } = given;
  const state = total === 0 && !more && kind === "REJECTED" ? "DONE" : "RUNNING";
  const { rows } = await client.query<ReplayRow>(
    `INSERT INTO replay (id, organization_id, kind, filter, total, until_id, created_by_id, state, rate_per_second, definition_id, since, until,
       created_at, updated_at, finished_at)
     VALUES ($1, $2, $3::replay_kind, $4, $5, $6, $7, $8::replay_state, $9, $10, $11, $12, now(), now(), CASE WHEN $8 <> 'RUNNING' THEN now() END)
     RETURNING ${COLUMNS}`,
    [
      ...[newId(core.clock), caller.organizationId, kind, JSON.stringify(filter), total, untilId, caller.userId ?? null, state],
      ...[ratePerSecond, missed?.definitionId ?? null, missed?.since ?? null, missed?.until ?? null],
    ],
  );
  const replay = rows[0] as ReplayRow;
  const { id } = replay;
  await audit(core, caller, "replay.create", { type: "Replay", id }, null, { kind, filter, total, ratePerSecond, ...missed }, client);
  return replay;
}

/** Sends requests again; some process takes it up at once. @param filter `eligible` */
export async function startReplay(
  core: Core,
  jobs: Jobs,
  caller: Caller,
  filter: RequestFilter,
  ratePerSecond?: number | null,
): Promise<ReplayRow> {
  const clauses = await clausesFor(core.db, caller.organizationId, eligible(filter));
  // On the engine's pool: a tenant's session may not write jobs.
  return core.db.transaction(async (client) => {
    // Ids of processes whose clocks are ahead are below it too; what settles after now is left alone in any case.
    const head = await client.query<{ until: string }>("SELECT lowest_id(now() + interval '1 hour') AS until");
    const untilId = head.rows[0]?.until as string;
    const ahead = clauses ? await countAhead(client, clauses, untilId) : { total: 0, more: false };
    const given = { kind: "REJECTED" as const, filter: eligible(filter), ...ahead, untilId, ratePerSecond };
    const replay = await insertReplay(core, client, caller, given);
    if (replay.state === "RUNNING") await jobs.send(client, REPLAY_JOB, { organizationId: caller.organizationId, replayId: replay.id });
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

/**
 * What it has not come to yet stays as it is; what is queued is sent.
 * @throws NotFoundError ConflictError when it has ended
 */
export async function cancelReplay(core: Core, caller: Caller, id: string): Promise<ReplayRow> {
  const { organizationId } = caller;
  return core.db.transaction(async (client) => {
    const { rows } = await client.query<ReplayRow>(
      `UPDATE replay SET state = 'CANCELLED', finished_at = now(), updated_at = now()
        WHERE organization_id = $1 AND id = $2 AND state = 'RUNNING' RETURNING ${COLUMNS}`,
      [organizationId, id],
    );
    const [cancelled] = rows;
    if (!cancelled) {
      const [found] = await showReplays(core, organizationId, [id]);
      if (!found) throw new NotFoundError("the replay");
      throw new ConflictError(`a replay that is ${found.state} cannot be cancelled`, "NOT_RUNNING");
    }
    await audit(core, caller, "replay.cancel", { type: "Replay", id }, { state: "RUNNING" }, { state: "CANCELLED" }, client);
    return cancelled;
  });
}
