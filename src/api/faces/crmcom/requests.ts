/** `webhook_requests/show | list | resend | delete`. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Caller } from "../../../accounts/caller.ts";
import { demand } from "../../../accounts/caller.ts";
import type { Core } from "../../../core.ts";
import { remove, resend } from "../../../delivery/control.ts";
import { policyOf } from "../../../delivery/plan.ts";
import { ConflictError } from "../../../errors.ts";
import type { RequestFilter } from "../../../requests/filter.ts";
import { listRequestsByOffset } from "../../../requests/list.ts";
import type { RequestNode } from "../../../requests/related.ts";
import { isSettled } from "../../../requests/row.ts";
import { showRequest } from "../../../requests/show.ts";
import { dayRange } from "./dates.ts";
import { findDefinition, findRule } from "./definitions.ts";
import { CrmcomError } from "./errors.ts";
import { fieldsOf, REQUEST_FIELDS, withFields } from "./fields-set.ts";
import { ENTITIES, requestItems, viewOf } from "./items.ts";
import { oneOf, type Parameters, requiredIdentifier, text, uuidOf, wholeNumber } from "./parameters.ts";

type Item = Record<string, unknown>;
type Fields = ReturnType<typeof fieldsOf>;

const REQUEST = ["id", "number"] as const;
/** How often a settling request is looked at while a resend waits for it. */
const LOOK_MS = 25;

/** @throws CrmcomError MISSING_PARAMETER INVALID_IDENTIFIER NOT_FOUND INVALID_FIELD, in this order */
async function named(core: Core, caller: Caller, parameters: Parameters): Promise<{ request: RequestNode; fields: Fields }> {
  const { field, value } = requiredIdentifier(parameters, "webhook_request_identifier", REQUEST);
  const id = field === "id" ? uuidOf(value) : undefined;
  const number = field === "number" && /^\d{1,16}$/.test(value) ? Number(value) : undefined;
  const key = id !== undefined ? { id } : number !== undefined ? { number } : undefined;
  const request = key && (await showRequest(core.db, caller.organizationId, key));
  if (request?.dialect !== "CRMCOM") throw new CrmcomError("NOT_FOUND", `there is no webhook request with this ${field}`);
  const fields = fieldsOf(text(parameters, "fields_set"), REQUEST_FIELDS);
  return { request, fields };
}

/** Whether these fields hold what was sent or came back: bodies are read for nobody who does not ask. */
const asksForSent = (fields: Fields) => !fields || fields.some(([name]) => name === "request" || name === "response");

async function items(core: Core, caller: Caller, requests: readonly RequestNode[], fields: Fields): Promise<Item[]> {
  const whole = await requestItems(core, caller, requests, asksForSent(fields));
  return whole.map((each) => withFields(each, fields));
}

const item = async (core: Core, caller: Caller, request: RequestNode, fields: Fields): Promise<Item> =>
  (await items(core, caller, [request], fields))[0] as Item;

export async function show(core: Core, caller: Caller, parameters: Parameters): Promise<Item> {
  const { request, fields } = await named(core, caller, parameters);
  demand(caller, "webhooks:read");
  return item(core, caller, request, fields);
}

export async function list(core: Core, caller: Caller, parameters: Parameters): Promise<Item[]> {
  const definition = await findDefinition(core, caller, parameters);
  const rule = await findRule(core, caller, parameters);
  const entity = oneOf(parameters, "entity", ENTITIES);
  const entityId = text(parameters, "entity_id");
  if (!definition && !rule && entity === undefined && entityId === undefined) {
    const names = "webhook_definition_identifier, workflow_rule_identifier, entity, entity_id";
    throw new CrmcomError("MISSING_PARAMETER", `at least one of ${names} is mandatory`);
  }
  const fields = fieldsOf(text(parameters, "fields_set"), REQUEST_FIELDS);
  const lifeCycle = oneOf(parameters, "life_cycle_state", ["SUCCESSFUL", "REJECTED"]);
  const url = text(parameters, "url");
  const { timeZone } = await viewOf(core, caller.organizationId, {});
  const filter: RequestFilter = {
    dialect: "CRMCOM",
    ...(definition && { webhookDefinitionId: definition.id }),
    ...(rule && { workflowRuleId: rule.id }),
    ...(entity !== undefined && { entity }),
    ...(entityId !== undefined && { entityId }),
    ...(url !== undefined && { url }),
    ...(lifeCycle && { lifeCycleState: [lifeCycle] }),
    ...dayRange(text(parameters, "created_date"), timeZone),
  };
  const limit = wholeNumber(parameters, "number_of_results", { min: 1, max: 1000, otherwise: 100 });
  const offset = wholeNumber(parameters, "offset", { min: 0, max: 2 ** 31 - 1, otherwise: 0 });
  demand(caller, "webhooks:read");
  const requests = await listRequestsByOffset(core.db, caller.organizationId, filter, { limit, offset });
  return items(core, caller, requests, fields);
}

/** Sends it again as its definition now is, and answers once that attempt is settled. */
export async function resendOne(core: Core, caller: Caller, parameters: Parameters): Promise<Item> {
  const { request, fields } = await named(core, caller, parameters);
  demand(caller, "webhooks:write");
  try {
    await resend(core, caller.organizationId, request.id, { by: caller, unit: caller.unit });
  } catch (error) {
    // It is on its way: of several at once, one sends.
    if (error instanceof ConflictError && error.code === "NOT_SETTLED")
      throw new CrmcomError("NOT_REJECTED", "the webhook request is not rejected");
    throw error;
  }
  const definition = await request.definition();
  // One that is not effective sends when it is effective again: there is nothing to wait for now.
  if (definition?.state !== "ACTIVE") return item(core, caller, (await reread(core, request)) ?? request, fields);
  const { timeoutMs } = policyOf("CRMCOM", { timeout_ms: definition.timeoutMs });
  return item(core, caller, await settledRequest(core, request, timeoutMs + 1_000), fields);
}

const reread = (core: Core, request: RequestNode) => showRequest(core.db, request.organizationId, { id: request.id });

async function settledRequest(core: Core, request: RequestNode, patienceMs: number): Promise<RequestNode> {
  for (const deadline = core.clock.monotonic() + patienceMs; ; await sleep(LOOK_MS)) {
    const now = (await reread(core, request)) ?? request;
    if (isSettled(now.state) || core.clock.monotonic() > deadline) return now;
  }
}

export async function deleteOne(core: Core, caller: Caller, parameters: Parameters): Promise<Item> {
  const { request, fields } = await named(core, caller, parameters);
  demand(caller, "webhooks:write");
  const shown = await item(core, caller, request, fields);
  await remove(core, caller.organizationId, request.id, caller);
  return shown;
}
