/** Workflow rules: named conditions that trigger definitions. */
import { countRules, createRule, deleteRule, listRules, type RulesAlong, updateRule } from "../../definitions/rules.ts";
import type { DefinitionRow } from "../../definitions/settings.ts";
import { listKind, pageCursor, pageOf, uuidKey } from "../../requests/page.ts";
import { checkFilterTexts } from "../filter-texts.ts";
import { builder, owned } from "./builder.ts";
import { given, unchangedFields } from "./changes.ts";
import { callerOf } from "./context.ts";
import { exactJson } from "./exact-json.ts";
import { mutation, uuidOf } from "./mutation.ts";
import { WebhookDefinition, WorkflowRule } from "./nodes.ts";
import { along, connectionType, pageOfRows } from "./page.ts";

const exactCondition = exactJson("workflow_rule", "condition");

const Priority = builder.enumType("Priority", {
  description: "In which order the rules that match an event run: their requests are numbered in it. Of equal ones the oldest runs first.",
  values: {
    LOW: { description: "Runs after MEDIUM." },
    MEDIUM: { description: "Runs after HIGH and before LOW; the default." },
    HIGH: { description: "Runs before all others." },
  } as const,
});

const WorkflowRuleState = builder.enumType("WorkflowRuleState", {
  description: "Whether a rule is asked about new events.",
  values: {
    ACTIVE: { description: "New events of its entity are judged by its condition." },
    STOPPED: { description: "It triggers nothing; what it triggered before goes on." },
  } as const,
});

builder.prismaNode("WorkflowRule", {
  ...owned("WorkflowRule", "webhooks:read", { living: true }),
  description:
    "A named condition on an entity. An event that meets it triggers the rule's definitions, whatever event types these have; one request an event and definition.",
  fields: (t) => ({
    name: t.exposeString("name", { description: "For people; two rules may have the same." }),
    code: t.exposeString("code", { description: "How other systems name it: unique among the organization's rules, never changed." }),
    description: t.exposeString("description", { nullable: true, description: "For people: what the rule is for; null when nobody said." }),
    entity: t.exposeString("entity", { description: "The event's `entity` must equal it, case included. It never changes." }),
    condition: t.field({
      type: "JSON",
      nullable: true,
      description: "In the language of a definition's filter, numbers as they were written; null: every event of the entity.",
      resolve: (rule, _args, context) => exactCondition(rule, rule.condition, context),
    }),
    priority: t.expose("priority", {
      type: Priority,
      description: "HIGH rules run first, then MEDIUM, then LOW; of equal ones the oldest.",
    }),
    state: t.expose("state", { type: WorkflowRuleState, description: "Only an ACTIVE rule is asked about new events." }),
    webhookDefinitions: t.field({
      type: [WebhookDefinition],
      description: "What it triggers, in the order given; deleted ones are left out, and those that are not ACTIVE get no request.",
      select: (_args, _context, nested) => ({
        definitions: {
          where: { definition: { deletedAt: null } },
          orderBy: { position: "asc" },
          select: { definition: nested({}) },
        },
      }),
      resolve: (rule) => rule.definitions.map(({ definition }) => definition as DefinitionRow),
    }),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When createWorkflowRule was called; lists are in this order." }),
    updatedAt: t.expose("updatedAt", { type: "DateTime", description: "When it was last changed; createdAt until then." }),
    deletedAt: t.expose("deletedAt", {
      type: "DateTime",
      nullable: true,
      description: "When it was deleted; lists leave it out since, and its requests keep naming it.",
    }),
  }),
});
const WorkflowRuleConnection = connectionType("WorkflowRule", WorkflowRule);

const WorkflowRuleFilter = builder.inputType("WorkflowRuleFilter", {
  description: "Narrows a list of workflow rules: all that is given must hold.",
  fields: (t) => ({
    entity: t.string({ description: "Rules on exactly this entity, case included." }),
    state: t.field({ type: [WorkflowRuleState], description: "Rules in one of these states; an empty list matches none." }),
  }),
});

builder.queryField("workflowRules", (t) =>
  t.field({
    type: WorkflowRuleConnection,
    description: "The workflow rules of the organization, newest first, without deleted ones. Needs the scope webhooks:read.",
    authScopes: { scope: "webhooks:read" },
    args: {
      filter: t.arg({ type: WorkflowRuleFilter, description: "Only rules that match; all when absent." }),
      ...t.arg.connectionArgs(),
    },
    resolve: async (_root, { filter: asked, ...args }, context, info) => {
      const caller = callerOf(context);
      const filter = { entity: asked?.entity ?? undefined, state: asked?.state ?? undefined };
      checkFilterTexts(filter);
      const kind = listKind("workflowRules", caller.organizationId);
      return pageOfRows(
        await listRules(context.doors.core, caller, filter, pageOf(args, kind, uuidKey), along<RulesAlong>(context, info)),
        (rule) => pageCursor(kind, rule.id),
        () => countRules(context.doors.core, caller, filter),
      );
    },
  }),
);

const CONDITION =
  'A condition as in the filter of a definition, such as `{"payload": {"amount": {"$gt": 100}}}`, at most 10 deep with 200 operators; null: every event of the entity.';
const TRIGGERS = "The definitions that it triggers, in order: at most 100. NotFoundError when one is unknown.";

mutation("createWorkflowRule", {
  description: "Makes a rule that triggers definitions: events accepted from now on are judged by it.",
  type: WorkflowRule,
  scope: "webhooks:write",
  input: (t) => ({
    name: t.string({ required: true, description: "1 to 255 characters, for people." }),
    code: t.string({
      description:
        "1 to 100 lower-case letters, digits and underscores, unique in the organization, never changed; made from the name when absent.",
    }),
    description: t.string({ description: "For people: what the rule is for, in at most 4000 characters." }),
    entity: t.string({ required: true, description: "The event's `entity` must equal it, case included, such as `contact`." }),
    condition: t.field({ type: "JSON", description: CONDITION }),
    priority: t.field({ type: Priority, defaultValue: "MEDIUM", description: "HIGH rules run first, then MEDIUM, then LOW." }),
    state: t.field({ type: WorkflowRuleState, defaultValue: "ACTIVE", description: "STOPPED makes a rule that is not asked yet." }),
    webhookDefinitionIds: t.idList({ required: true, description: TRIGGERS }),
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
  description: "Changes a rule, for the next event on: what is absent stays, null clears. Entity and code never change.",
  type: WorkflowRule,
  scope: "webhooks:write",
  input: (t) => ({
    id: t.id({ required: true, description: "The rule to change; NotFoundError when there is none." }),
    name: t.string({ description: "1 to 255 characters, for people." }),
    description: t.string({ description: "For people: what the rule is for, in at most 4000 characters; null clears it." }),
    condition: t.field({ type: "JSON", description: CONDITION }),
    priority: t.field({ type: Priority, description: "HIGH rules run first, then MEDIUM, then LOW." }),
    state: t.field({ type: WorkflowRuleState, description: "STOPPED: new events are not judged by it any more." }),
    webhookDefinitionIds: t.idList({ description: `${TRIGGERS} They replace the former ones.` }),
    ...unchangedFields(t),
  }),
  resolve: ({ id, ifUnchangedSince, ...changes }, { doors, caller }) => {
    const { webhookDefinitionIds: ids, ...settings } = given(changes, ["name", "priority", "state", "webhookDefinitionIds"]);
    const named = ids && { webhookDefinitionIds: ids.map((one) => uuidOf("WebhookDefinition", one)) };
    return updateRule(doors.core, caller, uuidOf("WorkflowRule", id), { ...settings, ...named }, ifUnchangedSince);
  },
});

mutation("deleteWorkflowRule", {
  description: "Deletes a rule and answers with it: it triggers nothing more, its code is free again, and its requests keep naming it.",
  type: WorkflowRule,
  scope: "webhooks:write",
  input: (t) => ({ id: t.id({ required: true, description: "The rule to delete; NotFoundError when there is none." }) }),
  resolve: ({ id }, { doors, caller }) => deleteRule(doors.core, caller, uuidOf("WorkflowRule", id)),
});
