/** S1–S13 of contracts/superoffice.md: calls, who makes them, and in which form. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Receiver, startReceiver } from "../../helpers/receiver.ts";
import { errorOf, minimalWebhook, NOT_FOUND, RPC, type SuperOffice, startSuperOffice, WEBHOOK } from "./superoffice-server.ts";

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
    const tricky = "<Webhook><__proto__><x>1</x></__proto__><constructor/><Name>x</Name></Webhook>";
    expect((await send("application/xml", tricky)).status).toBe(400);
    expect(await send("application/xml", "<Webhook/>")).toMatchObject({ status: 400 });
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
