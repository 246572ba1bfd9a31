/** Definitions, rules and requests as CRM.COM shows them. */
import type { Caller } from "../../../accounts/caller.ts";
import { organizationById, usersById } from "../../../accounts/lookup.ts";
import { usernameOf } from "../../../accounts/user-row.ts";
import type { Core } from "../../../core.ts";
import type { WorkflowRule } from "../../../db/generated/prisma/client.ts";
import { exactColumn } from "../../../definitions/exact-columns.ts";
import { shownUrl } from "../../../definitions/headers.ts";
import { definitionsOfRules } from "../../../definitions/rules.ts";
import { secretKeyNames } from "../../../definitions/secret-keys.ts";
import type { DefinitionRow } from "../../../definitions/settings.ts";
import type { RequestNode } from "../../../requests/related.ts";
import { lifeCycleStateOf } from "../../../requests/row.ts";
import { sentRequest, sentResponse } from "../../../requests/sent.ts";
import { shownLatest, shownTarget } from "../../../requests/shown.ts";
import { crmcomId } from "../../../wire/ids.ts";
import { localDateTime } from "./dates.ts";

type Item = Record<string, unknown>;

/** The final list of its documents. */
export const ENTITIES = [
  ...(["ACCOUNTSRECEIVABLE", "ACTIVITIES", "CONTACTINFORMATION", "CREDITNOTES", "INVOICES", "INVOICECANCELLATIONS"] as const),
  ...(["JOBS", "LEADS", "PAYMENTS", "PAYMENTCANCELLATIONS", "REFUNDS", "REWARDOFFERS", "SERVICEREQUESTS"] as const),
  ...(["SUBSCRIPTIONS", "WALLETS", "WALLETTRANSACTIONS", "WRITEOFFS"] as const),
] as const;

/** The one action of a rule. */
export const ACTION = "TRIGGER WEBHOOKS";

/** What one answer needs beside the rows: read together, once. */
export interface View {
  timeZone: string;
  users: ReadonlyMap<string, Item>;
  secretKeys: ReadonlyMap<string, string>;
  /** Definitions by rule. */
  triggered: ReadonlyMap<string, readonly DefinitionRow[]>;
  /** By rule. */
  conditions: ReadonlyMap<string, unknown>;
}

interface Logged {
  createdAt: Date;
  updatedAt: Date;
  createdById?: string | null;
  updatedById: string | null;
  createdUnit?: string | null;
  updatedUnit: string | null;
}

/** Reads users, secret keys and rules' definitions of the rows that are to be shown. */
export async function viewOf(
  core: Core,
  organizationId: string,
  rows: { definitions?: readonly DefinitionRow[]; rules?: readonly WorkflowRule[]; logged?: readonly Logged[] },
): Promise<View> {
  const rules = rows.rules ?? [];
  const triggered =
    rules.length === 0
      ? new Map<string, DefinitionRow[]>()
      : await definitionsOfRules(
          core,
          organizationId,
          rules.map((rule) => rule.id),
        );
  const definitions = rows.definitions ?? [];
  const logged: readonly Logged[] = [...definitions, ...rules, ...(rows.logged ?? [])];
  const userIds = logged.flatMap((row) => [row.createdById, row.updatedById]).filter((id) => id != null);
  const keyIds = definitions.map((row) => row.secretKeyId).filter((id) => id !== null);
  const [organization, users, secretKeys, conditions] = await Promise.all([
    organizationById(core, organizationId),
    usersById(core, organizationId, userIds),
    secretKeyNames(core, organizationId, keyIds),
    exactColumn(core, organizationId, "workflow_rule", "condition", rules),
  ]);
  return {
    timeZone: organization?.timeZone ?? "UTC",
    users: new Map(
      [...users].map(([id, user]) => [id, { id: crmcomId(id), username: usernameOf(user), person_name: user.name, email: user.email }]),
    ),
    secretKeys,
    triggered,
    conditions,
  };
}

/** There are no units here: all that is known is what was given at sign-in. */
const unit = (name: string | null | undefined): Item | null =>
  name == null ? null : { id: null, name, description: null, alternative_code: null };

function logInformation(row: Logged, { timeZone, users }: View): Item {
  const user = (id: string | null | undefined) => (id == null ? null : (users.get(id) ?? null));
  return {
    created_date: localDateTime(row.createdAt, timeZone),
    updated_date: localDateTime(row.updatedAt, timeZone),
    created_by_unit: unit(row.createdUnit),
    updated_by_unit: unit(row.updatedUnit),
    created_by_user: user(row.createdById),
    updated_by_user: user(row.updatedById),
  };
}

const lifeCycle = (state: string) => (state === "ACTIVE" ? "EFFECTIVE" : "NOT EFFECTIVE");

export function definitionItem(row: DefinitionRow, view: View, caller: Caller): Item {
  const keyName = row.secretKeyId === null ? undefined : view.secretKeys.get(row.secretKeyId);
  return {
    id: crmcomId(row.id),
    name: row.name,
    alternative_code: row.code,
    life_cycle_state: lifeCycle(row.state),
    url: shownUrl(caller, row.targetUrl),
    fields_set: row.fieldsSet.join(","),
    secret_key: row.secretKeyId === null ? null : { id: crmcomId(row.secretKeyId), name: keyName ?? null },
    hmac_algorithm: row.hmacAlgorithm.toLowerCase(),
    hmac_encoding: row.hmacEncoding.toLowerCase(),
    description: row.description,
    log_information: logInformation(row, view),
  };
}

export function ruleItem(rule: WorkflowRule, view: View): Item {
  const definitions = (view.triggered.get(rule.id) ?? []).filter((row) => row.dialect === "CRMCOM");
  const shown = new Map(definitions.map((row) => [row.id, { id: crmcomId(row.id), name: row.name, alternative_code: row.code }]));
  const actions = (rule.actions as string[][] | null) ?? [[...shown.keys()]];
  return {
    id: crmcomId(rule.id),
    name: rule.name,
    alternative_code: rule.code,
    entity: rule.entity,
    priority: rule.priority,
    life_cycle_state: lifeCycle(rule.state),
    description: rule.description,
    conditions_set: view.conditions.get(rule.id) ?? null,
    // As they were given; those that were deleted since are left out.
    actions_set: actions.map((ids) => ({ code: ACTION, webhook_definitions: ids.flatMap((id) => shown.get(id) ?? []) })),
    log_information: logInformation(rule, view),
  };
}

/** Each with its definition and rule as they are now; what was sent as it was, unless that is not asked for (`withSent`). */
export async function requestItems(core: Core, caller: Caller, requests: readonly RequestNode[], withSent: boolean): Promise<Item[]> {
  const related = await Promise.all(
    requests.map(async (request) => ({
      request,
      definition: await request.definition(),
      rule: await request.workflowRule(),
      latest: withSent ? await request.latest().then((latest) => latest && shownLatest(core, caller, latest)) : undefined,
    })),
  );
  const view = await viewOf(core, caller.organizationId, {
    definitions: related.flatMap(({ definition }) => definition ?? []),
    rules: related.flatMap(({ rule }) => rule ?? []),
    logged: requests,
  });
  return related.map(({ request, definition, rule, latest }) => ({
    id: crmcomId(request.id),
    number: String(request.number),
    life_cycle_state: lifeCycleStateOf(request.state),
    entity: request.entity,
    entity_id: request.entityId,
    url: shownTarget(caller, request.url),
    authentication_code: request.authenticationCode,
    fields_set: request.fieldsSet.join(","),
    request: latest ? sentRequest(latest) : null,
    response: latest ? sentResponse(latest) : null,
    error_code: request.errorCode,
    error_description: request.errorDescription,
    webhook_definition: definition ? definitionItem(definition, view, caller) : null,
    workflow_rule: rule ? ruleItem(rule, view) : null,
    log_information: logInformation(request, view),
  }));
}
