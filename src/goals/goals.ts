/** Goals: what is measured. Deleted softly: the inbound URLs of a deleted goal answer "gone", not "unknown". */
import { audit } from "../accounts/audit.ts";
import { type Caller, demand } from "../accounts/caller.ts";
import { COUNTED } from "../accounts/keyset.ts";
import { demandUnchanged, nextUpdate } from "../accounts/unchanged.ts";
import { newId } from "../clock.ts";
import type { Core } from "../core.ts";
import type { PoolClient } from "../db/client.ts";
import { nameIssues, textIssues } from "../definitions/text.ts";
import { type Issue, NotFoundError, ValidationError } from "../errors.ts";
import { type PageOf, type Slice, sliceOf } from "../requests/page.ts";
import { NOT_A_DECIMAL, parseDecimal } from "./decimal.ts";
import { type GoalDirection, type GoalStatus, inOrder, orderMessage, type Thresholds } from "./thresholds.ts";

export interface Goal extends Thresholds {
  /** UUID. */
  id: string;
  organizationId: string;
  name: string;
  unit: string | null;
  direction: GoalDirection;
  /** That of the value with the latest date. */
  status: GoalStatus | null;
  createdAt: Date;
  /** Also when a value gave it another status. */
  updatedAt: Date;
  deletedAt: Date | null;
}

export interface GoalInput {
  name: string;
  direction: GoalDirection;
  unit?: string | null | undefined;
  goodThreshold?: string | null | undefined;
  badThreshold?: string | null | undefined;
}

export type GoalChanges = { [Field in keyof GoalInput]?: GoalInput[Field] | null | undefined };

/** trim_scale: 450000 and not 450000.00000000000000000000. */
export const GOAL_COLUMNS = `id, organization_id AS "organizationId", name, unit, direction, trim_scale(good_threshold)::text AS "goodThreshold",
  trim_scale(bad_threshold)::text AS "badThreshold", status, created_at AS "createdAt", updated_at AS "updatedAt", deleted_at AS "deletedAt"`;

/** @throws ValidationError ForbiddenError */
export async function createGoal(core: Core, caller: Caller, input: GoalInput): Promise<Goal> {
  demand(caller, "goals:write");
  const { name, direction, unit = null, goodThreshold = null, badThreshold = null } = input;
  const goal = checked({ name, direction, unit, goodThreshold, badThreshold });
  return core.db.tenantTransaction(caller.organizationId, async (client) => {
    const { rows } = await client.query<Goal>(
      `INSERT INTO goal (id, organization_id, name, unit, direction, good_threshold, bad_threshold)
       VALUES ($1, $2, $3, $4, $5::goal_direction, $6::numeric, $7::numeric) RETURNING ${GOAL_COLUMNS}`,
      [newId(core.clock), caller.organizationId, goal.name, goal.unit, goal.direction, goal.goodThreshold, goal.badThreshold],
    );
    return noted(core, caller, client, "goal.create", undefined, rows[0] as Goal);
  });
}

/**
 * What is not in `changes` stays; null clears. Thresholds changed here judge the values recorded from now on: a value
 * keeps the status it was given.
 * @throws ValidationError NotFoundError ForbiddenError
 */
export async function updateGoal(
  core: Core,
  caller: Caller,
  id: string,
  changes: GoalChanges,
  ifUnchangedSince?: Date | null,
): Promise<Goal> {
  demand(caller, "goals:write");
  return core.db.tenantTransaction(caller.organizationId, async (client) => {
    const goal = await lockGoal(client, caller.organizationId, id);
    await demandUnchanged(client, caller, goal, ifUnchangedSince);
    const given = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
    const next = checked({ ...goal, ...given } as Settings);
    const { rows } = await client.query<Goal>(
      `UPDATE goal SET name = $3, unit = $4, direction = $5::goal_direction, good_threshold = $6::numeric, bad_threshold = $7::numeric, updated_at = $8::timestamptz
       WHERE id = $1 AND organization_id = $2 RETURNING ${GOAL_COLUMNS}`,
      [id, caller.organizationId, next.name, next.unit, next.direction, next.goodThreshold, next.badThreshold, nextUpdate(core, goal)],
    );
    return noted(core, caller, client, "goal.update", goal, rows[0] as Goal);
  });
}

/** Its values stay, and so do its inbound webhooks, which from now on answer 410. @throws NotFoundError ForbiddenError */
export async function deleteGoal(core: Core, caller: Caller, id: string): Promise<Goal> {
  demand(caller, "goals:write");
  return core.db.tenantTransaction(caller.organizationId, async (client) => {
    const goal = await lockGoal(client, caller.organizationId, id);
    const { rows } = await client.query<Goal>(
      `UPDATE goal SET deleted_at = now(), updated_at = now() WHERE id = $1 AND organization_id = $2 RETURNING ${GOAL_COLUMNS}`,
      [id, caller.organizationId],
    );
    return noted(core, caller, client, "goal.delete", goal, rows[0] as Goal);
  });
}

async function noted(core: Core, caller: Caller, client: PoolClient, action: string, before: Goal | undefined, after: Goal): Promise<Goal> {
  await audit(core, caller, action, { type: "Goal", id: after.id }, before, after, client);
  return after;
}

/** Also a deleted one (its `deletedAt` says so). */
export async function findGoal(core: Core, caller: Caller, id: string): Promise<Goal | null> {
  demand(caller, "goals:read");
  return (await findGoals(core, caller.organizationId, [id]))[0] ?? null;
}

/** Those of `ids` that are this organization's, deleted ones too; in no order. */
export async function findGoals(core: Core, organizationId: string, ids: readonly string[]): Promise<Goal[]> {
  const { rows } = await core.db
    .tenant(organizationId)
    .query<Goal>(`SELECT ${GOAL_COLUMNS} FROM goal WHERE organization_id = $1 AND id = ANY($2::uuid[])`, [organizationId, ids]);
  return rows;
}

/** Living goals, newest first (their ids are in order of creation). */
export async function listGoals(core: Core, caller: Caller, page: PageOf<string>): Promise<Slice<Goal>> {
  demand(caller, "goals:read");
  const { rows } = await core.db.tenant(caller.organizationId).query<Goal>(
    `SELECT ${GOAL_COLUMNS} FROM goal WHERE organization_id = $1 AND deleted_at IS NULL
       AND ($2::uuid IS NULL OR id < $2) AND ($3::uuid IS NULL OR id > $3) ORDER BY id ${page.fromBack ? "ASC" : "DESC"} LIMIT $4`,
    [caller.organizationId, page.after ?? null, page.before ?? null, page.limit + 1],
  );
  return sliceOf(page, rows);
}

export async function countGoals(core: Core, caller: Caller): Promise<number> {
  demand(caller, "goals:read");
  const { rows } = await core.db
    .tenant(caller.organizationId)
    .query<{ n: number }>(
      "SELECT count(*) AS n FROM (SELECT 1 FROM goal WHERE organization_id = $1 AND deleted_at IS NULL LIMIT $2) AS counted",
      [caller.organizationId, COUNTED.take],
    );
  return rows[0]?.n ?? 0;
}

/** Holds the goal's row: values of one goal are recorded one after another. @throws NotFoundError also for a deleted one */
export async function lockGoal(client: PoolClient, organizationId: string, id: string): Promise<Goal> {
  const { rows } = await client.query<Goal>(
    `SELECT ${GOAL_COLUMNS} FROM goal WHERE id = $1 AND organization_id = $2 AND deleted_at IS NULL FOR NO KEY UPDATE`,
    [id, organizationId],
  );
  if (!rows[0]) throw new NotFoundError("the goal");
  return rows[0];
}

interface Settings extends Pick<Goal, "unit" | "goodThreshold" | "badThreshold"> {
  /** Null: a client tried to clear what cannot be empty. */
  name: string | null;
  direction: GoalDirection | null;
}

/** @throws ValidationError naming every field that is wrong */
function checked({ name, unit, direction, ...given }: Settings): Settings {
  const issues: Issue[] = [...nameIssues("name", name ?? "", 255), ...textIssues("unit", unit, 64)];
  const thresholds: Thresholds = { goodThreshold: null, badThreshold: null };
  for (const property of ["goodThreshold", "badThreshold"] as const) {
    const text = given[property];
    if (text === null) continue;
    const decimal = parseDecimal(text);
    if (decimal === undefined) issues.push({ path: property, message: NOT_A_DECIMAL });
    else thresholds[property] = decimal;
  }
  if (direction === null) issues.push({ path: "direction", message: "must be MAXIMIZE or MINIMIZE" });
  else if (!inOrder(direction, thresholds)) issues.push({ path: "goodThreshold", message: orderMessage(direction, "goodThreshold") });
  if (issues.length > 0) throw new ValidationError(issues);
  return { name: name?.trim() ?? null, unit, direction, ...thresholds };
}
