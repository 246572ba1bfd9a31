/** Workflow rules: named conditions that trigger definitions. */
import { countRules, createRule, definitionsOfRules, deleteRule, findRule, listRules, updateRule } from "../../definitions/rules.ts";
import { pageCursor, pageOf, uuidKey } from "../../requests/page.ts";
import { builder, guardNode } from "./builder.ts";
import { given } from "./changes.ts";
import { callerOf } from "./context.ts";
import { exactJson } from "./exact-json.ts";
import { loader } from "./loader.ts";
import { mutation, uuidOf } from "./mutation.ts";
import { WebhookDefinition, WorkflowRule } from "./nodes.ts";
import { connectionType, pageOfRows } from "./page.ts";

const exactCondition = exactJson("workflow_rule", "condition");

const Priority = builder.enumType("Priority", {
  description: "Which rules run first.",
  values: {
    LOW: { description: "Last." },
    MEDIUM: { description: "In between." },
    HIGH: { description: "First." },
  } as const,
});

const WorkflowRuleState = builder.enumType("WorkflowRuleState", {
  description: "Whether a rule is effective.",
  values: { ACTIVE: { description: "It is." }, STOPPED: { description: "It triggers nothing." } } as const,
});

const WorkflowRuleConnection = connectionType("WorkflowRule", WorkflowRule);

const definitions = loader((context, ids) => definitionsOfRules(context.doors.core, callerOf(context).organizationId, ids));

guardNode("WorkflowRule", "webhooks:read");
builder.node(WorkflowRule, {
  description: "A named condition on an entity that triggers definitions, whatever event types these have.",
  id: { resolve: (rule) => rule.id },
  isTypeOf: (value) => typeof value === "object" && value !== null && "priority" in value && "condition" in value,
  loadWithoutCache: (id, context) => findRule(context.doors.core, callerOf(context), { id }),
  fields: (t) => ({
    name: t.exposeString("name", { description: "Its name, for people." }),
    code: t.exposeString("code", { description: "How other systems name it: unique in the organization, never changed." }),
    description: t.exposeString("description", { nullable: true, description: "What it is for." }),
    entity: t.exposeString("entity", { description: "Equals the event's entity, case included. It never changes." }),
    condition: t.field({
      type: "JSON",
      nullable: true,
      description: "In the language of filters, numbers as they were written; null: always.",
      resolve: (rule, _args, context) => exactCondition(rule, rule.condition, context),
    }),
    priority: t.expose("priority", { type: Priority, description: "HIGH ones run first, then the oldest." }),
    state: t.expose("state", { type: WorkflowRuleState, description: "Only an ACTIVE rule triggers." }),
    webhookDefinitions: t.field({
      type: [WebhookDefinition],
      description: "What it triggers, in order; those that are not ACTIVE get nothing.",
      resolve: async (rule, _args, context) => (await definitions(context, rule.id)) ?? [],
    }),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When it was made." }),
    updatedAt: t.expose("updatedAt", { type: "DateTime", description: "When it was last changed." }),
    deletedAt: t.expose("deletedAt", {
      type: "DateTime",
      nullable: true,
      description: "When it was deleted; its requests keep naming it.",
    }),
  }),
});

const WorkflowRuleFilter = builder.inputType("WorkflowRuleFilter", {
  description: "All given clauses must hold.",
  fields: (t) => ({
    entity: t.string({ description: "Of exactly this entity." }),
    state: t.field({ type: [WorkflowRuleState], description: "One of these states." }),
  }),
});

builder.queryField("workflowRules", (t) =>
  t.field({
    type: WorkflowRuleConnection,
    description: "The workflow rules of the organization, newest first.",
    authScopes: { scope: "webhooks:read" },
    args: { filter: t.arg({ type: WorkflowRuleFilter, description: "Which." }), ...t.arg.connectionArgs() },
    resolve: async (_root, { filter: asked, ...args }, context) => {
      const caller = callerOf(context);
      const filter = { entity: asked?.entity ?? undefined, state: asked?.state ?? undefined };
      return pageOfRows(
        await listRules(context.doors.core, caller, filter, pageOf(args, "workflowRules", uuidKey)),
        (rule) => pageCursor("workflowRules", rule.id),
        () => countRules(context.doors.core, caller, filter),
      );
    },
  }),
);

const CONDITION = 'A condition as in the filter of a definition, such as {"payload": {"amount": {"$gt": 100}}}; null: always.';

mutation("createWorkflowRule", {
  description: "Makes a workflow rule.",
  type: WorkflowRule,
  scope: "webhooks:write",
  input: (t) => ({
    name: t.string({ required: true, description: "Its name, for people." }),
    code: t.string({
      description: "Lower-case letters, digits and underscores, unique, never changed; suggested from the name when absent.",
    }),
    description: t.string({ description: "What it is for." }),
    entity: t.string({ required: true, description: "Equals the event's entity, case included." }),
    condition: t.field({ type: "JSON", description: CONDITION }),
    priority: t.field({ type: Priority, defaultValue: "MEDIUM", description: "HIGH ones run first." }),
    state: t.field({ type: WorkflowRuleState, defaultValue: "ACTIVE", description: "Only an ACTIVE rule triggers." }),
    webhookDefinitionIds: t.idList({ required: true, description: "What it triggers, in order; at most 100." }),
  }),
  resolve: ({ webhookDefinitionIds, priority, state, ...input }, { doors, caller }) =>
    createRule(doors.core, caller, {
      ...input,
      priority: priority ?? undefined,
      state: state ?? undefined,
      webhookDefinitionIds: webhookDefinitionIds.map((id) => uuidOf("WebhookDefinition", id)),
    }),
});

mutation("updateWorkflowRule", {
  description: "Changes a workflow rule: what is absent stays, null clears. Its entity and code never change.",
  type: WorkflowRule,
  scope: "webhooks:write",
  input: (t) => ({
    id: t.id({ required: true, description: "Which." }),
    name: t.string({ description: "Its name, for people." }),
    description: t.string({ description: "What it is for." }),
    condition: t.field({ type: "JSON", description: CONDITION }),
    priority: t.field({ type: Priority, description: "HIGH ones run first." }),
    state: t.field({ type: WorkflowRuleState, description: "Only an ACTIVE rule triggers." }),
    webhookDefinitionIds: t.idList({ description: "What it triggers, in order; at most 100." }),
  }),
  resolve: ({ id, ...changes }, { doors, caller }) => {
    const { webhookDefinitionIds: ids, ...settings } = given(changes, ["name", "priority", "state", "webhookDefinitionIds"]);
    return updateRule(doors.core, caller, uuidOf("WorkflowRule", id), {
      ...settings,
      ...(ids && { webhookDefinitionIds: ids.map((one) => uuidOf("WebhookDefinition", one)) }),
    });
  },
});

mutation("deleteWorkflowRule", {
  description: "Deletes a workflow rule: it triggers nothing more, and its code is free again.",
  type: WorkflowRule,
  scope: "webhooks:write",
  input: (t) => ({ id: t.id({ required: true, description: "Which." }) }),
  resolve: ({ id }, { doors, caller }) => deleteRule(doors.core, caller, uuidOf("WorkflowRule", id)),
});
