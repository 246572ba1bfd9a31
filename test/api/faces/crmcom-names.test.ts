/** CRM.COM: names that stand for one thing, null that is absent, actions and URLs as they were given (B85, B86, B77). */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createRule, deleteRule } from "../../../src/definitions/rules.ts";
import { type Body, type Crmcom, numbered, startCrmcom, unique } from "./crmcom-server.ts";

let crm: Crmcom;
beforeAll(async () => {
  crm = await startCrmcom();
});
afterAll(() => crm?.close());

const triggers = (...codes: string[]) => [
  { code: "TRIGGER WEBHOOKS", webhook_definitions: codes.map((alternative_code) => ({ alternative_code })) },
];

async function definition(input: object = {}): Promise<Body> {
  const code = unique("names");
  const made = await crm.post("/webhook_definitions/create", {
    name: `Name ${code}`,
    alternative_code: code,
    url: `${crm.receiver.url}/${code}`,
    ...input,
  });
  expect(made.status).toMatchObject({ code: "OK" });
  return made.data;
}

const rule = (input: object = {}) => {
  const code = unique("rule");
  return crm.post("/workflow_rules/create", { name: `Rule ${code}`, alternative_code: code, entity: "JOBS", actions_set: [], ...input });
};

describe("B85 a name stands for one thing", () => {
  test("B85 two rules of one name: the second is refused at create and at rename, and its name is free once it is deleted", async () => {
    const name = unique("Twin");
    const first = (await rule({ name })).data;
    for (const entity of ["JOBS", "LEADS"]) expect((await rule({ name, entity })).code).toBe("ALREADY_EXISTS");
    const other = (await rule()).data;
    const rename = () => crm.post("/workflow_rules/update", { workflow_rule_identifier: { id: other.id }, name });
    expect((await rename()).status).toMatchObject({ code: "ALREADY_EXISTS", message: "another workflow rule has this name" });
    expect((await crm.post("/workflow_rules/update", { workflow_rule_identifier: { name }, name, priority: "LOW" })).data).toMatchObject({
      id: first.id,
      priority: "LOW",
    });
    expect((await crm.post("/workflow_rules/delete", { workflow_rule_identifier: { name } })).data.id).toBe(first.id);
    expect((await rename()).data).toMatchObject({ id: other.id, name });
  });

  test("B85 of several at once one is made", async () => {
    const name = unique("Race");
    const codes = (await Promise.all(Array.from({ length: 6 }, () => rule({ name })))).map(({ code }) => code);
    expect(codes.sort()).toEqual([...Array<string>(5).fill("ALREADY_EXISTS"), "OK"]);
  });

  test("B85 where another door made twins, no method takes one of them for the other", async () => {
    const { core } = crm.app.t;
    const name = unique("Ambiguous");
    const make = () => createRule(core, crm.admin, { name, entity: "JOBS", webhookDefinitionIds: [] });
    const [older] = [await make(), await make()];
    const named = { workflow_rule_identifier: { name } };
    for (const [path, more] of [
      ["delete", {}],
      ["update", { priority: "LOW" }],
    ] as const)
      expect((await crm.post(`/workflow_rules/${path}`, { ...named, ...more })).code).toBe("INVALID_IDENTIFIER");
    for (const path of ["/workflow_rules/show", "/webhook_requests/list"])
      expect((await crm.get(path, { workflow_rule_identifier: `name=${name}` })).code).toBe("INVALID_IDENTIFIER");
    const list = async () =>
      ((await crm.get("/workflow_rules/list", { entity: "JOBS" })).data as Body[]).filter((each) => each.name === name);
    expect((await list()).map((each) => each.priority)).toEqual(["MEDIUM", "MEDIUM"]);
    await deleteRule(core, crm.admin, older.id);
    expect((await crm.post("/workflow_rules/delete", named)).code).toBe("OK");
  });

  test("B85 definitions too, at create and at rename", async () => {
    const [one, two] = [await definition(), await definition()];
    const again = await crm.post("/webhook_definitions/create", { name: one.name, alternative_code: unique("x"), url: one.url });
    expect(again.status).toMatchObject({ code: "ALREADY_EXISTS", message: "another webhook definition has this name" });
    const renamed = await crm.post("/webhook_definitions/update", { webhook_definition_identifier: { id: two.id }, name: one.name });
    expect(renamed.code).toBe("ALREADY_EXISTS");
    const code = await crm.post("/webhook_definitions/create", { name: unique("x"), alternative_code: one.alternative_code, url: one.url });
    expect(code.status).toMatchObject({ code: "ALREADY_EXISTS", message: "another webhook definition has this alternative_code" });
  });
});

describe("B86 as that product has it", () => {
  test("B86 null is absent, also inside an identifier", async () => {
    const { definition: hook, code } = await crm.hook();
    const request = await crm.deliver(code);
    const show = (webhook_request_identifier: object) =>
      crm.post("/webhook_requests/resend", { webhook_request_identifier, fields_set: null });
    // It was delivered: the identifier was understood.
    expect((await show({ id: null, number: request.number })).code).toBe("NOT_REJECTED");
    expect((await show({ id: request.id, number: null })).code).toBe("NOT_REJECTED");
    expect((await show({ id: null, number: null })).code).toBe("INVALID_IDENTIFIER");
    expect((await show({ id: null, number: "" })).code).toBe("INVALID_IDENTIFIER");
    expect((await show({ id: "", number: request.number })).code).toBe("INVALID_IDENTIFIER");
    const changed = await crm.post("/webhook_definitions/update", {
      webhook_definition_identifier: { id: null, name: null, alternative_code: code },
      ...{ name: null, url: null, life_cycle_state: null, hmac_encoding: null, secret_key_identifier: { id: null, name: "main" } },
    });
    expect(changed.data).toMatchObject({ name: hook.name, url: hook.url, life_cycle_state: "EFFECTIVE", secret_key: { name: "main" } });
    const made = await rule({
      priority: null,
      actions_set: [{ code: "TRIGGER WEBHOOKS", webhook_definitions: [{ id: null, alternative_code: code }] }],
    });
    expect(made.data).toMatchObject({ priority: "MEDIUM", actions_set: [{ webhook_definitions: [{ alternative_code: code }] }] });
  });

  test("B86 actions_set comes back as it was sent: in order, with repetitions, not merged", async () => {
    const [a, b, c] = [await definition(), await definition(), await definition()];
    const codes = (item: Body) =>
      item.actions_set.map((action: Body) => action.webhook_definitions.map((each: Body) => each.alternative_code));
    const actions = [[b, a, b], [], [a, c]].map((each) => triggers(...each.map((one) => one.alternative_code))[0]);
    const made = (await rule({ actions_set: actions })).data;
    const wanted = [[b, a, b], [], [a, c]].map((each) => each.map((one) => one.alternative_code));
    expect(codes(made)).toEqual(wanted);
    expect(codes((await crm.get("/workflow_rules/show", { workflow_rule_identifier: `id=${made.id}` })).data)).toEqual(wanted);
    const identifier = { workflow_rule_identifier: { id: made.id } };
    expect(codes((await crm.post("/workflow_rules/update", { ...identifier, priority: "LOW" })).data)).toEqual(wanted);
    expect((await crm.post("/workflow_rules/update", { ...identifier, actions_set: [] })).data.actions_set).toEqual([]);
    expect(
      codes(
        (await crm.post("/workflow_rules/update", { ...identifier, actions_set: triggers(c.alternative_code, c.alternative_code) })).data,
      ),
    ).toEqual([[c.alternative_code, c.alternative_code]]);
    await crm.post("/webhook_definitions/delete", { webhook_definition_identifier: { id: c.id } });
    expect(codes((await crm.get("/workflow_rules/show", { workflow_rule_identifier: `id=${made.id}` })).data)).toEqual([[]]);
    const many = Array.from({ length: 201 }, () => ({ alternative_code: a.alternative_code }));
    expect((await rule({ actions_set: [{ code: "TRIGGER WEBHOOKS", webhook_definitions: many }] })).code).toBe("INVALID_VALUE");
  });

  test("B86 a definition that is named twice is triggered once", async () => {
    const target = await definition();
    const code = target.alternative_code;
    await rule({ entity: "REFUNDS", actions_set: [...triggers(code, code), ...triggers(code)] });
    await crm.event({ entity: "REFUNDS", entityId: "R1" });
    await crm.settled(code);
    expect(crm.calls(code)).toHaveLength(1);
  });

  test("B86 B77 a list finds the URL as it is typed", async () => {
    const host = `${unique("host")}.example.test`.replaceAll("_", "-");
    const { id } = await definition({ url: `https://${host.toUpperCase()}:443`, life_cycle_state: "NOT EFFECTIVE" });
    const list = async (url: string) => ((await crm.get("/webhook_definitions/list", { url })).data as Body[]).map((each) => each.id);
    for (const url of [
      `https://${host}`,
      `https://${host}/`,
      `HTTPS://${host.toUpperCase()}/`,
      `https://${host}:443/`,
      ` https://${host}/ `,
      `https://${host}/#part`,
      host,
    ])
      expect([url, await list(url)]).toEqual([url, [id]]);
    for (const url of [`http://${host}/`, `https://${host}/other`, `https://${host}:444/`])
      expect([url, await list(url)]).toEqual([url, []]);
  });

  test("B86 messages are in the words of that product", async () => {
    const { code } = await crm.hook();
    crm.receiver.respond(200);
    const delivered = await crm.deliver(code);
    expect((await crm.post("/webhook_requests/resend", numbered(delivered))).status.message).toBe("the webhook request is not rejected");
    crm.receiver.hold();
    await crm.event({ entityId: "A1", payload: { to: code } });
    await crm.receiver.waitFor((calls) => calls.filter((call) => call.path === `/${code}`).length === 2);
    const [pending] = (await crm.get("/webhook_requests/list", { webhook_definition_identifier: `alternative_code=${code}` })).data;
    const refused = await crm.post("/webhook_requests/delete", numbered(pending));
    expect(refused.status).toMatchObject({ code: "NOT_SETTLED", message: "the webhook request is neither successful nor rejected yet" });
    crm.receiver.release();
  });
});

describe("requests of a deleted definition", () => {
  test("those that waited are rejected and say why; resend is refused, delete deletes", async () => {
    const { definition: hook, code } = await crm.hook();
    crm.receiver.hold();
    // More than are in flight at once.
    for (let i = 0; i < 40; i++) await crm.event({ entityId: "gone", payload: { to: code } });
    await crm.receiver.waitFor((calls) => calls.some((call) => call.path === `/${code}`));
    await crm.post("/webhook_definitions/delete", { webhook_definition_identifier: { id: hook.id } });
    crm.receiver.release();
    const list = async () => (await crm.get("/webhook_requests/list", { entity: "ACTIVITIES", entity_id: "gone" })).data as Body[];
    await expect.poll(async () => (await list()).map((each) => each.life_cycle_state), { timeout: 15_000 }).not.toContain("PENDING");
    const waited = (await list()).filter((each) => each.life_cycle_state === "REJECTED");
    expect(waited.length).toBeGreaterThan(0);
    for (const each of waited) {
      expect(each).toMatchObject({ webhook_definition: { id: hook.id }, error_description: expect.any(String) });
      expect(each.error_code).not.toBeNull();
    }
    const [one] = waited;
    const refused = await crm.post("/webhook_requests/resend", numbered(one));
    expect(refused.status).toMatchObject({ code: "NOT_FOUND", message: "the webhook definition of this request was deleted" });
    expect((await crm.post("/webhook_requests/delete", numbered(one))).data.number).toBe(one.number);
    expect((await crm.post("/webhook_requests/delete", numbered(one))).code).toBe("NOT_FOUND");
  });
});
