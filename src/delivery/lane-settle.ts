/**
 * One transaction for what many lanes did and what they will do next: attempts logged, requests settled, the next ones
 * marked SENDING, counters, feed. Fenced: a step whose token is no longer the lane's changes nothing.
 */
import type { Database } from "../db/client.ts";
import { retried } from "../db/retry.ts";
import type { Sent } from "../db/together.ts";
import { idRange } from "../db/values.ts";
import { dialects } from "../wire/dialects.ts";
import { type StopHook, stopDefinitions } from "./lane-stop.ts";
import { publishValues } from "./publish.ts";
import type { QueuedRequest } from "./queued.ts";
import { isSettled, type LaneStep, type Settlement, type StepResult } from "./settlement.ts";
import { addDeliveries, countErrors } from "./sql/count-attempts.ts";
import { holdEveryLane, holdLanes } from "./sql/hold-lanes.ts";
import { letLanesGo } from "./sql/let-lanes-go.ts";
import { logAttempts, loggedAttempts as loggedAttemptRows } from "./sql/log-attempts.ts";
import { mark, markUnchanged, unmark } from "./sql/mark.ts";
import { lockNewestLanes } from "./sql/newest-lane.ts";
import { publishChanges } from "./sql/publish-changes.ts";
import { sendingRequests } from "./sql/sending-requests.ts";
import { settleRequests } from "./sql/settle-requests.ts";
import { storable } from "./storable.ts";
import {
  attemptValues,
  countValues,
  errorsInRow,
  type Places,
  settledChanges,
  settleValues,
  writeSettlements,
} from "./write-settlements.ts";

const attemptKey = (requestId: string, number: number) => `${requestId} ${number}`;

/**
 * A COMMIT whose answer was lost may have happened. The attempts tell: they stand in the log, or nothing does. One that
 * somebody else logged under the same number, as INTERRUPTED, means that the lane is no longer ours, which the fence finds out.
 * What made no attempt is told by its request, which is SENDING until it is settled: what became of it since is not to be undone.
 * @returns which settlements are written already
 */
export async function writtenAlready(db: Pick<Database, "pool">, steps: readonly LaneStep[]): Promise<(s: Settlement) => boolean> {
  const settlements = steps.flatMap((step) => step.settlements);
  const made = settlements.flatMap((s) => (s.attempt ? [{ r: s.request, number: s.attempt.number }] : []));
  const rows = await loggedAttemptRows.rows(db.pool, [
    made.map((m) => m.r.organizationId),
    made.map((m) => m.r.id),
    made.map((m) => m.number),
  ]);
  const logged = new Map(rows.map((row) => [attemptKey(row.request_id, row.number), row.outcome]));
  const sending = await stillSending(
    db,
    settlements.filter((s) => s.attempt === null).map((s) => s.request),
  );
  return (s) =>
    s.attempt === null ? !sending.has(s.request.id) : logged.get(attemptKey(s.request.id, s.attempt.number)) === s.attempt.outcome;
}

async function stillSending(db: Pick<Database, "pool">, requests: readonly QueuedRequest[]): Promise<ReadonlySet<string>> {
  if (requests.length === 0) return new Set();
  const ids = requests.map(({ id }) => id);
  const rows = await sendingRequests.rows(db.pool, [requests.map((r) => r.organizationId), ids, ...idRange(ids)]);
  return new Set(rows.map(({ id }) => id));
}

type HeldRow = Awaited<ReturnType<typeof holdLanes.rows>>[number];

const highestSettled = (step: LaneStep): number =>
  step.free ? 0 : Math.max(0, ...step.settlements.filter(isSettled).map((s) => s.request.laneNumber));

const holdValues = (steps: readonly LaneStep[], leaseMs: number): unknown[] => [
  steps.map((s) => s.organizationId),
  steps.map((s) => s.laneId),
  steps.map((s) => s.token),
  steps.map((s) => s.settlements.filter((x) => x.requeue).length),
  steps.map(highestSettled),
  steps.map((s) => s.readFrom),
  steps.map((s) => s.revision),
  leaseMs,
];

const lockValues = (steps: readonly LaneStep[], patienceMs: number): unknown[] => [
  steps.map((s) => s.organizationId),
  steps.map((s) => s.laneId),
  String(patienceMs),
];

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

/** @returns undefined: none of them is let go */
function letGoValues(steps: readonly LaneStep[]): unknown[] | undefined {
  const released = steps.filter((step) => step.release !== null);
  if (released.length === 0) return undefined;
  return [
    released.map((s) => s.organizationId),
    released.map((s) => s.laneId),
    released.map((s) => (s.release?.kind === "BLOCK" ? s.release.requestId : null)),
    released.map((s) => s.release?.reason ?? null),
  ];
}

export interface CommitOptions {
  onStop: StopHook;
  /** The leases of these lanes last so long from now. */
  leaseMs: number;
  /** Whose roll-ups are added to. */
  processId: string;
  /** How long the lock of a lane may be waited for, in milliseconds. */
  patienceMs: number;
}

/** Nothing in it depends on what the database answers: no call back to ask for, no place to find, no definition to stop. */
export const isPlain = (step: LaneStep): boolean =>
  step.gone === null &&
  step.settlements.every(
    (s) =>
      !s.requeue &&
      !dialects[s.request.dialect].callsBack &&
      (step.stopAt === null || s.attempt === null || s.attempt.outcome === "DELIVERED"),
  );

const LEASE_LOST = "22P02";
/**
 * @returns for each step whether it was written, and how its lane stands now
 * @throws the database's error; 55P03: somebody keeps one of the lanes locked
 */
export async function commitSteps(db: Database, given: readonly LaneStep[], options: CommitOptions): Promise<StepResult[]> {
  const steps = given.map((step) => ({ ...step, settlements: step.settlements.map(storable) }));
  if (!steps.every(isPlain)) return commitInteractively(db, steps, options);
  try {
    return await retried(() => commitAtOnce(db, steps, options), { again: "collisions" });
  } catch (error) {
    if ((error as { code?: unknown }).code !== LEASE_LOST || !(error as Error).message.includes("hookline:")) throw error;
    // One of the lanes is ours no longer: the others are written without it.
    return commitInteractively(db, steps, options);
  }
}

/** One message, one transaction: see db/together.ts. Plain steps only. */
async function commitAtOnce(db: Database, steps: readonly LaneStep[], options: CommitOptions): Promise<StepResult[]> {
  const settlements = steps.flatMap((step) => step.settlements);
  const sent: Sent[] = [
    { statement: lockNewestLanes, values: lockValues(steps, options.patienceMs) },
    { statement: holdEveryLane, values: holdValues(steps, options.leaseMs) },
  ];

  const add = (statement: Sent["statement"], values: readonly unknown[] | undefined): number =>
    values ? sent.push({ statement, values }) - 1 : 0;
  const counts = countValues(settlements, options.processId);
  if (settlements.length > 0) {
    add(settleRequests, settleValues(settlements, placesOf(steps, [])));
    add(logAttempts, attemptValues(settlements));
    add(addDeliveries, counts?.deliveries);
  }
  const counted = add(countErrors, counts?.errors);
  if (steps.some((step) => step.unmarks.length > 0))
    add(
      unmark,
      requestKeys(steps, (step) => step.unmarks),
    );
  const marking = steps.flatMap((step) => step.marks.map(() => step));
  const markedAt = add(
    markUnchanged,
    marking.length > 0
      ? [...requestKeys(steps, (step) => step.marks), marking.map((step) => step.laneId), marking.map((step) => step.revision)]
      : undefined,
  );
  add(letLanesGo, letGoValues(steps));
  // Last, after every lock: see publish.ts.
  if (settlements.length > 0) add(publishChanges, publishValues(settledChanges(settlements)));
  const came = await db.together(() => sent);
  const rowsOf = <R>(at: number) => (at === 0 ? [] : came[at]?.rows) as R[];
  const errors = errorsInRow(counts?.definitionIds ?? [], rowsOf(counted));
  return resultsOf(steps, came[1]?.rows as HeldRow[], new Set(rowsOf<{ id: string }>(markedAt).map((row) => row.id)), errors, new Set());
}

function resultsOf(
  steps: readonly LaneStep[],
  rows: readonly HeldRow[],
  marked: ReadonlySet<string>,
  errors: ReadonlyMap<string, number>,
  stopped: ReadonlySet<string>,
): StepResult[] {
  const mine = new Map(rows.map((row) => [row.id, row]));
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
}

/** Step by step: what one statement answers decides on the next ones. */
function commitInteractively(db: Database, steps: readonly LaneStep[], options: CommitOptions): Promise<StepResult[]> {
  return db.transaction(async (client) => {
    await lockNewestLanes.count(client, lockValues(steps, options.patienceMs));
    const rows = await holdLanes.rows(client, holdValues(steps, options.leaseMs));
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
      const released = letGoValues(valid);
      if (released) await letLanesGo.count(client, released);
    };
    if (settlements.length > 0) {
      await writeSettlements(client, settlements, options.processId, placesOf(valid, rows), async (counted) => {
        errors = counted;
        stopped = await stopDefinitions(client, valid, counted, options.onStop);
        await finish();
      });
    } else await finish();
    return resultsOf(steps, rows, marked, errors, stopped);
  }, "collisions");
}
