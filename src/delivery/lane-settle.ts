/**
 * One transaction for what many lanes did and what they will do next: attempts logged, requests settled, the next ones
 * marked SENDING, counters, feed. Fenced: a step whose token is no longer the lane's changes nothing.
 */
import type { Database, PoolClient } from "../db/client.ts";
import { idRange } from "../db/values.ts";
import { type StopHook, stopDefinitions } from "./lane-stop.ts";
import { isSettled, type LaneStep, type Settlement, type StepResult } from "./settlement.ts";
import { holdLanes } from "./sql/hold-lanes.ts";
import { letLanesGo } from "./sql/let-lanes-go.ts";
import { loggedAttempts as loggedAttemptRows } from "./sql/log-attempts.ts";
import { mark, unmark } from "./sql/mark.ts";
import { type Places, writeSettlements } from "./write-settlements.ts";

const attemptKey = (requestId: string, number: number) => `${requestId} ${number}`;

/**
 * A COMMIT whose answer was lost may have happened. The attempts tell: they stand in the log, or nothing does. One that
 * somebody else logged under the same number means that the lane is no longer ours, which the fence finds out.
 * @returns which settlements are written already
 */
export async function writtenAlready(db: Pick<Database, "pool">, steps: readonly LaneStep[]): Promise<(s: Settlement) => boolean> {
  const made = steps.flatMap((step) => step.settlements.flatMap((s) => (s.attempt ? [{ r: s.request, number: s.attempt.number }] : [])));
  const rows = await loggedAttemptRows.rows(db.pool, [
    made.map((m) => m.r.organizationId),
    made.map((m) => m.r.id),
    made.map((m) => m.number),
  ]);
  const logged = new Set(rows.map((row) => attemptKey(row.request_id, row.number)));
  return (s) => s.attempt !== null && logged.has(attemptKey(s.request.id, s.attempt.number));
}

type HeldRow = Awaited<ReturnType<typeof holdLanes.rows>>[number];

const highestSettled = (step: LaneStep): number =>
  step.free ? 0 : Math.max(0, ...step.settlements.filter(isSettled).map((s) => s.request.laneNumber));

function hold(client: PoolClient, steps: readonly LaneStep[], leaseMs: number): Promise<HeldRow[]> {
  return holdLanes.rows(client, [
    steps.map((s) => s.organizationId),
    steps.map((s) => s.laneId),
    steps.map((s) => s.token),
    steps.map((s) => s.settlements.filter((x) => x.requeue).length),
    steps.map(highestSettled),
    steps.map((s) => s.readFrom),
    steps.map((s) => s.revision),
    leaseMs,
  ]);
}

/** Requeued requests take the positions that `hold` set aside, lane by lane. */
function placesOf(steps: readonly LaneStep[], rows: readonly HeldRow[]): Places {
  const free = new Set(steps.filter((step) => step.free).map((step) => step.laneId));
  const backs = new Map(rows.map((row) => [row.id, row.back]));
  return {
    isFree: (s) => free.has(s.request.laneId),
    requeueAt(s) {
      if (!s.requeue) return null;
      const position = (backs.get(s.request.laneId) as number) + 1;
      backs.set(s.request.laneId, position);
      return position;
    },
  };
}

/** Runs a statement over ids of requests, which may be several organizations'. */
function requestKeys(steps: readonly LaneStep[], of: (step: LaneStep) => readonly string[]): unknown[] {
  const keys = steps.flatMap((step) => of(step).map((id) => ({ organizationId: step.organizationId, id })));
  const ids = keys.map((key) => key.id);
  return [keys.map((key) => key.organizationId), ids, ...idRange(ids)];
}

async function letGo(client: PoolClient, steps: readonly LaneStep[]): Promise<void> {
  const released = steps.filter((step) => step.release !== null);
  if (released.length === 0) return;
  await letLanesGo.count(client, [
    released.map((s) => s.organizationId),
    released.map((s) => s.laneId),
    released.map((s) => (s.release?.kind === "BLOCK" ? s.release.requestId : null)),
    released.map((s) => s.release?.reason ?? null),
  ]);
}

export interface CommitOptions {
  onStop: StopHook;
  /** The leases of these lanes last so long from now. */
  leaseMs: number;
  /** Whose roll-ups are added to. */
  processId: string;
}

/** @returns for each step whether it was written, and how its lane stands now */
export function commitSteps(db: Database, steps: readonly LaneStep[], options: CommitOptions): Promise<StepResult[]> {
  return db.transaction(async (client) => {
    const rows = await hold(client, steps, options.leaseMs);
    const mine = new Map(rows.map((row) => [row.id, row]));
    const valid = steps.filter((step) => mine.has(step.laneId));
    const settlements = valid.flatMap((step) => step.settlements);
    let errors = new Map<string, number>();
    let stopped = new Set<string>();
    const marked = new Set<string>();
    // Marks, and what becomes of lanes, before the feed is told: that comes last, after every lock.
    const finish = async () => {
      if (valid.some((step) => step.unmarks.length > 0))
        await unmark.count(
          client,
          requestKeys(valid, (step) => step.unmarks),
        );
      const markable = valid.filter(
        (step) => mine.get(step.laneId)?.revision === step.revision && !mine.get(step.laneId)?.held && !stopped.has(step.definitionId),
      );
      if (markable.some((step) => step.marks.length > 0)) {
        for (const row of await mark.rows(
          client,
          requestKeys(markable, (step) => step.marks),
        ))
          marked.add(row.id);
      }
      await letGo(client, valid);
    };
    if (settlements.length > 0) {
      await writeSettlements(client, settlements, options.processId, placesOf(valid, rows), async (counted) => {
        errors = counted;
        stopped = await stopDefinitions(client, valid, counted, options.onStop);
        await finish();
      });
    } else await finish();
    return steps.map((step) => {
      const row = mine.get(step.laneId);
      return {
        valid: row !== undefined,
        revision: row?.revision ?? 0,
        lastNumber: row?.last_number ?? 0,
        catalogVersion: row?.catalog_version ?? 0,
        held: (row?.held ?? true) || stopped.has(step.definitionId),
        marked: new Set(step.marks.filter((id) => marked.has(id))),
        consecutiveErrors: step.settlements.length > 0 ? (errors.get(step.definitionId) ?? null) : null,
      };
    });
  });
}
