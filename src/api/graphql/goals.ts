/** Goals and their values; live, through the organization's feed. */

import { NotFoundError } from "../../errors.ts";
import { parseDate } from "../../goals/dates.ts";
import type { Sent } from "../../goals/datum.ts";
import { countGoals, createGoal, deleteGoal, findGoal, findGoals, type Goal as GoalRow, listGoals, updateGoal } from "../../goals/goals.ts";
import {
  countValues,
  type DateRange,
  deleteGoalValue,
  findValues,
  type GoalValue as GoalValueRow,
  listValues,
  recordGoalValue,
} from "../../goals/values.ts";
import type { GoalValueChange } from "../../live/feed.ts";
import { listKind, type PageOf, pageCursor, pageOf, type Slice, uuidKey } from "../../requests/page.ts";
import { idOf } from "../../wire/ids.ts";
import { builder, guardNode } from "./builder.ts";
import { unchangedFields } from "./changes.ts";
import { callerOf, feedOptions } from "./context.ts";
import { byId, inOrder, loader, loaderBy } from "./loader.ts";
import { mutation, uuidOf } from "./mutation.ts";
import { connectionType, pageOfRows } from "./page.ts";

const GoalDirection = builder.enumType("GoalDirection", {
  description: "Whether a greater or a lesser value is better; it says on which side of a threshold GREEN and RED begin.",
  values: {
    MAXIMIZE: { description: "Greater is better, as of revenue: the good threshold is not below the bad one." },
    MINIMIZE: { description: "Lesser is better, as of complaints: the good threshold is not above the bad one." },
  } as const,
});

const GoalStatus = builder.enumType("GoalStatus", {
  description: "What a value means for its goal, by the thresholds that counted when it was recorded.",
  values: {
    RED: { description: "At the bad threshold, or worse." },
    AMBER: { description: "Better than the bad threshold, worse than the good one." },
    GREEN: { description: "At the good threshold, or better." },
  } as const,
});

/** A value read with its goal knows it, so that a page of values asks for no goal. */
type ValueNode = GoalValueRow & { goal?: GoalRow };

export const GoalValue = builder.objectRef<ValueNode>("GoalValue");
const GoalValueConnection = connectionType("GoalValue", GoalValue);
export const Goal = builder.objectRef<GoalRow>("Goal");
const GoalConnection = connectionType("Goal", Goal);

// Their decimals and dates are exact text, which Prisma has none of: no prismaNode, but read together all the same.
export const goalOf = loader(async (context, ids) => byId(await findGoals(context.doors.core, callerOf(context).organizationId, ids)));
const valuesOf = loaderBy<{ range: DateRange; page: PageOf<string> }, Slice<GoalValueRow>>((context, ids, { range, page }) =>
  listValues(context.doors.core, callerOf(context).organizationId, ids, range, page),
);
const valueCountOf = loaderBy<DateRange, number>((context, ids, range) =>
  countValues(context.doors.core, callerOf(context).organizationId, ids, range),
);

guardNode("Goal", "goals:read");
builder.node(Goal, {
  description: "Something that is measured: dated values, and thresholds that judge them.",
  id: { resolve: (goal) => goal.id },
  isTypeOf: (value) => typeof value === "object" && value !== null && "direction" in value,
  loadManyWithoutCache: async (ids, context) => inOrder(ids, await findGoals(context.doors.core, callerOf(context).organizationId, ids)),
  fields: (t) => ({
    name: t.exposeString("name", { description: "For people; two goals may have the same." }),
    unit: t.exposeString("unit", { nullable: true, description: "What the values count, such as `EUR`; shown, never computed with." }),
    direction: t.expose("direction", { type: GoalDirection, description: "Whether GREEN is above or below the good threshold." }),
    goodThreshold: t.expose("goodThreshold", {
      type: "Decimal",
      nullable: true,
      description: "A value at it, or better, is GREEN, unless the value brought thresholds of its own; null: none is GREEN by it.",
    }),
    badThreshold: t.expose("badThreshold", {
      type: "Decimal",
      nullable: true,
      description: "A value at it, or worse, is RED, unless the value brought thresholds of its own; null: none is RED by it.",
    }),
    status: t.expose("status", {
      type: GoalStatus,
      nullable: true,
      description: "The status of the value with the latest date, whenever that was recorded; null without values or thresholds.",
    }),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When createGoal was called; lists are in this order." }),
    updatedAt: t.expose("updatedAt", {
      type: "DateTime",
      description: "When a setting last changed, or a value gave it another status; createdAt until then.",
    }),
    deletedAt: t.expose("deletedAt", {
      type: "DateTime",
      nullable: true,
      description: "When it was deleted: it takes no values since, and its inbound webhooks answer 410.",
    }),
    values: t.field({
      type: GoalValueConnection,
      description: "The recorded values by their date, newest first, one a day.",
      args: {
        from: t.arg({ type: "Date", description: "Values of this day and later ones." }),
        to: t.arg({ type: "Date", description: "Values of this day and earlier ones." }),
        ...t.arg.connectionArgs(),
      },
      resolve: async (goal, { from, to, ...args }, context) => {
        const kind = listKind("goalValues", goal.id);
        const range = { from, to };
        const slice = await valuesOf(context, goal.id, { range, page: pageOf(args, kind, parseDate) });
        const rows = (slice?.rows ?? []).map((row): ValueNode => ({ ...row, goal }));
        return pageOfRows(
          { hasNextPage: false, hasPreviousPage: false, ...slice, rows },
          (row) => pageCursor(kind, row.date),
          async () => (await valueCountOf(context, goal.id, range)) ?? 0,
        );
      },
    }),
  }),
});

guardNode("GoalValue", "goals:read");
builder.node(GoalValue, {
  description: "The value of a goal on one day. Recording the same day again replaces it and keeps its id.",
  id: { resolve: (value) => value.id },
  isTypeOf: (value) => typeof value === "object" && value !== null && "goalId" in value && "date" in value,
  loadManyWithoutCache: async (ids, context) => inOrder(ids, await findValues(context.doors.core, callerOf(context).organizationId, ids)),
  fields: (t) => ({
    goal: t.field({
      type: Goal,
      description: "What was measured, as it is now; a deleted goal too.",
      resolve: async (value, _args, context) => {
        const goal = value.goal ?? (await goalOf(context, value.goalId));
        if (!goal) throw new NotFoundError("the goal");
        return goal;
      },
    }),
    date: t.expose("date", { type: "Date", description: "The day that was measured, not the one on which it was recorded." }),
    value: t.expose("value", {
      type: "Decimal",
      description: "As it was sent, to the last digit; zeros at the end of its fraction are left out.",
    }),
    goodThreshold: t.expose("goodThreshold", {
      type: "Decimal",
      nullable: true,
      description: "Sent together with the value and judged it; null: the goal's own did.",
    }),
    badThreshold: t.expose("badThreshold", {
      type: "Decimal",
      nullable: true,
      description: "Sent together with the value and judged it; null: the goal's own did.",
    }),
    status: t.expose("status", {
      type: GoalStatus,
      nullable: true,
      description: "Judged when the value was recorded: thresholds that the goal gets later leave it as it is. Null without thresholds.",
    }),
  }),
});

builder.queryFields((t) => ({
  goals: t.field({
    type: GoalConnection,
    description: "The goals of the organization, newest first, without deleted ones. Needs the scope goals:read.",
    authScopes: { scope: "goals:read" },
    args: t.arg.connectionArgs(),
    resolve: async (_root, args, context) => {
      const caller = callerOf(context);
      const kind = listKind("goals", caller.organizationId);
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
    description: "One goal, a deleted one too; null when the id is unknown or another organization's.",
    authScopes: { scope: "goals:read" },
    args: { id: t.arg.id({ required: true, description: "Global id, `goa_…`." }) },
    resolve: (_root, { id }, context) => {
      const uuid = idOf("Goal", id);
      return uuid === undefined ? null : findGoal(context.doors.core, callerOf(context), uuid);
    },
  }),
}));

mutation("createGoal", {
  description: "Makes something to measure. ValidationError when the thresholds stand the wrong way round for its direction.",
  type: Goal,
  scope: "goals:write",
  input: (t) => ({
    name: t.string({ required: true, description: "1 to 255 characters, for people." }),
    direction: t.field({ type: GoalDirection, required: true, description: "Whether GREEN is above or below the good threshold." }),
    unit: t.string({ description: "What the values count, such as `EUR`: at most 64 characters." }),
    goodThreshold: t.field({ type: "Decimal", description: "A value at it, or better, is GREEN; none is without it." }),
    badThreshold: t.field({ type: "Decimal", description: "A value at it, or worse, is RED; none is without it." }),
  }),
  resolve: (input, { doors, caller }) => createGoal(doors.core, caller, input),
});

mutation("updateGoal", {
  description:
    "Changes a goal: what is absent stays, null clears. New thresholds judge the values recorded from then on, never former ones.",
  type: Goal,
  scope: "goals:write",
  input: (t) => ({
    id: t.id({ required: true, description: "The goal to change; NotFoundError for an unknown or deleted one." }),
    name: t.string({ description: "1 to 255 characters, for people." }),
    direction: t.field({ type: GoalDirection, description: "Whether GREEN is above or below the good threshold." }),
    unit: t.string({ description: "What the values count, such as `EUR`: at most 64 characters; null clears it." }),
    goodThreshold: t.field({ type: "Decimal", description: "A value at it, or better, is GREEN; null takes it away." }),
    badThreshold: t.field({ type: "Decimal", description: "A value at it, or worse, is RED; null takes it away." }),
    ...unchangedFields(t),
  }),
  resolve: ({ id, ifUnchangedSince, ...changes }, { doors, caller }) =>
    updateGoal(doors.core, caller, uuidOf("Goal", id), changes, ifUnchangedSince),
});

mutation("deleteGoal", {
  description: "Deletes a goal and answers with it: it takes no new values, and its inbound webhooks answer 410. Its values stay.",
  type: Goal,
  scope: "goals:write",
  input: (t) => ({ id: t.id({ required: true, description: "The goal to delete; NotFoundError for an unknown or deleted one." }) }),
  resolve: ({ id }, { doors, caller }) => deleteGoal(doors.core, caller, uuidOf("Goal", id)),
});

const sentText = (text: string | null | undefined): Sent => (text == null ? undefined : { kind: "text", text });

mutation("recordGoalValue", {
  description:
    "Records the value of a goal on one day; a former one of that day is replaced. It is also the event `goal.value_recorded`, which definitions may deliver.",
  type: GoalValue,
  scope: "goals:write",
  input: (t) => ({
    goalId: t.id({ required: true, description: "The goal that was measured; NotFoundError for an unknown or deleted one." }),
    date: t.field({ type: "Date", required: true, description: "The day that was measured, such as `2026-11-01`." }),
    value: t.field({
      type: "Decimal",
      required: true,
      description: "What was measured: at most 40 digits before the point and 20 after it.",
    }),
    goodThreshold: t.field({ type: "Decimal", description: "Judges this value alone, in place of the goal's good threshold." }),
    badThreshold: t.field({ type: "Decimal", description: "Judges this value alone, in place of the goal's bad threshold." }),
  }),
  resolve: ({ goalId, date, value, goodThreshold, badThreshold }, { doors, caller }) =>
    recordGoalValue(doors.core, doors.ingest, caller, uuidOf("Goal", goalId), {
      date: sentText(date),
      value: sentText(value),
      goodThreshold: sentText(goodThreshold),
      badThreshold: sentText(badThreshold),
    }),
});

mutation("deleteGoalValue", {
  description:
    "Deletes the value of one day and answers with it: its goal gets the status of the latest value that is left. goalValueRecorded does not tell it.",
  type: GoalValue,
  scope: "goals:write",
  input: (t) => ({
    id: t.id({ required: true, description: "The value to delete; NotFoundError for an unknown one, or one of a deleted goal." }),
  }),
  resolve: ({ id }, { doors, caller }) => deleteGoalValue(doors.core, doors.ingest, caller, uuidOf("GoalValue", id)),
});

const GoalValueRecorded = builder.objectRef<GoalValueChange>("GoalValueRecorded").implement({
  description: "One change of the live feed: a value was recorded, or replaced that of the same day.",
  fields: (t) => ({
    cursor: t.exposeString("cursor", { description: "Keep the last one: given as `after` it goes on without a gap, on any process." }),
    goalValue: t.field({
      type: GoalValue,
      description: "As it was right after this change; it may have been replaced since.",
      resolve: (change) => change.snapshot as ValueNode,
    }),
  }),
});

builder.subscriptionField("goalValueRecorded", (t) =>
  t.field({
    type: GoalValueRecorded,
    description:
      "Each value as it is recorded: from now on, or everything behind a cursor. BAD_CURSOR for one that retention or a restore overtook.",
    authScopes: { scope: "goals:read" },
    args: {
      goalId: t.arg.id({ description: "Values of this goal only; of all goals when absent. NOT_FOUND for an unknown one." }),
      after: t.arg.string({ description: "The cursor of the last update that arrived; from now on when absent." }),
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
