/** Goal values: one per goal and date. A value, its goal's status, its events and its feed entry are one transaction. */
import { audit } from "../accounts/audit.ts";
import { type Caller, demand } from "../accounts/caller.ts";
import { COUNTED } from "../accounts/keyset.ts";
import { newId } from "../clock.ts";
import type { Core } from "../core.ts";
import type { PoolClient } from "../db/client.ts";
import { publish } from "../delivery/publish.ts";
import { NotFoundError } from "../errors.ts";
import type { Ingest } from "../events/ingest.ts";
import type { EventInput } from "../events/input.ts";
import { type PageOf, type Slice, sliceOf } from "../requests/page.ts";
import { globalId } from "../wire/ids.ts";
import { type Datum, effective, readDatum, type SentDatum } from "./datum.ts";
import { type Goal, lockGoal } from "./goals.ts";
import { type GoalStatus, statusOf, type Thresholds } from "./thresholds.ts";

export interface GoalValue extends Thresholds {
  /** UUID. */
  id: string;
  organizationId: string;
  /** UUID. */
  goalId: string;
  /** `YYYY-MM-DD`. */
  date: string;
  /** Canonical decimal. */
  value: string;
  /** Judged when it was recorded; thresholds that its goal gets later do not change it. */
  status: GoalStatus | null;
}

/** A value in the table, not yet told to anybody. */
export interface Written {
  goalValue: GoalValue;
  /** A value of that date stood there before. */
  replaced: boolean;
  /** The goal's, now. */
  goalStatus: GoalStatus | null;
}

const VALUE_COLUMNS = `id, organization_id AS "organizationId", goal_id AS "goalId", to_char(date, 'YYYY-MM-DD') AS date, trim_scale(value)::text AS value,
  trim_scale(good_threshold)::text AS "goodThreshold", trim_scale(bad_threshold)::text AS "badThreshold", status`;

/** What the events of a value hold, roughly. */
export const VALUE_BYTES = 300;

/** @throws DatumError NotFoundError ForbiddenError RateLimitedError */
export async function recordGoalValue(core: Core, ingest: Ingest, caller: Caller, goalId: string, sent: SentDatum): Promise<GoalValue> {
  demand(caller, "goals:write");
  await ingest.admit(caller.organizationId, 1, VALUE_BYTES, caller.tokenRate);
  const { goalValue, committed } = await ingest.withNumbers(() =>
    core.db.transaction(async (client) => {
      const goal = await lockGoal(client, caller.organizationId, goalId);
      const written = await writeValue(core, client, goal, readDatum(sent, goal));
      await audit(core, caller, "goalValue.record", { type: "GoalValue", id: written.goalValue.id }, undefined, written.goalValue, client);
      return { ...written, committed: await announce(core, ingest, client, goal, written, caller) };
    }),
  );
  committed();
  return goalValue;
}

/**
 * Takes a value out for good: its goal gets the status of the latest that is left. The live feed tells what was recorded,
 * and so nothing of this.
 * @throws NotFoundError also for a value of a deleted goal; ForbiddenError RateLimitedError
 */
export async function deleteGoalValue(core: Core, ingest: Ingest, caller: Caller, id: string): Promise<GoalValue> {
  demand(caller, "goals:write");
  const { organizationId, userId } = caller;
  await ingest.admit(organizationId, 1, VALUE_BYTES, caller.tokenRate);
  const { goalValue, committed } = await ingest.withNumbers(() =>
    core.db.transaction(async (client) => {
      const { rows: found } = await client.query<{ goalId: string }>(
        `SELECT goal_id AS "goalId" FROM goal_value WHERE id = $1 AND organization_id = $2`,
        [id, organizationId],
      );
      if (!found[0]) throw new NotFoundError("the value");
      const goal = await lockGoal(client, organizationId, found[0].goalId);
      const { rows } = await client.query<GoalValue>(
        `DELETE FROM goal_value WHERE id = $1 AND organization_id = $2 RETURNING ${VALUE_COLUMNS}`,
        [id, organizationId],
      );
      if (!rows[0]) throw new NotFoundError("the value");
      const status = await refreshStatus(client, goal);
      await audit(core, caller, "goalValue.delete", { type: "GoalValue", id }, rows[0], undefined, client);
      const told = turned(goal, status, { entity: "goal", entityId: globalId("Goal", goal.id), actor: actorOf(userId) });
      return {
        goalValue: rows[0],
        committed: told.length === 0 ? () => {} : await ingest.within(client, organizationId, told, caller.trace),
      };
    }),
  );
  committed();
  return goalValue;
}

/**
 * Writes one value and the goal's status inside the caller's transaction.
 * @param goal locked by that transaction
 */
export async function writeValue(core: Core, client: PoolClient, goal: Goal, datum: Datum): Promise<Written> {
  const status = statusOf(goal.direction, datum.value, effective(datum, goal));
  const { rows } = await client.query<GoalValue & { replaced: boolean }>(
    // xmax is 0 for a row that this statement inserted.
    `INSERT INTO goal_value AS v (id, organization_id, goal_id, date, value, good_threshold, bad_threshold, status)
     VALUES ($1, $2, $3, $4::date, $5::numeric, $6::numeric, $7::numeric, $8::goal_status)
     ON CONFLICT (goal_id, date) DO UPDATE SET value = excluded.value, good_threshold = excluded.good_threshold,
       bad_threshold = excluded.bad_threshold, status = excluded.status, updated_at = now()
     RETURNING ${VALUE_COLUMNS}, v.xmax <> 0 AS replaced`,
    [newId(core.clock), goal.organizationId, goal.id, datum.date, datum.value, datum.goodThreshold, datum.badThreshold, status],
  );
  const { replaced, ...goalValue } = rows[0] as GoalValue & { replaced: boolean };
  return { goalValue, replaced, goalStatus: await refreshStatus(client, goal) };
}

/**
 * The events and the feed entry of a written value, in its transaction; the last it does (delivery/publish.ts says why).
 * @throws NumbersNeeded: the transaction is begun anew (ingest.withNumbers)
 * @param by who recorded it by hand, nobody for an inbound URL; and of which trace the call is
 * @returns what to call once the transaction is committed
 */
export async function announce(
  core: Core,
  ingest: Ingest,
  client: PoolClient,
  goal: Goal,
  written: Written,
  by: Partial<Pick<Caller, "userId" | "trace">>,
): Promise<() => void> {
  const committed = await ingest.within(client, goal.organizationId, events(goal, written, actorOf(by.userId)), by.trace);
  await tell(core, client, written.goalValue);
  return committed;
}

const actorOf = (userId: string | undefined) => (userId === undefined ? null : globalId("User", userId));

/** The goal's status is that of the value with the latest date. */
async function refreshStatus(client: PoolClient, goal: Goal): Promise<GoalStatus | null> {
  const latest = await client.query<{ status: GoalStatus | null }>(
    "SELECT status FROM goal_value WHERE goal_id = $1 ORDER BY date DESC LIMIT 1",
    [goal.id],
  );
  const status = latest.rows[0]?.status ?? null;
  if (status !== goal.status) {
    await client.query("UPDATE goal SET status = $2::goal_status, updated_at = now() WHERE id = $1", [goal.id, status]);
  }
  return status;
}

function events(goal: Goal, { goalValue, replaced, goalStatus: status }: Written, actor: string | null): EventInput[] {
  const goalId = globalId("Goal", goal.id);
  const about = { entity: "goal", entityId: goalId, actor };
  const { date, value, goodThreshold, badThreshold } = goalValue;
  const recorded = { goalId, date, value, goodThreshold, badThreshold, status: goalValue.status, replaced };
  return [{ ...about, type: "goal.value_recorded", payload: JSON.stringify(recorded) }, ...turned(goal, status, about)];
}

/** Nothing when the goal has the status that it had, or none. */
function turned(goal: Goal, status: GoalStatus | null, about: Pick<EventInput, "entity" | "entityId" | "actor">): EventInput[] {
  if (status === null || status === goal.status) return [];
  const payload = JSON.stringify({ goalId: globalId("Goal", goal.id), status, previousStatus: goal.status });
  return [{ ...about, type: `goal.turned_${status.toLowerCase()}`, payload }];
}

/** Tells the live feed, with the value as it is now: what subscriptions read. The transaction's last statement. */
async function tell(core: Core, client: PoolClient, value: GoalValue): Promise<void> {
  const { text, values } = core.notify.statement("feed", [value.organizationId]);
  await client.query(text, values);
  await publish(
    client,
    new Map([[value.organizationId, [{ kind: "GOAL_VALUE", goalValueId: value.id, goalId: value.goalId, snapshot: value }]]]),
  );
}

/** Both ends count. */
export interface DateRange {
  from?: string | null | undefined;
  to?: string | null | undefined;
}

/** Postgres has no year 0: a range that begins or ends before the first date there is. */
const bounds = ({ from, to }: DateRange) => [from && from > FIRST_DATE ? from : null, to && to < FIRST_DATE ? "-infinity" : to];
const FIRST_DATE = "0001-01-01";

/** A page of the values of each goal, newest first, in one statement; a page's keys are dates. */
export async function listValues(
  core: Core,
  organizationId: string,
  goalIds: readonly string[],
  range: DateRange,
  page: PageOf<string>,
): Promise<Map<string, Slice<GoalValue>>> {
  const { rows } = await core.db.tenant(organizationId).query<GoalValue>(
    `SELECT v.* FROM unnest($2::uuid[]) AS g (id) CROSS JOIN LATERAL (
       SELECT ${VALUE_COLUMNS} FROM goal_value WHERE organization_id = $1 AND goal_id = g.id
         AND ($3::date IS NULL OR date >= $3) AND ($4::date IS NULL OR date <= $4)
         AND ($5::date IS NULL OR date < $5) AND ($6::date IS NULL OR date > $6)
       ORDER BY goal_value.date ${page.fromBack ? "ASC" : "DESC"} LIMIT $7) v`,
    [organizationId, goalIds, ...bounds(range), page.after ?? null, page.before ?? null, page.limit + 1],
  );
  const byGoal = Map.groupBy(rows, (row) => row.goalId);
  return new Map(goalIds.map((id) => [id, sliceOf(page, byGoal.get(id) ?? [])]));
}

/** By goal, in one statement: each to ten thousand, and one more where there are more. */
export async function countValues(
  core: Core,
  organizationId: string,
  goalIds: readonly string[],
  range: DateRange,
): Promise<Map<string, number>> {
  const { rows } = await core.db.tenant(organizationId).query<{ id: string; n: number }>(
    `SELECT g.id, (SELECT count(*) FROM (SELECT 1 FROM goal_value WHERE organization_id = $1 AND goal_id = g.id
       AND ($3::date IS NULL OR date >= $3) AND ($4::date IS NULL OR date <= $4) LIMIT $5) AS counted) AS n
     FROM unnest($2::uuid[]) AS g (id)`,
    [organizationId, goalIds, ...bounds(range), COUNTED.take],
  );
  return new Map(rows.map(({ id, n }) => [id, n]));
}

/** Those of `ids` that are this organization's; in no order. */
export async function findValues(core: Core, organizationId: string, ids: readonly string[]): Promise<GoalValue[]> {
  const { rows } = await core.db
    .tenant(organizationId)
    .query<GoalValue>(`SELECT ${VALUE_COLUMNS} FROM goal_value WHERE organization_id = $1 AND id = ANY($2::uuid[])`, [organizationId, ids]);
  return rows;
}
