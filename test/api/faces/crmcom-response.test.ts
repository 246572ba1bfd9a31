/** CRM.COM's rules C19–C34: what a webhook request shows of its delivery, and what the receiver got. */
import { createHmac } from "node:crypto";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type Body, byNumber, type Crmcom, HEX_ID, numbered, SECRET, startCrmcom } from "./crmcom-server.ts";

let crm: Crmcom;

beforeAll(async () => {
  crm = await startCrmcom();
});
afterAll(() => crm?.close());
beforeEach(() => crm.receiver.respond(200));

const of = (code: string) => ({ webhook_definition_identifier: `alternative_code=${code}` });
const show = async (request: Body) => (await crm.get("/webhook_requests/show", byNumber(request))).data;

async function graphql(query: string, variables: object): Promise<Body> {
  const response = await fetch(`${crm.app.url}/graphql`, {
    method: "POST",
    headers: { authorization: `Bearer ${crm.app.adminToken}`, "content-type": "application/json" },
    body: JSON.stringify({ query, variables }),
  });
  return ((await response.json()) as Body).data;
}

test("C19 C20 C21 C22 C23 C24 C27 C28 a request with all its keys, as it was sent and answered", async () => {
  const { code, definition, rule } = await crm.hook({ fields_set: "" });
  crm.receiver.respond({ status: 202, headers: { "x-receipt": "7" }, body: "ok" });
  const request = await crm.deliver(code, { n: 1.0 }, "0C3B5CB66ED4AACF5C2FDDAE984704E8");
  const call = crm.calls(code)[0];
  expect(request).toEqual({
    id: expect.stringMatching(HEX_ID),
    number: expect.stringMatching(/^[1-9]\d*$/),
    life_cycle_state: "SUCCESSFUL",
    entity: "ACTIVITIES",
    entity_id: "0C3B5CB66ED4AACF5C2FDDAE984704E8",
    url: `${crm.receiver.url}/${code}`,
    authentication_code: call?.json().authentication_code,
    fields_set: "",
    request: { method: "POST", url: `${crm.receiver.url}/${code}`, headers: expect.any(Object), body: call?.body.toString() },
    response: { status: 202, headers: expect.objectContaining({ "x-receipt": "7" }), body: "ok" },
    error_code: null,
    error_description: null,
    webhook_definition: definition,
    workflow_rule: rule,
    log_information: {
      created_date: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/),
      updated_date: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/),
      ...{ created_by_unit: null, updated_by_unit: null, created_by_user: null, updated_by_user: null },
    },
  });
  expect(call?.method).toBe("POST");
  expect(Object.keys(call?.json())).toEqual(["number", "entity", "entity_id", "authentication_code", "data"]);
  expect(call?.json()).toMatchObject({ number: request.number, entity: request.entity, entity_id: request.entity_id });
  expect(Math.abs(Date.parse(`${request.log_information.created_date}Z`) - Date.now())).toBeLessThan(60_000);
});

test("C25 the contract's vector, over the exact bytes of data, for each algorithm and encoding", async () => {
  const data = '{"activity":{"id":"0C3B5CB66ED4AACF5C2FDDAE984704E8","number":"A1"}}';
  const sha256 = "a3ec0e4a7a6c20168468c12b3eb1b5e81f701f4433e72a07a0e44ec866c7d92e";
  const sha1 = "a00f86954a8e6ff8e07c1d34b6bf1bb62bf75966";
  for (const [hmac_algorithm, hmac_encoding, expected] of [
    [undefined, undefined, sha256],
    ["sha256", "hex", sha256],
    ["sha256", "base64", Buffer.from(sha256, "hex").toString("base64")],
    ["sha1", "hex", sha1],
    ["sha1", "base64", Buffer.from(sha1, "hex").toString("base64")],
  ]) {
    const { code } = await crm.hook({ hmac_algorithm, hmac_encoding, fields_set: "activity.id,activity.number" });
    const request = await crm.deliver(code, { activity: { id: "0C3B5CB66ED4AACF5C2FDDAE984704E8", number: "A1", other: 1 } });
    expect(request.authentication_code).toBe(expected);
    expect(crm.calls(code)[0]?.body.toString()).toContain(`"authentication_code":${JSON.stringify(expected)},"data":${data}}`);
  }
});

test("C25 number tokens, escapes, key order and white space of a payload: what is signed is what is sent", async () => {
  const { code } = await crm.hook();
  const payload = `{"to":"${code}","z":1.0,"2":1e3,"1":0.10,"text":"Åse \\u00e5 😀 \\/","big":12345678901234567890}`;
  const response = await fetch(`${crm.app.url}/v1/events`, {
    method: "POST",
    headers: { authorization: `Bearer ${crm.app.adminToken}`, "content-type": "application/json" },
    body: `{"type":"activity.changed","entity":"ACTIVITIES","entityId":"1","payload":${payload}}`,
  });
  expect(response.status).toBe(202);
  const [request] = await crm.settled(code);
  const sent = crm.calls(code)[0]?.body.toString() ?? "";
  expect(sent.endsWith(`,"data":${payload}}`)).toBe(true);
  expect(request.authentication_code).toBe(createHmac("sha256", SECRET).update(payload).digest("hex"));
  expect(request.request.body).toBe(sent);
});

test("C25 without a secret key authentication_code is null, and it is still sent", async () => {
  const { code, definition } = await crm.hook({ secret_key_identifier: "" });
  expect(definition.secret_key).toBeNull();
  const request = await crm.deliver(code);
  expect(request).toMatchObject({ life_cycle_state: "SUCCESSFUL", authentication_code: null });
  expect(crm.calls(code)[0]?.json().authentication_code).toBeNull();
});

test("C26 data is what the fields set chooses: nesting kept, absent paths left out", async () => {
  const { code } = await crm.hook({ fields_set: "activity.id, activity.contact.name,missing.path,list" });
  const request = await crm.deliver(code, { activity: { id: "7", contact: { name: "Ann", age: 40 } }, list: [1, { a: 2 }], other: true });
  expect(request.fields_set).toBe("activity.id,activity.contact.name,missing.path,list");
  expect(crm.calls(code)[0]?.json().data).toEqual({ activity: { id: "7", contact: { name: "Ann" } }, list: [1, { a: 2 }] });
});

test("C27 a custom Authorization header is sent and shown masked; the secret key is shown nowhere", async () => {
  const { code, definition } = await crm.hook();
  const updated = await graphql(
    `mutation ($input: UpdateWebhookDefinitionInput!) { updateWebhookDefinition(input: $input) { __typename } }`,
    {
      input: { id: `whd_${definition.id.toLowerCase()}`, headers: { Authorization: "Bearer top-secret", "X-Plant": "7" } },
    },
  );
  expect(updated).toEqual({ updateWebhookDefinition: { __typename: "WebhookDefinition" } });
  const request = await crm.deliver(code);
  expect(crm.calls(code)[0]?.headers.authorization).toBe("Bearer top-secret");
  const headers = Object.fromEntries(Object.entries(request.request.headers).map(([name, value]) => [name.toLowerCase(), value]));
  expect(headers).toMatchObject({ "x-plant": "7", authorization: expect.not.stringContaining("top-secret") });
  expect(JSON.stringify(request)).not.toContain("top-secret");
  expect(JSON.stringify(request)).not.toContain(SECRET);
});

test("C21 C28 C29 C30 every other answer than 2xx is REJECTED after one attempt, with a stable code; 410 stops nothing", async () => {
  const { code } = await crm.hook();
  for (const status of [200, 204, 299]) {
    crm.receiver.respond(status);
    expect(await crm.deliver(code)).toMatchObject({ life_cycle_state: "SUCCESSFUL", error_code: null, error_description: null });
  }
  for (const status of [302, 400, 404, 410, 500]) {
    crm.receiver.respond({ status, body: `said ${status}` });
    const request = await crm.deliver(code);
    expect(request).toMatchObject({
      life_cycle_state: "REJECTED",
      error_code: "HTTP_STATUS",
      response: { status, body: `said ${status}` },
    });
    expect(request.error_description).toContain(String(status));
  }
  expect(crm.calls(code)).toHaveLength(8);
  const shown = await crm.get("/webhook_definitions/show", of(code));
  expect(shown.data.life_cycle_state).toBe("EFFECTIVE");
  crm.receiver.respond(500);
  for (let i = 0; i < 10; i++) await crm.event({ payload: { to: code } });
  await crm.settled(code, 18);
  crm.receiver.respond(200);
  expect((await crm.deliver(code)).life_cycle_state).toBe("SUCCESSFUL");
});

test("C28 C29 without an answer response is null", async () => {
  const refused = await crm.deliver((await crm.hook({ url: "http://127.0.0.1:2/" })).code);
  expect(refused).toMatchObject({ life_cycle_state: "REJECTED", response: null, error_code: "CONNECTION_REFUSED" });
  expect(refused.error_description).not.toBe("");
});

test("C31 C32 definition and rule are shown as they now are; deleted ones stay named", async () => {
  const { code, definition, rule } = await crm.hook();
  const request = await crm.deliver(code);
  expect([request.webhook_definition, request.workflow_rule]).toEqual([definition, rule]);
  await crm.post("/workflow_rules/delete", { workflow_rule_identifier: { id: rule.id } });
  expect((await show(request)).workflow_rule).toMatchObject({ id: rule.id, name: rule.name, alternative_code: rule.alternative_code });
  expect((await crm.get("/webhook_requests/list", { workflow_rule_identifier: `id=${rule.id}` })).code).toBe("NOT_FOUND");
  await crm.post("/webhook_definitions/delete", { webhook_definition_identifier: { id: definition.id } });
  const kept = await show(request);
  expect(kept.webhook_definition).toMatchObject({ id: definition.id, name: definition.name, alternative_code: code });
  expect({ ...kept, webhook_definition: null, workflow_rule: null }).toEqual({
    ...request,
    webhook_definition: null,
    workflow_rule: null,
  });
});

test("C32 C34 requests of other dialects are not seen, those without a rule have workflow_rule null", async () => {
  const { core, organizationId } = crm.app.t;
  const input = { targetUrl: `${crm.receiver.url}/direct`, eventTypes: ["direct.event"] };
  const made = await graphql(
    `mutation ($a: CreateWebhookDefinitionInput!, $b: CreateWebhookDefinitionInput!) {
      a: createWebhookDefinition(input: $a) { __typename } b: createWebhookDefinition(input: $b) { __typename } }`,
    { a: { ...input, name: "Direct", code: "direct", dialect: "CRMCOM" }, b: { ...input, name: "Ours", code: "ours" } },
  );
  expect(made).toEqual({ a: { __typename: "CreatedWebhookDefinition" }, b: { __typename: "CreatedWebhookDefinition" } });
  await crm.event({ type: "direct.event", entity: "WALLETS", entityId: "w1" });
  const [request] = await crm.settled("direct");
  expect(request).toMatchObject({ entity: "WALLETS", workflow_rule: null, fields_set: "" });
  await crm.receiver.waitFor((calls) => calls.filter((call) => call.path === "/direct").length === 2);
  expect((await crm.get("/webhook_requests/list", { entity: "WALLETS" })).data.map((each: Body) => each.number)).toEqual([request.number]);
  const { rows } = await core.db.pool.query<{ number: number }>(
    "SELECT number FROM webhook_request WHERE organization_id = $1 AND dialect = 'STANDARD'",
    [organizationId],
  );
  expect(rows).toHaveLength(1);
  const foreign = { number: String(rows[0]?.number) };
  expect((await crm.get("/webhook_requests/show", byNumber(foreign))).code).toBe("NOT_FOUND");
  expect((await crm.post("/webhook_requests/delete", numbered(foreign))).code).toBe("NOT_FOUND");
  expect((await crm.get("/webhook_requests/list", { webhook_definition_identifier: "alternative_code=ours" })).code).toBe("NOT_FOUND");
});
