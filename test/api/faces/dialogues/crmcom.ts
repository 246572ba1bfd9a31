/** What a client of CRM.COM says, and hears. */
import { type Dialogue, hammer, type Said } from "../dialogue.ts";
import type { Stage } from "./stage.ts";

const BASE = "/crmapi/rest/v2";

export async function crmcomDialogue(dialogue: Dialogue, stage: Stage): Promise<void> {
  const { say } = dialogue;
  dialogue.chapter("tokens");
  const credentials = { username: stage.username, password: stage.password, organisation: stage.organisation };
  const signedIn = await say(`POST ${BASE}/authentication/token`, { body: credentials });
  await say(`POST ${BASE}/authentication/token`, { body: { ...credentials, password: "wrong" } });
  await say(`POST ${BASE}/authentication/token`, { body: { ...credentials, organisation: "Other" } });
  await say(`POST ${BASE}/authentication/token`, { body: { username: stage.username } });
  await say(`POST ${BASE}/authentication/token`, { body: { ...credentials, unit: "u".repeat(300) } });
  const key = Buffer.from(`${stage.token}:`).toString("base64");
  await say(`POST ${BASE}/authentication/web_api_key/token`, { headers: { authorization: `Basic ${key}` } }).then(({ json }) =>
    say(`POST ${BASE}/authentication/token/release`, { body: { token: json.data.token } }),
  );
  await say(`POST ${BASE}/authentication/web_api_key/token`, { headers: { authorization: "Basic bm9uZTo=" } });
  const { token } = signedIn.json.data;
  const get = (method: string, query: Record<string, string> = {}, said: Said = {}) =>
    say(`GET ${BASE}/${method}?${new URLSearchParams({ token, ...query })}`, said);
  const post = (method: string, body: object = {}) => say(`POST ${BASE}/${method}`, { body: { token, ...body } });

  dialogue.chapter("definitions");
  const erp = { name: "ERP", alternative_code: "erp", url: `${stage.receiver}/erp` };
  await post("webhook_definitions/create", {
    ...erp,
    fields_set: "activity.id, activity.number",
    secret_key_identifier: { name: "main" },
    description: "d",
  });
  await post("webhook_definitions/create", erp);
  await post("webhook_definitions/create", { ...erp, alternative_code: "other" });
  await post("webhook_definitions/create", { ...erp, name: "Other" });
  await post("webhook_definitions/create", {
    name: "Off",
    alternative_code: "Off, really",
    url: `${stage.receiver}/off`,
    life_cycle_state: "NOT EFFECTIVE",
    hmac_algorithm: "sha1",
    hmac_encoding: "base64",
  });
  for (const wrong of [
    { name: "" },
    { url: "nonsense" },
    { url: "ftp://x" },
    { fields_set: "a..b" },
    { secret_key_identifier: { name: "none" } },
    { secret_key_identifier: {} },
    { hmac_algorithm: "md5" },
    { life_cycle_state: "ON" },
    { name: 7 },
    { alternative_code: "\n" },
  ])
    await post("webhook_definitions/create", { ...erp, ...wrong });
  await get("webhook_definitions/show", { webhook_definition_identifier: "alternative_code=erp" });
  await get("webhook_definitions/show", { webhook_definition_identifier: "name=ERP", fields_set: "name,secret_key.name" });
  for (const given of ["", "name=none", "name=", "number=1", "id=1,name=ERP", "ERP", "id=nonsense"])
    await get("webhook_definitions/show", { webhook_definition_identifier: given });
  await get("webhook_definitions/show", { webhook_definition_identifier: "name=ERP", fields_set: "nothing" });
  for (const query of [
    {},
    { life_cycle_state: "EFFECTIVE", fields_set: "name" },
    { url: `${stage.receiver}/erp`, fields_set: "name" },
    { number_of_results: "1", offset: "1", fields_set: "name" },
    { number_of_results: "0" },
    { created_date: "2015-11-02" },
    { created_date: "yesterday" },
  ])
    await get("webhook_definitions/list", query);
  const named = { webhook_definition_identifier: { alternative_code: "erp" } };
  await post("webhook_definitions/update", { ...named, hmac_encoding: "base64", description: null });
  await post("webhook_definitions/update", { ...named, alternative_code: "new" });
  await post("webhook_definitions/update", { ...named, name: "Off" });
  await post("webhook_definitions/update", {});

  dialogue.chapter("rules");
  const rule = {
    name: "Closed",
    alternative_code: "closed",
    entity: "ACTIVITIES",
    priority: "HIGH",
    conditions_set: { payload: { state: "CLOSED" } },
  };
  const actions_set = [{ code: "TRIGGER WEBHOOKS", webhook_definitions: [{ alternative_code: "erp" }] }];
  await post("workflow_rules/create", { ...rule, actions_set });
  await post("workflow_rules/create", { ...rule, name: "Other", actions_set });
  for (const wrong of [
    { actions_set: null },
    { actions_set: [{ code: "OTHER" }] },
    { actions_set: {} },
    { actions_set: [{ code: "TRIGGER WEBHOOKS", webhook_definitions: [{ name: "none" }] }] },
    { entity: "OTHER" },
    { priority: "TOP" },
    { conditions_set: { nonsense: 1 } },
    { conditions_set: [] },
  ])
    await post("workflow_rules/create", { ...rule, name: "Wrong", alternative_code: "wrong", actions_set, ...wrong });
  await get("workflow_rules/show", { workflow_rule_identifier: "name=Closed" });
  await get("workflow_rules/list", { entity: "ACTIVITIES", fields_set: "name,priority" });
  await get("workflow_rules/list", { entity: "JOBS" });
  await get("workflow_rules/list");
  await post("workflow_rules/update", { workflow_rule_identifier: { name: "Closed" }, priority: "LOW", conditions_set: null });
  await post("workflow_rules/update", { workflow_rule_identifier: { name: "Closed" }, entity: "JOBS" });
  await post("webhook_definitions/set_life_cycle_state", { ...named, life_cycle_state: "NOT EFFECTIVE" });
  await post("webhook_definitions/set_life_cycle_state", { ...named, life_cycle_state: "EFFECTIVE" });
  await post("webhook_definitions/set_life_cycle_state", named);

  dialogue.chapter("requests");
  await stage.emit({ type: "activity.changed", entity: "ACTIVITIES", entityId: "A1", payload: { activity: { id: "1", number: 1.0 } } });
  const ofErp = { webhook_definition_identifier: "alternative_code=erp" };
  await get("webhook_requests/list", ofErp, { until: "SUCCESSFUL" });
  await get("webhook_requests/show", {
    webhook_request_identifier: "number=1",
    fields_set: "number,response.status,webhook_definition.name",
  });
  for (const query of [
    {},
    { ...ofErp, life_cycle_state: "REJECTED" },
    { entity: "ACTIVITIES", entity_id: "A1", url: `${stage.receiver}/erp`, fields_set: "number" },
    { entity: "OTHER" },
    { webhook_definition_identifier: "name=none" },
    { workflow_rule_identifier: "name=Closed", fields_set: "number" },
    { entity_id: "A2" },
    { ...ofErp, life_cycle_state: "PENDING" },
  ])
    await get("webhook_requests/list", query);
  for (const given of ["number=99", "number=x", "id=1", ""]) await get("webhook_requests/show", { webhook_request_identifier: given });
  const request = { webhook_request_identifier: { number: "1" } };
  await post("webhook_requests/resend", request);
  await post("webhook_requests/resend", { ...request, fields_set: "nothing" });
  await say(`POST ${BASE}/webhook_requests/resend`, {
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: new URLSearchParams({ token, webhook_request_identifier: "number=1" }).toString(),
  });
  await post("webhook_requests/delete", request);
  await post("webhook_requests/delete", request);
  const viewer = { token: await viewerToken(stage) };
  dialogue.know("viewer's token", viewer.token);
  await say(`POST ${BASE}/webhook_definitions/delete`, { body: { ...viewer, ...named } });
  await get("webhook_definitions/show", { ...viewer, ...ofErp, fields_set: "name" });
  await post("workflow_rules/delete", { workflow_rule_identifier: { alternative_code: "closed" } });
  await post("webhook_definitions/delete", named);
  await post("webhook_definitions/delete", named);

  const all = ["requests/show", "requests/list", "requests/resend", "requests/delete"].map((each) => `webhook_${each}`);
  const paths = [
    ...all,
    "authentication/token",
    "webhook_definitions/set_life_cycle_state",
    "workflow_rules/update",
    "other",
    "webhook_requests/show/",
  ].map((each) => `${BASE}/${each}`);
  await hammer(dialogue, [...paths, "/crmapi", "/crmapi/other"], {
    headers: {},
    writes: ["webhook_requests/resend", "webhook_definitions/create", "authentication/token"].map((each) => `POST ${BASE}/${each}`),
  });
}

async function viewerToken(stage: Stage): Promise<string> {
  const authorization = `Basic ${Buffer.from(`${stage.viewer}:`).toString("base64")}`;
  const response = await fetch(`${stage.url}${BASE}/authentication/web_api_key/token`, { method: "POST", headers: { authorization } });
  return ((await response.json()) as { data: { token: string } }).data.token;
}
