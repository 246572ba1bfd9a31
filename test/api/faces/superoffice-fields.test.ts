/** S14–S30 of contracts/superoffice.md: what a webhook is made of. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Receiver, startReceiver } from "../../helpers/receiver.ts";
import { minimalWebhook, NOT_FOUND, type SuperOffice, startSuperOffice, WEBHOOK } from "./superoffice-server.ts";

let so: SuperOffice;
let receiver: Receiver;
beforeAll(async () => {
  so = await startSuperOffice();
  receiver = await startReceiver();
});
beforeEach(() => {
  receiver.respond(200);
  receiver.calls.length = 0;
});
afterAll(async () => {
  await so?.close();
  await receiver?.close();
});

const minimal = (more: object = {}) => minimalWebhook(receiver, more);
const create = (more: object = {}, options = {}) => so.create(minimal(more), options);

describe("fields", () => {
  test("S14 WebhookId is an int32 key, numbered by us", async () => {
    const made = await create({ WebhookId: 77_777, Registered: "1999-01-01T00:00:00Z" });
    expect(made.WebhookId).toBeLessThan(10_000);
    expect(made.Registered).not.toContain("1999");
    for (const bad of ["0", "-1", "abc", "2147483648", "99999999999", "1.5"]) {
      expect(await so.call(`${WEBHOOK}/${bad}`), bad).toMatchObject(NOT_FOUND);
    }
  });

  test("S15 Name need not be unique, has at most 400 characters", async () => {
    const [a, b] = [await create({ Name: "Same" }), await create({ Name: "Same" })];
    expect(a.WebhookId).not.toBe(b.WebhookId);
    expect((await create({ Name: "x".repeat(400), State: 2 })).Name).toHaveLength(400);
    for (const Name of ["x".repeat(401), "", null, 7, { a: 1 }])
      expect(await so.post(WEBHOOK, minimal({ Name }))).toMatchObject({ status: 400 });
  });

  test("S16 Events is an array of names", async () => {
    const names = ["contact.created", "sale.changed", "y_table.created", "list.category.softdeleted", "webhook123.errors", "custom.Verb"];
    expect((await create({ Events: names })).Events).toEqual(names);
    for (const Events of [
      "contact.created",
      [1],
      ["bad name"],
      ["a".repeat(4001)],
      Array.from({ length: 500 }, (_, i) => `event.number${i}`),
    ]) {
      expect(await so.post(WEBHOOK, minimal({ Events }))).toMatchObject({ status: 400 });
    }
  });

  test("S17 TargetUrl is a URL, or the id or name of a script", async () => {
    const script = await so.t.core.db.unscoped.script.create({
      data: { organizationId: so.t.organizationId, name: "My script", source: "1" },
    });
    const byName = await create({ Type: "crmscript", TargetUrl: "My script" });
    expect(byName).toMatchObject({ Type: "crmscript", TargetUrl: "My script" });
    const byId = await create({ Type: "crmscript", TargetUrl: `scr_${script.id.replaceAll("-", "")}` });
    expect(byId).toMatchObject({ Type: "crmscript", TargetUrl: "My script" });
    expect(await so.post(WEBHOOK, minimal({ Type: "crmscript", TargetUrl: "unknown" }))).toMatchObject({ status: 400 });
    for (const TargetUrl of [null, "", "nope", "ftp://x.example", `https://x.example/${"a".repeat(2048)}`, "http://user:pw@x.example/"]) {
      expect(await so.post(WEBHOOK, minimal({ TargetUrl, State: "Stopped" })), String(TargetUrl)).toMatchObject({ status: 400 });
    }
  });

  test("S18 Secret is any text of 1 to 400 characters", async () => {
    expect((await create({ Secret: "nøkkel" })).Secret).toBe("nøkkel");
    expect((await create({ Secret: "x" })).Secret).toBe("x");
    expect((await create({ Secret: "s".repeat(400) })).Secret).toHaveLength(400);
    expect((await create({})).Secret).toBeNull();
    expect(await so.post(WEBHOOK, minimal({ Secret: "s".repeat(401) }))).toMatchObject({ status: 400 });
    const { rows } = await so.t.core.db.pool.query("SELECT ciphertext FROM signing_secret");
    expect(JSON.stringify(rows)).not.toContain("nøkkel");
  });

  test("S19 State: names or 1 to 3 in, names out", async () => {
    const states = {
      Active: "Active",
      stopped: "Stopped",
      TooManyErrors: "TooManyErrors",
      1: "Active",
      2: "Stopped",
      "3": "TooManyErrors",
    };
    for (const [State, shown] of Object.entries(states)) {
      expect((await create({ State })).State).toBe(shown);
      if (/\d/.test(State)) expect((await create({ State: Number(State) })).State).toBe(shown);
    }
    expect((await create({ State: null })).State).toBe("Active");
    for (const State of ["Unknown", 0, "0", 4, "", true, []])
      expect(await so.post(WEBHOOK, minimal({ State })), String(State)).toMatchObject({ status: 400 });
  });

  test("S20 Type: webhook or crmscript", async () => {
    expect((await create({})).Type).toBe("webhook");
    expect((await create({ Type: "WebHook" })).Type).toBe("webhook");
    expect(await so.post(WEBHOOK, minimal({ Type: "email" }))).toMatchObject({ status: 400 });
  });

  test("S21 Headers: an object of custom headers, by our rules", async () => {
    expect((await create({ Headers: { "X-A": "1", Authorization: "Bearer x" } })).Headers).toEqual({
      "X-A": "1",
      Authorization: "Bearer x",
    });
    expect((await create({ Headers: {} })).Headers).toBeNull();
    for (const name of ["X-SuperOffice-Event", "X-SuperOffice-Custom", "X-Hook-Test", "Content-Type", "User-Agent", "Host"]) {
      expect(await so.post(WEBHOOK, minimal({ Headers: { [name]: "x" } })), name).toMatchObject({ status: 400 });
    }
    expect(await so.post(WEBHOOK, minimal({ Headers: ["x"] }))).toMatchObject({ status: 400 });
    expect(await so.post(WEBHOOK, minimal({ Headers: { "X-A": "a\r\nb" } }))).toMatchObject({ status: 400 });
  });

  test("S22 Properties: an object of any values", async () => {
    const Properties = { fieldName: {}, region: "eu", list: [1, { a: null }] };
    expect((await create({ Properties })).Properties).toEqual(Properties);
    expect(await so.post(WEBHOOK, minimal({ Properties: "x" }))).toMatchObject({ status: 400 });
  });

  test("S23 S24 S25 S26 who registered and updated it, and when", async () => {
    const { email, number } = await so.user("MEMBER", "battery staple");
    const authorization = `Basic ${Buffer.from(`${email}:battery staple`).toString("base64")}`;
    const made = await create({}, { token: null, headers: { authorization } });
    expect(made.Registered).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    expect(made.RegisteredAssociate).toMatchObject({ AssociateId: number, UserName: email, Type: "InternalAssociate", Deleted: false });
    expect(Object.keys(made.RegisteredAssociate)).toEqual([
      ...["AssociateId", "Name", "PersonId", "Rank", "Tooltip", "Type", "GroupIdx", "FullName", "FormalName", "Deleted", "EjUserId"],
      ...["UserName", "ExtraFields", "CustomFields", "TableRight", "FieldProperties"],
    ]);
    await so.t.core.db.pool.query(
      "UPDATE webhook_definition SET created_at = '2020-01-01Z', updated_at = '2020-01-01Z' WHERE number = $1",
      [made.WebhookId],
    );
    const changed = (await so.call(`${WEBHOOK}/${made.WebhookId}`, { method: "PATCH", body: { Name: "New" } })).json;
    expect(changed.Registered).toBe("2020-01-01T00:00:00Z");
    expect(changed.RegisteredAssociate.AssociateId).toBe(number);
    expect(Date.parse(changed.Updated)).toBeGreaterThan(Date.now() - 60_000);
    expect(changed.UpdatedAssociate.AssociateId).not.toBe(number);
  });

  test("S27 ErrorsEmail: one address of at most 239 characters", async () => {
    expect((await create({ ErrorsEmail: "tony@example.test" })).ErrorsEmail).toBe("tony@example.test");
    for (const ErrorsEmail of ["nope", `${"a".repeat(240)}@example.test`, "a@b, c@d", "a@b\r\nBcc: c@d"]) {
      expect(await so.post(WEBHOOK, minimal({ ErrorsEmail }))).toMatchObject({ status: 400 });
    }
  });
});

test("S28 200, all fields and _Links", async () => {
  const answer = await so.post(WEBHOOK, minimal());
  expect(answer.status).toBe(200);
  const id = answer.json.WebhookId;
  expect(answer.json._Links).toEqual({ Self: `${so.url}/api/v1/Webhook/${id}`, Archive: `${so.url}/api/v1/Webhook` });
  expect(Object.keys(answer.json).slice(0, 14)).toEqual([
    ...[
      "WebhookId",
      "Name",
      "Events",
      "TargetUrl",
      "Secret",
      "State",
      "Type",
      "Headers",
      "Properties",
      "Registered",
      "RegisteredAssociate",
    ],
    ...["Updated", "UpdatedAssociate", "ErrorsEmail"],
  ]);
  expect(answer.json).toMatchObject({ TotalCalls: 0, TotalErrors: 0, ConsecutiveErrors: 0, LastError: null, Description: null });
});

test("S29 the secret is shown in clear to who may see secrets, and to nobody else", async () => {
  const made = await create({
    Secret: "Something Super Secret",
    Headers: { Authorization: "Bearer abc", "X-A": "1" },
    Properties: { fieldName: {} },
  });
  expect(made).toMatchObject({ Secret: "Something Super Secret", Properties: { fieldName: {} } });
  const member = await so.tokenFor("MEMBER");
  const path = `${WEBHOOK}/${made.WebhookId}`;
  const seen = (await so.call(path, { token: member })).json;
  expect(seen).toMatchObject({ Secret: null, Headers: { Authorization: "***", "X-A": "***" } });
  expect(JSON.stringify((await so.call(WEBHOOK, { token: member })).json)).not.toMatch(/Something Super Secret|Bearer abc/);
  // Sent back as it was seen, it keeps both; a new one replaces them.
  const back = (await so.call(path, { method: "PUT", body: { ...seen, Name: "Renamed" }, token: member })).json;
  expect(back).toMatchObject({ Name: "Renamed", Secret: null });
  expect((await so.call(path)).json).toMatchObject({
    Secret: "Something Super Secret",
    Headers: { Authorization: "Bearer abc", "X-A": "1" },
  });
  await so.call(path, { method: "PUT", body: { ...seen, Secret: "new" }, token: member });
  expect((await so.call(path)).json.Secret).toBe("new");
  await so.call(path, { method: "PUT", body: minimal() });
  expect((await so.call(path)).json).toMatchObject({ Secret: null, Headers: null, Properties: null });
});

test("S30 JSON with charset=utf-8 in and out, Basic", async () => {
  const { email } = await so.user("ADMIN", "battery staple");
  const headers = {
    ...{ authorization: `Basic ${Buffer.from(`${email}:battery staple`).toString("base64")}`, accept: "application/json; charset=utf-8" },
    ...{ "content-type": "application/json; charset=utf-8" },
  };
  const answer = await so.post(WEBHOOK, minimal(), { token: null, headers });
  expect(answer.status).toBe(200);
  expect(answer.headers.get("content-type")).toBe("application/json; charset=utf-8");
});
