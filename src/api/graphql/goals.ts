/** Goals and their values; live, through the organization's feed. */

import { NotFoundError } from "../../errors.ts";
import { parseDate } from "../../goals/dates.ts";
import type { Sent } from "../../goals/datum.ts";
import { countGoals, createGoal, deleteGoal, findGoal, findGoals, type Goal as GoalRow, listGoals, updateGoal } from "../../goals/goals.ts";
import { countValues, findValues, type GoalValue as GoalValueRow, listValues, recordGoalValue } from "../../goals/values.ts";
import type { GoalValueChange } from "../../live/feed.ts";
import { pageCursor, pageOf, uuidKey } from "../../requests/page.ts";
import { idOf } from "../../wire/ids.ts";
import { builder, guardNode } from "./builder.ts";
import { callerOf, feedOptions } from "./context.ts";
import { mutation, uuidOf } from "./mutation.ts";
import { connectionType, pageOfRows } from "./page.ts";

const GoalDirection = builder.enumType("GoalDirection", {
  description: "Which way is better.",
  values: { MAXIMIZE: { description: "Greater is better." }, MINIMIZE: { description: "Lesser is better." } } as const,
});

const GoalStatus = builder.enumType("GoalStatus", {
  description: "What a value means for its goal.",
  values: {
    RED: { description: "At or beyond the bad threshold." },
    AMBER: { description: "Between the thresholds." },
    GREEN: { description: "At or beyond the good threshold." },
  } as const,
});

/** A value read with its goal knows it, so that a page of values asks for no goal. */
type ValueNode = GoalValueRow & { goal?: GoalRow };

export const GoalValue = builder.objectRef<ValueNode>("GoalValue");
const GoalValueConnection = connectionType("GoalValue", GoalValue);
export const Goal = builder.objectRef<GoalRow>("Goal");
const GoalConnection = connectionType("Goal", Goal);

guardNode("Goal", "goals:read");
builder.node(Goal, {
  description: "What is measured.",
  id: { resolve: (goal) => goal.id },
  isTypeOf: (value) => typeof value === "object" && value !== null && "direction" in value,
  loadManyWithoutCache: async (ids, context) => inOrder(ids, await findGoals(context.doors.core, callerOf(context).organizationId, ids)),
  fields: (t) => ({
    name: t.exposeString("name", { description: "Its name." }),
    unit: t.exposeString("unit", { nullable: true, description: "What its values count, such as EUR." }),
    direction: t.expose("direction", { type: GoalDirection, description: "Which way is better." }),
    goodThreshold: t.expose("goodThreshold", {
      type: "Decimal",
      nullable: true,
      description: "From here on a value is GREEN, unless a threshold was sent with it.",
    }),
    badThreshold: t.expose("badThreshold", {
      type: "Decimal",
      nullable: true,
      description: "From here on a value is RED, unless a threshold was sent with it.",
    }),
    status: t.expose("status", {
      type: GoalStatus,
      nullable: true,
      description: "That of the value with the latest date; null without values or thresholds.",
    }),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When it was made." }),
    deletedAt: t.expose("deletedAt", {
      type: "DateTime",
      nullable: true,
      description: "When it was deleted; it takes no new values since.",
    }),
    values: t.field({
      type: GoalValueConnection,
      description: "Its values by date, newest first.",
      args: {
        from: t.arg({ type: "Date", description: "Not before this day." }),
        to: t.arg({ type: "Date", description: "Not after this day." }),
        ...t.arg.connectionArgs(),
      },
      resolve: async (goal, args, { doors }) => {
        const kind = `goalValues:${goal.id}`;
        const slice = await listValues(doors.core, goal, args, pageOf(args, kind, parseDate));
        const rows = slice.rows.map((row): ValueNode => ({ ...row, goal }));
        return pageOfRows(
          { ...slice, rows },
          (row) => pageCursor(kind, row.date),
          () => countValues(doors.core, goal, args),
        );
      },
    }),
  }),
});

guardNode("GoalValue", "goals:read");
builder.node(GoalValue, {
  description: "One dated value of a goal; one per goal and date.",
  id: { resolve: (value) => value.id },
  isTypeOf: (value) => typeof value === "object" && value !== null && "goalId" in value && "date" in value,
  loadManyWithoutCache: async (ids, context) => inOrder(ids, await findValues(context.doors.core, callerOf(context).organizationId, ids)),
  fields: (t) => ({
    goal: t.field({
      type: Goal,
      description: "What it is a value of.",
      resolve: async (value, _args, { doors }) => {
        const goal = value.goal ?? (await findGoals(doors.core, value.organizationId, [value.goalId]))[0];
        if (!goal) throw new NotFoundError("the goal");
        return goal;
      },
    }),
    date: t.expose("date", { type: "Date", description: "The day it is for." }),
    value: t.expose("value", { type: "Decimal", description: "The value, exactly as it was sent." }),
    goodThreshold: t.expose("goodThreshold", {
      type: "Decimal",
      nullable: true,
      description: "Sent with it; null: the goal's own counted.",
    }),
    badThreshold: t.expose("badThreshold", { type: "Decimal", nullable: true, description: "Sent with it; null: the goal's own counted." }),
    status: t.expose("status", {
      type: GoalStatus,
      nullable: true,
      description: "Judged when it was recorded; the goal's later thresholds leave it as it is.",
    }),
  }),
});

function inOrder<Row extends { id: string }>(ids: readonly string[], rows: readonly Row[]): (Row | null)[] {
  const byId = new Map(rows.map((row) => [row.id, row]));
  return ids.map((id) => byId.get(id) ?? null);
}

builder.queryFields((t) => ({
  goals: t.field({
    type: GoalConnection,
    description: "The goals of the organization, newest first; without the deleted ones.",
    authScopes: { scope: "goals:read" },
    args: t.arg.connectionArgs(),
    resolve: async (_root, args, context) => {
      const caller = callerOf(context);
      const kind = `goals:${caller.organizationId}`;
      const slice = await listGoals(context.doors.core, caller, pageOf(args, kind, uuidKey));
      return pageOfRows(
        slice,
        (goal) => pageCursor(kind, goal.id),
        () => countGoals(context.doors.core, caller),
      );
    },
  }),
  goal: t.field({
    type: Goal,
    nullable: true,
    description: "A goal by its id, a deleted one too; null when it is unknown.",
    authScopes: { scope: "goals:read" },
    args: { id: t.arg.id({ required: true, description: "Its global id." }) },
    resolve: (_root, { id }, context) => {
      const uuid = idOf("Goal", id);
      return uuid === undefined ? null : findGoal(context.doors.core, callerOf(context), uuid);
    },
  }),
}));

mutation("createGoal", {
  description: "Makes a goal.",
  type: Goal,
  scope: "goals:write",
  input: (t) => ({
    name: t.string({ required: true, description: "Its name." }),
    direction: t.field({ type: GoalDirection, required: true, description: "Which way is better." }),
    unit: t.string({ description: "What its values count." }),
    goodThreshold: t.field({ type: "Decimal", description: "From here on a value is GREEN." }),
    badThreshold: t.field({ type: "Decimal", description: "From here on a value is RED." }),
  }),
  resolve: (input, { doors, caller }) => createGoal(doors.core, caller, input),
});

mutation("updateGoal", {
  description: "Changes a goal: what is absent stays, null clears. New thresholds judge the values recorded from then on.",
  type: Goal,
  scope: "goals:write",
  input: (t) => ({
    id: t.id({ required: true, description: "Which." }),
    name: t.string({ description: "Its name." }),
    direction: t.field({ type: GoalDirection, description: "Which way is better." }),
    unit: t.string({ description: "What its values count." }),
    goodThreshold: t.field({ type: "Decimal", description: "From here on a value is GREEN." }),
    badThreshold: t.field({ type: "Decimal", description: "From here on a value is RED." }),
  }),
  resolve: ({ id, ...changes }, { doors, caller }) => updateGoal(doors.core, caller, uuidOf("Goal", id), changes),
});

mutation("deleteGoal", {
  description: "Deletes a goal: it takes no new values, and its inbound webhooks answer 410. Its values stay.",
  type: Goal,
  scope: "goals:write",
  input: (t) => ({ id: t.id({ required: true, description: "Which." }) }),
  resolve: ({ id }, { doors, caller }) => deleteGoal(doors.core, caller, uuidOf("Goal", id)),
});

const sentText = (text: string | null | undefined): Sent => (text == null ? undefined : { kind: "text", text });

mutation("recordGoalValue", {
  description: "Records a value of a goal; one of the same date is replaced.",
  type: GoalValue,
  scope: "goals:write",
  input: (t) => ({
    goalId: t.id({ required: true, description: "Of which goal." }),
    date: t.field({ type: "Date", required: true, description: "The day it is for." }),
    value: t.field({ type: "Decimal", required: true, description: "The value." }),
    goodThreshold: t.field({ type: "Decimal", description: "Judges this value instead of the goal's own." }),
    badThreshold: t.field({ type: "Decimal", description: "Judges this value instead of the goal's own." }),
  }),
  resolve: ({ goalId, date, value, goodThreshold, badThreshold }, { doors, caller }) =>
    recordGoalValue(doors.core, doors.ingest, caller, uuidOf("Goal", goalId), {
      date: sentText(date),
      value: sentText(value),
      goodThreshold: sentText(goodThreshold),
      badThreshold: sentText(badThreshold),
    }),
});

const GoalValueRecorded = builder.objectRef<GoalValueChange>("GoalValueRecorded").implement({
  description: "A value was recorded or replaced.",
  fields: (t) => ({
    cursor: t.exposeString("cursor", { description: "Give the last one as `after` to go on without a gap." }),
    goalValue: t.field({
      type: GoalValue,
      description: "The value as of this change.",
      resolve: (change) => change.snapshot as ValueNode,
    }),
  }),
});

builder.subscriptionField("goalValueRecorded", (t) =>
  t.field({
    type: GoalValueRecorded,
    description: "Values as they are recorded: from now on, or everything after a cursor.",
    authScopes: { scope: "goals:read" },
    args: {
      goalId: t.arg.id({ description: "Of this goal; of all goals when absent." }),
      after: t.arg.string({ description: "The cursor of the last update that arrived." }),
    },
    subscribe: async (_root, { goalId, after }, context) => {
      const caller = callerOf(context);
      const id = goalId == null ? undefined : uuidOf("Goal", goalId);
      if (id !== undefined && !(await findGoal(context.doors.core, caller, id))) throw new NotFoundError("the goal");
      return context.doors.feed.goalValues({ organizationId: caller.organizationId, goalId: id, ...feedOptions(context, after) });
    },
    resolve: (change) => change,
  }),
);
