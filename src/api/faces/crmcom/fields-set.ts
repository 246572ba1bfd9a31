/** `fields_set` of a call: which fields the answer holds. Pure. */
import { echo, parts } from "../../../text.ts";
import { CrmcomError } from "./errors.ts";

/** Of one call; there are fewer fields. */
const MOST_NAMES = 500;

/** Names that may be asked for; `true` has nothing below it. */
export interface FieldTree {
  [name: string]: true | FieldTree;
}

const USER: FieldTree = { id: true, username: true, person_name: true, email: true };
const UNIT: FieldTree = { id: true, name: true, description: true, alternative_code: true };
const LOG: FieldTree = {
  created_date: true,
  updated_date: true,
  created_by_unit: UNIT,
  updated_by_unit: UNIT,
  created_by_user: USER,
  updated_by_user: USER,
};

export const DEFINITION_FIELDS: FieldTree = {
  id: true,
  name: true,
  alternative_code: true,
  life_cycle_state: true,
  url: true,
  fields_set: true,
  secret_key: { id: true, name: true },
  hmac_algorithm: true,
  hmac_encoding: true,
  description: true,
  log_information: LOG,
};

export const RULE_FIELDS: FieldTree = {
  id: true,
  name: true,
  alternative_code: true,
  entity: true,
  priority: true,
  life_cycle_state: true,
  description: true,
  conditions_set: true,
  actions_set: true,
  log_information: LOG,
};

export const REQUEST_FIELDS: FieldTree = {
  id: true,
  number: true,
  life_cycle_state: true,
  entity: true,
  entity_id: true,
  url: true,
  authentication_code: true,
  fields_set: true,
  request: { method: true, url: true, headers: true, body: true },
  response: { status: true, headers: true, body: true },
  error_code: true,
  error_description: true,
  webhook_definition: DEFINITION_FIELDS,
  workflow_rule: RULE_FIELDS,
  log_information: LOG,
};

/** The paths asked for; undefined: everything. @throws CrmcomError INVALID_FIELD */
export function fieldsOf(value: string | undefined, tree: FieldTree): string[][] | undefined {
  if (value === undefined) return undefined;
  const names = parts(value, ",", MOST_NAMES);
  if (!names) throw new CrmcomError("INVALID_FIELD", `fields_set may have ${MOST_NAMES} fields`);
  return [...new Set(names.map((part) => part.trim()))].map((part) => {
    const path = part.split(".");
    let at: true | FieldTree | undefined = tree;
    for (const name of path) at = typeof at === "object" && Object.hasOwn(at, name) ? at[name] : undefined;
    if (at === undefined) throw new CrmcomError("INVALID_FIELD", `fields_set: there is no field ${part === "" ? '""' : echo(part)}`);
    return path;
  });
}

type Shown = Record<string, unknown>;

export function withFields(item: Shown, paths: readonly (readonly string[])[] | undefined): Shown {
  if (!paths) return item;
  const shown: Shown = {};
  for (const path of paths) copy(item, shown, path);
  return shown;
}

function copy(from: Shown, to: Shown, [name = "", ...rest]: readonly string[]): void {
  const value = from[name];
  if (rest.length === 0 || typeof value !== "object" || value === null) {
    to[name] = value ?? null;
    return;
  }
  const below = (typeof to[name] === "object" && to[name] !== null ? to[name] : {}) as Shown;
  if (to[name] !== value) to[name] = below;
  copy(value as Shown, below, rest);
}
