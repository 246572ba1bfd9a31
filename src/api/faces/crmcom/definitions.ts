/** `webhook_definitions/*`: ours, in this product's style. */
import { type Caller, demand } from "../../../accounts/caller.ts";
import type { Core } from "../../../core.ts";
import type { WorkflowRule } from "../../../db/generated/prisma/client.ts";
import { type CreateDefinitionInput, createDefinition, deleteDefinition, updateDefinition } from "../../../definitions/definitions.ts";
import { getDefinition, listDefinitionsByOffset } from "../../../definitions/find.ts";
import { listRulesByOffset, findRule as ruleBy } from "../../../definitions/rules.ts";
import { findSecretKey } from "../../../definitions/secret-keys.ts";
import type { DefinitionRow } from "../../../definitions/settings.ts";
import type { Doors } from "../../doors.ts";
import { dayRange } from "./dates.ts";
import { CrmcomError } from "./errors.ts";
import { DEFINITION_FIELDS, fieldsOf, withFields } from "./fields-set.ts";
import { definitionItem, ENTITIES, viewOf } from "./items.ts";
import {
  type Identifier,
  identifier,
  oneOf,
  type Parameters,
  required,
  requiredIdentifier,
  text,
  uuidOf,
  wholeNumber,
} from "./parameters.ts";

type Item = Record<string, unknown>;
type Field = "id" | "name" | "alternative_code";

export const NAMED = ["id", "name", "alternative_code"] as const;
export const STATES = ["EFFECTIVE", "NOT EFFECTIVE"] as const;
const ALGORITHMS = ["sha256", "sha1"] as const;
const ENCODINGS = ["hex", "base64"] as const;
/** Rules looked through for the ones that use a definition. */
const MAX_RULES = 1_000;

/** @throws CrmcomError NOT_FOUND */
export async function definitionBy(core: Core, caller: Caller, { field, value }: Identifier<Field>): Promise<DefinitionRow> {
  const id = field === "id" ? uuidOf(value) : undefined;
  const found =
    field === "name"
      ? (await listDefinitionsByOffset(core, caller, { dialect: "CRMCOM", name: value })).find((row) => row.name === value)
      : field === "alternative_code"
        ? await getDefinition(core, caller, { code: value })
        : id === undefined
          ? undefined
          : await getDefinition(core, caller, { id });
  if (found?.dialect !== "CRMCOM") throw new CrmcomError("NOT_FOUND", `there is no webhook definition with this ${field}`);
  return found;
}

/** The definition that a list is narrowed to; undefined when none is named. @throws CrmcomError */
export async function findDefinition(core: Core, caller: Caller, parameters: Parameters): Promise<DefinitionRow | undefined> {
  const given = identifier(parameters, "webhook_definition_identifier", NAMED);
  return given && definitionBy(core, caller, given);
}

/** @throws CrmcomError NOT_FOUND; also for rules on entities that this product does not know */
export async function ruleNamed(core: Core, caller: Caller, { field, value }: Identifier<Field>): Promise<WorkflowRule> {
  const id = field === "id" ? uuidOf(value) : undefined;
  const key = field === "name" ? { name: value } : field === "alternative_code" ? { code: value } : id === undefined ? undefined : { id };
  const found = key && (await ruleBy(core, caller, key, ENTITIES));
  if (!found) {
    throw new CrmcomError("NOT_FOUND", `there is no workflow rule with this ${field}`);
  }
  return found;
}

export async function findRule(core: Core, caller: Caller, parameters: Parameters): Promise<WorkflowRule | undefined> {
  const given = identifier(parameters, "workflow_rule_identifier", NAMED);
  return given && ruleNamed(core, caller, given);
}

async function shown(core: Core, caller: Caller, row: DefinitionRow, fields?: string[][]): Promise<Item> {
  return withFields(definitionItem(row, await viewOf(core, row.organizationId, { definitions: [row] }), caller), fields);
}

/** What the parameters say about a definition; what they do not name is left out. @throws CrmcomError */
async function settingsOf(core: Core, caller: Caller, parameters: Parameters): Promise<Partial<CreateDefinitionInput>> {
  const { values } = parameters;
  const name = text(parameters, "name");
  const url = text(parameters, "url");
  const fields = text(parameters, "fields_set");
  const algorithm = oneOf(parameters, "hmac_algorithm", ALGORITHMS);
  const encoding = oneOf(parameters, "hmac_encoding", ENCODINGS);
  const state = oneOf(parameters, "life_cycle_state", STATES);
  const description = text(parameters, "description");
  const key = identifier(parameters, "secret_key_identifier", ["id", "name"] as const);
  return {
    ...(name !== undefined && { name }),
    ...(url !== undefined && { targetUrl: url }),
    ...("fields_set" in values && { fieldsSet: fields === undefined ? [] : fields.split(",").map((path) => path.trim()) }),
    ...("description" in values && { description: description ?? null }),
    ...("secret_key_identifier" in values && { secretKeyId: key ? await secretKeyId(core, caller, key) : null }),
    ...(algorithm && { hmacAlgorithm: algorithm === "sha1" ? "SHA1" : "SHA256" }),
    ...(encoding && { hmacEncoding: encoding === "base64" ? "BASE64" : "HEX" }),
    ...(state && { state: state === "EFFECTIVE" ? "ACTIVE" : "STOPPED" }),
  };
}

async function secretKeyId(core: Core, caller: Caller, { field, value }: Identifier<"id" | "name">): Promise<string> {
  const id = field === "id" ? uuidOf(value) : undefined;
  const key = field === "name" ? { name: value } : id === undefined ? undefined : { id };
  const found = key && (await findSecretKey(core, caller, key));
  if (!found) throw new CrmcomError("NOT_FOUND", `there is no secret key with this ${field}`);
  return found.id;
}

export async function create({ core, ...checks }: Doors, caller: Caller, parameters: Parameters): Promise<Item> {
  const name = required(parameters, "name");
  const code = required(parameters, "alternative_code");
  required(parameters, "url");
  demand(caller, "webhooks:write");
  const input = await settingsOf(core, caller, parameters);
  const { definition } = await createDefinition(core, caller, { ...input, name, code, dialect: "CRMCOM", eventTypes: [] }, checks);
  return shown(core, caller, definition);
}

export async function show({ core }: Doors, caller: Caller, parameters: Parameters): Promise<Item> {
  const given = requiredIdentifier(parameters, "webhook_definition_identifier", NAMED);
  const row = await definitionBy(core, caller, given);
  return shown(core, caller, row, fieldsOf(text(parameters, "fields_set"), DEFINITION_FIELDS));
}

export async function list({ core }: Doors, caller: Caller, parameters: Parameters): Promise<Item[]> {
  const fields = fieldsOf(text(parameters, "fields_set"), DEFINITION_FIELDS);
  const state = oneOf(parameters, "life_cycle_state", STATES);
  const url = text(parameters, "url");
  const { timeZone } = await viewOf(core, caller.organizationId, {});
  const rows = await listDefinitionsByOffset(
    core,
    caller,
    {
      dialect: "CRMCOM",
      ...(state && { state: state === "EFFECTIVE" ? ["ACTIVE"] : ["STOPPED", "TOO_MANY_ERRORS"] }),
      ...(url !== undefined && { targetUrl: url }),
      ...dayRange(text(parameters, "created_date"), timeZone),
    },
    {
      limit: wholeNumber(parameters, "number_of_results", { min: 1, max: 1000, otherwise: 100 }),
      offset: wholeNumber(parameters, "offset", { min: 0, max: 2 ** 31 - 1, otherwise: 0 }),
    },
  );
  const view = await viewOf(core, caller.organizationId, { definitions: rows });
  return rows.map((row) => withFields(definitionItem(row, view, caller), fields));
}

export async function update({ core, ...checks }: Doors, caller: Caller, parameters: Parameters): Promise<Item> {
  const row = await definitionBy(core, caller, requiredIdentifier(parameters, "webhook_definition_identifier", NAMED));
  const code = text(parameters, "alternative_code");
  if (code !== undefined && code !== row.code) throw new CrmcomError("INVALID_VALUE", "alternative_code cannot be changed");
  demand(caller, "webhooks:write");
  const { definition } = await updateDefinition(core, caller, row.id, await settingsOf(core, caller, parameters), checks);
  return shown(core, caller, definition);
}

export async function remove({ core }: Doors, caller: Caller, parameters: Parameters): Promise<Item> {
  const row = await definitionBy(core, caller, requiredIdentifier(parameters, "webhook_definition_identifier", NAMED));
  demand(caller, "webhooks:write");
  await deleteDefinition(core, caller, row.id);
  return shown(core, caller, row);
}

/** Done at once; the message names the effective rules that use it, since those now trigger it no more. */
export async function setLifeCycleState(
  { core, ...checks }: Doors,
  caller: Caller,
  parameters: Parameters,
): Promise<{ item: Item; message: string }> {
  const row = await definitionBy(core, caller, requiredIdentifier(parameters, "webhook_definition_identifier", NAMED));
  required(parameters, "life_cycle_state");
  const state = oneOf(parameters, "life_cycle_state", STATES) === "EFFECTIVE" ? "ACTIVE" : "STOPPED";
  demand(caller, "webhooks:write");
  const { definition } = await updateDefinition(core, caller, row.id, { state }, checks);
  const rules = await listRulesByOffset(core, caller, { state: ["ACTIVE"], entities: [...ENTITIES] }, { limit: MAX_RULES, offset: 0 });
  const { triggered } = await viewOf(core, caller.organizationId, { rules });
  const using = rules.filter((rule) => triggered.get(rule.id)?.some((each) => each.id === row.id));
  const message = using.length === 0 ? "" : `used by the effective workflow rules: ${using.map((rule) => rule.name).join(", ")}`;
  return { item: await shown(core, caller, definition), message };
}
