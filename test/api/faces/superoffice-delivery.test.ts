/** What SuperOffice webhooks send, and what becomes of them: the API's numbers are in superoffice.test.ts. */
import { createHmac } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createScript } from "../../../src/definitions/scripts.ts";
import { type Receiver, startReceiver } from "../../helpers/receiver.ts";
import { eventually, RPC, type SuperOffice, startSuperOffice, WEBHOOK } from "./superoffice-server.ts";

let so: SuperOffice;
let receiver: Receiver;
let watcher: Receiver;
beforeAll(async () => {
  so = await startSuperOffice();
  receiver = await startReceiver();
  watcher = await startReceiver();
});
beforeEach(async () => {
  // Each test has its own webhooks.
  await so.t.core.db.pool.query("UPDATE webhook_definition SET deleted_at = now(), state = 'STOPPED' WHERE deleted_at IS NULL");
  for (const each of [receiver, watcher]) {
    each.respond(200);
    each.calls.length = 0;
  }
  so.mailbox.mails.length = 0;
});
afterAll(async () => {
  await so?.close();
  await receiver?.close();
  await watcher?.close();
});

/** A new webhook; the call of its save test is not counted. */
async function create(more: object = {}) {
  const body = { Name: "Tonys Contact Handler", Events: ["contact.changed"], TargetUrl: `${receiver.url}/hook`, ...more };
  const { json } = await so.post(WEBHOOK, body);
  expect(json.WebhookId).toBeGreaterThan(0);
  receiver.calls.length = 0;
  watcher.calls.length = 0;
  return json;
}

async function signal(name: string, key: number, data: object = {}) {
  expect(await so.post(`${WEBHOOK}/${name}/${key}`, data)).toMatchObject({ status: 204, text: "" });
}

const get = async (id: number) => (await so.call(`${WEBHOOK}/${id}`)).json;

describe("what is sent", () => {
  test("S16 S18 S21 S22 a signalled event: keys in their order, headers, signature over the bytes", async () => {
    const Secret = "Something Super Secret";
    await create({
      Secret,
      Headers: { "X-Custom": "yes" },
      Properties: { region: "eu", EventId: "mine", webhookname: "mine", fieldName: {} },
    });
    await signal("Contact.Changed", 18, { name: "Åse", contact_id: 18 });
    const [call] = await receiver.waitFor(1);
    const body = call?.json();
    expect(Object.keys(body)).toEqual([
      ...["EventId", "Timestamp", "Changes", "Event", "PrimaryKey", "Entity", "ContextIdentifier", "ChangedByAssociateId", "WebhookName"],
      ...["FieldValues", "region", "fieldName"],
    ]);
    expect(body).toMatchObject({
      ...{
        EventId: expect.stringMatching(/^[0-9a-f-]{36}$/),
        Timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,7})?Z$/),
      },
      ...{ Changes: ["name", "contact_id"], Event: "Contact.Changed", PrimaryKey: 18, Entity: "Contact", ContextIdentifier: "Default" },
      ...{ WebhookName: "Tonys Contact Handler", FieldValues: { name: "Åse", contact_id: 18 }, region: "eu" },
    });
    expect(body.ChangedByAssociateId).toBeGreaterThan(0);
    expect(call?.headers).toMatchObject({
      "content-type": "application/json; charset=utf-8",
      "user-agent": expect.stringMatching(/^NetServer-Webhook\//),
      "x-superoffice-event": "Contact.Changed",
      "x-superoffice-eventid": body.EventId,
      "x-superoffice-signature": createHmac("sha256", Buffer.from(Secret))
        .update(call?.body as Buffer)
        .digest("base64"),
      "x-custom": "yes",
    });
    expect(call?.headers["x-superoffice-retry"]).toBeUndefined();
    expect(call?.headers["x-hook-test"]).toBeUndefined();
  });

  test("S18 no signature without a secret; a delete has Values", async () => {
    await create({ Events: ["contact.deleted"] });
    expect(await so.post(`${RPC}/SignalEvent`, { EventName: "contact.deleted", PrimaryKey: 7, Data: { contact_id: 7 } })).toMatchObject({
      status: 204,
    });
    const [call] = await receiver.waitFor(1);
    expect(call?.headers["x-superoffice-signature"]).toBeUndefined();
    expect(call?.json()).toMatchObject({ PrimaryKey: 7, Values: { contact_id: 7 } });
    expect(call?.json().FieldValues).toBeUndefined();
  });

  test("SignalEvent refuses bad names, keys and data; events of other names are not sent", async () => {
    await create();
    const bad: [string, unknown][] = [
      [`${WEBHOOK}/bad%20name/1`, {}],
      [`${WEBHOOK}/a.b/x`, {}],
      [`${WEBHOOK}/a.b/2147483648`, {}],
      [`${WEBHOOK}/a.b/1`, []],
      [`${WEBHOOK}/a.b/1`, '"text"'],
      [`${RPC}/SignalEvent`, { PrimaryKey: 1 }],
    ];
    for (const [path, body] of bad) expect(await so.post(path, body), path).toMatchObject({ status: 400, json: { Error: true } });
    await signal("contact.changed.more", 1);
    await signal("contact.changed", 0);
    expect((await receiver.waitFor(1))[0]?.json()).toMatchObject({ Event: "contact.changed", PrimaryKey: 0 });
    expect(receiver.calls).toHaveLength(1);
  });
});

test("ChangedByAssociateId is the actor when it is a number, else the caller's associate", async () => {
  await create();
  const associate = (await so.call(WEBHOOK)).json[0].RegisteredAssociate.AssociateId;
  const { organizationId } = so.t;
  const event = { type: "contact.changed", payload: "{}", callerNumber: associate };
  await so.doors.ingest.emit(organizationId, [{ ...event, entityId: "1", actor: "77" }]);
  await so.doors.ingest.emit(organizationId, [{ ...event, entityId: "2", actor: "tony" }]);
  await so.doors.ingest.emit(organizationId, [{ ...event, entityId: "3", callerNumber: null }]);
  const calls = await receiver.waitFor(3);
  const seen = new Map(calls.map((call) => [call.json().PrimaryKey, call.json().ChangedByAssociateId]));
  expect([1, 2, 3].map((key) => seen.get(key))).toEqual([77, associate, 0]);
});

test("an organization that enforces its event types still gets state events", async () => {
  const { WebhookId: id } = await create();
  await create({ Name: "Watcher", TargetUrl: watcher.url, Events: [`webhook${id}.stopped`] });
  const organization = { where: { id: so.t.organizationId } };
  await so.t.core.db.unscoped.organization.update({ ...organization, data: { enforceEventTypes: true } });
  try {
    expect(await so.post(`${WEBHOOK}/custom.verb/1`, {})).toMatchObject({ status: 400 });
    expect(await so.call(`${WEBHOOK}/${id}`, { method: "PATCH", body: { State: "Stopped" } })).toMatchObject({ status: 200 });
    await watcher.waitFor(1);
  } finally {
    await so.t.core.db.unscoped.organization.update({ ...organization, data: { enforceEventTypes: false } });
  }
});

describe("S19 the state machine", () => {
  test("201 is a failure; nine in a row: TooManyErrors, one mail, one webhook{id}.errors; Active goes on in order", async () => {
    const made = await create({ ErrorsEmail: "tony@example.test" });
    const id = made.WebhookId;
    await create({
      Name: "Watcher",
      TargetUrl: `${watcher.url}/state`,
      Events: [`webhook${id}.errors`, `webhook${id}.started`, `webhook${id}.stopped`],
    });
    receiver.respond(201);
    await signal("contact.changed", 1);
    await receiver.waitFor(9);
    await eventually(
      () => get(id),
      (webhook) => webhook.State === "TooManyErrors",
    );
    const calls = receiver.calls.slice(0, 9);
    expect(calls.map((call) => call.headers["x-superoffice-retry"])).toEqual([undefined, "1", "2", "3", "4", "5", "6", "7", "8"]);
    expect(new Set(calls.map((call) => call.body.toString())).size).toBe(1);
    expect(await get(id)).toMatchObject({ ConsecutiveErrors: 9, TotalErrors: 9, TotalCalls: 9 });

    const [mail] = await so.mailbox.waitFor(1);
    expect(mail?.to).toEqual(["tony@example.test"]);
    expect(mail?.text).toContain("Tonys Contact Handler");
    expect(mail?.text).toContain(calls[0]?.json().EventId);
    expect(mail?.text).toContain("HTTP 201");
    const [told] = await watcher.waitFor(1);
    expect(told?.headers["x-superoffice-event"]).toBe(`webhook${id}.errors`);
    expect(told?.json()).toMatchObject({ Event: "webhook.errors", PrimaryKey: id });
    expect(told?.json().Entity).toBeUndefined();

    // While it is not Active new events are not taken; what is queued waits, and goes on first.
    await signal("contact.changed", 99);
    receiver.respond(200);
    receiver.calls.length = 0;
    await so.call(`${WEBHOOK}/${id}`, { method: "PATCH", body: { State: "Active" } });
    await signal("contact.changed", 2);
    const after = await receiver.waitFor(2);
    expect(after.map((call) => call.json().PrimaryKey)).toEqual([1, 2]);
    await eventually(
      () => get(id),
      (webhook) => webhook.ConsecutiveErrors === 0,
    );
    await watcher.waitFor(2);
    expect(watcher.calls.map((call) => call.headers["x-superoffice-event"])).toEqual([`webhook${id}.errors`, `webhook${id}.started`]);
    expect(so.mailbox.mails).toHaveLength(1);
  });

  test("what is queued when it is disabled goes on in number order", async () => {
    const { WebhookId: id } = await create();
    receiver.hold();
    receiver.respond(500);
    for (let key = 1; key <= 12; key++) await signal("contact.changed", key);
    receiver.release();
    await eventually(
      () => get(id),
      (webhook) => webhook.State === "TooManyErrors",
    );
    receiver.respond(200);
    await so.call(`${WEBHOOK}/${id}`, { method: "PATCH", body: { State: "Active" } });
    const definition = await so.t.core.db.unscoped.webhookDefinition.findFirst({ where: { number: id } });
    const requests = () =>
      so.t.core.db.unscoped.webhookRequest.findMany({ where: { definitionId: definition?.id as string }, orderBy: { number: "asc" } });
    const rows = await eventually(requests, (all) => all.every((row) => row.state === "DELIVERED"));
    expect(rows.map((row) => row.entityId)).toEqual(Array.from({ length: 12 }, (_, i) => String(i + 1)));
    const delivered = await so.t.core.db.unscoped.attempt.findMany({ where: { outcome: "DELIVERED" } });
    const starts = rows.map((row) => delivered.find((attempt) => attempt.requestId === row.id)?.startedAt.getTime() ?? 0);
    expect(starts).toEqual([...starts].sort((x, y) => x - y));
    expect(await get(id)).toMatchObject({ State: "Active", ConsecutiveErrors: 0 });
  });

  test("a success at the eighth try resets the count", async () => {
    const { WebhookId } = await create({ ErrorsEmail: "tony@example.test" });
    receiver.respond((_, index) => (index === 7 ? 200 : 500));
    await signal("contact.changed", 1);
    await receiver.waitFor(8);
    await eventually(
      () => get(WebhookId),
      (webhook) => webhook.ConsecutiveErrors === 0 && webhook.TotalCalls === 8,
    );
    expect(await get(WebhookId)).toMatchObject({ State: "Active", TotalErrors: 7 });
    expect(so.mailbox.mails).toHaveLength(0);
  });

  test("410 disables at once, with mail", async () => {
    const { WebhookId } = await create({ ErrorsEmail: "tony@example.test" });
    receiver.respond(410);
    await signal("contact.changed", 1);
    await eventually(
      () => get(WebhookId),
      (webhook) => webhook.State === "TooManyErrors",
    );
    const [mail] = await so.mailbox.waitFor(1);
    expect(mail?.text).toContain("HTTP 410");
    expect(receiver.calls).toHaveLength(1);
  });

  test("S27 without ErrorsEmail nobody is mailed", async () => {
    const silent = await create();
    receiver.respond(410);
    await signal("contact.changed", 1);
    await eventually(
      () => get(silent.WebhookId),
      (webhook) => webhook.State === "TooManyErrors",
    );
    const told = await create({ ErrorsEmail: "tony@example.test", State: "Stopped" });
    await so.call(`${WEBHOOK}/${told.WebhookId}`, { method: "PATCH", body: { State: "Active" } });
    await signal("contact.changed", 2);
    const [mail] = await so.mailbox.waitFor(1);
    expect(mail?.text).toContain(`WebhookId:  ${told.WebhookId} `);
  });

  test("state events come on real changes only", async () => {
    const { WebhookId: id } = await create();
    await create({ Name: "Watcher", TargetUrl: watcher.url, Events: [`webhook${id}.started`, `webhook${id}.stopped`] });
    const set = (State: string) => so.call(`${WEBHOOK}/${id}`, { method: "PATCH", body: { State } });
    for (const state of ["Active", "Stopped", "Stopped", "Active", "Active", "Stopped"]) expect((await set(state)).status).toBe(200);
    const told = await watcher.waitFor(3);
    expect(told.map((call) => call.json().Event).sort()).toEqual(["webhook.started", "webhook.stopped", "webhook.stopped"]);
    await signal("contact.changed", 5);
    await set("Active");
    await watcher.waitFor(4);
    expect(watcher.calls).toHaveLength(4);
    expect(receiver.calls).toHaveLength(0);
  });
});

describe("the save test and POST /Test", () => {
  const post = (more: object) => so.post(WEBHOOK, { Name: "x", Events: ["a.b"], TargetUrl: receiver.url, ...more });
  const refused = { status: 400, json: { Error: true, ErrorType: "SoWebhookException", ErrorMessage: expect.any(String) } };

  test("S1 saving an Active webhook calls its target first, as a test", async () => {
    const Secret = "key";
    await post({ Secret, Properties: { region: "eu" } });
    const [call] = receiver.calls;
    expect(call?.headers).toMatchObject({ "x-hook-test": "true", "x-superoffice-event": "test" });
    expect(call?.headers["x-superoffice-signature"]).toBe(
      createHmac("sha256", Secret)
        .update(call?.body as Buffer)
        .digest("base64"),
    );
    expect(call?.json()).toMatchObject({ Changes: [], Event: "test", PrimaryKey: 0, Entity: "test", WebhookName: "x", region: "eu" });
    expect(call?.json().EventId).toBe(call?.headers["x-superoffice-eventid"]);
  });

  test("a target that does not answer 200 is not saved; a Stopped one is not asked", async () => {
    const count = () => so.t.core.db.unscoped.webhookDefinition.count();
    const before = await count();
    for (const status of [201, 204, 302, 404, 500]) {
      receiver.respond(status);
      expect(await post({}), String(status)).toMatchObject(refused);
    }
    expect(await post({ TargetUrl: "http://127.0.0.1:1/" })).toMatchObject(refused);
    expect(await post({ TargetUrl: "http://10.0.0.1/" })).toMatchObject({ status: 400 });
    expect(await count()).toBe(before);
    receiver.calls.length = 0;
    expect(await post({ State: "Stopped" })).toMatchObject({ status: 200 });
    expect(receiver.calls).toHaveLength(0);
  });

  test("a change of TargetUrl is tested, one of Name or State is not; the old one stays", async () => {
    const made = await create({ TargetUrl: watcher.url });
    const path = `${WEBHOOK}/${made.WebhookId}`;
    receiver.respond(500);
    watcher.respond(500);
    expect(await so.call(path, { method: "PATCH", body: { TargetUrl: receiver.url, Name: "New" } })).toMatchObject(refused);
    expect(await so.call(path, { method: "PUT", body: { ...made, TargetUrl: receiver.url } })).toMatchObject(refused);
    expect(await so.post(`${RPC}/SaveWebhook`, { ...made, TargetUrl: receiver.url })).toMatchObject(refused);
    expect(await get(made.WebhookId)).toMatchObject({ TargetUrl: `${watcher.url}/`, Name: made.Name });
    expect(receiver.calls).toHaveLength(3);
    expect(await so.call(path, { method: "PATCH", body: { Name: "New" } })).toMatchObject({ status: 200 });
    expect(await so.call(path, { method: "PATCH", body: { State: 2 } })).toMatchObject({ status: 200 });
    expect(await so.call(path, { method: "PATCH", body: { State: 1 } })).toMatchObject({ status: 200 });
    expect(await so.call(path, { method: "PATCH", body: { TargetUrl: receiver.url, State: "Stopped" } })).toMatchObject({ status: 200 });
    expect([watcher.calls.length, receiver.calls.length]).toEqual([0, 3]);
  });

  test("Test answers 200 whatever the target does", async () => {
    const run = async (more: object) =>
      (await so.post(`${WEBHOOK}/Test`, { Name: "x", Events: [], TargetUrl: receiver.url, ...more })).json;
    expect(await run({})).toEqual({ Success: true, Message: "OK", TableRight: null, FieldProperties: {} });
    expect(await run({ TargetUrl: "http://127.0.0.1:1/" })).toMatchObject({
      Success: false,
      Message: expect.stringContaining("CONNECTION_REFUSED"),
    });
    expect(await run({ TargetUrl: "http://10.1.2.3/" })).toMatchObject({
      Success: false,
      Message: expect.stringContaining("EGRESS_BLOCKED"),
    });
    expect(await run({ TargetUrl: "https://nowhere.invalid/" })).toMatchObject({ Success: false });
    receiver.respond(500);
    const rpc = await so.post(`${RPC}/TestWebhook`, { Webhook: { TargetUrl: receiver.url } });
    expect(rpc).toMatchObject({ status: 200, json: { Success: false, Message: expect.stringContaining("HTTP 500") } });
    expect(await so.t.core.db.unscoped.webhookRequest.count({ where: { isTest: true } })).toBe(0);
  });

  test("Test lends the stored secrets only to the stored target", async () => {
    const made = await create({ Secret: "hidden", Headers: { Authorization: "Bearer hidden" } });
    const member = await so.tokenFor("MEMBER");
    const seen = (await so.call(`${WEBHOOK}/${made.WebhookId}`, { token: member })).json;
    await so.post(`${WEBHOOK}/Test`, seen, { token: member });
    await so.post(`${WEBHOOK}/Test`, { ...seen, TargetUrl: `${watcher.url}/elsewhere` }, { token: member });
    expect(receiver.calls[0]?.headers).toMatchObject({ authorization: "Bearer hidden", "x-superoffice-signature": expect.any(String) });
    expect(watcher.calls[0]?.headers.authorization).toBe("***");
    expect(watcher.calls[0]?.headers["x-superoffice-signature"]).toBeUndefined();
  });

  test("https: the certificate must be good, unless HOOKLINE_SUPEROFFICE_VALIDATE_HTTPS is false; http needs REQUIRE_HTTPS=false", async () => {
    const strict = await startSuperOffice({ superofficeRequireHttps: true });
    const lax = await startSuperOffice({ superofficeRequireHttps: true, superofficeValidateHttps: false });
    const good = await startReceiver({ tls: "good" });
    const bad = await startReceiver({ tls: "self-signed" });
    try {
      const save = (face: SuperOffice, TargetUrl: string, State = "Active") =>
        face.post(WEBHOOK, { Name: "x", Events: ["a.b"], TargetUrl, State });
      expect(await save(strict, good.url)).toMatchObject({ status: 200 });
      expect(await save(strict, bad.url)).toMatchObject({ ...refused, json: { ErrorMessage: expect.stringContaining("TLS_ERROR") } });
      expect(await save(strict, receiver.url)).toMatchObject(refused);
      expect(await save(strict, receiver.url, "Stopped")).toMatchObject(refused);
      const tested = await strict.post(`${WEBHOOK}/Test`, { TargetUrl: receiver.url });
      expect(tested).toMatchObject({ status: 200, json: { Success: false } });
      expect(receiver.calls).toHaveLength(0);
      expect(await save(lax, bad.url)).toMatchObject({ status: 200 });
      expect(await lax.post(`${WEBHOOK}/a.b/1`, {})).toMatchObject({ status: 204 });
      await bad.waitFor(2);
    } finally {
      await Promise.all([strict.close(), lax.close(), good.close(), bad.close()]);
    }
  });
});

test("LastError is the target's last failed answer", async () => {
  const { WebhookId } = await create();
  const path = `${WEBHOOK}/${WebhookId}/LastError`;
  expect(await so.call(path)).toMatchObject({ status: 200, json: "" });
  receiver.respond({ status: 503, headers: { "x-reason": "tea", date: new Date(0).toUTCString() }, body: `no ${"x".repeat(5000)}` });
  await signal("contact.changed", 1);
  await receiver.waitFor(1);
  const { json } = await eventually(
    () => so.call(path),
    (answer) => answer.json !== "",
  );
  expect(json).toMatch(/^HTTP 503\n(?:.+: .+\n)*x-reason: tea\n(?:.+: .+\n)*\nno x+$/);
  expect(json).toHaveLength(4000);
  expect((await so.post(`${RPC}/GetLastError`, { WebhookId })).json).toBe(json);
  expect((await so.call(path, { headers: { accept: "application/xml" } })).text).toMatch(/^<\?xml[^>]*><string>HTTP 503\n/);
  expect(await so.call(`${WEBHOOK}/999999/LastError`)).toMatchObject({ status: 404 });
});

describe("S17 S20 crmscript", () => {
  const make = async (name: string, source: string) => {
    await createScript(so.t.core, so.t.admin, { name, source }, so.doors);
    const { json } = await so.post(WEBHOOK, {
      Name: "Script",
      Events: ["contact.changed"],
      Type: "crmscript",
      TargetUrl: name,
      Properties: { region: "eu" },
    });
    return json.WebhookId as number;
  };
  const attempts = async (id: number) => {
    const definition = await so.t.core.db.unscoped.webhookDefinition.findFirst({ where: { number: id } });
    const requests = await so.t.core.db.unscoped.webhookRequest.findMany({ where: { definitionId: definition?.id as string } });
    return so.t.core.db.unscoped.attempt.findMany({ where: { requestId: { in: requests.map((r) => r.id) } }, orderBy: { number: "asc" } });
  };

  test("runs the script with its globals; its value and console are the attempt's log", async () => {
    const id = await make(
      "ok",
      "console.log(Event, Entity, PrimaryKey, region); ({ name: Changes.name, who: ChangedByAssociateId > 0, EventId })",
    );
    await signal("contact.changed", 18, { name: "Åse" });
    const [attempt] = await eventually(
      () => attempts(id),
      (rows) => rows.length > 0,
    );
    expect(attempt).toMatchObject({ outcome: "DELIVERED", statusCode: null });
    expect(JSON.parse(attempt?.responseBody ?? "")).toEqual({
      result: { name: "Åse", who: true, EventId: expect.any(String) },
      console: ["contact.changed contact 18 eu"],
    });
  });

  test("nine exceptions stop it like nine failed calls", async () => {
    const id = await make("bad", "console.log('hm'); null.x");
    await signal("contact.changed", 1);
    await eventually(
      () => get(id),
      (webhook) => webhook.State === "TooManyErrors",
    );
    const rows = await attempts(id);
    expect(rows).toHaveLength(9);
    expect(rows[0]).toMatchObject({ errorCode: "SCRIPT_ERROR" });
    expect((await so.call(`${WEBHOOK}/${id}/LastError`)).json).toMatch(/^SCRIPT_ERROR: TypeError/);
  });

  test("Test runs it without a log", async () => {
    await make("tested", "Event === 'test' ? 1 : boom()");
    expect((await so.post(`${WEBHOOK}/Test`, { Type: "crmscript", TargetUrl: "tested" })).json).toMatchObject({ Success: true });
    await make("broken", "boom()");
    expect((await so.post(`${WEBHOOK}/Test`, { Type: "crmscript", TargetUrl: "broken" })).json).toMatchObject({
      Success: false,
      Message: expect.stringContaining("SCRIPT_ERROR"),
    });
  });
});
