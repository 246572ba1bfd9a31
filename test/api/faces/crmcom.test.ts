/** CRM.COM's rules C1–C7 and what all its methods share: tokens, identifiers, envelope, order of checks. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createApiToken, revokeApiToken } from "../../../src/accounts/tokens.ts";
import { createUser } from "../../../src/accounts/users.ts";
import { crmcomId, globalId } from "../../../src/wire/ids.ts";
import { BASE, type Body, byNumber, type Crmcom, HEX_ID, numbered, PASSWORD, startCrmcom, unique } from "./crmcom-server.ts";

let crm: Crmcom;
let viewer: string;
let code: string;
/** One rejected and one successful request of the same definition. */
let rejected: Body;
let successful: Body;

beforeAll(async () => {
  crm = await startCrmcom();
  viewer = await crm.tokenOf("VIEWER");
  ({ code } = await crm.hook());
  crm.receiver.respond(500);
  rejected = await crm.deliver(code);
  crm.receiver.respond(200);
  successful = await crm.deliver(code);
});
afterAll(() => crm?.close());
beforeEach(() => crm.receiver.respond(200));

const show = (identifier: string, more: Record<string, string> = {}) =>
  crm.get("/webhook_requests/show", { webhook_request_identifier: identifier, ...more });

test("C1 C35 show, list, resend and delete stand at their resource URLs, answering with the envelope", async () => {
  const shown = await show(`number=${successful.number}`);
  expect(shown).toMatchObject({ http: 200, status: { code: "OK", message: "", description: "" }, data: { id: successful.id } });
  expect(shown.headers.get("content-type")).toMatch(/^application\/json/);
  expect(shown.headers.get("cache-control")).toBe("no-store");
  const listed = await crm.get("/webhook_requests/list", { webhook_definition_identifier: `alternative_code=${code}` });
  expect(listed.data.map((each: Body) => each.number)).toEqual([successful.number, rejected.number]);
  const one = (await crm.hook()).code;
  crm.receiver.respond(500);
  const failed = await crm.deliver(one);
  crm.receiver.respond(200);
  expect((await crm.post("/webhook_requests/resend", numbered(failed))).data).toMatchObject({ life_cycle_state: "SUCCESSFUL" });
  expect((await crm.post("/webhook_requests/delete", numbered(failed))).data).toMatchObject({ number: failed.number });
  expect((await show(`number=${failed.number}`)).code).toBe("NOT_FOUND");
});

test("C1 an unknown method is 404 and a wrong verb 405 in the envelope; a GET of resend and delete does nothing", async () => {
  const before = crm.calls(code).length;
  for (const method of ["resend", "delete"]) {
    const answer = await crm.get(`/webhook_requests/${method}`, byNumber(rejected));
    expect(answer).toMatchObject({ http: 405, code: "METHOD_NOT_ALLOWED", data: null });
    expect(answer.headers.get("allow")).toBe("POST");
  }
  expect(await crm.get("/webhook_definitions/set_life_cycle_state")).toMatchObject({ http: 405 });
  const posted = await crm.post("/webhook_requests/show", numbered(rejected));
  expect([posted.http, posted.headers.get("allow")]).toEqual([405, "GET"]);
  for (const path of [
    "/webhook_requests/create",
    "/webhook_requests",
    "/authentication/nothing",
    "/constructor",
    "/webhook_requests/show/",
  ]) {
    expect(await crm.get(path)).toMatchObject({ http: 404, code: "NOT_FOUND" });
    expect(await crm.post(path)).toMatchObject({ http: 404, code: "NOT_FOUND" });
  }
  for (const path of ["/crmapi", "/crmapi/rest/v1/webhook_requests/show"]) {
    const response = await fetch(crm.app.url + path);
    expect([response.status, await response.json()]).toMatchObject([404, { status: { code: "NOT_FOUND" }, data: null }]);
  }
  expect((await show(`number=${rejected.number}`)).data).toEqual(rejected);
  expect(crm.calls(code)).toHaveLength(before);
});

describe("C2 token", () => {
  const wrong = { http: 401, code: "INVALID_TOKEN", data: null };

  test("C2 absent, empty, wrong or given twice: 401 INVALID_TOKEN, before anything else is looked at", async () => {
    for (const token of ["", "nonsense", `${crm.token}x`, crm.app.adminToken]) {
      expect(await crm.get("/webhook_requests/show", { token })).toMatchObject(wrong);
      expect(await crm.get("/webhook_requests/list", { token, fields_set: "nothing" })).toMatchObject(wrong);
      expect(await crm.post("/webhook_requests/resend", { token, ...numbered(rejected) })).toMatchObject(wrong);
      expect(await crm.form("/webhook_requests/delete", { token, ...byNumber(rejected) })).toMatchObject(wrong);
      expect(await crm.post("/webhook_definitions/create", { token })).toMatchObject(wrong);
    }
    expect(await crm.post("/webhook_requests/resend", JSON.stringify(numbered(rejected)))).toMatchObject(wrong);
    expect(await crm.post("/webhook_requests/resend", { token: 7 })).toMatchObject(wrong);
    expect(await crm.post("/webhook_requests/resend", "")).toMatchObject(wrong);
    const twice: [string, string][] = [...[crm.token, crm.token].map((token): [string, string] => ["token", token])];
    expect(await crm.get("/webhook_requests/show", twice)).toMatchObject(wrong);
    expect((await show(`number=${rejected.number}`)).data).toEqual(rejected);
  });

  test("C2 signing in takes username, password and organisation; what is wrong about them is not told", async () => {
    const signIn = (input: object) => crm.post("/authentication/token", JSON.stringify(input));
    const right = { username: crm.username, password: PASSWORD, organisation: "First" };
    const { organizationId } = crm.app.t;
    for (const organisation of ["First", globalId("Organization", organizationId), crmcomId(organizationId)]) {
      const { http, data } = await signIn({ ...right, organisation, unit: "Head office" });
      expect([http, Object.keys(data)]).toEqual([200, ["token"]]);
      expect(data.token.length).toBeGreaterThan(32);
      expect((await crm.get("/webhook_requests/show", { token: data.token, ...byNumber(rejected) })).code).toBe("OK");
    }
    // As ours are stored, user names know no case.
    expect((await signIn({ ...right, username: crm.username.toUpperCase() })).code).toBe("OK");
    const other = await crm.app.t.organization("Second");
    const refusals = await Promise.all(
      [
        { ...right, password: "wrong" },
        { ...right, username: "nobody" },
        { ...right, username: `${crm.username}@example.test` },
        { ...right, organisation: "Second" },
        { ...right, organisation: globalId("Organization", other.id) },
        { ...right, organisation: "first" },
      ].map(signIn),
    );
    for (const each of refusals) expect(each).toMatchObject({ http: 401, code: "INVALID_CREDENTIALS", status: refusals[0]?.status });
    for (const name of ["username", "password", "organisation"]) {
      expect(await signIn({ ...right, [name]: undefined })).toMatchObject({ http: 200, code: "MISSING_PARAMETER" });
      expect(await signIn({ ...right, [name]: "" })).toMatchObject({ http: 200, code: "MISSING_PARAMETER" });
      expect(await signIn({ ...right, [name]: ["x"] })).toMatchObject({ http: 200, code: "INVALID_VALUE" });
    }
    expect((await crm.form("/authentication/token", { token: "", ...right })).data.token).toBeTypeOf("string");
  });

  test("C2 B64 two organisations of one name and one sign-in: wrong until the id says which", async () => {
    const { core } = crm.app.t;
    const email = "twins@example.test";
    const twins = [await crm.app.t.organization("Twins"), await crm.app.t.organization("Twins")];
    for (const { admin } of twins) await createUser(core, admin, { email, name: "Twin", password: PASSWORD, role: "ADMIN" });
    const signIn = (organisation: string) =>
      crm.post("/authentication/token", JSON.stringify({ username: email, password: PASSWORD, organisation }));
    expect(await signIn("Twins")).toMatchObject({ http: 401, code: "INVALID_CREDENTIALS" });
    for (const { id } of twins) expect(await signIn(crmcomId(id))).toMatchObject({ http: 200, code: "OK" });
  });

  test("C2 a released token is good no more, the others of the same user are", async () => {
    const token = await crm.signIn(crm.username, "First");
    expect((await crm.get("/webhook_requests/show", { token, ...byNumber(rejected) })).code).toBe("OK");
    expect(await crm.post("/authentication/token/release", { token })).toMatchObject({ http: 200, code: "OK", data: null });
    expect(await crm.get("/webhook_requests/show", { token, ...byNumber(rejected) })).toMatchObject(wrong);
    expect(await crm.post("/authentication/token/release", { token })).toMatchObject(wrong);
    expect((await show(`number=${rejected.number}`)).code).toBe("OK");
  });

  test("C2 a Web API key by Basic gives a token that ends within 1 s of the key's revocation", async () => {
    const { core, admin } = crm.app.t;
    const key = await createApiToken(core, admin, { name: "Web API" });
    const basic = (user: string, password = "") => ({ authorization: `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}` });
    const path = "/authentication/web_api_key/token";
    for (const body of ["", "{}", JSON.stringify({ unit: "Shop" })]) {
      expect((await crm.post(path, body, basic(key.token))).data.token).toBeTypeOf("string");
    }
    const { token } = (await crm.post(path, "", basic(key.token))).data;
    expect((await crm.get("/webhook_requests/show", { token, ...byNumber(rejected) })).code).toBe("OK");
    const refusals = await Promise.all(
      [basic("wrong"), basic(key.token, "x"), basic(token), {}, { authorization: `Bearer ${key.token}` }, { authorization: "Basic" }].map(
        (headers) => crm.post(path, "", headers as Record<string, string>),
      ),
    );
    const password = await crm.post("/authentication/token", JSON.stringify({ username: "x", password: "y", organisation: "z" }));
    for (const each of refusals) expect(each).toMatchObject({ http: 401, code: "INVALID_CREDENTIALS", status: password.status });
    await revokeApiToken(core, admin, key.apiToken.id);
    await sleep(1_000);
    expect(await crm.get("/webhook_requests/show", { token, ...byNumber(rejected) })).toMatchObject(wrong);
    expect(await crm.post(path, "", basic(key.token))).toMatchObject({ http: 401, code: "INVALID_CREDENTIALS" });
  });

  test("C2 a Web API key's role and scopes bind the tokens made from it", async () => {
    const { core, admin } = crm.app.t;
    const key = await createApiToken(core, admin, { name: "Reader", scopes: ["webhooks:read"] });
    const headers = { authorization: `Basic ${Buffer.from(`${key.token}:`).toString("base64")}` };
    const { token } = (await crm.post("/authentication/web_api_key/token", "", headers)).data;
    expect((await crm.get("/webhook_requests/show", { token, ...byNumber(rejected) })).code).toBe("OK");
    expect((await crm.post("/webhook_requests/resend", { token, ...numbered(rejected) })).code).toBe("FORBIDDEN");
    const goals = await createApiToken(core, admin, { name: "Goals", scopes: ["goals:read"] });
    const { data } = await crm.post("/authentication/web_api_key/token", "", {
      authorization: `Basic ${Buffer.from(`${goals.token}:`).toString("base64")}`,
    });
    expect((await crm.get("/webhook_requests/show", { token: data.token, ...byNumber(rejected) })).code).toBe("FORBIDDEN");
    expect((await crm.get("/webhook_requests/list", { token: data.token, entity: "ACTIVITIES" })).code).toBe("FORBIDDEN");
  });

  test("C2 a token lives two hours times HOOKLINE_TOKEN_TTL_SCALE, and using it prolongs nothing", async () => {
    // 2 h × this = 2 s.
    const short = await startCrmcom({ tokenTtlScale: 2 / 7200 });
    try {
      const token = await short.signIn(short.username, "First");
      const until = Date.now() + 2_000;
      const ask = () => short.get("/workflow_rules/list", { token, entity: "JOBS" });
      expect((await ask()).code).toBe("OK");
      for (; Date.now() < until - 300; await sleep(100)) await ask();
      await sleep(Math.max(0, until + 50 - Date.now()));
      expect(await ask()).toMatchObject(wrong);
      const { rows } = await crm.app.t.core.db.pool.query<{ seconds: number }>(
        "SELECT extract(epoch FROM expires_at - created_at)::float8 AS seconds FROM session WHERE kind = 'CRMCOM'",
      );
      for (const { seconds } of rows) expect(seconds).toBeCloseTo(7200, 0);
    } finally {
      await short.close();
    }
  });
});

describe("identifiers", () => {
  test("C3 C4 a request is named by exactly one of id and number", async () => {
    expect(successful.id).toMatch(HEX_ID);
    expect(successful.number).toMatch(/^\d+$/);
    expect((await show(`id=${successful.id}`)).data).toEqual(successful);
    expect((await show(`id=${successful.id.toLowerCase()}`)).data).toEqual(successful);
    expect((await show(`number=${successful.number}`)).data).toEqual(successful);
    const { id, number } = successful;
    const bad = [
      "id=",
      "number=",
      "number",
      `code=${code}`,
      "=1",
      `id=${id},number=${number}`,
      `number=${number},number=${number}`,
      "name=x",
    ];
    for (const each of bad) expect([each, await show(each)]).toMatchObject([each, { http: 200, code: "INVALID_IDENTIFIER" }]);
    const bodies = [
      {},
      { id: "" },
      { id, number },
      { name: "x" },
      { number: true },
      { number: {} },
      [],
      7,
      { id: "", number },
      { number, code: "1" },
    ];
    for (const each of bodies) {
      for (const method of ["resend", "delete"]) {
        const answer = await crm.post(`/webhook_requests/${method}`, { webhook_request_identifier: each });
        expect([each, answer.code]).toEqual([each, "INVALID_IDENTIFIER"]);
      }
    }
    expect((await show(`number=${number}`)).data).toEqual(successful);
  });

  test("C4 a parameter given twice counts as two, in a query and in a form", async () => {
    const twice: [string, string][] = [
      ["webhook_request_identifier", `number=${rejected.number}`],
      ["webhook_request_identifier", `number=${rejected.number}`],
    ];
    expect((await crm.get("/webhook_requests/show", twice)).code).toBe("INVALID_IDENTIFIER");
    expect((await crm.form("/webhook_requests/delete", twice)).code).toBe("INVALID_IDENTIFIER");
  });

  test("C3 the inner = may be encoded or not; only the first one parts", async () => {
    const url = (identifier: string) =>
      `${crm.app.url}${BASE}/webhook_requests/show?token=${crm.token}&webhook_request_identifier=${identifier}`;
    for (const each of [`number=${successful.number}`, `number%3D${successful.number}`, `id=${successful.id}`]) {
      expect(((await (await fetch(url(each))).json()) as Body).data).toEqual(successful);
    }
    const name = `a=b, c=d,name of it ${unique("x")}`;
    const named = await crm.hook({ name });
    const answer = await crm.get("/webhook_definitions/show", { webhook_definition_identifier: `name=${name}` });
    expect(answer.data).toEqual(named.definition);
  });

  test("C4 names may hold commas: a comma parts only before an allowed field name and =", async () => {
    const { definition } = await crm.hook({ name: `Smith, id est, ${unique("name")}` });
    const show = (identifier: string) => crm.get("/webhook_definitions/show", { webhook_definition_identifier: identifier });
    expect((await show(`name=${definition.name}`)).data.id).toBe(definition.id);
    expect((await show(`name=${definition.name},number=7`)).code).toBe("NOT_FOUND");
    expect((await show(`name=${definition.name},id=${definition.id}`)).code).toBe("INVALID_IDENTIFIER");
  });

  test("C7 webhook_request_identifier is mandatory for show, resend and delete; unknown ones are NOT_FOUND", async () => {
    for (const given of [{}, { webhook_request_identifier: "" }]) {
      expect((await crm.get("/webhook_requests/show", given as Record<string, string>)).code).toBe("MISSING_PARAMETER");
      expect((await crm.post("/webhook_requests/resend", given)).code).toBe("MISSING_PARAMETER");
      expect((await crm.post("/webhook_requests/delete", given)).code).toBe("MISSING_PARAMETER");
    }
    expect((await crm.post("/webhook_requests/delete", { webhook_request_identifier: null })).code).toBe("MISSING_PARAMETER");
    const unknown = [
      "number=999999",
      "number=9999999999",
      "number=0",
      "number=-1",
      "number=abc",
      "number=1.5",
      "id=x",
      `id=${"0".repeat(32)}`,
    ];
    for (const each of unknown) expect([each, (await show(each)).code]).toEqual([each, "NOT_FOUND"]);
  });
});

describe("fields_set", () => {
  test("C5 C6 it chooses what the one request of the answer holds; absent or empty, all of it", async () => {
    const ask = async (fields_set: string) => (await show(`number=${rejected.number}`, { fields_set })).data;
    expect(await ask("")).toEqual(rejected);
    expect(await ask("number")).toEqual({ number: rejected.number });
    expect(await ask("id, number,error_code")).toEqual({ id: rejected.id, number: rejected.number, error_code: "HTTP_STATUS" });
    expect(await ask("webhook_definition.alternative_code,request.body,log_information.created_date")).toEqual({
      webhook_definition: { alternative_code: code },
      request: { body: rejected.request.body },
      log_information: { created_date: rejected.log_information.created_date },
    });
    expect(await ask("webhook_definition.secret_key.name")).toEqual({ webhook_definition: { secret_key: { name: "main" } } });
    expect(await ask("request.url,request")).toEqual({ request: rejected.request });
    expect(await ask("request,request.url")).toEqual({ request: rejected.request });
    expect(await ask("log_information.updated_by_user.username")).toEqual({ log_information: { updated_by_user: null } });
    const listed = await crm.get("/webhook_requests/list", {
      webhook_definition_identifier: `alternative_code=${code}`,
      fields_set: "number",
    });
    expect(listed.data).toEqual([{ number: successful.number }, { number: rejected.number }]);
  });

  test("C5 a name that is unknown, at any depth, is INVALID_FIELD, and nothing is done", async () => {
    for (const fields_set of [
      "nothing",
      "number,nothing",
      "request.nothing",
      "number.x",
      "number,",
      ",",
      "__proto__",
      "constructor",
      "Number",
    ]) {
      expect([fields_set, (await show(`number=${rejected.number}`, { fields_set })).code]).toEqual([fields_set, "INVALID_FIELD"]);
      expect((await crm.get("/webhook_requests/list", { entity: "ACTIVITIES", fields_set })).code).toBe("INVALID_FIELD");
      expect((await crm.post("/webhook_requests/resend", { ...numbered(rejected), fields_set })).code).toBe("INVALID_FIELD");
      expect((await crm.post("/webhook_requests/delete", { ...numbered(rejected), fields_set })).code).toBe("INVALID_FIELD");
    }
    expect((await crm.post("/webhook_requests/resend", { ...numbered(rejected), fields_set: 7 })).code).toBe("INVALID_VALUE");
    expect((await show(`number=${rejected.number}`)).data).toEqual(rejected);
  });
});

test("C35 checks come in this order: token, identifier, fields_set, role, state", async () => {
  const before = crm.receiver.calls.length;
  for (const method of ["resend", "delete"]) {
    const call = async (body: object) => (await crm.post(`/webhook_requests/${method}`, body)).code;
    const bad = { token: "x", webhook_request_identifier: {}, fields_set: "nothing" };
    expect(await call(bad)).toBe("INVALID_TOKEN");
    expect(await call({ ...bad, token: viewer })).toBe("INVALID_IDENTIFIER");
    expect(await call({ ...bad, token: viewer, webhook_request_identifier: { number: "999999" } })).toBe("NOT_FOUND");
    expect(await call({ ...bad, token: viewer, ...numbered(successful) })).toBe("INVALID_FIELD");
    expect(await call({ token: viewer, ...numbered(successful) })).toBe("FORBIDDEN");
    expect(await call({ token: viewer, ...numbered(rejected) })).toBe("FORBIDDEN");
  }
  expect((await crm.post("/webhook_requests/resend", numbered(successful))).code).toBe("NOT_REJECTED");
  expect((await show(`number=${rejected.number}`)).data).toEqual(rejected);
  expect((await show(`number=${successful.number}`)).data).toEqual(successful);
  expect(crm.receiver.calls).toHaveLength(before);
});

test("C35 a viewer may show and list, and nothing else", async () => {
  const identifier = { webhook_definition_identifier: { alternative_code: code } };
  const rule = { workflow_rule_identifier: { alternative_code: `rule_${code}` } };
  const text = (given: object) =>
    Object.fromEntries(Object.entries(given).map(([name, { alternative_code }]) => [name, `alternative_code=${alternative_code}`]));
  for (const [path, query] of [
    ["/webhook_requests/show", byNumber(rejected)],
    ["/webhook_requests/list", { entity: "ACTIVITIES" }],
    ["/webhook_definitions/show", text(identifier)],
    ["/webhook_definitions/list", {}],
    ["/workflow_rules/show", text(rule)],
    ["/workflow_rules/list", { entity: "ACTIVITIES" }],
  ] as const) {
    expect([path, (await crm.get(path, { token: viewer, ...query })).code]).toEqual([path, "OK"]);
  }
  const action = [{ code: "TRIGGER WEBHOOKS", webhook_definitions: [{ alternative_code: code }] }];
  for (const [path, body] of [
    ["/webhook_definitions/create", { name: "V", alternative_code: "v", url: "https://example.com/" }],
    ["/webhook_definitions/update", { ...identifier, name: "V" }],
    ["/webhook_definitions/set_life_cycle_state", { ...identifier, life_cycle_state: "NOT EFFECTIVE" }],
    ["/webhook_definitions/delete", identifier],
    ["/workflow_rules/create", { name: "V", alternative_code: "v", entity: "JOBS", actions_set: action }],
    ["/workflow_rules/update", { ...rule, name: "V" }],
    ["/workflow_rules/delete", rule],
  ] as const) {
    expect([path, (await crm.post(path, { token: viewer, ...body })).code]).toEqual([path, "FORBIDDEN"]);
  }
  const { data } = await crm.get("/webhook_definitions/show", text(identifier));
  expect(data).toMatchObject({ name: `Definition ${code}`, life_cycle_state: "EFFECTIVE" });
});

test("C35 another organization's objects are like unknown ones", async () => {
  const other = await crm.app.t.organization("Other");
  const token = await crm.tokenOf("ADMIN", { ...other, name: "Other" });
  const definition = { webhook_definition_identifier: { alternative_code: code } };
  const rule = { workflow_rule_identifier: { alternative_code: `rule_${code}` } };
  for (const [path, body] of [
    ["/webhook_requests/resend", { webhook_request_identifier: { id: rejected.id } }],
    ["/webhook_requests/delete", { webhook_request_identifier: { id: rejected.id } }],
    ["/webhook_definitions/update", definition],
    ["/webhook_definitions/delete", definition],
    ["/webhook_definitions/set_life_cycle_state", { ...definition, life_cycle_state: "NOT EFFECTIVE" }],
    ["/workflow_rules/update", rule],
    ["/workflow_rules/delete", rule],
  ] as const) {
    expect([path, (await crm.post(path, { token, ...body })).code]).toEqual([path, "NOT_FOUND"]);
  }
  expect((await crm.get("/webhook_requests/show", { token, webhook_request_identifier: `id=${rejected.id}` })).code).toBe("NOT_FOUND");
  expect((await crm.get("/webhook_requests/show", { token, ...byNumber(rejected) })).code).toBe("NOT_FOUND");
  expect((await crm.get("/webhook_requests/list", { token, webhook_definition_identifier: `alternative_code=${code}` })).code).toBe(
    "NOT_FOUND",
  );
  expect((await crm.get("/webhook_requests/list", { token, entity: "ACTIVITIES" })).data).toEqual([]);
  expect((await crm.get("/webhook_definitions/list", { token })).data).toEqual([]);
  expect((await crm.get("/workflow_rules/list", { token, entity: "ACTIVITIES" })).data).toEqual([]);
  expect((await show(`number=${rejected.number}`)).data).toEqual(rejected);
});

test("C35 what is no JSON object, no UTF-8 or holds NUL is INVALID_VALUE; a form may hold everything", async () => {
  for (const body of ["{", "[]", '"text"', "null", "7", "{} {}", '{"token":"a\\u0000b"}', '{"token":"\\ud800"}']) {
    expect([body, await crm.post("/webhook_requests/resend", body)]).toMatchObject([body, { http: 200, code: "INVALID_VALUE" }]);
  }
  const deep = `{"token":"${crm.token}","webhook_request_identifier":${"[".repeat(5_000)}${"]".repeat(5_000)}}`;
  expect(await crm.post("/webhook_requests/resend", deep)).toMatchObject({ http: 200, code: "INVALID_VALUE" });
  const response = await fetch(`${crm.app.url}${BASE}/webhook_requests/resend`, {
    method: "POST",
    body: new Uint8Array([0x7b, 0xff, 0x7d]),
  });
  expect(await response.json()).toMatchObject({ status: { code: "INVALID_VALUE" } });
  const failing = (await crm.hook()).code;
  crm.receiver.respond(500);
  const request = await crm.deliver(failing);
  crm.receiver.respond(200);
  const resent = await crm.form("/webhook_requests/resend", { ...byNumber(request), fields_set: "number,life_cycle_state" });
  expect(resent.data).toEqual({ number: request.number, life_cycle_state: "SUCCESSFUL" });
  expect((await crm.form("/webhook_requests/delete", byNumber(request))).data.number).toBe(request.number);
});

test("C35 HOOKLINE_CRMCOM_HTTP_STATUS=true gives each error its HTTP status, the envelope stays", async () => {
  const strict = await startCrmcom({ crmcomHttpStatus: true });
  try {
    const { code: name } = await strict.hook();
    const request = await strict.deliver(name);
    const reader = await strict.tokenOf("VIEWER");
    const answers = await Promise.all([
      strict.get("/webhook_requests/show", { webhook_request_identifier: "number=999" }),
      strict.post("/webhook_requests/resend", { token: reader, ...numbered(request) }),
      strict.post("/webhook_requests/resend", numbered(request)),
      strict.post("/webhook_definitions/create", { name: "Another", alternative_code: name, url: strict.receiver.url }),
      strict.get("/webhook_requests/show", {}),
      strict.get("/webhook_requests/show", { webhook_request_identifier: "x=1" }),
      strict.get("/webhook_requests/show", { ...byNumber(request), fields_set: "x" }),
      strict.get("/webhook_requests/list", { entity: "X" }),
      strict.post("/webhook_requests/resend", "{"),
      strict.get("/webhook_requests/show", { token: "x" }),
      strict.get("/webhook_requests/show", byNumber(request)),
    ]);
    expect(answers.map(({ http, code: each }) => [http, each])).toEqual([
      [404, "NOT_FOUND"],
      [403, "FORBIDDEN"],
      [409, "NOT_REJECTED"],
      [409, "ALREADY_EXISTS"],
      [400, "MISSING_PARAMETER"],
      [400, "INVALID_IDENTIFIER"],
      [400, "INVALID_FIELD"],
      [400, "INVALID_VALUE"],
      [400, "INVALID_VALUE"],
      [401, "INVALID_TOKEN"],
      [200, "OK"],
    ]);
    strict.receiver.hold();
    await strict.event({ payload: { to: name } });
    const [pending] = (await strict.get("/webhook_requests/list", { webhook_definition_identifier: `alternative_code=${name}` })).data;
    expect(await strict.post("/webhook_requests/delete", numbered(pending))).toMatchObject({ http: 409, code: "NOT_SETTLED" });
    strict.receiver.release();
    await strict.settled(name, 2);
  } finally {
    await strict.close();
  }
});
