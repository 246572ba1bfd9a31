/** SuperOffice: event names, number tokens, XML that comes back, routes in any case (B87, B88). */
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { rateStatements } from "../../../src/accounts/rate-limit.ts";
import { type Receiver, startReceiver } from "../../helpers/receiver.ts";
import { type Answer, eventually, minimalWebhook, RPC, type SuperOffice, startSuperOffice, WEBHOOK } from "./superoffice-server.ts";

let so: SuperOffice;
let receiver: Receiver;
beforeAll(async () => {
  so = await startSuperOffice();
  receiver = await startReceiver();
});
afterAll(async () => {
  await receiver?.close();
  await so?.close();
});

const xml = { "content-type": "application/xml", accept: "application/xml" };
let made = 0;
const hook = (more: object = {}) => {
  const path = `/exact-${++made}`;
  return so.create({ ...minimalWebhook(receiver), TargetUrl: receiver.url + path, ...more });
};
const callsOf = (webhook: { TargetUrl: string }) =>
  receiver.calls.filter((call) => webhook.TargetUrl.endsWith(call.path) && call.headers["x-hook-test"] === undefined);

describe("B87 event names", () => {
  test("B87 a star is no pattern; names match exactly, in any case", async () => {
    const names = ["*", "wild.*", "wild", "Wild.CREATED", "wild.created.more", "wil?.created", "wild.create*", "WILD.created"];
    const hooks: Answer["json"][] = [];
    for (const name of names) {
      const answer = await so.call(WEBHOOK, {
        method: "POST",
        body: { ...minimalWebhook(receiver), TargetUrl: `${receiver.url}/b87-${++made}`, Events: [name] },
      });
      if (answer.status === 200) hooks.push(answer.json);
    }
    expect(hooks.map((each) => each.Events[0])).toEqual(expect.arrayContaining(["*", "wild.*", "Wild.CREATED", "WILD.created"]));
    await so.post(`${WEBHOOK}/wild.Created/7`, {});
    const exact = hooks.filter((each) => each.Events[0].toLowerCase() === "wild.created");
    for (const each of exact)
      await eventually(
        () => callsOf(each).length,
        (count) => count === 1,
      );
    const others = hooks.filter((each) => !exact.includes(each));
    expect(others.map((each) => callsOf(each).length)).toEqual(others.map(() => 0));
    // Nothing of it waits either.
    for (const each of others) expect((await so.call(`${WEBHOOK}/${each.WebhookId}`)).json.TotalCalls).toBe(0);
  });
});

describe("B88 numbers", () => {
  // In the order in which jsonb keeps keys; it writes exponents out (1e3 as 1000), which changes no value.
  const TOKENS = '{"big":12345678901234567890,"one":1.0,"small":-0.10}';

  test("B88 REST and RPC, patches and tests keep them as they were sent", async () => {
    const body = (more: string) =>
      `{"Name":"N","Events":["numbers.sent"],"TargetUrl":"${receiver.url}/numbers","Properties":${TOKENS}${more}}`;
    const rest = await so.call(WEBHOOK, { method: "POST", body: body("") });
    expect(rest.text).toContain(`"Properties":${TOKENS}`);
    const rpc = await so.call(`${RPC}/SaveWebhook`, { method: "POST", body: body(`,"WebhookId":${rest.json.WebhookId}.0`) });
    expect(rpc.text).toContain(`"Properties":${TOKENS}`);
    const path = `${WEBHOOK}/${rest.json.WebhookId}`;
    const patched = await so.call(path, {
      method: "PATCH",
      body: '[{"op":"add","path":"/Properties/more","value":9007199254740993},{"op":"test","path":"/Properties/one","value":1}]',
    });
    expect(patched.text).toContain('"Properties":{"big":12345678901234567890,"one":1.0,"small":-0.10,"more":9007199254740993}');
    expect(
      (await so.call(path, { method: "PATCH", body: '[{"op":"test","path":"/Properties/more","value":9007199254740992}]' })).status,
    ).toBe(409);
    const merged = await so.call(path, { method: "PATCH", body: '{"Properties":{"more":null,"last":0.30}}' });
    expect(merged.text).toContain('"Properties":{"big":12345678901234567890,"one":1.0,"small":-0.10,"last":0.30}');
    await so.call(`${WEBHOOK}/Test`, { method: "POST", body: body("") });
    await so.call(`${RPC}/TestWebhook`, { method: "POST", body: `{"Webhook":${body("")}}` });
    const tests = receiver.calls.filter((call) => call.path === "/numbers").slice(-2);
    for (const call of tests) expect(call.body.toString()).toContain(TOKENS.slice(1, -1));
  });

  test("B88 a signal's data goes out as it came in, by both doors", async () => {
    const target = await hook({ Events: ["exact.signalled"] });
    const data = '{"big":12345678901234567890,"huge":1e400,"one":1.0,"text":"\\u00e9"}';
    await so.call(`${WEBHOOK}/exact.signalled/1`, { method: "POST", body: data });
    await so.call(`${RPC}/SignalEvent`, { method: "POST", body: `{"eventname":"exact.signalled","primarykey":2,"data":${data}}` });
    const calls = await eventually(
      () => callsOf(target),
      (all) => all.length === 2,
    );
    for (const call of calls) expect(call.body.toString()).toContain(`"FieldValues":${data}`);
    expect(calls.map((call) => call.json().Changes)).toEqual(Array(2).fill(["big", "huge", "one", "text"]));
  });
});

describe("B88 what comes out goes in again", () => {
  test("B88 no events are no events, in XML and JSON", async () => {
    const { WebhookId } = await hook({ Events: [] });
    const path = `${WEBHOOK}/${WebhookId}`;
    const out = await so.call(path, { headers: xml });
    expect(out.text).toContain("<Events/>");
    expect((await so.call(path, { method: "PUT", body: out.text, headers: xml })).text).toContain("<Events/>");
    expect((await so.call(path)).json.Events).toEqual([]);
    const json = await so.call(path);
    expect((await so.call(path, { method: "PUT", body: json.json })).json.Events).toEqual([]);
    expect(
      (await so.call(`${RPC}/SaveWebhook`, { method: "POST", body: (await so.call(path, { headers: xml })).text, headers: xml })).text,
    ).toContain("<Events/>");
  });

  test("B88 every body it gives out is taken, and changes nothing", async () => {
    const Properties = {
      n: 7,
      exact: 1.5,
      yes: true,
      none: null,
      empty: "",
      list: [],
      text: "1",
      deep: { a: [1, "1", null, { b: [] }] },
      string: "s",
      object: {},
      "": "no name",
      "a b": 1,
      _x_: 1,
      _x0041_: 1,
      "1st": 1,
      é: "ø & <",
    };
    const { WebhookId } = await hook({
      Events: ["a.b", "c.d"],
      Properties,
      Headers: { "X-One": "1", "X-Two": "two words" },
      Secret: " s<&>\"' ",
      Description: "line\r\nline",
      ErrorsEmail: "a@example.test",
    });
    const path = `${WEBHOOK}/${WebhookId}`;
    const plain = (answer: Answer) => ({ ...answer.json, Updated: "", UpdatedAssociate: "" });
    const before = plain(await so.call(path));
    expect(before.Properties).toEqual(Properties);
    const give = [
      async () => so.call(path, { method: "PUT", body: (await so.call(path)).text }),
      async () =>
        so.call(path, {
          method: "PUT",
          body: (await so.call(path, { headers: xml })).text,
          headers: { "content-type": "application/xml" },
        }),
      async () =>
        so.call(path, {
          method: "PUT",
          body: (await so.call(path, { headers: { accept: "text/xml" } })).text,
          headers: { "content-type": "text/xml" },
        }),
      async () =>
        so.call(`${RPC}/SaveWebhook`, {
          method: "POST",
          body: (await so.call(path, { headers: xml })).text,
          headers: { "content-type": "application/xml" },
        }),
    ];
    for (const each of give) {
      const answer = await each();
      expect([answer.status, answer.status === 200 ? "" : answer.text]).toEqual([200, ""]);
      expect(plain(await so.call(path))).toEqual(before);
    }
    const changed = (await so.call(path, { headers: xml })).text.replace("<n>7</n>", "<n>8</n>");
    await so.call(path, { method: "PUT", body: changed, headers: xml });
    expect((await so.call(path)).json.Properties).toEqual({ ...Properties, n: "8" });
  });

  test("B88 an entity that XML does not know is refused, and so is a character it has no place for", async () => {
    const post = (name: string) =>
      so.call(WEBHOOK, {
        method: "POST",
        headers: xml,
        body: `<Webhook><Name>${name}</Name><TargetUrl>${receiver.url}/xml</TargetUrl></Webhook>`,
      });
    for (const name of [
      "&unknown;",
      "a &nbsp; b",
      "&copy;",
      "&a",
      "a & b",
      "&#0;",
      "&#xD800;",
      "&#x110000;",
      "&amp;&x;",
      "<!-- & -->&x;",
    ]) {
      const answer = await post(name);
      expect([name, answer.status, answer.json?.ErrorType]).toEqual([name, 400, "SoArgumentException"]);
    }
    for (const [name, read] of [
      ["&lt;&amp;&gt;&quot;&apos;", "<&>\"'"],
      ["&#65;&#x42;&#x1F600;", "AB😀"],
      ["<![CDATA[&unknown; <b>]]>", "&unknown; <b>"],
      ["<!-- &x; -->n", "n"],
    ] as const) {
      const answer = await post(name);
      expect([name, answer.status]).toEqual([name, 200]);
      const id = /<WebhookId>(\d+)</.exec(answer.text)?.[1];
      expect((await so.call(`${WEBHOOK}/${id}`)).json.Name).toBe(read);
    }
  });
});

test("B88 routes ignore case; ids and event names keep theirs", async () => {
  const target = await hook({ Events: ["Mixed.Case"] });
  const id = target.WebhookId;
  for (const path of [
    `/api/v1/webhook/${id}`,
    `/API/V1/WEBHOOK/${id}`,
    `/api/v1/wEbHoOk/${id}?$SELECT=Name`,
    "/api/v1/webhook/DEFAULT",
    `/api/v1/webhook/${id}/lasterror`,
    "/api/v1/webhook?NameFilter=none",
  ])
    expect([path, (await so.call(path)).status]).toEqual([path, 200]);
  expect((await so.call(`/api/v1/agents/webhook/getwebhook?WEBHOOKID=${id}`, { method: "POST" })).json.WebhookId).toBe(id);
  expect((await so.call("/api/v1/webhook/test", { method: "POST", body: { TargetUrl: target.TargetUrl } })).json.Success).toBe(true);
  expect((await so.call("/api/v1/webhook/MIXED.case/7", { method: "POST", body: {} })).status).toBe(204);
  const [call] = await eventually(
    () => callsOf(target),
    (all) => all.length === 1,
  );
  expect(call?.json()).toMatchObject({ Event: "MIXED.case", PrimaryKey: 7 });
  expect((await so.call(`/api/v1/agents/webhook/savewebhook`)).status).toBe(405);
  expect((await so.call("/api/v1/webhooks")).json).toMatchObject({
    ErrorType: "SoNotFoundException",
    ErrorMessage: "there is no /api/v1/webhooks",
  });
});

test("B88 state events say the state as this product does", async () => {
  const target = await hook({ Events: ["contact.created"] });
  const id = target.WebhookId;
  const listener = await hook({ Events: [`webhook${id}.errors`, `webhook${id}.started`, `Webhook${id}.Stopped`] });
  for (const State of ["TooManyErrors", "Active", "Stopped"]) await so.call(`${WEBHOOK}/${id}`, { method: "PATCH", body: { State } });
  const calls = await eventually(
    () => callsOf(listener),
    (all) => all.length === 3,
  );
  const told = new Map(calls.map((call) => [call.json().Event, call.json().FieldValues.state]));
  expect(Object.fromEntries(told)).toEqual({
    "webhook.errors": "TooManyErrors",
    "webhook.started": "Active",
    "webhook.stopped": "Stopped",
  });
});

test("B88 Basic costs one scrypt for many calls, and a wrong password never less than one", async () => {
  const { email } = await so.user("ADMIN", "a fine password");
  const call = (password: string) =>
    so.call(`${WEBHOOK}/default`, {
      token: null,
      headers: { authorization: `Basic ${Buffer.from(`${email}:${password}`).toString("base64")}` },
    });
  // Whoever is tried by scrypt is counted before.
  const counted = vi.spyOn(rateStatements, "hit");
  expect((await call("a fine password")).status).toBe(200);
  expect(counted).toHaveBeenCalledTimes(2);
  for (let i = 0; i < 5; i++) expect((await call("a fine password")).status).toBe(200);
  expect(counted).toHaveBeenCalledTimes(2);
  for (let i = 0; i < 2; i++) expect((await call("wrong")).status).toBe(401);
  expect(counted).toHaveBeenCalledTimes(6);
  counted.mockRestore();
});
