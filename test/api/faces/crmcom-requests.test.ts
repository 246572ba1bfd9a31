/** CRM.COM's rules C8–C18: its webhook requests listed, sent again and deleted. */
import { createHmac } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { pauseLane, resumeLane } from "../../../src/delivery/lane-pause.ts";
import { uuidFromHex } from "../../../src/wire/ids.ts";
import { type Body, byNumber, type Crmcom, HEX_ID, numbered, PASSWORD, SECRET, startCrmcom } from "./crmcom-server.ts";

let crm: Crmcom;

beforeAll(async () => {
  crm = await startCrmcom();
});
afterAll(() => crm?.close());
beforeEach(() => crm.receiver.respond(200));

const of = (code: string) => ({ webhook_definition_identifier: `alternative_code=${code}` });
const numbers = (requests: Body[]) => requests.map((each) => each.number);
const show = async (request: Body) => (await crm.get("/webhook_requests/show", byNumber(request))).data;

async function list(query: Record<string, string>): Promise<Body[]> {
  const answer = await crm.get("/webhook_requests/list", query);
  expect(answer.status).toEqual({ code: "OK", message: "", description: "" });
  return answer.data;
}

/** A definition with one rejected request. */
async function failed(
  input: Record<string, unknown> = {},
  payload: object = {},
): Promise<{ code: string; definition: Body; request: Body }> {
  const { code, definition } = await crm.hook(input);
  crm.receiver.respond((call) => (call.path === `/${code}` ? { status: 422, body: "no" } : 200));
  const request = await crm.deliver(code, payload);
  crm.receiver.respond(200);
  return { code, definition, request };
}

const update = async (code: string, changes: object) => {
  const answer = await crm.post("/webhook_definitions/update", { webhook_definition_identifier: { alternative_code: code }, ...changes });
  expect(answer.code).toBe("OK");
};

describe("list", () => {
  let a: Body;
  let b: Body;
  /** Of a: successful, rejected; of b: successful. */
  let requests: [Body, Body, Body];

  beforeAll(async () => {
    a = await crm.hook();
    b = await crm.hook({ url: `${crm.receiver.url}/elsewhere` });
    const first = await crm.deliver(a.code, {}, "list-1");
    crm.receiver.respond(500);
    const second = await crm.deliver(a.code, {}, "list-2");
    crm.receiver.respond(200);
    requests = [first, second, await crm.deliver(b.code, {}, "list-1")];
  });

  test("C8 C9 by definition and by rule, each named by id, name or alternative code", async () => {
    const [first, second, third] = requests;
    for (const field of ["id", "name", "alternative_code"]) {
      expect(numbers(await list({ webhook_definition_identifier: `${field}=${a.definition[field]}` }))).toEqual([
        second.number,
        first.number,
      ]);
      expect(numbers(await list({ workflow_rule_identifier: `${field}=${b.rule[field]}` }))).toEqual([third.number]);
    }
    for (const name of ["webhook_definition_identifier", "workflow_rule_identifier"]) {
      for (const given of ["id=x", "name=nobody", "alternative_code=nothing", `id=${"A".repeat(32)}`]) {
        expect((await crm.get("/webhook_requests/list", { [name]: given })).code).toBe("NOT_FOUND");
      }
      for (const given of ["number=1", "name=", "x", "name=a,id=b"]) {
        expect([given, (await crm.get("/webhook_requests/list", { [name]: given })).code]).toEqual([given, "INVALID_IDENTIFIER"]);
      }
    }
  });

  test("C10 C11 by entity, one of the seventeen, and by entity_id", async () => {
    const [first, second, third] = requests;
    expect(numbers(await list({ entity_id: "list-1" }))).toEqual([third.number, first.number]);
    expect(numbers(await list({ entity: "ACTIVITIES", entity_id: "list-2" }))).toEqual([second.number]);
    expect(await list({ entity: "JOBS", entity_id: "list-2" })).toEqual([]);
    const names =
      "ACCOUNTSRECEIVABLE ACTIVITIES CONTACTINFORMATION CREDITNOTES INVOICES INVOICECANCELLATIONS JOBS LEADS PAYMENTS PAYMENTCANCELLATIONS REFUNDS REWARDOFFERS SERVICEREQUESTS SUBSCRIPTIONS WALLETS WALLETTRANSACTIONS WRITEOFFS";
    expect(names.split(" ")).toHaveLength(17);
    for (const entity of names.split(" ")) expect((await crm.get("/webhook_requests/list", { entity })).code).toBe("OK");
    for (const entity of ["activities", "FINANCIALTRANSACTIONS", "ADHOCDISCOUNT", "*", "order"]) {
      expect((await crm.get("/webhook_requests/list", { entity })).code).toBe("INVALID_VALUE");
    }
  });

  test("C12 C13 by the URL used and by state, SUCCESSFUL or REJECTED", async () => {
    const [first, second, third] = requests;
    expect(numbers(await list({ entity_id: "list-1", url: `${crm.receiver.url}/elsewhere` }))).toEqual([third.number]);
    expect(await list({ entity_id: "list-1", url: `${crm.receiver.url}/else` })).toEqual([]);
    expect(numbers(await list({ ...of(a.code), life_cycle_state: "SUCCESSFUL" }))).toEqual([first.number]);
    expect(numbers(await list({ ...of(a.code), life_cycle_state: "REJECTED" }))).toEqual([second.number]);
    for (const life_cycle_state of ["rejected", "PENDING", "EFFECTIVE"]) {
      expect((await crm.get("/webhook_requests/list", { ...of(a.code), life_cycle_state })).code).toBe("INVALID_VALUE");
    }
  });

  test("C14 by created_date: the calendar day in the organization's time zone, whose time is shown", async () => {
    const { core, organizationId } = crm.app.t;
    const { code } = await crm.hook();
    const [one, two, three] = [await crm.deliver(code), await crm.deliver(code), await crm.deliver(code)];
    // Ids hold the time too, and the log is found by them: a partition for what is older than this installation.
    for (const table of ["webhook_request", "attempt"]) {
      await crm.app.t.asServer(`DO $$ BEGIN EXECUTE format('CREATE TABLE ${table}_long_ago PARTITION OF ${table} FOR VALUES FROM (MINVALUE) TO (%L)',
        (SELECT lowest_id(min(since)) FROM hot_partition WHERE parent = '${table}')); END $$`);
    }
    await core.db.pool.query("UPDATE number_block SET first_id = '00000000-0000-0000-0000-000000000000'");
    const at = async (request: Body, moment: string) => {
      const key = [organizationId, Number(request.number), moment];
      await core.db.pool.query(
        `WITH was AS (SELECT organization_id, id FROM webhook_request WHERE organization_id = $1 AND number = $2)
         UPDATE attempt a SET request_id = (left(lowest_id($3)::text, 24) || right(was.id::text, 12))::uuid
         FROM was WHERE a.organization_id = was.organization_id AND a.request_id = was.id`,
        key,
      );
      await core.db.pool.query(
        `UPDATE webhook_request SET created_at = $3, id = (left(lowest_id($3)::text, 24) || right(id::text, 12))::uuid
         WHERE organization_id = $1 AND number = $2`,
        key,
      );
    };
    // 22:30 and 23:30 of 1 November and 0:30 of the 2nd, as Athens (UTC+2) has them.
    await at(one, "2015-11-01T20:30:00Z");
    await at(two, "2015-11-01T21:59:59.999Z");
    await at(three, "2015-11-01T22:00:00Z");
    const on = async (created_date: string) => numbers(await list({ ...of(code), created_date }));
    const zone = async (timeZone: string) =>
      core.db.pool.query("UPDATE organization SET time_zone = $2 WHERE id = $1", [organizationId, timeZone]);
    try {
      expect(await on("2015-11-01")).toEqual(numbers([three, two, one]));
      await zone("Europe/Athens");
      expect(await on("2015-11-01")).toEqual(numbers([two, one]));
      expect(await on("2015-11-02")).toEqual(numbers([three]));
      expect(await on("2015-11-02T16:03:41")).toEqual(numbers([three]));
      expect(await on("2015-11-01T23:00:00Z")).toEqual(numbers([three]));
      expect(await on("2015-11-03")).toEqual([]);
      expect((await show(three)).log_information.created_date).toBe("2015-11-02T00:00:00");
      expect((await show(one)).log_information.created_date).toBe("2015-11-01T22:30:00");
      await zone("America/New_York");
      // That day has 25 hours there.
      expect(await on("2015-11-01")).toEqual(numbers([three, two, one]));
      // Cairo's clocks jumped from midnight to one o'clock on 28 April 2023.
      await zone("Africa/Cairo");
      await at(one, "2023-04-27T21:59:59Z");
      await at(two, "2023-04-27T22:00:00Z");
      expect(await on("2023-04-27")).toEqual(numbers([one]));
      expect(await on("2023-04-28")).toEqual(numbers([two]));
    } finally {
      await zone("UTC");
    }
    for (const wrong of ["2015-13-01", "2015-02-30", "yesterday", "02/11/2015", "2015-11-02T25:00:00", "0000-01-01", "2015-11-02x"]) {
      expect([wrong, (await crm.get("/webhook_requests/list", { ...of(code), created_date: wrong })).code]).toEqual([
        wrong,
        "INVALID_VALUE",
      ]);
    }
    for (const far of ["1000-01-01", "9999-12-31"]) expect(await on(far)).toEqual([]);
    expect((await crm.get("/webhook_definitions/list", { created_date: "9999-12-31" })).data).toEqual([]);
  });

  test("C15 C34 fields_set for every item; referred objects are given whole", async () => {
    const items = await list({ ...of(a.code), fields_set: "webhook_definition,workflow_rule" });
    expect(items).toHaveLength(2);
    for (const item of items) expect(item).toEqual({ webhook_definition: a.definition, workflow_rule: a.rule });
  });

  test("C16 at least one of the four semi-optional parameters; several narrow each other", async () => {
    const [first] = requests;
    const none = {
      url: crm.receiver.url,
      life_cycle_state: "REJECTED",
      created_date: "2015-11-02",
      number_of_results: "1",
      offset: "0",
      fields_set: "id",
    };
    expect((await crm.get("/webhook_requests/list", none)).code).toBe("MISSING_PARAMETER");
    expect((await crm.get("/webhook_requests/list", { entity: "", entity_id: "", webhook_definition_identifier: "" })).code).toBe(
      "MISSING_PARAMETER",
    );
    const all = { ...of(a.code), workflow_rule_identifier: `name=${a.rule.name}`, entity: "ACTIVITIES", entity_id: "list-1" };
    expect(numbers(await list(all))).toEqual([first.number]);
    expect(await list({ ...all, workflow_rule_identifier: `name=${b.rule.name}` })).toEqual([]);
  });

  test("C6 C16 newest first; number_of_results (100, at most 1000) and offset page through it", async () => {
    const [first, second] = requests;
    expect(numbers(await list({ ...of(a.code), number_of_results: "1" }))).toEqual([second.number]);
    expect(numbers(await list({ ...of(a.code), number_of_results: "1000", offset: "1" }))).toEqual([first.number]);
    expect(await list({ ...of(a.code), offset: "2" })).toEqual([]);
    for (const wrong of ["0", "1001", "-1", "1.5", "ten", "1e2", " 1"]) {
      expect([wrong, (await crm.get("/webhook_requests/list", { ...of(a.code), number_of_results: wrong })).code]).toEqual([
        wrong,
        "INVALID_VALUE",
      ]);
    }
    for (const wrong of ["-1", "x", "99999999999"]) {
      expect((await crm.get("/webhook_requests/list", { ...of(a.code), offset: wrong })).code).toBe("INVALID_VALUE");
    }
    const { code } = await crm.hook();
    await Promise.all(Array.from({ length: 101 }, (_, i) => crm.event({ payload: { to: code, i } })));
    expect(await list({ ...of(code) })).toHaveLength(100);
    expect(await list({ ...of(code), number_of_results: "1000" })).toHaveLength(101);
    await crm.settled(code, 100);
  });
});

test("C13 C21 until it is settled a request is PENDING: listed, not sent again, not deleted", async () => {
  const { code } = await crm.hook();
  crm.receiver.hold();
  try {
    await crm.event({ payload: { to: code } });
    await crm.receiver.waitFor(() => crm.calls(code).length === 1);
    const [pending] = await list(of(code));
    expect(pending).toMatchObject({
      life_cycle_state: "PENDING",
      request: null,
      response: null,
      error_code: null,
      url: `${crm.receiver.url}/${code}`,
    });
    for (const life_cycle_state of ["SUCCESSFUL", "REJECTED"]) expect(await list({ ...of(code), life_cycle_state })).toEqual([]);
    expect((await crm.post("/webhook_requests/resend", numbered(pending))).code).toBe("NOT_REJECTED");
    expect((await crm.post("/webhook_requests/delete", numbered(pending))).code).toBe("NOT_SETTLED");
  } finally {
    crm.receiver.release();
  }
  expect((await crm.settled(code))[0]).toMatchObject({ life_cycle_state: "SUCCESSFUL" });
  expect(crm.calls(code)).toHaveLength(1);
});

describe("resend", () => {
  test("C17 sends a rejected request again in place: same number and id, and answers once it is settled", async () => {
    const { code, request } = await failed();
    expect(request).toMatchObject({ life_cycle_state: "REJECTED", error_code: "HTTP_STATUS" });
    expect(request.error_description).toContain("422");
    crm.receiver.respond({ status: 201, body: "thanks", delayMs: 300 });
    const answer = await crm.post("/webhook_requests/resend", numbered(request));
    expect(answer.data).toMatchObject({
      ...{ id: request.id, number: request.number, life_cycle_state: "SUCCESSFUL", error_code: null, error_description: null },
      response: { status: 201, body: "thanks" },
    });
    expect(await show(request)).toEqual(answer.data);
    expect(numbers(await list(of(code)))).toEqual([request.number]);
    expect(crm.calls(code)).toHaveLength(2);
    expect(crm.calls(code)[1]?.body).toEqual(crm.calls(code)[0]?.body);
    expect(answer.data.request.body).toBe(request.request.body);
  });

  test("C17 only a rejected one: a successful one is refused and nothing is sent", async () => {
    const { code } = await crm.hook();
    const request = await crm.deliver(code);
    expect((await crm.post("/webhook_requests/resend", numbered(request))).code).toBe("NOT_REJECTED");
    expect((await crm.post("/webhook_requests/resend", { ...numbered(request), force: true })).code).toBe("NOT_REJECTED");
    await crm.deliver(code);
    expect(crm.calls(code)).toHaveLength(2);
    expect(await show(request)).toEqual(request);
  });

  test("C17 one that fails again is answered as REJECTED with the new error; fields_set chooses what of it", async () => {
    const { code, request } = await failed();
    crm.receiver.respond(503);
    const answer = await crm.post("/webhook_requests/resend", {
      ...numbered(request),
      fields_set: "life_cycle_state,error_description,response.status",
    });
    expect(answer.data).toEqual({
      life_cycle_state: "REJECTED",
      error_description: expect.stringContaining("503"),
      response: { status: 503 },
    });
    expect(crm.calls(code)).toHaveLength(2);
  });

  test("C17 it is PENDING while it is sent again; of several at once, one sends", async () => {
    const { code, request } = await failed();
    crm.receiver.hold();
    const several = Array.from({ length: 5 }, () => crm.post("/webhook_requests/resend", numbered(request)));
    await crm.receiver.waitFor(() => crm.calls(code).length === 2);
    expect((await show(request)).life_cycle_state).toBe("PENDING");
    expect((await crm.post("/webhook_requests/delete", numbered(request))).code).toBe("NOT_SETTLED");
    crm.receiver.release();
    const codes = (await Promise.all(several)).map((each) => each.code);
    expect(codes.sort()).toEqual(["NOT_REJECTED", "NOT_REJECTED", "NOT_REJECTED", "NOT_REJECTED", "OK"]);
    await crm.deliver(code);
    expect(crm.calls(code)).toHaveLength(3);
  });

  test("C17 C24 C25 C26 it uses the definition as it is now on the stored event; until then the latest attempt is shown", async () => {
    const { code, request } = await failed({ fields_set: "activity.id" }, { activity: { id: "7", number: "A1" } });
    expect(request).toMatchObject({ fields_set: "activity.id", url: `${crm.receiver.url}/${code}` });
    await update(code, {
      url: `${crm.receiver.url}/moved/${code}`,
      fields_set: "activity.number",
      hmac_algorithm: "sha1",
      hmac_encoding: "base64",
    });
    const { webhook_definition, ...before } = await show(request);
    expect(before).toEqual({ ...request, webhook_definition: undefined });
    expect(webhook_definition).toMatchObject({ fields_set: "activity.number", url: `${crm.receiver.url}/moved/${code}` });
    const { data } = await crm.post("/webhook_requests/resend", numbered(request));
    const call = crm.calls(`moved/${code}`)[0];
    const signed = '{"activity":{"number":"A1"}}';
    const expected = createHmac("sha1", SECRET).update(signed).digest("base64");
    expect(data).toMatchObject({ url: `${crm.receiver.url}/moved/${code}`, fields_set: "activity.number", authentication_code: expected });
    expect(data.request).toMatchObject({ url: data.url, body: call?.body.toString() });
    expect(call?.json()).toMatchObject({ number: request.number, authentication_code: expected, data: { activity: { number: "A1" } } });
    expect(await list({ ...of(code), url: `${crm.receiver.url}/${code}` })).toEqual([]);
  });

  test("C17 C33 updated_by_user is then the caller, and updated_date moves", async () => {
    const { request } = await failed();
    expect(request.log_information).toMatchObject({
      created_by_user: null,
      updated_by_user: null,
      created_by_unit: null,
      updated_by_unit: null,
    });
    const token = await crm.tokenOf("MEMBER");
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    const { data } = await crm.post("/webhook_requests/resend", { token, ...numbered(request) });
    expect(data.log_information.updated_by_user).toEqual({
      id: expect.stringMatching(HEX_ID),
      username: expect.stringMatching(/^crm_\d+$/),
      person_name: expect.stringMatching(/^Person crm_/),
      email: expect.stringMatching(/@example\.test$/),
    });
    expect(data.log_information.created_by_user).toBeNull();
    expect(data.log_information.created_date).toBe(request.log_information.created_date);
    expect(data.log_information.updated_date > request.log_information.updated_date).toBe(true);
  });

  test("C33 the unit given at sign-in is shown where its token wrote; later writers' units take its place", async () => {
    const signIn = async (unit?: string) => {
      const input = { username: crm.username, password: PASSWORD, organisation: "First", unit };
      return (await crm.post("/authentication/token", JSON.stringify(input))).data.token as string;
    };
    const [head, shop] = [await signIn("Head office"), await signIn("Shop 7")];
    const unit = (name: string) => ({ id: null, name, description: null, alternative_code: null });
    const { code, request } = await failed({ token: head });
    expect(request.webhook_definition.log_information).toMatchObject({
      created_by_unit: unit("Head office"),
      updated_by_unit: unit("Head office"),
    });
    expect(request.log_information).toMatchObject({ created_by_unit: null, updated_by_unit: null });
    const resent = await crm.post("/webhook_requests/resend", {
      token: shop,
      ...numbered(request),
      fields_set: "log_information.updated_by_unit.name",
    });
    expect(resent.data).toEqual({ log_information: { updated_by_unit: { name: "Shop 7" } } });
    const state = { webhook_definition_identifier: { alternative_code: code }, life_cycle_state: "NOT EFFECTIVE" };
    const stopped = await crm.post("/webhook_definitions/set_life_cycle_state", { token: shop, ...state });
    expect(stopped.data.log_information).toMatchObject({ created_by_unit: unit("Head office"), updated_by_unit: unit("Shop 7") });
    const rule = { workflow_rule_identifier: { alternative_code: `rule_${code}` }, priority: "HIGH" };
    const changed = await crm.post("/workflow_rules/update", { token: head, ...rule });
    expect(changed.data.log_information).toMatchObject({ created_by_unit: null, updated_by_unit: unit("Head office") });
    expect((await crm.post("/workflow_rules/update", rule)).data.log_information.updated_by_unit).toBeNull();
    const long = { username: crm.username, password: PASSWORD, organisation: "First", unit: "x".repeat(256) };
    expect((await crm.post("/authentication/token", JSON.stringify(long))).code).toBe("INVALID_VALUE");
  });

  test("C17 it waits no longer than the definition's timeout and a second", async () => {
    const { code, definition, request } = await failed();
    const { core, organizationId } = crm.app.t;
    await core.db.prisma.webhookDefinition.update({ where: { id: uuidFromHex(definition.id), organizationId }, data: { timeoutMs: 300 } });
    const timed = async () => {
      const since = performance.now();
      const { data } = await crm.post("/webhook_requests/resend", numbered(request));
      return { state: data.life_cycle_state, error: data.error_code, ms: performance.now() - since };
    };
    crm.receiver.respond({ delayMs: 8_000 });
    const late = await timed();
    expect(late).toMatchObject({ state: "REJECTED", error: "TIMEOUT" });
    expect(late.ms).toBeLessThan(7_000);
    crm.receiver.respond(200);
    const { rows } = await core.db.pool.query<{ id: string }>("SELECT id FROM lane WHERE definition_id = $1", [uuidFromHex(definition.id)]);
    for (const { id } of rows) await pauseLane(core, organizationId, id);
    const paused = await timed();
    expect(paused.state).toBe("PENDING");
    expect(paused.ms).toBeGreaterThan(1_200);
    expect(paused.ms).toBeLessThan(3_000);
    for (const { id } of rows) await resumeLane(core, organizationId, id);
    expect((await crm.settled(code))[0]).toMatchObject({ number: request.number, life_cycle_state: "SUCCESSFUL" });
  });

  test("C17 a request whose definition is not effective is sent when it is effective again; without a definition never", async () => {
    const { code, request } = await failed();
    const identifier = { webhook_definition_identifier: { alternative_code: code } };
    await crm.post("/webhook_definitions/set_life_cycle_state", { ...identifier, life_cycle_state: "NOT EFFECTIVE" });
    expect((await crm.post("/webhook_requests/resend", numbered(request))).data.life_cycle_state).toBe("PENDING");
    expect(crm.calls(code)).toHaveLength(1);
    await crm.post("/webhook_definitions/set_life_cycle_state", { ...identifier, life_cycle_state: "EFFECTIVE" });
    expect((await crm.settled(code))[0]).toMatchObject({ number: request.number, life_cycle_state: "SUCCESSFUL" });
    const gone = await failed();
    await crm.post("/webhook_definitions/delete", { webhook_definition_identifier: { alternative_code: gone.code } });
    expect((await crm.post("/webhook_requests/resend", numbered(gone.request))).code).toBe("NOT_FOUND");
    expect(await show(gone.request)).toMatchObject({ life_cycle_state: "REJECTED" });
  });
});

test("C18 delete takes a successful or a rejected request and answers with it; its number is never used again", async () => {
  const { code, request } = await failed();
  const good = await crm.deliver(code);
  const deleted = await crm.post("/webhook_requests/delete", { webhook_request_identifier: { id: request.id } });
  expect(deleted.data).toEqual(request);
  const short = await crm.post("/webhook_requests/delete", { ...numbered(good), fields_set: "number,request.body" });
  expect(short.data).toEqual({ number: good.number, request: { body: good.request.body } });
  for (const each of [request, good]) {
    expect((await crm.get("/webhook_requests/show", byNumber(each))).code).toBe("NOT_FOUND");
    expect((await crm.post("/webhook_requests/resend", numbered(each))).code).toBe("NOT_FOUND");
    expect((await crm.post("/webhook_requests/delete", numbered(each))).code).toBe("NOT_FOUND");
  }
  expect(await list(of(code))).toEqual([]);
  expect(Number((await crm.deliver(code)).number)).toBeGreaterThan(Number(good.number));
});
