/** POST /v1/events: what is taken, and every way to be refused. */
import { createHash } from "node:crypto";
import { request as httpRequest } from "node:http";
import { afterAll, describe, expect, test } from "vitest";
import { testApp } from "../helpers/app.ts";

const app = await testApp();
afterAll(app.close);

interface Answer {
  status: number;
  type: string | null;
  headers: Headers;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: a test says what it expects by its expectations
  body: any;
}

async function post(body: unknown, headers: Record<string, string> = {}, token: string | null = app.adminToken): Promise<Answer> {
  const response = await fetch(`${app.url}/v1/events`, {
    method: "POST",
    headers: { "content-type": "application/json", ...(token ? { authorization: `Bearer ${token}` } : {}), ...headers },
    body: typeof body === "string" ? body : Buffer.isBuffer(body) ? new Uint8Array(body) : JSON.stringify(body),
  });
  const text = await response.text();
  return {
    status: response.status,
    type: response.headers.get("content-type"),
    headers: response.headers,
    text,
    body: text ? JSON.parse(text) : undefined,
  };
}

async function stored(id: string) {
  const hex = id.replace(/^evt_/, "");
  const { rows } = await app.t.core.db.pool.query("SELECT * FROM event WHERE replace(id::text, '-', '') = $1", [hex]);
  return rows[0];
}

const count = async () => Number((await app.t.core.db.pool.query("SELECT count(*) FROM event")).rows[0].count);

describe("taken", () => {
  test("one event, every field, the payload as it was written", async () => {
    const body = `{"type":"contact.created","entity":"contact","entityId":"18","payload":{"b":1.0,"a":1e2, "10":"\\u00e5"},"previous":{"a":1},
      "changes":["a"],"scope":{"workflow":"w"},"actor":"ann","occurredAt":"2026-11-01T08:00:00+02:00"}`;
    const answer = await post(body);
    expect(answer.status).toBe(202);
    expect(answer.body).toEqual({ id: expect.stringMatching(/^evt_[0-9a-f]{32}$/), type: "contact.created" });
    expect(await stored(answer.body.id)).toMatchObject({
      type: "contact.created",
      entity: "contact",
      entity_id: "18",
      payload: '{"b":1.0,"a":1e2,"10":"\\u00e5"}',
      previous: '{"a":1}',
      changes: ["a"],
      scope: { workflow: "w" },
      actor: "ann",
      occurred_at: new Date("2026-11-01T06:00:00Z"),
    });
  });

  test("an array, in its order", async () => {
    const answer = await post([{ type: "a.one" }, { type: "a.two" }, { type: "a.three" }]);
    expect(answer.status).toBe(202);
    expect(answer.body.events.map((event: { type: string }) => event.type)).toEqual(["a.one", "a.two", "a.three"]);
    const ids = answer.body.events.map((event: { id: string }) => event.id);
    expect([...ids].sort()).toEqual(ids);
  });

  const cloud = {
    specversion: "1.0",
    id: "c-1",
    source: "/shop",
    type: "order.created",
    subject: "order/18/x",
    time: "2026-11-01T08:00:00Z",
    data: { total: 1 },
  };

  test("a structured CloudEvent, once", async () => {
    const type = { "content-type": "application/cloudevents+json; charset=utf-8" };
    const first = await post(cloud, type);
    expect(first.status).toBe(202);
    expect(await stored(first.body.id)).toMatchObject({
      type: "order.created",
      entity: "order",
      entity_id: "18/x",
      payload: '{"total":1}',
      source: "/shop",
    });
    const before = await count();
    expect((await post(cloud, type)).body.id).toBe(first.body.id);
    expect(await count()).toBe(before);
  });

  test("a CloudEvent is the same as one of its source and id, however these are written together, and as nothing else", async () => {
    const type = { "content-type": "application/cloudevents+json" };
    const of = (source: string, id: string, n: number) => post({ ...cloud, source, id, data: { n } }, type);
    const names = [
      ["b", "z a"],
      ["a b", "z"],
      ["a b c", "z"],
      ["a b", "c z"],
      ["a", "b c z"],
      [" b", "z a"],
      ["b".repeat(200), `${"z".repeat(60)} a`],
      [`${"b".repeat(200)} ${"z".repeat(60)}`, "a"],
    ] as const;
    const first = [];
    for (const [i, [source, id]] of names.entries()) first.push((await of(source, id, i)).body.id);
    expect(new Set(first).size).toBe(names.length);
    for (const [i, [source, id]] of names.entries()) expect((await of(source, id, i + 100)).body.id).toBe(first[i]);

    // In both orders, and in one call.
    const reused = { status: 422, body: { code: "IDEMPOTENCY_KEY_REUSED" } };
    expect((await post({ type: "a.b", idempotencyKey: "/orders 1" })).status).toBe(202);
    expect(await of("/orders", "1", 1)).toMatchObject(reused);
    expect((await of("/orders", "2", 1)).status).toBe(202);
    expect(await post({ type: "a.b", idempotencyKey: "/orders 2" })).toMatchObject(reused);
  });

  test("a key that a CloudEvent took under an earlier version still stands for it", async () => {
    const first = await post({ type: "a.b" });
    await app.t.core.db.pool.query(
      `INSERT INTO idempotency_key (organization_id, space, key, body_hash, status, answer) VALUES ($1, '', '/old 7 8', $2, 202, $3)`,
      [
        app.t.organizationId,
        createHash("sha256").update("named by its key\0").digest(),
        JSON.stringify({ id: (await stored(first.body.id)).id, type: "a.b" }),
      ],
    );
    const again = await post({ ...cloud, source: "/old", id: "7 8" }, { "content-type": "application/cloudevents+json" });
    expect([again.status, again.body.id]).toEqual([202, first.body.id]);
  });

  test("a batch, and a binary one", async () => {
    const batch = await post(
      [
        { ...cloud, id: "c-2" },
        { ...cloud, id: "c-3" },
      ],
      { "content-type": "application/cloudevents-batch+json" },
    );
    expect(batch.status).toBe(202);
    expect(batch.body.events).toHaveLength(2);
    const binary = await post(
      { total: 2 },
      { "ce-specversion": "1.0", "ce-id": "c-4", "ce-source": "/shop", "ce-type": "order.paid", "ce-subject": "order" },
    );
    expect(binary.status).toBe(202);
    expect(await stored(binary.body.id)).toMatchObject({ type: "order.paid", entity: "order", entity_id: null, payload: '{"total":2}' });
  });

  test("Idempotency-Key: the same answer byte for byte, one event; another body is 422", async () => {
    const headers = { "idempotency-key": "k-1" };
    const before = await count();
    const first = await post([{ type: "a.b" }, { type: "a.c" }], headers);
    const again = await post([{ type: "a.b" }, { type: "a.c" }], headers);
    expect([first.status, again.status]).toEqual([202, 202]);
    expect(again.text).toBe(first.text);
    expect(await count()).toBe(before + 2);
    const other = await post([{ type: "a.b" }], headers);
    expect(other.status).toBe(422);
    expect(other.body).toMatchObject({ status: 422, code: "IDEMPOTENCY_KEY_REUSED" });
  });

  test("Idempotency-Key over events that have keys of their own: the answer that is kept names the events that there are", async () => {
    const known = await post({ type: "a.b", idempotencyKey: "own-1" });
    const twins = [
      { type: "a.b", idempotencyKey: "own-2" },
      { type: "a.b", idempotencyKey: "own-2" },
    ];
    const cloud = { specversion: "1.0", id: "1", source: "/own", type: "a.b" };
    await post(cloud, { "content-type": "application/cloudevents+json" });
    for (const [key, body, type] of [
      ["call-1", { type: "a.b", idempotencyKey: "own-1" }, "application/json"],
      ["call-2", twins, "application/json"],
      ["call-3", cloud, "application/cloudevents+json"],
    ] as const) {
      const headers = { "idempotency-key": key, "content-type": type };
      const first = await post(body, headers);
      const again = await post(body, headers);
      expect([first.status, again.status, again.text]).toEqual([202, 202, first.text]);
      for (const { id } of again.body.events ?? [again.body]) expect(await stored(id)).toBeDefined();
      if (key === "call-1") expect(again.body.id).toBe(known.body.id);
    }
  });

  test("a call's key that is an event's, too: that event once, and no other beside it", async () => {
    const headers = { "idempotency-key": "both" };
    const other = await post(
      [
        { type: "a.b", idempotencyKey: "both" },
        { type: "a.c", idempotencyKey: "both" },
      ],
      headers,
    );
    expect([other.status, other.body.detail]).toEqual([422, expect.stringContaining("events.1.idempotencyKey")]);
    const same = { type: "a.b", idempotencyKey: "both" };
    const first = await post([same, same], headers);
    expect(new Set(first.body.events.map(({ id }: { id: string }) => id)).size).toBe(1);
    expect((await post([same, same], headers)).text).toBe(first.text);
  });

  test("a token that is revoked while the body comes is none", async () => {
    const token = await app.token({ scopes: ["events:write"] });
    const body = JSON.stringify({ type: "a.b" });
    const before = await count();
    const answer = new Promise<number>((resolve, reject) => {
      const request = httpRequest(`${app.url}/v1/events`, {
        method: "POST",
        headers: { "content-type": "application/json", authorization: `Bearer ${token}`, "content-length": String(body.length) },
      });
      request.on("response", (response) => resolve(response.statusCode ?? 0)).on("error", reject);
      request.write(body.slice(0, 4));
      setTimeout(async () => {
        await app.t.asServer(
          "UPDATE api_token SET revoked_at = now() WHERE id = (SELECT id FROM api_token ORDER BY created_at DESC LIMIT 1)",
        );
        request.end(body.slice(4));
      }, 1_500);
    });
    expect(await answer).toBe(401);
    expect(await count()).toBe(before);
  });

  test("attributes of a CloudEvent that are null are absent, and datacontenttype has no case", async () => {
    const cloud = { specversion: "1.0", id: "n-1", source: "/nulls", type: "a.b", data: { a: 1 } };
    const nulls = { subject: null, time: null, datacontenttype: null, hooklineapplication: null, traceparent: null, data_base64: null };
    const headers = { "content-type": "application/cloudevents+json" };
    const first = await post({ ...cloud, ...nulls }, headers);
    expect(first.status).toBe(202);
    expect(await stored(first.body.id)).toMatchObject({ entity: null, payload: '{"a":1}' });
    expect((await post({ ...cloud, id: "n-2", datacontenttype: "Application/JSON; charset=UTF-8" }, headers)).status).toBe(202);
    const binary = { "ce-specversion": "1.0", "ce-id": "n-3", "ce-source": "/nulls", "ce-type": "a.b", "content-type": "text/json" };
    expect((await post({ a: 1 }, binary)).status).toBe(202);
  });
});

describe("refused, all of it, as problem+json", () => {
  const deep = (levels: number) => `{"type":"a.b","payload":${"[".repeat(levels)}${"]".repeat(levels)}}`;
  const cases: [string, unknown, Record<string, string>, number, string?][] = [
    ["no JSON", "{", {}, 400],
    ["an empty body", "", {}, 400],
    ["a number", "1", {}, 400],
    ["an empty array", [], {}, 400],
    ["no type", { payload: {} }, {}, 400, "type"],
    ["an empty type", { type: "" }, {}, 400, "type"],
    ["a type with a space", { type: "a b" }, {}, 400, "type"],
    ["a type of 129 characters", { type: "a".repeat(129) }, {}, 400, "type"],
    ["an unknown field", { type: "a.b", entityid: "1" }, {}, 400, "entityid"],
    ["an entity that is a number", { type: "a.b", entity: 1 }, {}, 400, "entity"],
    ["an entityId of 256 characters", { type: "a.b", entityId: "x".repeat(256) }, {}, 400, "entityId"],
    ["an idempotencyKey of 256 characters", { type: "a.b", idempotencyKey: "x".repeat(256) }, {}, 400, "idempotencyKey"],
    ["a scope that is no object", { type: "a.b", scope: [] }, {}, 400, "scope"],
    ["changes that are no list", { type: "a.b", changes: "x" }, {}, 400, "changes"],
    ["changes of 1 001 names", { type: "a.b", changes: Array.from({ length: 1_001 }, String) }, {}, 400, "changes"],
    ["a change of 256 characters", { type: "a.b", changes: ["x".repeat(256)] }, {}, 400, "changes.0"],
    ["a scope of more than 65 536 characters", { type: "a.b", scope: { a: "x".repeat(65_536) } }, {}, 400, "scope"],
    ["a scope 65 deep", `{"type":"a.b","scope":{"a":${"[".repeat(64)}${"]".repeat(64)}}}`, {}, 400, "scope"],
    ["a moment beyond the year 9999", { type: "a.b", occurredAt: "9999-12-31T23:59:59-12:00" }, {}, 400, "occurredAt"],
    ["a moment before the year 0", { type: "a.b", occurredAt: "0000-01-01T00:00:00+12:00" }, {}, 400, "occurredAt"],
    ["NUL in a header of a CloudEvent", {}, { "ce-specversion": "1.0", "ce-id": "1", "ce-source": "%00", "ce-type": "a.b" }, 400, "source"],
    [
      "a source of 2 049 characters",
      { specversion: "1.0", id: "1", source: "s".repeat(2_049), type: "a.b" },
      { "content-type": "application/cloudevents+json" },
      400,
      "source",
    ],
    ["a date without a zone", { type: "a.b", occurredAt: "2026-11-01" }, {}, 400, "occurredAt"],
    ["one bad event of three", [{ type: "a.b" }, { type: "a.b" }, { type: "" }], {}, 400, "events.2.type"],
    ["a payload 65 deep", deep(65), {}, 400],
    ["a NUL in a payload", '{"type":"a.b","payload":"\\u0000"}', {}, 400],
    ["half a surrogate pair in a key", '{"type":"a.b","payload":{"\\ud800":1}}', {}, 400],
    ["bytes that are no UTF-8", Buffer.from('{"type":"a.b","payload":"\xff"}', "latin1"), {}, 400],
    ["an Idempotency-Key over 255 characters", { type: "a.b" }, { "idempotency-key": "k".repeat(256) }, 400, "Idempotency-Key"],
    ["1001 events", Array.from({ length: 1001 }, () => ({ type: "a.b" })), {}, 413],
    ["a payload over 1 MiB", { type: "a.b", payload: "x".repeat(2 ** 20) }, {}, 400],
    ["a body over 5 MiB", Buffer.alloc(5 * 2 ** 20 + 1, 32), {}, 413],
    ["text", { type: "a.b" }, { "content-type": "text/plain" }, 415],
    ["a form", "type=a.b", { "content-type": "application/x-www-form-urlencoded" }, 415],
    ["gzip", { type: "a.b" }, { "content-encoding": "gzip" }, 415],
    [
      "a CloudEvent without an id",
      { specversion: "1.0", source: "/s", type: "a.b" },
      { "content-type": "application/cloudevents+json" },
      400,
      "id",
    ],
    [
      "a CloudEvent without a source",
      { specversion: "1.0", id: "1", type: "a.b" },
      { "content-type": "application/cloudevents+json" },
      400,
      "source",
    ],
    [
      "a CloudEvent without a type",
      { specversion: "1.0", id: "1", source: "/s" },
      { "content-type": "application/cloudevents+json" },
      400,
      "type",
    ],
    [
      "a CloudEvent 0.3",
      { specversion: "0.3", id: "1", source: "/s", type: "a.b" },
      { "content-type": "application/cloudevents+json" },
      400,
      "specversion",
    ],
    [
      "a CloudEvent with XML",
      { specversion: "1.0", id: "1", source: "/s", type: "a.b", datacontenttype: "text/xml", data: "<a/>" },
      { "content-type": "application/cloudevents+json" },
      415,
    ],
    [
      "a binary CloudEvent of text",
      "hello",
      { "ce-specversion": "1.0", "ce-id": "9", "ce-source": "/s", "ce-type": "a.b", "content-type": "text/plain" },
      415,
    ],
    ["a binary CloudEvent without a version", {}, { "ce-id": "9", "ce-source": "/s", "ce-type": "a.b" }, 400, "specversion"],
    [
      "a bad event in a batch",
      [{ specversion: "1.0", id: "1", source: "/s" }],
      { "content-type": "application/cloudevents-batch+json" },
      400,
      "events.0.type",
    ],
  ];
  test.each(cases)("%s", async (_name, body, headers, status, path) => {
    const before = await count();
    const answer = await post(body, headers);
    expect(answer.status).toBe(status);
    expect(answer.type).toMatch(/^application\/problem\+json/);
    expect(answer.body).toMatchObject({ status, title: expect.any(String), detail: expect.any(String), code: expect.any(String) });
    if (path !== undefined) expect(answer.body.issues.map((issue: { path: string }) => issue.path)).toContain(path);
    expect(await count()).toBe(before);
  });

  test("a payload 64 deep is taken", async () => expect((await post(deep(64))).status).toBe(202));

  test("no token 401, a viewer or a token without events:write 403", async () => {
    expect(await post({ type: "a.b" }, {}, null)).toMatchObject({ status: 401, body: { code: "UNAUTHENTICATED" } });
    expect((await post({ type: "a.b" }, {}, "hkl_wrong")).status).toBe(401);
    expect((await post({ type: "a.b" }, {}, await app.token({ role: "VIEWER" }))).status).toBe(403);
    expect((await post({ type: "a.b" }, {}, await app.token({ scopes: ["webhooks:write"] }))).status).toBe(403);
    expect((await post({ type: "a.b" }, {}, await app.token({ scopes: ["events:write"] }))).status).toBe(202);
  });
});
