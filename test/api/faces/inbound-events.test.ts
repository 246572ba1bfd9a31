/** Any sender's posts become events: the door as senders see it, the settings and the log as their owner does. */
import { createHmac } from "node:crypto";
import { request as httpRequest } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { dropOldPosts } from "../../../src/inbound/posts.ts";
import { type TestApp, testApp } from "../../helpers/app.ts";
import { data } from "../../helpers/graphql.ts";

let app: TestApp;
beforeAll(async () => {
  app = await testApp({ inboundAddressLimit: { count: 1_000, seconds: 60 } });
});
afterAll(() => app?.close());

// biome-ignore lint/suspicious/noExplicitAny: tests read what they expect to find
type Any = any;
interface Made {
  id: string;
  url: string;
}

const CREATE = `mutation ($input: CreateInboundWebhookInput!) { it: createInboundWebhook(input: $input) { __typename
  ... on CreatedInboundWebhook { targetUrl inboundWebhook { id } } ... on ValidationError { issues { path message } } ... on Error { message } } }`;
const create = async (input: object): Promise<Any> =>
  ((await data(app, app.adminToken, CREATE, { input: { targetType: "EVENT", eventType: "order.created", ...input } })) as Any).it;
async function make(input: object = {}): Promise<Made> {
  const made = await create(input);
  expect(made.__typename).toBe("CreatedInboundWebhook");
  return { id: made.inboundWebhook.id, url: app.url + new URL(made.targetUrl).pathname };
}
async function update(input: object): Promise<Any> {
  const UPDATE = `mutation ($input: UpdateInboundWebhookInput!) { it: updateInboundWebhook(input: $input) { __typename
    ... on InboundWebhook { id name eventType transformation verification { preset secretLastFour header encoding } dedupe { header path } }
    ... on ValidationError { issues { path message } } ... on Error { message } } }`;
  return ((await data(app, app.adminToken, UPDATE, { input })) as Any).it;
}
async function post(url: string, body: string | Uint8Array, headers: Record<string, string> = {}, method = "POST") {
  const init = { method, headers: { "content-type": "application/json", ...headers }, ...(method === "POST" && { body: body as string }) };
  const response = await fetch(url, init);
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, body: (text.startsWith("{") ? JSON.parse(text) : undefined) as Any };
}
async function stored(id: string): Promise<{ type: string; payload: string; entity: string | null; entityId: string | null }> {
  const { rows } = await app.t.core.db.pool.query(
    `SELECT type, payload::text AS payload, entity, entity_id AS "entityId" FROM event WHERE id = $1::uuid`,
    [id.replace(/^evt_/, "")],
  );
  return rows[0];
}
const LOG = `query ($id: ID!, $first: Int, $after: String) { node(id: $id) { ... on InboundWebhook { acceptedCount duplicateCount refusedCount lastReceivedAt
  posts(first: $first, after: $after) { totalCount pageInfo { hasNextPage endCursor } edges { node { outcome status reason eventId receivedAt } } } } } }`;
const log = async (id: string, page: object = {}): Promise<Any> => ((await data(app, app.adminToken, LOG, { id, ...page })) as Any).node;
const outcomes = async (id: string) => (await log(id)).posts.edges.map(({ node }: Any) => node.outcome);

describe("what comes in", () => {
  test("JSON, with its numbers as they are written", async () => {
    const { id, url } = await make();
    const answer = await post(url, '{"n": 1.10, "big": 12345678901234567890, "__proto__": {"a": 1}}');
    expect(answer).toMatchObject({ status: 202, body: { id: expect.stringMatching(/^evt_[0-9a-f]{32}$/) } });
    const event = await stored(answer.body.id);
    expect(event.type).toBe("order.created");
    expect(event.payload).toContain("1.10");
    expect(event.payload).toContain("12345678901234567890");
    expect(event.payload).toContain("__proto__");
    expect(await log(id)).toMatchObject({
      ...{ acceptedCount: 1, duplicateCount: 0, refusedCount: 0, lastReceivedAt: expect.any(String) },
      posts: { totalCount: 1, edges: [{ node: { outcome: "ACCEPTED", status: 202, reason: null, eventId: answer.body.id } }] },
    });
    for (const name of ["cache-control", "referrer-policy", "x-content-type-options", "ratelimit-policy"])
      expect(answer.headers.has(name)).toBe(true);
  });

  test.each([
    ["application/x-www-form-urlencoded", "a=1+2&b=%C3%A5&a=3&__proto__=x", { a: ["1 2", "3"], b: "å", ["__proto__"]: "x" }],
    ["text/plain", "hello\n", "hello\n"],
    ["text/csv; charset=utf-8", "a,b", "a,b"],
    ["application/vnd.api+json", "[1]", [1]],
    ["multipart/form-data; boundary=XX", '--XX\r\nContent-Disposition: form-data; name="a"\r\n\r\nå\r\n--XX--\r\n', { a: "å" }],
  ])("%s", async (type, body, payload) => {
    const { url } = await make();
    const answer = await post(url, body, { "content-type": type });
    expect([answer.status, answer.text]).toEqual([202, expect.stringContaining("evt_")]);
    expect((await stored(answer.body.id)).payload.replace(/([:,]) /g, "$1")).toBe(
      JSON.stringify(payload).replace("{}", '{"__proto__":"x"}'),
    );
  });

  const many = Array.from({ length: 101 }, (_, i) => `f${i}=1`).join("&");
  test.each([
    ["no JSON", "{", {}, 400],
    ["nothing", "", {}, 400],
    ["NUL", '"\\u0000"', {}, 400],
    ["half a pair", '"\\ud800"', {}, 400],
    ["too deep", "[".repeat(65) + "]".repeat(65), {}, 400],
    ["no UTF-8", new Uint8Array([0x22, 0xff, 0x22]), {}, 400],
    ["101 fields", many, { "content-type": "application/x-www-form-urlencoded" }, 400],
    [
      "a file",
      '--X\r\nContent-Disposition: form-data; name="a"; filename="b"\r\n\r\nx\r\n--X--\r\n',
      { "content-type": "multipart/form-data; boundary=X" },
      400,
    ],
    ["no boundary", "x", { "content-type": "multipart/form-data" }, 400],
    ["another type", "x", { "content-type": "application/pdf" }, 415],
    ["another charset", "{}", { "content-type": "application/json; charset=latin1" }, 415],
    ["an encoding", "{}", { "content-encoding": "gzip" }, 415],
    ["too much", `"${"x".repeat(256 * 1024)}"`, {}, 413],
  ] as [string, string | Uint8Array, Record<string, string>, number][])(
    "%s is refused, counted and logged without its content",
    async (_name, body, headers, status) => {
      const { id, url } = await make();
      expect((await post(url, body, headers)).status).toBe(status);
      const shown = await log(id);
      expect(shown).toMatchObject({
        acceptedCount: 0,
        refusedCount: 1,
        lastReceivedAt: null,
        posts: { edges: [{ node: { outcome: "REFUSED", status } }] },
      });
      expect(shown.posts.edges[0].node.reason.length).toBeGreaterThan(3);
    },
  );
});

describe("who may post", () => {
  test("a target with scheme and host is the same place", async () => {
    const { url } = await make();
    const { port, pathname } = new URL(url);
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const headers = { "content-type": "application/json", host: `127.0.0.1:${port}` };
      const sent = httpRequest(
        { port, host: "127.0.0.1", method: "POST", path: `http://127.0.0.1:${port}${pathname}`, headers },
        (response) => {
          response.resume().on("end", () => resolve(response.statusCode));
        },
      );
      sent.on("error", reject).end("{}");
    });
    expect(status).toBe(202);
  });

  test("a text that is larger than a payload may be once it is JSON is 413", async () => {
    const { url } = await make();
    expect((await post(url, "\x01".repeat(256 * 1024), { "content-type": "text/plain" })).status).toBe(413);
    expect((await post(url, "a".repeat(256 * 1024), { "content-type": "text/plain" })).status).toBe(202);
  });

  test("a key from a header that every object seems to have is one that was not sent", async () => {
    for (const header of ["constructor", "__proto__"]) {
      const { url } = await make({ dedupe: { header } });
      expect((await post(url, "{}")).status).toBeLessThan(500);
    }
  });

  test("an unknown id, a wrong key and another's key are 404 alike", async () => {
    const [one, other] = [await make(), await make()];
    const key = (url: string) => url.split("/").at(-1) as string;
    const answers = [
      await post(`${one.url}x`, "{}"),
      await post(one.url.replace(key(one.url), key(other.url)), "{}"),
      await post(one.url.replace(one.id, `inb_${"0".repeat(32)}`), "{}"),
      await post(`${app.url}/inbound/events/x/y`, "{}"),
      await post(`${app.url}/inbound/events/%zz/y`, "{}"),
      await post(`${app.url}/inbound/events/x`, "{}"),
    ];
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    expect(answers[0]).toMatchObject({ status: 404, body: { code: "NOT_FOUND" } });
  });

  test("switched off: 403; a new key: the old one ends; deleted: 404", async () => {
    const { id, url } = await make();
    await update({ id, enabled: false } as object);
    expect((await post(url, "{}")).status).toBe(403);
    await update({ id, enabled: true });
    expect((await post(url, "{}")).status).toBe(202);
    const ROTATE =
      "mutation ($input: RotateInboundWebhookKeyInput!) { it: rotateInboundWebhookKey(input: $input) { ... on RotatedInboundWebhookKey { targetUrl } } }";
    const rotated = ((await data(app, app.adminToken, ROTATE, { input: { id } })) as Any).it.targetUrl;
    expect((await post(url, "{}")).status).toBe(404);
    const next = app.url + new URL(rotated).pathname;
    expect((await post(next, "{}")).status).toBe(202);
    await data(
      app,
      app.adminToken,
      "mutation ($input: DeleteInboundWebhookInput!) { deleteInboundWebhook(input: $input) { __typename } }",
      { input: { id } },
    );
    expect((await post(next, "{}")).status).toBe(404);
  });

  test("a wrong signature is 401 and nothing more; its owner reads why", async () => {
    const { id, url } = await make({ verification: { preset: "GITHUB", secret: "hush" } });
    const body = '{"a":"PRIVATE"}';
    const good = `sha256=${createHmac("sha256", "hush").update(body).digest("hex")}`;
    const refused = [
      await post(url, body),
      await post(url, `${body} `, { "x-hub-signature-256": good }),
      await post(url, "{", { "x-hub-signature-256": good }),
    ];
    expect(new Set(refused.map(({ text }) => text)).size).toBe(1);
    expect(refused[0]).toMatchObject({ status: 401, body: { status: 401, detail: "Unauthorized" } });
    expect((await post(url, body, { "x-hub-signature-256": good })).status).toBe(202);
    const shown = await log(id);
    expect(shown.posts.edges.map(({ node }: Any) => node.reason)).toEqual([
      null,
      "x-hub-signature-256 is not that of these bytes and this secret",
      "x-hub-signature-256 is not that of these bytes and this secret",
      "x-hub-signature-256 is not there",
    ]);
    expect(JSON.stringify(shown)).not.toMatch(/PRIVATE|hush/);
  });

  test("the secret is sealed, and shown nowhere", async () => {
    const secret = "canary-of-an-inbound-secret";
    const { id, url } = await make({ verification: { preset: "HMAC", secret, header: "X-Sig", encoding: "BASE64" } });
    const sign = (key: string) => createHmac("sha256", key).update("{}").digest("base64");
    expect((await post(url, "{}", { "x-sig": sign(secret) })).status).toBe(202);
    expect(await update({ id, verification: { preset: "HMAC", header: "X-Other" } })).toMatchObject({
      verification: { preset: "HMAC", secretLastFour: "cret", header: "x-other", encoding: "HEX" },
    });
    expect((await post(url, "{}", { "x-other": createHmac("sha256", secret).update("{}").digest("hex") })).status).toBe(202);
    for (const table of ["inbound_webhook", "inbound_post", "audit_entry"]) {
      const { rows } = await app.t.core.db.pool.query(`SELECT to_jsonb(t)::text AS row FROM ${table} t`);
      expect(rows.map(({ row }) => row).join("\n")).not.toContain(secret);
    }
    expect(await update({ id, verification: { preset: "NONE" } })).toMatchObject({
      verification: { preset: "NONE", secretLastFour: null },
    });
    expect((await update({ id, verification: { preset: "GITHUB" } })).issues[0].path).toBe("verification.secret");
  });

  test("every other method: 405", async () => {
    const { url } = await make();
    for (const method of ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"]) {
      const answer = await post(url, "", {}, method);
      expect([answer.status, answer.headers.get("allow")], method).toEqual([405, "POST, OPTIONS"]);
    }
  });
});

describe("the same post again", () => {
  test("by a header, or a place in the body: one event, one answer", async () => {
    const byHeader = await make({ dedupe: { header: "X-GitHub-Delivery" } });
    const first = await post(byHeader.url, '{"a":1}', { "x-github-delivery": "1" });
    expect((await post(byHeader.url, '{"a":2}', { "x-github-delivery": "1" })).text).toBe(first.text);
    expect((await post(byHeader.url, '{"a":1}', { "x-github-delivery": "2" })).text).not.toBe(first.text);
    expect((await post(byHeader.url, '{"a":1}')).status).toBe(202);
    expect(await outcomes(byHeader.id)).toEqual(["ACCEPTED", "ACCEPTED", "DUPLICATE", "ACCEPTED"]);
    expect((await log(byHeader.id)).duplicateCount).toBe(1);
    const byPath = await make({ dedupe: { path: "data.id" } });
    const one = await post(byPath.url, '{"data":{"id":12345678901234567890}}');
    expect((await post(byPath.url, '{"data":{"id": 12345678901234567890 }}')).text).toBe(one.text);
    expect((await post(byPath.url, '{"data":{"id":12345678901234567891}}')).text).not.toBe(one.text);
  });

  test("what Standard Webhooks signs is one event by the id that was signed, whoever's names its headers have", async () => {
    const secret = `whsec_${Buffer.from("0123456789abcdef0123456789abcdef").toString("base64")}`;
    const signed = (family: string, id: string, body = "{}") => {
      const at = String(Math.floor(Date.now() / 1_000));
      const signature = `v1,${createHmac("sha256", "0123456789abcdef0123456789abcdef").update(`${id}.${at}.${body}`).digest("base64")}`;
      return { [`${family}-id`]: id, [`${family}-timestamp`]: at, [`${family}-signature`]: signature };
    };
    for (const header of ["webhook-id", "Svix-Id"]) {
      const { id, url } = await make({ verification: { preset: "STANDARD_WEBHOOKS", secret }, dedupe: { header } });
      const first = await post(url, "{}", signed("webhook", "m1"));
      expect(first).toMatchObject({ status: 202, body: { id: expect.stringMatching(/^evt_/) } });
      const again = [
        signed("svix", "m1"),
        { ...signed("webhook", "m1"), "svix-id": "m2" },
        { ...signed("svix", "m1"), "webhook-id": "m2" },
        { ...signed("webhook", "m1"), ...signed("svix", "m2") },
      ];
      for (const headers of again) expect((await post(url, "{}", headers)).body).toEqual(first.body);
      expect((await post(url, "{}", signed("svix", "m2"))).body).not.toEqual(first.body);
      expect(await log(id)).toMatchObject({ acceptedCount: 2, duplicateCount: 4, refusedCount: 0 });
    }
  });

  test("twenty at once at two processes are one event; another webhook's are its own", async () => {
    const { id, url } = await make({ dedupe: { path: "id" } });
    const second = await app.another();
    const urls = [url, url.replace(app.url, second.url)];
    const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => post(urls[i % 2] as string, '{"id":"x"}')));
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    expect((await outcomes(id)).filter((each: string) => each === "ACCEPTED")).toHaveLength(1);
    const other = await make({ dedupe: { path: "id" } });
    expect((await post(other.url, '{"id":"x"}')).text).not.toBe(answers[0]?.text);
  });
});

describe("challenges", () => {
  test("Slack's, signed", async () => {
    const { id, url } = await make({ eventType: "slack.{path:event.type}", verification: { preset: "SLACK", secret: "s" } });
    const send = (body: string) => {
      const at = String(Math.floor(Date.now() / 1_000));
      const signature = `v0=${createHmac("sha256", "s").update(`v0:${at}:${body}`).digest("hex")}`;
      return post(url, body, { "x-slack-request-timestamp": at, "x-slack-signature": signature });
    };
    expect(await send('{"token":"t","type":"url_verification","challenge":"3eZbrw"}')).toMatchObject({
      status: 200,
      body: { challenge: "3eZbrw" },
    });
    expect((await post(url, '{"type":"url_verification","challenge":"x"}')).status).toBe(401);
    expect((await stored((await send('{"type":"event_callback","event":{"type":"app_mention"}}')).body.id)).type).toBe("slack.app_mention");
    expect(await outcomes(id)).toEqual(["ACCEPTED", "REFUSED", "CHALLENGE"]);
  });

  test("CloudEvents'", async () => {
    const { url } = await make();
    const asked = await post(url, "", { "webhook-request-origin": "eventemitter.example.com", "webhook-request-rate": "120" }, "OPTIONS");
    expect(asked.status).toBe(200);
    expect(asked.headers.get("webhook-allowed-origin")).toBe("eventemitter.example.com");
    expect(asked.headers.get("webhook-allowed-rate")).toBe("120");
    expect((await post(`${url}x`, "", { "webhook-request-origin": "a" }, "OPTIONS")).status).toBe(404);
  });
});

describe("the event type", () => {
  test("is filled in, and what comes out is judged", async () => {
    const { id, url } = await make({ eventType: "github.{header:X-GitHub-Event}" });
    expect((await stored((await post(url, "{}", { "x-github-event": "pull_request" })).body.id)).type).toBe("github.pull_request");
    for (const headers of [{}, { "x-github-event": "SECRET TYPE" }, { "x-github-event": "x".repeat(130) }] as Record<string, string>[]) {
      expect((await post(url, "{}", headers)).body).toMatchObject({ status: 400, code: "EVENT_TYPE" });
    }
    const shown = await log(id);
    expect(shown.refusedCount).toBe(3);
    expect(JSON.stringify(shown)).not.toContain("SECRET");
    const own = await make({ eventType: "{header:x-type}" });
    expect((await post(own.url, "{}", { "x-type": "hookline.quota.reached" })).status).toBe(400);
  });

  test.each([
    [{ eventType: "" }, "eventType"],
    [{ eventType: null }, "eventType"],
    [{ eventType: "a b" }, "eventType"],
    [{ eventType: "hookline.x" }, "eventType"],
    [{ eventType: "a.{header:}" }, "eventType"],
    [{ eventType: "a.{header:x" }, "eventType"],
    [{ eventType: "a.{cookie:x}" }, "eventType"],
    [{ eventType: "a}" }, "eventType"],
    [{ goalId: "x" }, "goalId"],
    [{ verification: { preset: "GITHUB" } }, "verification.secret"],
    [{ verification: { preset: "NONE", secret: "x" } }, "verification.secret"],
    [{ verification: { preset: "STANDARD_WEBHOOKS", secret: "whsec_short" } }, "verification.secret"],
    [{ verification: { preset: "STRIPE", secret: "x".repeat(401) } }, "verification.secret"],
    [{ verification: { preset: "HMAC", secret: "x" } }, "verification.header"],
    [{ verification: { preset: "HMAC", secret: "x", header: "a b" } }, "verification.header"],
    [{ verification: { preset: "SLACK", secret: "x", header: "a" } }, "verification.header"],
    [{ dedupe: {} }, "dedupe"],
    [{ dedupe: { header: "a", path: "b" } }, "dedupe"],
    [{ dedupe: { header: "a b" } }, "dedupe.header"],
    [{ transformation: "" }, "transformation"],
    [{ transformation: "function transform( {" }, "transformation"],
    [{ targetType: "GOAL" }, "targetType"],
    [{ targetType: "GOAL", eventType: undefined }, "goalId"],
  ])("%j names %s", async (input, path) => {
    expect(await create(input)).toMatchObject({ __typename: "ValidationError", issues: [{ path }] });
  });
});

describe("a transformation", () => {
  const SOURCE = `function transform(event) {
    if (event.payload.skip) return null;
    if (event.payload.fail) throw new Error("no such order");
    if (event.payload.odd) return { colour: 1 };
    return { type: event.type + "." + event.payload.kind, entity: "order", entityId: event.payload.id, scope: { from: event.headers["x-from"] } };
  }`;

  test("says what the event is; what it leaves out is as it came", async () => {
    const { id, url } = await make({ eventType: "order", transformation: SOURCE });
    const answer = await post(url, '{"kind":"paid","id":18,"sum":1.10}', { "x-from": "shop" });
    expect(await stored(answer.body.id)).toMatchObject({
      type: "order.paid",
      entity: "order",
      entityId: "18",
      payload: expect.stringContaining("1.10"),
    });
    expect(await post(url, '{"skip":true}')).toMatchObject({ status: 202, body: { id: null } });
    const failed = await post(url, '{"fail":true}');
    expect(failed).toMatchObject({ status: 422, body: { code: "TRANSFORMATION_FAILED" } });
    expect(failed.text).not.toContain("no such order");
    expect((await post(url, '{"odd":true}')).status).toBe(422);
    expect((await log(id)).posts.edges.map(({ node }: Any) => [node.outcome, node.reason])).toEqual([
      ["REFUSED", expect.stringContaining("colour, which is no field of an event")],
      ["REFUSED", expect.stringContaining("no such order (line 3)")],
      ["SKIPPED", null],
      ["ACCEPTED", null],
    ]);
  });

  test("is tried out without writing anything", async () => {
    const { id } = await make({ eventType: "order", transformation: SOURCE });
    const DRY = `mutation ($input: DryRunInboundWebhookInput!) { it: dryRunInboundWebhook(input: $input) { __typename
      ... on InboundDryRun { accepted skipped error status type entity entityId payload scope console } ... on Error { message } } }`;
    const dry = async (input: object): Promise<Any> => ((await data(app, app.adminToken, DRY, { input })) as Any).it;
    const count = async () =>
      (await app.t.core.db.pool.query("SELECT (SELECT count(*) FROM event) + (SELECT count(*) FROM inbound_post) AS n")).rows[0].n;
    const before = await count();
    expect(await dry({ id, body: '{"kind":"paid","id":"18"}', headers: { "X-From": "shop" } })).toMatchObject({
      ...{ accepted: true, skipped: false, error: null, status: 202, type: "order.paid", entity: "order", entityId: "18" },
      ...{ payload: { kind: "paid", id: "18" }, scope: { from: "shop" } },
    });
    expect(await dry({ id, body: '{"skip":1}' })).toMatchObject({ accepted: false, skipped: true, type: null });
    expect(await dry({ id, body: '{"fail":1}' })).toMatchObject({
      accepted: false,
      status: 422,
      error: expect.stringContaining("no such order"),
    });
    expect(await dry({ eventType: "a.{header:x}", headers: { x: "b", "content-type": "text/plain" }, body: "t" })).toMatchObject({
      type: "a.b",
      payload: "t",
    });
    expect(await dry({ id, transformation: null, body: "{}" })).toMatchObject({ type: "order", payload: {} });
    expect(await dry({ body: "{}" })).toMatchObject({ __typename: "ValidationError" });
    expect(await dry({ id, body: "{" })).toMatchObject({ __typename: "ValidationError" });
    expect(await dry({ id, body: "{}", headers: { "content-type": "image/png" } })).toMatchObject({ __typename: "ValidationError" });
    expect(await count()).toBe(before);
  });
});

describe("limits and lists", () => {
  test("over its rate a webhook answers 429, at every process; the log does not grow", async () => {
    const limited = await testApp({ inboundEventLimit: { count: 3, seconds: 60 } });
    try {
      const made = ((await data(limited, limited.adminToken, CREATE, { input: { targetType: "EVENT", eventType: "a" } })) as Any).it;
      const path = new URL(made.targetUrl).pathname;
      const second = await limited.another();
      const statuses = [];
      for (const url of [limited.url, second.url, limited.url, second.url]) statuses.push((await post(url + path, "{}")).status);
      expect(statuses).toEqual([202, 202, 202, 429]);
      const over = await post(limited.url + path, "{}");
      expect(Number(over.headers.get("retry-after"))).toBeGreaterThan(0);
      const { rows } = await limited.t.core.db.pool.query("SELECT count(*)::int AS n FROM inbound_post");
      expect(rows[0].n).toBe(3);
    } finally {
      await limited.close();
    }
  });

  test("wrong keys of one address are 429 in the end", async () => {
    const limited = await testApp({ inboundAddressLimit: { count: 2, seconds: 60 } });
    try {
      const statuses = [];
      for (let i = 0; i < 4; i++) statuses.push((await post(`${limited.url}/inbound/events/x/y`, "{}")).status);
      expect(statuses).toEqual([404, 404, 429, 429]);
    } finally {
      await limited.close();
    }
  });

  test("the log is paged, and what is too much of it goes", async () => {
    const { id, url } = await make();
    const ids = [];
    for (let i = 0; i < 5; i++) ids.unshift((await post(url, String(i))).body.id);
    const page = (await log(id, { first: 2 })).posts;
    expect(page.edges.map(({ node }: Any) => node.eventId)).toEqual(ids.slice(0, 2));
    const next = (await log(id, { first: 5, after: page.pageInfo.endCursor })).posts;
    expect(next.edges.map(({ node }: Any) => node.eventId)).toEqual(ids.slice(2));
    await dropOldPosts(app.t.core, 7, 3);
    expect((await log(id)).posts.edges.map(({ node }: Any) => node.eventId)).toEqual(ids.slice(0, 3));
    await app.t.core.db.pool.query("UPDATE inbound_post SET received_at = now() - interval '8 days'");
    await dropOldPosts(app.t.core);
    expect((await log(id)).posts.totalCount).toBe(0);
  });

  test("goals' are listed by themselves, as before; another organization sees none", async () => {
    const { id } = await make();
    const LIST =
      "query ($targetType: InboundTargetType!) { inboundWebhooks(first: 100, targetType: $targetType) { edges { node { id targetType goal { id } } } } }";
    const list = async (targetType: string, token = app.adminToken) =>
      ((await data(app, token, LIST, { targetType })) as Any).inboundWebhooks.edges.map(({ node }: Any) => node);
    expect(await list("EVENT")).toContainEqual({ id, targetType: "EVENT", goal: null });
    const plain = (await data(app, app.adminToken, "{ inboundWebhooks { edges { node { id } } } }")) as Any;
    expect(plain.inboundWebhooks.edges).toEqual([]);
    const rest = await fetch(`${app.url}/api/inbound-webhooks/${id}`, { headers: { authorization: `Bearer ${app.adminToken}` } });
    expect(rest.status).toBe(404);
    const foreign = await app.token({ organizationId: (await app.t.organization()).id });
    expect(await list("EVENT", foreign)).toEqual([]);
    expect(((await data(app, foreign, LOG, { id })) as Any).node).toBeNull();
  });
});
