/** `workflow_rules/*`: show and list as documented, the others ours in the same style. */
import { type Caller, demand } from "../../../accounts/caller.ts";
import type { Core } from "../../../core.ts";
import type { WorkflowRule } from "../../../db/generated/prisma/client.ts";
import {
  createRule,
  definitionsOfRules,
  deleteRule,
  listRulesByOffset,
  type RuleSettings,
  updateRule,
} from "../../../definitions/rules.ts";
import { parseJson } from "../../../wire/json-exact.ts";
import type { Doors } from "../../doors.ts";
import { dayRange } from "./dates.ts";
import { definitionBy, NAMED, ruleNamed, STATES } from "./definitions.ts";
import { CrmcomError } from "./errors.ts";
import { fieldsOf, RULE_FIELDS, withFields } from "./fields-set.ts";
import { ACTION, ENTITIES, ruleItem, viewOf } from "./items.ts";
import { absent, identifier, oneOf, type Parameters, required, requiredIdentifier, text, wholeNumber } from "./parameters.ts";

type Item = Record<string, unknown>;

const PRIORITIES = ["LOW", "MEDIUM", "HIGH"] as const;

async function shown(core: Core, rule: WorkflowRule, fields?: string[][]): Promise<Item> {
  return withFields(ruleItem(rule, await viewOf(core, rule.organizationId, { rules: [rule] })), fields);
}

/** A JSON value that a form sends as text. @throws CrmcomError INVALID_VALUE */
function json(parameters: Parameters, name: string): unknown {
  const value = parameters.values[name];
  if (parameters.json || typeof value !== "string") return value;
  try {
    return parseJson(value);
  } catch {
    throw new CrmcomError("INVALID_VALUE", `${name} must be JSON`);
  }
}

/** Of one rule, over all its actions; each is looked up. */
const MOST_IDENTIFIERS = 200;

/** The definitions that the actions trigger, action by action. @throws CrmcomError INVALID_VALUE INVALID_IDENTIFIER NOT_FOUND */
async function actionsIn(core: Core, caller: Caller, parameters: Parameters): Promise<string[][] | undefined> {
  const actions = json(parameters, "actions_set");
  if (absent(actions)) return undefined;
  if (!Array.isArray(actions)) throw new CrmcomError("INVALID_VALUE", "actions_set must be a list of actions");
  const found: string[][] = [];
  for (const action of actions as unknown[]) {
    const { code, webhook_definitions: definitions } = (action ?? {}) as { code?: unknown; webhook_definitions?: unknown };
    if (code !== ACTION) throw new CrmcomError("INVALID_VALUE", `actions_set: the only action is ${ACTION}`);
    if (!Array.isArray(definitions))
      throw new CrmcomError("INVALID_VALUE", "actions_set: webhook_definitions must be a list of identifiers");
    if (found.length + found.flat().length + definitions.length > MOST_IDENTIFIERS)
      throw new CrmcomError("INVALID_VALUE", `actions_set may name ${MOST_IDENTIFIERS} webhook definitions`);
    const ids: string[] = [];
    for (const each of definitions as unknown[]) {
      const given = identifier({ values: { webhook_definitions: each }, json: true }, "webhook_definitions", NAMED);
      if (!given) throw new CrmcomError("INVALID_IDENTIFIER", `webhook_definitions takes exactly one of ${NAMED.join(", ")}`);
      ids.push((await definitionBy(core, caller, given)).id);
    }
    found.push(ids);
  }
  return found;
}

async function settingsOf(core: Core, caller: Caller, parameters: Parameters): Promise<RuleSettings> {
  const name = text(parameters, "name");
  const priority = oneOf(parameters, "priority", PRIORITIES);
  const state = oneOf(parameters, "life_cycle_state", STATES);
  const description = text(parameters, "description");
  const actions = await actionsIn(core, caller, parameters);
  return {
    uniqueAmong: ENTITIES,
    ...(name !== undefined && { name }),
    ...(priority && { priority }),
    ...(state && { state: state === "EFFECTIVE" ? "ACTIVE" : "STOPPED" }),
    ...("description" in parameters.values && { description: description ?? null }),
    ...("conditions_set" in parameters.values && { condition: json(parameters, "conditions_set") ?? null }),
    ...(actions && { actions, webhookDefinitionIds: [...new Set(actions.flat())] }),
  };
}

export async function create({ core }: Doors, caller: Caller, parameters: Parameters): Promise<Item> {
  const name = required(parameters, "name");
  const code = required(parameters, "alternative_code");
  required(parameters, "entity");
  const entity = oneOf(parameters, "entity", ENTITIES) as string;
  if (absent(parameters.values["actions_set"])) throw new CrmcomError("MISSING_PARAMETER", "actions_set is mandatory");
  demand(caller, "webhooks:write");
  const settings = await settingsOf(core, caller, parameters);
  const rule = await createRule(core, caller, {
    ...settings,
    name,
    code,
    freeCode: true,
    entity,
    webhookDefinitionIds: settings.webhookDefinitionIds ?? [],
  });
  return shown(core, rule);
}

export async function show({ core }: Doors, caller: Caller, parameters: Parameters): Promise<Item> {
  const given = requiredIdentifier(parameters, "workflow_rule_identifier", NAMED);
  const rule = await ruleNamed(core, caller, given);
  return shown(core, rule, fieldsOf(text(parameters, "fields_set"), RULE_FIELDS));
}

export async function list({ core }: Doors, caller: Caller, parameters: Parameters): Promise<Item[]> {
  required(parameters, "entity");
  const entity = oneOf(parameters, "entity", ENTITIES) as string;
  const fields = fieldsOf(text(parameters, "fields_set"), RULE_FIELDS);
  const state = oneOf(parameters, "life_cycle_state", STATES);
  const { timeZone } = await viewOf(core, caller.organizationId, {});
  const rules = await listRulesByOffset(
    core,
    caller,
    {
      entity,
      ...(state && { state: [state === "EFFECTIVE" ? "ACTIVE" : "STOPPED"] }),
      ...dayRange(text(parameters, "created_date"), timeZone),
    },
    {
      limit: wholeNumber(parameters, "number_of_results", { min: 1, max: 1000, otherwise: 100 }),
      offset: wholeNumber(parameters, "offset", { min: 0, max: 2 ** 31 - 1, otherwise: 0 }),
    },
  );
  const view = await viewOf(core, caller.organizationId, { rules });
  return rules.map((rule) => withFields(ruleItem(rule, view), fields));
}

/** Definitions of other dialects, which this face does not show, stay: nobody asked for them to go. */
async function withUnseen(core: Core, rule: WorkflowRule, named: readonly string[]): Promise<RuleSettings> {
  const present = (await definitionsOfRules(core, rule.organizationId, [rule.id])).get(rule.id) ?? [];
  return { webhookDefinitionIds: [...named, ...present.filter((row) => row.dialect !== "CRMCOM").map((row) => row.id)] };
}

export async function update({ core }: Doors, caller: Caller, parameters: Parameters): Promise<Item> {
  const rule = await ruleNamed(core, caller, requiredIdentifier(parameters, "workflow_rule_identifier", NAMED));
  for (const [name, present] of [
    ["entity", rule.entity],
    ["alternative_code", rule.code],
  ] as const) {
    const given = text(parameters, name);
    if (given !== undefined && given !== present) throw new CrmcomError("INVALID_VALUE", `${name} cannot be changed`);
  }
  demand(caller, "webhooks:write");
  const settings = await settingsOf(core, caller, parameters);
  const named = settings.webhookDefinitionIds;
  return shown(core, await updateRule(core, caller, rule.id, { ...settings, ...(named && (await withUnseen(core, rule, named))) }));
}

export async function remove({ core }: Doors, caller: Caller, parameters: Parameters): Promise<Item> {
  const rule = await ruleNamed(core, caller, requiredIdentifier(parameters, "workflow_rule_identifier", NAMED));
  demand(caller, "webhooks:write");
  const whole = await shown(core, rule);
  await deleteRule(core, caller, rule.id);
  return whole;
}
