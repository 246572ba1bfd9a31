/** CRM.COM's webhook definitions (C31) and workflow rules (C32): made, shown, listed, changed, deleted, and what they trigger. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Body, type Crmcom, HEX_ID, numbered, startCrmcom, unique } from "./crmcom-server.ts";

let crm: Crmcom;

beforeAll(async () => {
  crm = await startCrmcom();
});
afterAll(() => crm?.close());
beforeEach(() => crm.receiver.respond(200));

const definition = (code: string) => ({ webhook_definition_identifier: { alternative_code: code } });
const rule = (code: string) => ({ workflow_rule_identifier: { alternative_code: code } });
const triggers = (...codes: string[]) => [
  { code: "TRIGGER WEBHOOKS", webhook_definitions: codes.map((alternative_code) => ({ alternative_code })) },
];
const names = (items: Body[]) => items.map((each) => each.alternative_code);

async function ok(path: string, body: object): Promise<Body> {
  const answer = await crm.post(path, body);
  expect(answer).toMatchObject({ http: 200, status: { code: "OK" } });
  return answer.data;
}

/** A definition without a rule. */
async function created(input: Record<string, unknown> = {}): Promise<Body> {
  const code = unique("def");
  return ok("/webhook_definitions/create", { name: code, alternative_code: code, url: `${crm.receiver.url}/${code}`, ...input });
}

async function createdRule(input: Record<string, unknown>): Promise<Body> {
  const code = unique("rule");
  return ok("/workflow_rules/create", { name: code, alternative_code: code, entity: "JOBS", ...input });
}

describe("webhook definitions", () => {
  test("C31 create answers with the whole definition; what is not given has its default", async () => {
    const code = unique("Kód ü, 1");
    const url = `${crm.receiver.url}/${encodeURIComponent(code)}`;
    const whole = await ok("/webhook_definitions/create", { name: `Name of ${code}`, alternative_code: code, url });
    expect(whole).toEqual({
      ...{ id: expect.stringMatching(HEX_ID), name: `Name of ${code}`, alternative_code: code, life_cycle_state: "EFFECTIVE", url },
      ...{ fields_set: "", secret_key: null, hmac_algorithm: "sha256", hmac_encoding: "hex", description: null },
      log_information: {
        created_date: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/),
        updated_date: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/),
        ...{ created_by_unit: null, updated_by_unit: null },
        created_by_user: {
          id: expect.stringMatching(HEX_ID),
          username: crm.username,
          person_name: `Person ${crm.username}`,
          email: `${crm.username}@example.test`,
        },
        updated_by_user: expect.objectContaining({ username: crm.username }),
      },
    });
    const given = {
      description: "To the ERP",
      fields_set: "a.b, c",
      hmac_algorithm: "sha1",
      hmac_encoding: "base64",
      life_cycle_state: "NOT EFFECTIVE",
    };
    const second = await created({ ...given, secret_key_identifier: { name: "main" } });
    expect(second).toMatchObject({ ...given, fields_set: "a.b,c", secret_key: { id: expect.stringMatching(HEX_ID), name: "main" } });
    expect((await created({ secret_key_identifier: { id: second.secret_key.id } })).secret_key).toEqual(second.secret_key);
  });

  test("C31 what is missing, wrong or taken is refused, and nothing is made", async () => {
    const taken = await created();
    const good = { name: "Good", alternative_code: "good", url: "https://example.com/hook" };
    for (const name of ["name", "alternative_code", "url"]) {
      for (const value of [undefined, "", null]) {
        expect((await crm.post("/webhook_definitions/create", { ...good, [name]: value })).code).toBe("MISSING_PARAMETER");
      }
    }
    const refusals: [object, string][] = [
      [{ name: taken.name }, "ALREADY_EXISTS"],
      [{ alternative_code: taken.alternative_code }, "ALREADY_EXISTS"],
      [{ alternative_code: "x".repeat(101) }, "INVALID_VALUE"],
      [{ alternative_code: "line\nbreak" }, "INVALID_VALUE"],
      [{ name: 7 }, "INVALID_VALUE"],
      [{ name: "x".repeat(1_000) }, "INVALID_VALUE"],
      [{ url: "ftp://example.com/" }, "INVALID_VALUE"],
      [{ url: "https://user:password@example.com/" }, "INVALID_VALUE"],
      [{ url: "https://10.0.0.1/" }, "INVALID_VALUE"],
      [{ url: "nowhere" }, "INVALID_VALUE"],
      [{ fields_set: "a..b" }, "INVALID_VALUE"],
      [{ fields_set: ["a"] }, "INVALID_VALUE"],
      [{ hmac_algorithm: "md5" }, "INVALID_VALUE"],
      [{ hmac_encoding: "HEX" }, "INVALID_VALUE"],
      [{ life_cycle_state: "ACTIVE" }, "INVALID_VALUE"],
      [{ description: {} }, "INVALID_VALUE"],
      [{ secret_key_identifier: { name: "unknown" } }, "NOT_FOUND"],
      [{ secret_key_identifier: { id: "x" } }, "NOT_FOUND"],
      [{ secret_key_identifier: { name: "main", id: "x" } }, "INVALID_IDENTIFIER"],
      [{ secret_key_identifier: { value: "main" } }, "INVALID_IDENTIFIER"],
      [{ secret_key_identifier: {} }, "INVALID_IDENTIFIER"],
    ];
    for (const [input, code] of refusals) {
      expect([input, (await crm.post("/webhook_definitions/create", { ...good, ...input })).code]).toEqual([input, code]);
    }
    expect(await crm.get("/webhook_definitions/show", { webhook_definition_identifier: "alternative_code=good" })).toMatchObject({
      code: "NOT_FOUND",
    });
  });

  test("C31 show by id, name and alternative code; list by state, url and created_date, newest first", async () => {
    const first = await created({ life_cycle_state: "NOT EFFECTIVE" });
    const second = await created();
    const show = (identifier: string, more = {}) =>
      crm.get("/webhook_definitions/show", { webhook_definition_identifier: identifier, ...more });
    for (const field of ["id", "name", "alternative_code"]) expect((await show(`${field}=${first[field]}`)).data).toEqual(first);
    expect((await show(`name=${first.name.toUpperCase()}`)).code).toBe("NOT_FOUND");
    expect((await show(`id=${first.id}`, { fields_set: "name,secret_key.name" })).data).toEqual({ name: first.name, secret_key: null });
    expect((await show(`id=${first.id}`, { fields_set: "number" })).code).toBe("INVALID_FIELD");
    expect((await crm.get("/webhook_definitions/show", {})).code).toBe("MISSING_PARAMETER");

    const list = async (query: Record<string, string>) => (await crm.get("/webhook_definitions/list", query)).data as Body[];
    expect((await list({})).slice(0, 2)).toEqual([second, first]);
    expect(await list({ number_of_results: "1", offset: "1" })).toEqual([first]);
    expect(await list({ url: second.url, fields_set: "id" })).toEqual([{ id: second.id }]);
    expect(names(await list({ life_cycle_state: "NOT EFFECTIVE" }))).toContain(first.alternative_code);
    expect(names(await list({ life_cycle_state: "NOT EFFECTIVE" }))).not.toContain(second.alternative_code);
    const today = first.log_information.created_date.slice(0, 10);
    expect(names(await list({ created_date: today }))).toContain(first.alternative_code);
    expect(await list({ created_date: "2015-11-02" })).toEqual([]);
    for (const wrong of [{ life_cycle_state: "ACTIVE" }, { created_date: "x" }, { number_of_results: "0" }, { offset: "-1" }]) {
      expect((await crm.get("/webhook_definitions/list", wrong as Record<string, string>)).code).toBe("INVALID_VALUE");
    }
    expect((await crm.get("/webhook_definitions/list", { fields_set: "x" })).code).toBe("INVALID_FIELD");
  });

  test("C31 update changes what is given; the alternative code never changes", async () => {
    const before = await created({ description: "Old", fields_set: "a", secret_key_identifier: { name: "main" } });
    const { alternative_code: code } = before;
    const name = unique("Renamed");
    const changed = await ok("/webhook_definitions/update", {
      ...definition(code),
      name,
      url: `${crm.receiver.url}/new`,
      hmac_encoding: "base64",
    });
    expect(changed).toEqual({
      ...before,
      name,
      url: `${crm.receiver.url}/new`,
      hmac_encoding: "base64",
      log_information: expect.any(Object),
    });
    const cleared = await ok("/webhook_definitions/update", {
      ...definition(code),
      description: null,
      fields_set: "",
      secret_key_identifier: null,
    });
    expect(cleared).toMatchObject({ name, description: null, fields_set: "", secret_key: null });
    expect((await crm.post("/webhook_definitions/update", { ...definition(code), alternative_code: "other" })).code).toBe("INVALID_VALUE");
    expect(await ok("/webhook_definitions/update", { ...definition(code), alternative_code: code })).toMatchObject({ name });
    expect((await crm.post("/webhook_definitions/update", { ...definition(code), name: (await created()).name })).code).toBe(
      "ALREADY_EXISTS",
    );
    expect((await crm.post("/webhook_definitions/update", { name: "x" })).code).toBe("MISSING_PARAMETER");
    expect((await crm.post("/webhook_definitions/update", { ...definition("unknown"), name: "x" })).code).toBe("NOT_FOUND");
    const form = await crm.form("/webhook_definitions/update", {
      webhook_definition_identifier: `alternative_code=${code}`,
      secret_key_identifier: "name=main",
      fields_set: "x,y.z",
    });
    expect(form.data).toMatchObject({ secret_key: { name: "main" }, fields_set: "x,y.z" });
  });

  test("C31 set_life_cycle_state acts at once, and its message names the effective rules that use the definition", async () => {
    const { code, rule: using } = await crm.hook();
    const stopped = await createdRule({ life_cycle_state: "NOT EFFECTIVE", actions_set: triggers(code) });
    const set = (life_cycle_state?: string) =>
      crm.post("/webhook_definitions/set_life_cycle_state", { ...definition(code), life_cycle_state });
    await crm.deliver(code);
    const answer = await set("NOT EFFECTIVE");
    expect(answer).toMatchObject({ http: 200, code: "OK", data: { life_cycle_state: "NOT EFFECTIVE" } });
    expect(answer.status.message).toContain(using.name);
    expect(answer.status.message).not.toContain(stopped.name);
    await crm.event({ payload: { to: code } });
    expect((await set("EFFECTIVE")).data.life_cycle_state).toBe("EFFECTIVE");
    await crm.deliver(code);
    expect(crm.calls(code)).toHaveLength(2);
    for (const wrong of ["ACTIVE", "effective", "STOPPED"]) expect((await set(wrong)).code).toBe("INVALID_VALUE");
    expect((await set()).code).toBe("MISSING_PARAMETER");
    const unused = await created();
    const silent = await crm.post("/webhook_definitions/set_life_cycle_state", {
      ...definition(unused.alternative_code),
      life_cycle_state: "NOT EFFECTIVE",
    });
    expect(silent.status).toEqual({ code: "OK", message: "", description: "" });
  });

  test("C31 C18 deleting one keeps its requests and frees its name and code", async () => {
    const { code, definition: gone } = await crm.hook();
    const request = await crm.deliver(code);
    expect(await ok("/webhook_definitions/delete", { webhook_definition_identifier: { name: gone.name } })).toEqual(gone);
    for (const field of ["id", "name", "alternative_code"]) {
      expect((await crm.get("/webhook_definitions/show", { webhook_definition_identifier: `${field}=${gone[field]}` })).code).toBe(
        "NOT_FOUND",
      );
    }
    const again = await ok("/webhook_definitions/create", { name: gone.name, alternative_code: code, url: gone.url });
    expect(again.id).not.toBe(gone.id);
    const kept = await crm.get("/webhook_requests/show", { webhook_request_identifier: `id=${request.id}` });
    expect(kept.data).toMatchObject({ number: request.number, webhook_definition: { id: gone.id, name: gone.name } });
    expect((await crm.post("/webhook_requests/delete", numbered(request))).code).toBe("OK");
  });
});

describe("workflow rules", () => {
  test("C32 create answers with the whole rule, its definitions in full", async () => {
    const [one, two] = [await created(), await created()];
    const code = unique("rule");
    const conditions_set = { payload: { amount: { $gt: 100 } } };
    const whole = await ok("/workflow_rules/create", {
      ...{ name: "Large jobs", alternative_code: code, entity: "JOBS", priority: "HIGH", description: "Over 100", conditions_set },
      actions_set: [{ code: "TRIGGER WEBHOOKS", webhook_definitions: [{ id: two.id }, { name: one.name }] }],
    });
    const full = ({ id, name, alternative_code }: Body) => ({ id, name, alternative_code });
    expect(whole).toEqual({
      ...{ id: expect.stringMatching(HEX_ID), name: "Large jobs", alternative_code: code, entity: "JOBS", priority: "HIGH" },
      ...{ life_cycle_state: "EFFECTIVE", description: "Over 100", conditions_set },
      actions_set: [{ code: "TRIGGER WEBHOOKS", webhook_definitions: [full(two), full(one)] }],
      log_information: expect.objectContaining({
        created_by_user: expect.objectContaining({ username: crm.username }),
        created_by_unit: null,
      }),
    });
    const plain = await createdRule({ actions_set: triggers(one.alternative_code) });
    expect(plain).toMatchObject({ priority: "MEDIUM", life_cycle_state: "EFFECTIVE", description: null, conditions_set: null });
  });

  test("C32 C10 what is missing, wrong or taken is refused", async () => {
    const target = await created();
    const taken = await createdRule({ actions_set: triggers(target.alternative_code) });
    const good = { name: "Good", alternative_code: "good_rule", entity: "JOBS", actions_set: triggers(target.alternative_code) };
    for (const name of ["name", "alternative_code", "entity", "actions_set"]) {
      expect([name, (await crm.post("/workflow_rules/create", { ...good, [name]: undefined })).code]).toEqual([name, "MISSING_PARAMETER"]);
      expect([name, (await crm.post("/workflow_rules/create", { ...good, [name]: "" })).code]).toEqual([name, "MISSING_PARAMETER"]);
    }
    const action = (webhook_definitions: unknown, code = "TRIGGER WEBHOOKS") => ({ actions_set: [{ code, webhook_definitions }] });
    const refusals: [object, string][] = [
      [{ alternative_code: taken.alternative_code }, "ALREADY_EXISTS"],
      [{ entity: "order" }, "INVALID_VALUE"],
      [{ entity: "ADHOCDISCOUNT" }, "INVALID_VALUE"],
      [{ priority: "URGENT" }, "INVALID_VALUE"],
      [{ life_cycle_state: "ACTIVE" }, "INVALID_VALUE"],
      [{ conditions_set: { payload: { $where: "1" } } }, "INVALID_VALUE"],
      [{ conditions_set: "x" }, "INVALID_VALUE"],
      [{ actions_set: {} }, "INVALID_VALUE"],
      [{ actions_set: [null] }, "INVALID_VALUE"],
      [action([], "SEND ALERTS"), "INVALID_VALUE"],
      [action("x"), "INVALID_VALUE"],
      [action([{}]), "INVALID_IDENTIFIER"],
      [action([{ id: target.id, name: target.name }]), "INVALID_IDENTIFIER"],
      [action([{ alternative_code: "unknown" }]), "NOT_FOUND"],
    ];
    for (const [input, code] of refusals) {
      expect([input, (await crm.post("/workflow_rules/create", { ...good, ...input })).code]).toEqual([input, code]);
    }
    expect((await crm.get("/workflow_rules/show", { workflow_rule_identifier: "alternative_code=good_rule" })).code).toBe("NOT_FOUND");
  });

  test("C32 C9 show by id, name and alternative code; list needs an entity", async () => {
    const target = (await created()).alternative_code;
    const first = await createdRule({ entity: "LEADS", actions_set: triggers(target), life_cycle_state: "NOT EFFECTIVE" });
    const second = await createdRule({ entity: "LEADS", actions_set: triggers(target) });
    const show = (identifier: string, more = {}) => crm.get("/workflow_rules/show", { workflow_rule_identifier: identifier, ...more });
    for (const field of ["id", "name", "alternative_code"]) expect((await show(`${field}=${first[field]}`)).data).toEqual(first);
    expect((await show(`id=${first.id}`, { fields_set: "priority,log_information.created_by_unit" })).data).toEqual({
      ...{ priority: "MEDIUM", log_information: { created_by_unit: null } },
    });
    expect((await show(`id=${first.id}`, { fields_set: "url" })).code).toBe("INVALID_FIELD");
    expect((await show("id=1,name=2")).code).toBe("INVALID_IDENTIFIER");

    const list = async (query: Record<string, string>) =>
      (await crm.get("/workflow_rules/list", { entity: "LEADS", ...query })).data as Body[];
    expect(await list({})).toEqual([second, first]);
    expect(await list({ life_cycle_state: "EFFECTIVE" })).toEqual([second]);
    expect(await list({ number_of_results: "1", offset: "1", fields_set: "id" })).toEqual([{ id: first.id }]);
    expect(await list({ created_date: first.log_information.created_date })).toEqual([second, first]);
    expect(await list({ created_date: "2015-11-02" })).toEqual([]);
    expect((await crm.get("/workflow_rules/list", { life_cycle_state: "EFFECTIVE" })).code).toBe("MISSING_PARAMETER");
    expect((await crm.get("/workflow_rules/list", { entity: "leads" })).code).toBe("INVALID_VALUE");
  });

  test("C32 update changes what is given, but never the entity", async () => {
    const [one, two] = [await created(), await created()];
    const before = await createdRule({ actions_set: triggers(one.alternative_code), conditions_set: { payload: { a: 1 } } });
    const { alternative_code: code } = before;
    const changed = await ok("/workflow_rules/update", {
      ...rule(code),
      priority: "LOW",
      conditions_set: null,
      actions_set: triggers(two.alternative_code),
    });
    expect(changed).toMatchObject({ name: before.name, priority: "LOW", conditions_set: null, entity: "JOBS" });
    expect(changed.actions_set[0].webhook_definitions).toEqual([{ id: two.id, name: two.name, alternative_code: two.alternative_code }]);
    expect((await crm.post("/workflow_rules/update", { ...rule(code), entity: "LEADS", name: "x" })).code).toBe("INVALID_VALUE");
    expect((await crm.post("/workflow_rules/update", { ...rule(code), alternative_code: "x" })).code).toBe("INVALID_VALUE");
    expect((await crm.post("/workflow_rules/update", rule("unknown"))).code).toBe("NOT_FOUND");
    expect((await crm.get("/workflow_rules/show", { workflow_rule_identifier: `id=${before.id}` })).data).toMatchObject({
      name: before.name,
      entity: "JOBS",
    });
    const form = await crm.form("/workflow_rules/update", {
      workflow_rule_identifier: `alternative_code=${code}`,
      actions_set: JSON.stringify(triggers(one.alternative_code)),
      conditions_set: '{"payload":{"b":2}}',
    });
    expect(form.data).toMatchObject({ conditions_set: { payload: { b: 2 } }, actions_set: [{ webhook_definitions: [{ id: one.id }] }] });
    expect((await crm.form("/workflow_rules/update", { workflow_rule_identifier: `id=${before.id}`, conditions_set: "{" })).code).toBe(
      "INVALID_VALUE",
    );
    expect(await ok("/workflow_rules/delete", rule(code))).toMatchObject({ id: before.id });
    expect((await crm.post("/workflow_rules/delete", rule(code))).code).toBe("NOT_FOUND");
    expect((await createdRule({ alternative_code: code, actions_set: triggers(one.alternative_code) })).alternative_code).toBe(code);
  });

  test("C9 C32 rules run by priority, then oldest first; one request per definition, which remembers the first rule", async () => {
    const [a, b, c] = [(await created()).alternative_code, (await created()).alternative_code, (await created()).alternative_code];
    const conditions_set = { payload: { ordered: true } };
    const low = await createdRule({ priority: "LOW", conditions_set, actions_set: triggers(a, b) });
    const medium = await createdRule({ conditions_set, actions_set: triggers(c) });
    const late = await createdRule({ conditions_set, actions_set: triggers(c, a) });
    const high = await createdRule({ priority: "HIGH", conditions_set, actions_set: triggers(b) });
    await createdRule({ priority: "HIGH", conditions_set, actions_set: triggers(a), life_cycle_state: "NOT EFFECTIVE" });
    await crm.event({ entity: "JOBS", entityId: "ordered", payload: { ordered: true } });
    const requests = (await Promise.all([b, c, a].map((code) => crm.settled(code)))).flat();
    expect(requests.map((each) => each.workflow_rule.id)).toEqual([high.id, medium.id, late.id]);
    const numbers = requests.map((each) => Number(each.number));
    expect(numbers).toEqual([...numbers].sort((x, y) => x - y));
    const by = async (each: Body) => (await crm.get("/webhook_requests/list", { workflow_rule_identifier: `id=${each.id}` })).data.length;
    expect([await by(high), await by(medium), await by(late), await by(low)]).toEqual([1, 1, 1, 0]);
  });

  test("C22 C32 a rule fires for its own entity and a true condition only, and only effective definitions send", async () => {
    const [on, off] = [await created(), await created({ life_cycle_state: "NOT EFFECTIVE" })];
    const fires = await createdRule({
      ...{ entity: "PAYMENTS", conditions_set: { payload: { amount: { $gte: 10 } } } },
      actions_set: triggers(on.alternative_code, off.alternative_code),
    });
    await crm.event({ entity: "REFUNDS", payload: { amount: 11 } });
    await crm.event({ entity: "payments", payload: { amount: 12 } });
    await crm.event({ entity: "PAYMENTS", payload: { amount: 9 } });
    await crm.event({ entity: "PAYMENTS", payload: { amount: 13 } });
    await crm.settled(on.alternative_code);
    expect(crm.calls(on.alternative_code).map((call) => call.json().data.amount)).toEqual([13]);
    expect((await crm.get("/webhook_requests/list", { workflow_rule_identifier: `id=${fires.id}` })).data).toHaveLength(1);
    expect(crm.calls(off.alternative_code)).toHaveLength(0);
  });

  test("C32 what is made through GraphQL: rules on other entities are not seen, definitions of other dialects stay", async () => {
    const ours = await created();
    const ask = async (query: string, variables: object) => {
      const response = await fetch(`${crm.app.url}/graphql`, {
        method: "POST",
        headers: { authorization: `Bearer ${crm.app.adminToken}`, "content-type": "application/json" },
        body: JSON.stringify({ query, variables }),
      });
      return ((await response.json()) as Body).data;
    };
    const { made } = await ask(
      "mutation ($input: CreateWebhookDefinitionInput!) { made: createWebhookDefinition(input: $input) { ... on CreatedWebhookDefinition { definition { id } } } }",
      { input: { name: "Standard", code: "standard", targetUrl: `${crm.receiver.url}/standard`, eventTypes: [] } },
    );
    const createRule = (input: object) =>
      ask(
        "mutation ($input: CreateWorkflowRuleInput!) { made: createWorkflowRule(input: $input) { __typename ... on WorkflowRule { id } } }",
        { input },
      );
    const webhookDefinitionIds = [made.definition.id, `whd_${ours.id.toLowerCase()}`];
    await createRule({ name: "Shared name", code: "free_text", entity: "order", webhookDefinitionIds });
    await createRule({ name: "Shared name", code: "mixed", entity: "WRITEOFFS", webhookDefinitionIds });
    expect((await crm.get("/workflow_rules/show", { workflow_rule_identifier: "alternative_code=free_text" })).code).toBe("NOT_FOUND");
    const mixed = await crm.get("/workflow_rules/show", { workflow_rule_identifier: "name=Shared name" });
    expect(mixed.data).toMatchObject({ alternative_code: "mixed" });
    expect(names(mixed.data.actions_set[0].webhook_definitions)).toEqual([ours.alternative_code]);
    expect((await crm.get("/webhook_definitions/show", { webhook_definition_identifier: "alternative_code=standard" })).code).toBe(
      "NOT_FOUND",
    );
    const refused = await crm.post("/workflow_rules/update", { ...rule("mixed"), actions_set: triggers("standard") });
    expect(refused.code).toBe("NOT_FOUND");
    await ok("/workflow_rules/update", { ...rule("mixed"), actions_set: triggers(ours.alternative_code) });
    await crm.event({ entity: "WRITEOFFS", payload: {} });
    await crm.receiver.waitFor((calls) => calls.some((call) => call.path === "/standard"));
  });
});
