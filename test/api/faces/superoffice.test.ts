/** S1–S31 of contracts/superoffice.md: the API. Deliveries: superoffice-delivery.test.ts. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Receiver, startReceiver } from "../../helpers/receiver.ts";
import { type SuperOffice, startSuperOffice } from "./superoffice-server.ts";

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

const WEBHOOK = "/api/v1/Webhook";
const RPC = "/api/v1/Agents/Webhook";
const minimal = (more: object = {}) => ({
  Name: "Tonys Contact Handler",
  Events: ["contact.created"],
  TargetUrl: `${receiver.url}/hook`,
  ...more,
});

/** A new one, as it was answered. */
async function create(more: object = {}, options: Parameters<SuperOffice["post"]>[2] = {}) {
  const answer = await so.post(WEBHOOK, minimal(more), options);
  expect(answer.text).not.toContain('"Error":true');
  return answer.json;
}

const errorOf = (status: number, type: string) => ({
  status,
  json: { Error: true, ErrorType: type, ErrorMessage: expect.any(String), ErrorSource: expect.any(String) },
});
const NOT_FOUND = errorOf(404, "SoNotFoundException");

test("S1 POST creates a webhook, and SaveWebhook does the same", async () => {
  const made = await create();
  expect(made).toMatchObject({ WebhookId: expect.any(Number), Name: "Tonys Contact Handler", Events: ["contact.created"] });
  expect((await so.call(`${WEBHOOK}/${made.WebhookId}`)).json).toEqual(made);
  const saved = await so.post(`${RPC}/SaveWebhook`, minimal({ WebhookId: 0 }));
  expect(saved.status).toBe(200);
  expect(saved.json.WebhookId).toBe(made.WebhookId + 1);
  const row = await so.t.core.db.unscoped.webhookDefinition.findFirst({ where: { number: made.WebhookId } });
  expect(row).toMatchObject({ dialect: "SUPEROFFICE", state: "ACTIVE", targetUrl: `${receiver.url}/hook` });
});

test("S2 a call over 2000 ms is logged as NsApiSlow", async () => {
  const lines: string[] = [];
  const { log } = so.t.core;
  const warn = log.warn;
  log.warn = ((line: unknown) => lines.push(String(line))) as never;
  try {
    receiver.respond({ status: 200, delayMs: 2_100 });
    await create({}, {});
    receiver.respond(200);
    await create();
    await expect.poll(() => lines.length).toBeGreaterThan(0);
  } finally {
    log.warn = warn;
  }
  expect(lines).toEqual([expect.stringMatching(/^NsApiSlow POST \/api\/v1\/Webhook 2\d\d\d ms$/)]);
});

test("S3 a caller without the webhook right gets 403, a viewer only reads", async () => {
  const made = await create();
  const without = await so.tokenFor("ADMIN", ["goals:read", "events:write"]);
  for (const [method, path] of [
    ["GET", WEBHOOK],
    ["GET", `${WEBHOOK}/default`],
    ["GET", `${WEBHOOK}/${made.WebhookId}`],
    ["GET", `${WEBHOOK}/${made.WebhookId}/LastError`],
    ["DELETE", `${WEBHOOK}/${made.WebhookId}`],
    ["POST", `${RPC}/GetAllWebhooks`],
    ["POST", `${RPC}/CreateDefaultWebhook`],
  ] as const) {
    expect(await so.call(path, { method, token: without }), path).toMatchObject(errorOf(403, "SoAccessDeniedException"));
  }
  expect(await so.post(WEBHOOK, minimal(), { token: without })).toMatchObject({ status: 403 });
  expect(await so.post(`${WEBHOOK}/a.b/1`, {}, { token: without })).toMatchObject({ status: 204 });
  const viewer = await so.tokenFor("VIEWER");
  expect(await so.call(`${WEBHOOK}/${made.WebhookId}`, { token: viewer })).toMatchObject({ status: 200 });
  expect(await so.post(WEBHOOK, minimal(), { token: viewer })).toMatchObject({ status: 403 });
  expect(await so.post(`${WEBHOOK}/Test`, minimal(), { token: viewer })).toMatchObject({ status: 403 });
  expect(await so.post(`${WEBHOOK}/a.b/1`, {}, { token: viewer })).toMatchObject({ status: 403 });
  const writer = await so.tokenFor("MEMBER", ["webhooks:write"]);
  expect(await so.post(WEBHOOK, minimal(), { token: writer })).toMatchObject({ status: 200 });
  expect(await so.post(`${WEBHOOK}/a.b/1`, {}, { token: writer })).toMatchObject({ status: 403 });
});

test("S4 $select nulls what it does not list, in any case, nested too", async () => {
  const made = await create();
  const path = `${WEBHOOK}/${made.WebhookId}`;
  const { json } = await so.call(`${path}?$select=name,EVENTS,nope`);
  expect(Object.keys(json)).toEqual(Object.keys(made));
  expect(Object.entries(json).filter(([, value]) => value !== null)).toEqual([
    ["Name", made.Name],
    ["Events", made.Events],
  ]);
  const nested = (await so.call(`${path}?$select=RegisteredAssociate/AssociateId`)).json;
  expect(nested.RegisteredAssociate).toMatchObject({ AssociateId: made.RegisteredAssociate.AssociateId, UserName: null });
  expect(nested.Name).toBeNull();
  expect((await so.call(`${path}?$select=`)).json).toEqual(made);
  expect((await so.post(`${RPC}/GetWebhook?webhookId=${made.WebhookId}&$select=Name`, undefined)).json).toMatchObject({
    Name: made.Name,
    Events: null,
  });
  expect((await so.post(`${WEBHOOK}?$select=WebhookId`, minimal())).json).toMatchObject({ WebhookId: expect.any(Number), Name: null });
  const list = (await so.call(`${WEBHOOK}?$select=Name`)).json;
  expect(list.every((each: { WebhookId: unknown; Name: unknown }) => each.WebhookId === null && each.Name !== null)).toBe(true);
});

describe("S5", () => {
  const basic = (user: string, password: string) => `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
  const status = async (authorization: string) => (await so.call(WEBHOOK, { token: null, headers: { authorization } })).status;

  test("S5 Authorization: Basic, SoTicket and Bearer, schemes in any case", async () => {
    const { email } = await so.user("ADMIN", "correct:høst battery");
    expect(await status(basic(email, "correct:høst battery"))).toBe(200);
    expect(await status(basic(email, "wrong:høst battery").replace("Basic", "bASIC"))).toBe(401);
    expect(await status(basic(email, "correct:høst battery").replace("Basic", "bASIC"))).toBe(200);
    expect(await status(`SoTicket ${so.token}`)).toBe(200);
    expect(await status(`soticket ${so.token}`)).toBe(200);
    expect(await status(`bearer ${so.token}`)).toBe(200);
  });

  test("S5 everything else is 401", async () => {
    for (const bad of [
      "Bearer nope",
      "SoTicket",
      "Basic",
      "Basic %%%",
      basic("nobody@example.test", "x"),
      `Digest ${so.token}`,
      so.token,
    ]) {
      expect(await so.call(WEBHOOK, { token: null, headers: { authorization: bad } }), bad).toMatchObject(
        errorOf(401, "SoNotAuthenticatedException"),
      );
    }
    expect(await so.call(WEBHOOK, { token: null })).toMatchObject(errorOf(401, "SoNotAuthenticatedException"));
  });
});

test("S6 without Authorization: the session cookie with X-XSRF-TOKEN, also on GET", async () => {
  const session = await so.cookie();
  const cookie = `hookline_session=${session}; XSRF-TOKEN=abc123`;
  const status = async (headers: Record<string, string>) => (await so.call(WEBHOOK, { token: null, headers })).status;
  expect(await status({ cookie, "x-xsrf-token": "abc123" })).toBe(200);
  expect(await status({ cookie })).toBe(401);
  expect(await status({ cookie, "x-xsrf-token": "abc124" })).toBe(401);
  expect(await status({ cookie: `hookline_session=${session}`, "x-xsrf-token": "" })).toBe(401);
  expect(await status({ cookie: "hookline_session=nope; XSRF-TOKEN=abc123", "x-xsrf-token": "abc123" })).toBe(401);
  const made = await so.post(WEBHOOK, minimal(), { token: null, headers: { cookie, "x-xsrf-token": "abc123" } });
  expect(made.status).toBe(200);
});

describe("S7 content types in", () => {
  const send = (type: string, body: string) => so.post(WEBHOOK, body, { headers: { "content-type": type } });

  test.each([
    "application/json",
    "text/json",
    "application/json-patch+json",
    "application/merge-patch+json",
    "Application/JSON; charset=UTF-8",
  ])("S7 %s", async (type) =>
    expect(await send(type, JSON.stringify(minimal({ Name: "Åse" })))).toMatchObject({ status: 200, json: { Name: "Åse" } }),
  );

  test.each(["application/xml", "text/xml; charset=utf-8"])("S7 %s", async (type) => {
    const xml = `<?xml version="1.0"?>
      <Webhook xmlns:i="http://www.w3.org/2001/XMLSchema-instance"><Name> A &amp; &#229; </Name><Events>
        <string>a.b</string><string>c.d</string></Events>
        <TargetUrl>${receiver.url}/x</TargetUrl><Secret i:nil="true"/><State>Stopped</State>
        <Headers><X-A>1</X-A></Headers><Properties><region>eu</region><deep><n>1</n></deep></Properties><Unknown>x</Unknown></Webhook>`;
    expect((await send(type, xml)).json).toMatchObject({
      ...{ Name: " A & å ", Events: ["a.b", "c.d"], Secret: null, State: "Stopped" },
      ...{ Headers: { "X-A": "1" }, Properties: { region: "eu", deep: { n: "1" } } },
    });
  });

  test("S7 application/x-www-form-urlencoded", async () => {
    const form = new URLSearchParams([
      ...[
        ["Name", "Form"],
        ["Events", "a.b"],
        ["Events", "c.d"],
        ["TargetUrl", `${receiver.url}/f`],
        ["State", "2"],
        ["ErrorsEmail", ""],
      ],
    ] as [string, string][]);
    const made = await send("application/x-www-form-urlencoded", form.toString());
    expect(made.json).toMatchObject({ Name: "Form", Events: ["a.b", "c.d"], State: "Stopped", ErrorsEmail: null });
  });

  test("S7 its own XML is accepted as input", async () => {
    const properties = { region: "eu", "odd key": "1", list: ["a", "b"], deep: { inner: "<&>" } };
    const made = await create({ State: "Stopped", Properties: properties, Headers: { "X-A": "1" }, Secret: "a\r\nb" });
    const xml = (await so.call(`${WEBHOOK}/${made.WebhookId}`, { headers: { accept: "application/xml" } })).text;
    const back = await so.call(`${WEBHOOK}/${made.WebhookId}`, { method: "PUT", body: xml, headers: { "content-type": "text/xml" } });
    expect(back.json).toEqual({ ...made, Updated: expect.any(String), UpdatedAssociate: made.UpdatedAssociate });
  });

  test("S7 anything else is 415, a broken body 400, a DOCTYPE refused", async () => {
    expect(await send("text/plain", "x")).toMatchObject(errorOf(415, "SoUnsupportedMediaTypeException"));
    expect(await send("application/json; charset=latin1", "{}")).toMatchObject({ status: 415 });
    expect(await send("application/json", '{"Name":')).toMatchObject(errorOf(400, "SoArgumentException"));
    expect(await send("application/json", "[]")).toMatchObject({ status: 400 });
    expect(await send("application/json", '"text"')).toMatchObject({ status: 400 });
    expect(await send("application/xml", "<Webhook><Name></Webhook>")).toMatchObject({ status: 400 });
    expect(await send("application/xml", "<Other><Name>x</Name></Other>")).toMatchObject({ status: 400 });
    const bomb = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><Webhook><Name>&b;</Name></Webhook>';
    expect(await send("application/xml", bomb)).toMatchObject({ status: 400, json: { ErrorMessage: expect.stringContaining("DOCTYPE") } });
    expect(await send("application/xml", `${"<a>".repeat(5000)}${"</a>".repeat(5000)}`)).toMatchObject({ status: 400 });
    expect(await send("application/json", `{"Properties":${"[".repeat(5000)}${"]".repeat(5000)}}`)).toMatchObject({ status: 400 });
  });
});

describe("S8 Accept", () => {
  const get = async (accept: string) => {
    const { WebhookId } = await create({ State: "Stopped" });
    return so.call(`${WEBHOOK}/${WebhookId}`, { headers: { accept } });
  };
  test.each(["application/json", "text/json", "application/json-patch+json", "application/merge-patch+json"])("S8 %s", async (accept) => {
    const answer = await get(accept);
    expect(answer.headers.get("content-type")).toBe(`${accept}; charset=utf-8`);
    expect(answer.json.Name).toBe("Tonys Contact Handler");
  });
  test.each(["application/xml", "text/xml", "application/json;q=0.5, text/xml"])("S8 %s", async (accept) => {
    const answer = await get(accept);
    expect(answer.headers.get("content-type")).toMatch(/\/xml; charset=utf-8$/);
    expect(answer.text).toMatch(
      /^<\?xml version="1.0" encoding="utf-8"\?><Webhook><WebhookId>\d+<\/WebhookId><Name>Tonys Contact Handler<\/Name><Events><string>contact.created<\/string><\/Events>/,
    );
    expect(answer.text).toContain("<Secret/>");
  });
  test("S8 a list is ArrayOfWebhook, errors are always JSON, anything else gets JSON", async () => {
    const list = await so.call(WEBHOOK, { headers: { accept: "text/xml" } });
    expect(list.text).toMatch(/^<\?xml[^>]*><ArrayOfWebhook><Webhook>.*<\/Webhook><\/ArrayOfWebhook>$/s);
    expect(await so.call(`${WEBHOOK}/999999`, { headers: { accept: "text/xml" } })).toMatchObject(NOT_FOUND);
    expect((await get("text/html")).headers.get("content-type")).toBe("application/json; charset=utf-8");
    expect((await get("*/*")).json.Name).toBeDefined();
  });
});

test.each([
  ["S9 Accept-Language", { "accept-language": "nb-NO, en;q=0.5" }],
  ["S10 SO-Language", { "so-language": "*", "accept-language": "nb-NO" }],
  ["S11 SO-Culture", { "so-culture": "nb-NO", "so-language": "nb-NO" }],
])("%s is taken; names and numbers are never translated", async (_, headers) => {
  const made = await create({ State: "Stopped" });
  expect((await so.call(`${WEBHOOK}/${made.WebhookId}`, { headers })).json).toEqual(made);
});

test("S12 SO-TimeZone moves the dates of answers", async () => {
  const made = await create({ State: "Stopped" });
  const at = new Date("2026-11-21T20:40:00.987Z");
  await so.t.core.db.pool.query("UPDATE webhook_definition SET created_at = $1, updated_at = $1 WHERE number = $2", [at, made.WebhookId]);
  const registered = async (zone: string) =>
    (await so.call(`${WEBHOOK}/${made.WebhookId}`, { headers: { "so-timezone": zone } })).json.Registered;
  expect(await registered("Asia/Kolkata")).toBe("2026-11-22T02:10:00");
  expect(await registered("Asia/Kolkata, includeTZOffset")).toBe("2026-11-22T02:10:00+05:30");
  expect(await registered("America/New_York,includetzoffset")).toBe("2026-11-21T15:40:00-05:00");
  expect(await registered("UTC, includeTZOffset")).toBe("2026-11-21T20:40:00+00:00");
  expect(await registered("Mars/Olympus")).toBe("2026-11-21T20:40:00Z");
  expect((await so.call(`${WEBHOOK}/${made.WebhookId}`)).json.Updated).toBe("2026-11-21T20:40:00Z");
});

test("S13 an application sees and changes only its own", async () => {
  const [one, two] = await Promise.all(["one", "two"].map((name) => so.tokenFor("ADMIN", undefined, name)));
  const mine = await create({}, { token: one as string });
  const path = `${WEBHOOK}/${mine.WebhookId}`;
  expect(await so.call(path, { token: two as string })).toMatchObject(NOT_FOUND);
  expect(await so.call(path, { method: "DELETE", token: two as string })).toMatchObject(NOT_FOUND);
  expect(await so.call(path, { method: "PATCH", body: { Name: "x" }, token: two as string })).toMatchObject(NOT_FOUND);
  const ids = async (options: object) => (await so.call(WEBHOOK, options)).json.map((each: { WebhookId: number }) => each.WebhookId);
  expect(await ids({ token: one })).toEqual([mine.WebhookId]);
  expect(await ids({ token: two })).toEqual([]);
  expect(await ids({})).toContain(mine.WebhookId);
  const { email } = await so.user("ADMIN", "battery staple");
  const basic = `Basic ${Buffer.from(`${email}:battery staple`).toString("base64")}`;
  expect(await ids({ token: null, headers: { authorization: basic, "so-apptoken": one as string } })).toEqual([mine.WebhookId]);
  expect(await ids({ token: null, headers: { authorization: basic } })).toContain(mine.WebhookId);
  expect(await ids({ token: null, headers: { authorization: `SoTicket ${so.token}`, "so-apptoken": two as string } })).toEqual([]);
  for (const unknown of ["nope", so.token]) {
    expect(await so.call(WEBHOOK, { headers: { "so-apptoken": unknown } })).toMatchObject({ status: 401 });
  }
});

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
  expect(seen).toMatchObject({ Secret: null, Headers: { Authorization: "***", "X-A": "1" } });
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

describe("S31 the other methods", () => {
  test("S31 GET /default and CreateDefaultWebhook", async () => {
    const expected = {
      ...{
        WebhookId: 0,
        Name: null,
        Events: ["contact.created", "contact.deleted"],
        TargetUrl: null,
        Secret: null,
        State: "Active",
        Type: "webhook",
      },
      ...{ Headers: null, Properties: null, Registered: "0001-01-01T00:00:00", RegisteredAssociate: null, Updated: "0001-01-01T00:00:00" },
      ...{ UpdatedAssociate: null, ErrorsEmail: null },
    };
    expect((await so.call(`${WEBHOOK}/default`)).json).toEqual(expected);
    expect((await so.post(`${RPC}/CreateDefaultWebhook`, undefined)).json).toEqual(expected);
  });

  test("S31 filters: equality without case, an unknown state is 400", async () => {
    const made = [
      await create({ Name: "Filter_%Me", Events: ["Custom.One"], State: "Active" }),
      await create({ Name: "filter_%me", Events: ["custom.two"], State: "Stopped" }),
      await create({ Name: "FilterXXMe", Events: ["custom.one"], State: "TooManyErrors" }),
    ].map((each) => each.WebhookId);
    const ids = async (query: string) =>
      (await so.call(`${WEBHOOK}?${query}`)).json
        .map((each: { WebhookId: number }) => each.WebhookId)
        .filter((id: number) => made.includes(id));
    expect(await ids("nameFilter=FILTER_%25ME")).toEqual(made.slice(0, 2));
    expect(await ids("eventFilter=custom.ONE")).toEqual([made[0], made[2]]);
    expect(await ids("eventFilter=custom")).toEqual([]);
    expect(await ids("statusFilter=Stopped")).toEqual([made[1]]);
    expect(await ids("statusFilter=toomanyerrors")).toEqual([made[2]]);
    expect(await ids("statusFilter=Unknown&nameFilter=")).toEqual(made);
    expect(await ids("nameFilter=filter_%25me&statusFilter=Active")).toEqual([made[0]]);
    expect(await so.call(`${WEBHOOK}?statusFilter=Nope`)).toMatchObject({ status: 400 });
    const rpc = await so.post(`${RPC}/GetAllWebhooks`, { NameFilter: "Filter_%Me", EventFilter: "", StatusFilter: "Stopped" });
    expect(rpc.json.map((each: { WebhookId: number }) => each.WebhookId)).toEqual([made[1]]);
  });

  test("S31 PUT replaces it all", async () => {
    const made = await create({
      Properties: { a: 1 },
      Headers: { "X-A": "1" },
      ErrorsEmail: "a@example.test",
      Description: "d",
      State: "Stopped",
    });
    const path = `${WEBHOOK}/${made.WebhookId}`;
    const put = await so.call(path, { method: "PUT", body: { ...minimal({ Name: "Other" }), WebhookId: 1, _Links: {}, Nope: 1 } });
    expect(put.json).toMatchObject({
      ...{
        WebhookId: made.WebhookId,
        Name: "Other",
        Properties: null,
        Headers: null,
        ErrorsEmail: null,
        Description: null,
        State: "Active",
      },
      _Links: expect.any(Object),
    });
    expect(await so.call(path, { method: "PUT" })).toMatchObject(errorOf(400, "SoArgumentException"));
    expect(await so.call(`${WEBHOOK}/999999`, { method: "PUT", body: minimal() })).toMatchObject(NOT_FOUND);
    expect(await so.post(`${RPC}/SaveWebhook`, minimal({ WebhookId: 999_999 }))).toMatchObject(NOT_FOUND);
    expect((await so.post(`${RPC}/SaveWebhook`, minimal({ WebhookId: made.WebhookId, Name: "Third" }))).json).toMatchObject({
      Name: "Third",
    });
  });

  test("S31 DELETE answers 204, then 404", async () => {
    const [a, b] = [await create(), await create()];
    expect(await so.call(`${WEBHOOK}/${a.WebhookId}`, { method: "DELETE" })).toMatchObject({ status: 204, text: "" });
    expect(await so.call(`${WEBHOOK}/${a.WebhookId}`, { method: "DELETE" })).toMatchObject(NOT_FOUND);
    expect(await so.call(`${WEBHOOK}/${a.WebhookId}`)).toMatchObject(NOT_FOUND);
    expect(await so.post(`${RPC}/DeleteWebhook?webhookId=${b.WebhookId}`, undefined)).toMatchObject({ status: 204 });
    expect(await so.post(`${RPC}/GetWebhook?webhookId=${b.WebhookId}`, undefined)).toMatchObject(NOT_FOUND);
  });

  test("S31 another organization's, and other dialects', are not there", async () => {
    const other = await so.t.organization();
    const { core } = so.t;
    const data = { targetUrl: receiver.url, eventTypes: ["a.b"], code: "x", name: "x" };
    await core.db.unscoped.webhookDefinition.create({ data: { ...data, number: 900, dialect: "SUPEROFFICE", organizationId: other.id } });
    await core.db.unscoped.webhookDefinition.create({ data: { ...data, number: 901, organizationId: so.t.organizationId } });
    for (const id of [900, 901]) expect(await so.call(`${WEBHOOK}/${id}`)).toMatchObject(NOT_FOUND);
  });

  test("S31 unknown paths are 404, known ones with another method 405", async () => {
    expect(await so.call("/api/v1/Contact")).toMatchObject(NOT_FOUND);
    for (const [method, path, allow] of [
      ["PUT", WEBHOOK, "GET, POST"],
      ["POST", `${WEBHOOK}/1`, "GET, PUT, PATCH, DELETE"],
      ["GET", `${RPC}/SaveWebhook`, "POST"],
      ["GET", `${WEBHOOK}/contact.created/1`, "POST"],
      ["DELETE", `${WEBHOOK}/Test`, "POST"],
    ] as const) {
      const answer = await so.call(path, { method });
      expect(answer, path).toMatchObject(errorOf(405, "SoMethodNotAllowedException"));
      expect(answer.headers.get("allow")).toBe(allow);
    }
  });

  test("S31 If-Modified-Since 304, If-Unmodified-Since 412", async () => {
    const made = await create();
    const path = `${WEBHOOK}/${made.WebhookId}`;
    const [past, now] = [new Date(Date.now() - 3_600_000).toUTCString(), new Date(Date.parse(made.Updated)).toUTCString()];
    expect(await so.call(path, { headers: { "if-modified-since": now } })).toMatchObject({ status: 304, text: "" });
    expect(await so.call(path, { headers: { "if-modified-since": past } })).toMatchObject({ status: 200 });
    expect(await so.call(path, { headers: { "if-modified-since": "junk" } })).toMatchObject({ status: 200 });
    for (const method of ["PUT", "PATCH"]) {
      const body = minimal();
      expect(await so.call(path, { method, body, headers: { "if-unmodified-since": past } })).toMatchObject(
        errorOf(412, "SoPreconditionFailedException"),
      );
      expect(
        await so.call(path, { method, body, headers: { "if-unmodified-since": new Date(Date.now() + 5_000).toUTCString() } }),
      ).toMatchObject({ status: 200 });
    }
  });
});

describe("S31 PATCH", () => {
  const start = {
    Events: ["a.b", "c.d"],
    Headers: { "X-A": "1", "X-B": "2" },
    Properties: { region: "eu", deep: { x: 1, y: 2 } },
    State: "Stopped",
  };
  const patch = async (body: unknown, type = "application/json") => {
    const { WebhookId } = await create(start);
    const answer = await so.call(`${WEBHOOK}/${WebhookId}`, {
      method: "PATCH",
      body: JSON.stringify(body),
      headers: { "content-type": type },
    });
    return { ...answer, after: (await so.call(`${WEBHOOK}/${WebhookId}`)).json };
  };

  test("S31 merge patch: keys merge, null removes, one event name is added", async () => {
    const merged = await patch({
      Name: "New",
      Headers: { "X-A": null, "X-C": "3" },
      Properties: { deep: { x: null }, more: true },
      Events: "e.f",
      Nope: 1,
    });
    expect(merged.json).toMatchObject({
      Name: "New",
      Headers: { "X-B": "2", "X-C": "3" },
      Properties: { region: "eu", deep: { y: 2 }, more: true },
    });
    expect(merged.json.Headers).not.toHaveProperty("X-A");
    expect(merged.json.Events).toEqual(["a.b", "c.d", "e.f"]);
    expect((await patch({ Events: ["x.y"] }, "application/merge-patch+json")).after.Events).toEqual(["x.y"]);
    expect((await patch({ Headers: null, Properties: null }, "application/json-patch+json")).after).toMatchObject({
      Headers: null,
      Properties: null,
    });
    expect((await patch({ ErrorsEmail: "a@example.test" })).after).toMatchObject({
      ErrorsEmail: "a@example.test",
      Name: "Tonys Contact Handler",
    });
  });

  test("S31 JSON patch: add, replace, remove, test; paths in any case, with or without slash", async () => {
    const patched = await patch(
      [
        { op: "test", path: "/name", value: "Tonys Contact Handler" },
        { op: "replace", path: "NAME", value: "New" },
        { op: "add", path: "/Events/-", value: "e.f" },
        { op: "remove", path: "/events/0" },
        { op: "add", path: "/Headers/X-C", value: "3" },
        { op: "remove", path: "/Headers/x-a" },
        { op: "replace", path: "/Properties/deep/x", value: [1] },
        { op: "test", path: "/Properties/region", value: "eu" },
      ],
      "application/json-patch+json",
    );
    expect(patched.after).toMatchObject({
      ...{ Name: "New", Events: ["c.d", "e.f"], Headers: { "X-B": "2", "X-C": "3" } },
      Properties: { region: "eu", deep: { x: [1], y: 2 } },
    });
    expect((await patch([{ op: "replace", path: "/State", value: 2 }])).status).toBe(200);
  });

  test("S31 a test that does not hold is 409 and changes nothing", async () => {
    const failed = await patch([
      { op: "replace", path: "/Name", value: "New" },
      { op: "test", path: "/Name", value: "Old" },
    ]);
    expect(failed).toMatchObject(errorOf(409, "SoConflictException"));
    expect(failed.after.Name).toBe("Tonys Contact Handler");
  });

  test.each([
    [[{ op: "move", from: "/Name", path: "/Secret" }]],
    [[{ op: "copy", from: "/Name", path: "/Secret" }]],
    [[{ op: "replace", path: "/Nope", value: 1 }]],
    [[{ op: "remove", path: "/Headers/X-Nope" }]],
    [[{ op: "add", path: "/__proto__/x", value: 1 }]],
    [[{ op: "add", path: "/Properties/__proto__/x", value: 1 }]],
    [[{ op: "replace", path: "/Name" }]],
    [[{ op: "replace", path: "/State", value: "Unknown" }]],
    [
      [
        { op: "replace", path: "/Name", value: "ok" },
        { op: "remove", path: "/Nope" },
      ],
    ],
    [["text"]],
    ["text"],
  ])("S31 %j is 400 and changes nothing", async (operations) => {
    const failed = await patch(operations);
    expect(failed).toMatchObject(errorOf(400, "SoArgumentException"));
    expect(failed.after).toMatchObject({ Name: "Tonys Contact Handler", ...start });
  });

  test("S31 an unknown id is 404, no body 400", async () => {
    expect(await so.call(`${WEBHOOK}/999999`, { method: "PATCH", body: { Name: "x" } })).toMatchObject(NOT_FOUND);
    const { WebhookId } = await create(start);
    expect(await so.call(`${WEBHOOK}/${WebhookId}`, { method: "PATCH" })).toMatchObject({ status: 400 });
  });
});
