/** RESULTS.com's inbound URL, rule by rule (contract R1–R31). Limits and deadlines: results-limits.test.ts; admin: results-admin.test.ts. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { deleteGoal, findGoal, updateGoal } from "../../../src/goals/goals.ts";
import {
  deleteInboundWebhook,
  findInboundWebhook,
  rotateInboundWebhookKey,
  updateInboundWebhook,
} from "../../../src/goals/inbound-webhooks.ts";
import { listPosts } from "../../../src/inbound/posts.ts";
import { globalId } from "../../../src/wire/ids.ts";
import { type TestCore, testCore } from "../../helpers/database.ts";
import { addHook, call, type Hook, makeHook, pathOf, post, type Served, serveResults, valuesOf } from "./results-server.ts";

let t: TestCore;
let server: Served;
let hook: Hook;

beforeAll(async () => {
  // Limits out of the way: they have tests of their own.
  const limit = { count: 100_000, seconds: 60 };
  t = await testCore({ inboundAddressLimit: limit, inboundGoalLimit: limit });
  server = await serveResults(t.core);
  hook = await makeHook(t.core, t.admin);
});
afterAll(async () => {
  await server.close();
  await t.close();
});

const send = (body?: object | string, headers?: Record<string, string>, to: Hook = hook) => post(server.url + to.path, body, headers);
const codes = (answer: { body: { errors: { property: string; code: string }[] } }) =>
  answer.body.errors.map((e) => `${e.property} ${e.code}`);

async function eventsOf({ goal }: Hook) {
  const { rows } = await t.core.db.pool.query<{ type: string; entity: string; entityId: string; payload: string }>(
    `SELECT type, entity, entity_id AS "entityId", payload FROM event WHERE organization_id = $1 AND entity_id = $2 ORDER BY id`,
    [t.organizationId, globalId("Goal", goal.id)],
  );
  return rows.map((row) => ({ ...row, payload: JSON.parse(row.payload) }));
}

const asText = (value: unknown) => JSON.stringify(value);

describe("recording", () => {
  test("R1 an outside system records a value with the URL alone; R21 201 CREATED", async () => {
    const answer = await send({ date: "2017-03-16", value: 500000, goodThreshold: 450000, badThreshold: 300000 });
    expect(answer.status).toBe(201);
    expect(answer.headers.get("content-type")).toContain("application/json");
    expect(answer.text).toBe(
      `{"goalId":"${globalId("Goal", hook.goal.id)}","date":"2017-03-16","value":"500000","goodThreshold":"450000","badThreshold":"300000"}`,
    );
    expect(await valuesOf(t.core, hook)).toEqual(["2017-03-16 500000"]);
  });

  test("R20 200 OK: a value of that date is replaced, one value per goal and date", async () => {
    const own = await makeHook(t.core, t.admin);
    expect((await send({ date: "2017-03-16", value: 1 }, {}, own)).status).toBe(201);
    const again = await send({ date: "2017-03-16T22:00:00-08:00", value: 2 }, {}, own);
    expect(again.status).toBe(200);
    expect(again.body).toEqual({
      goalId: globalId("Goal", own.goal.id),
      date: "2017-03-16",
      value: "2",
      goodThreshold: null,
      badThreshold: null,
    });
    expect(await valuesOf(t.core, own)).toEqual(["2017-03-16 2"]);
  });

  test("R14 R16 form bodies are taken too", async () => {
    const own = await makeHook(t.core, t.admin);
    const answer = await send("date=2017-03-16&value=0.01&badThreshold=-5", { "content-type": "application/x-www-form-urlencoded" }, own);
    expect(answer.status).toBe(201);
    expect(answer.body).toMatchObject({ value: "0.01", goodThreshold: null, badThreshold: "-5" });
  });

  test.each([
    ["0.01", "0.01"],
    ["500000", "500000"],
    ["-10", "-10"],
    ['"-10"', "-10"],
    ["0.12345678901234567890", "0.1234567890123456789"],
    ["12345678901234567890.00000000000000000001", "12345678901234567890.00000000000000000001"],
    ["1e21", "1000000000000000000000"],
    ['"1.50"', "1.5"],
    ["-0.0", "0"],
  ])("R16 value %s is recorded exactly, as %s", async (source, value) => {
    const own = await makeHook(t.core, t.admin);
    const answer = await send(`{"date":"2017-03-16","value":${source}}`, {}, own);
    expect([answer.status, answer.body.value]).toEqual([201, value]);
    expect(await valuesOf(t.core, own)).toEqual([`2017-03-16 ${value}`]);
  });

  test("R13 R15 thresholds are optional; null counts as absent; the goal keeps its own", async () => {
    const own = await makeHook(t.core, t.admin, { goodThreshold: "100", badThreshold: "50" });
    const bare = await send({ date: "2017-03-16", value: 75, goodThreshold: null, badThreshold: null }, {}, own);
    expect(bare.body).toMatchObject({ goodThreshold: null, badThreshold: null });
    expect(await findGoal(t.core, t.admin, own.goal.id)).toMatchObject({ status: "AMBER", goodThreshold: "100", badThreshold: "50" });
    await send({ date: "2017-03-17", value: 75, goodThreshold: 70, badThreshold: 60 }, {}, own);
    expect(await findGoal(t.core, t.admin, own.goal.id)).toMatchObject({ status: "GREEN", goodThreshold: "100", badThreshold: "50" });
  });

  test("unknown properties are ignored, and __proto__ is inert", async () => {
    const own = await makeHook(t.core, t.admin);
    const answer = await send('{"__proto__":{"goodThreshold":1,"polluted":1},"date":"2017-03-16","value":1,"extra":{"a":[1]}}', {}, own);
    expect(answer.status).toBe(201);
    expect(answer.body.goodThreshold).toBeNull();
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });
});

describe("thresholds by direction", () => {
  const sets = [
    ["MAXIMIZE", 2, 1, 201],
    ["MAXIMIZE", 1, 1, 201],
    ["MAXIMIZE", 1, 2, 400],
    ["MINIMIZE", 2, 1, 400],
    ["MINIMIZE", 1, 1, 201],
    ["MINIMIZE", 1, 2, 201],
  ] as const;
  test.each(sets)("R17 R18 %s good %s bad %s answers %s", async (direction, goodThreshold, badThreshold, status) => {
    const own = await makeHook(t.core, t.admin, { direction });
    const answer = await send({ date: "2017-03-16", value: 5, goodThreshold, badThreshold }, {}, own);
    expect(answer.status).toBe(status);
    if (status === 400) expect(codes(answer)).toEqual(["goodThreshold threshold_order"]);
  });

  test("R17 the effective pair counts: a threshold sent is checked against the goal's other one", async () => {
    const own = await makeHook(t.core, t.admin, { goodThreshold: "100", badThreshold: "50" });
    expect(codes(await send({ date: "2017-03-16", value: 5, badThreshold: 101 }, {}, own))).toEqual(["badThreshold threshold_order"]);
    expect((await send({ date: "2017-03-16", value: 5, badThreshold: 100 }, {}, own)).status).toBe(201);
    expect(codes(await send({ date: "2017-03-16", value: 5, goodThreshold: 49.9 }, {}, own))).toEqual(["goodThreshold threshold_order"]);
  });

  test("the goal's status is that of the value with the latest date, and turning is an event", async () => {
    const own = await makeHook(t.core, t.admin, { goodThreshold: "100", badThreshold: "50" });
    await send({ date: "2017-03-16", value: 100 }, {}, own);
    await send({ date: "2017-03-15", value: 1 }, {}, own);
    expect(await findGoal(t.core, t.admin, own.goal.id)).toMatchObject({ status: "GREEN" });
    await send({ date: "2017-03-17", value: 50 }, {}, own);
    await send({ date: "2017-03-17", value: 51 }, {}, own);
    const goalId = globalId("Goal", own.goal.id);
    expect((await eventsOf(own)).map(asText).sort()).toEqual(
      [
        [
          "goal.value_recorded",
          { goalId, date: "2017-03-16", value: "100", goodThreshold: null, badThreshold: null, status: "GREEN", replaced: false },
        ],
        ["goal.turned_green", { goalId, status: "GREEN", previousStatus: null }],
        [
          "goal.value_recorded",
          { goalId, date: "2017-03-15", value: "1", goodThreshold: null, badThreshold: null, status: "RED", replaced: false },
        ],
        [
          "goal.value_recorded",
          { goalId, date: "2017-03-17", value: "50", goodThreshold: null, badThreshold: null, status: "RED", replaced: false },
        ],
        ["goal.turned_red", { goalId, status: "RED", previousStatus: "GREEN" }],
        [
          "goal.value_recorded",
          { goalId, date: "2017-03-17", value: "51", goodThreshold: null, badThreshold: null, status: "AMBER", replaced: true },
        ],
        ["goal.turned_amber", { goalId, status: "AMBER", previousStatus: "RED" }],
      ]
        .map(([type, payload]) => asText({ type, entity: "goal", entityId: goalId, payload }))
        .sort(),
    );
  });

  test("a goal's new thresholds judge the next values and leave the old ones", async () => {
    const own = await makeHook(t.core, t.admin, { goodThreshold: "100" });
    await send({ date: "2017-03-16", value: 100 }, {}, own);
    await updateGoal(t.core, t.admin, own.goal.id, { goodThreshold: "200" });
    expect(await findGoal(t.core, t.admin, own.goal.id)).toMatchObject({ status: "GREEN" });
    await send({ date: "2017-03-17", value: 100 }, {}, own);
    expect(await findGoal(t.core, t.admin, own.goal.id)).toMatchObject({ status: "AMBER" });
  });
});

describe("R19 R22 400 BAD REQUEST names every failure", () => {
  test.each([
    ["R14 no date", '{"value":1}', ["date required"]],
    ["R14 null date", '{"date":null,"value":1}', ["date required"]],
    ["R16 no value", '{"date":"2017-03-16"}', ["value required"]],
    ["nothing", "{}", ["date required", "value required"]],
    ["no day of the calendar", '{"date":"2017-02-30","value":1}', ["date not_a_date"]],
    ["a number as date", '{"date":20170316,"value":1}', ["date not_a_date"]],
    ["an empty date", '{"date":"","value":1}', ["date not_a_date"]],
    ["a bool", '{"date":"2017-03-16","value":true}', ["value not_a_decimal"]],
    ["an empty string", '{"date":"2017-03-16","value":""}', ["value not_a_decimal"]],
    ["an empty threshold", '{"date":"2017-03-16","value":1,"goodThreshold":""}', ["goodThreshold not_a_decimal"]],
    ["NaN", '{"date":"2017-03-16","value":"NaN"}', ["value not_a_decimal"]],
    ["Infinity", '{"date":"2017-03-16","value":"Infinity"}', ["value not_a_decimal"]],
    ["an operator object", '{"date":{"$gt":""},"value":{"$gt":0}}', ["date not_a_date", "value not_a_decimal"]],
    ["an array", '{"date":"2017-03-16","value":[1]}', ["value not_a_decimal"]],
    ["41 digits", `{"date":"2017-03-16","value":1e40}`, ["value not_a_decimal"]],
    ["21 decimals", `{"date":"2017-03-16","value":1e-21}`, ["value not_a_decimal"]],
    [
      "all at once",
      '{"date":"x","value":"y","goodThreshold":"z","badThreshold":false}',
      ["date not_a_date", "value not_a_decimal", "goodThreshold not_a_decimal", "badThreshold not_a_decimal"],
    ],
    ["an empty body", "", [" malformed_json"]],
    ["broken JSON", '{"date":', [" malformed_json"]],
    ["a bare NaN", '{"date":"2017-03-16","value":NaN}', [" malformed_json"]],
    ["an array body", "[]", [" malformed_json"]],
    ["null", "null", [" malformed_json"]],
    ["a string body", '"x"', [" malformed_json"]],
  ])("%s", async (_name, body, expected) => {
    const answer = await send(body);
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({ status: 400, error: "BAD REQUEST" });
    expect(codes(answer)).toEqual(expected);
    for (const problem of answer.body.errors) expect(answer.body.message).toContain(problem.message);
  });

  test("form bodies are judged alike", async () => {
    const answer = await send("value=&goodThreshold=&date=2017-02-29", { "content-type": "application/x-www-form-urlencoded" });
    expect(codes(answer)).toEqual(["date not_a_date", "value not_a_decimal", "goodThreshold not_a_decimal"]);
    expect(codes(await send("", { "content-type": "application/x-www-form-urlencoded" }))).toEqual([" malformed_json"]);
  });

  test("invalid UTF-8", async () => {
    const response = await fetch(server.url + hook.path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: Buffer.from([0x7b, 0xff, 0x7d]),
    });
    expect([response.status, ((await response.json()) as { errors: { code: string }[] }).errors[0]?.code]).toEqual([400, "malformed_json"]);
  });

  test("415 for other content types, charsets and encodings; 413 over 256 KiB", async () => {
    const valid = { date: "2017-03-16", value: 1 };
    expect((await send(valid, { "content-type": "text/plain" })).status).toBe(415);
    expect((await send(valid, { "content-type": "application/json; charset=latin1" })).status).toBe(415);
    expect((await send(valid, { "content-encoding": "gzip" })).status).toBe(415);
    expect((await send(valid, { "content-type": "application/json; charset=UTF-8" })).status).toBe(200);
    const padded = (size: number) => JSON.stringify({ ...valid, pad: "x".repeat(size - JSON.stringify({ ...valid, pad: "" }).length) });
    expect((await send(padded(256 * 1024))).status).toBe(200);
    const tooLarge = await send(padded(256 * 1024 + 1));
    expect([tooLarge.status, tooLarge.body.error]).toEqual([413, "PAYLOAD TOO LARGE"]);
  });
});

describe("who may record", () => {
  test("R12 R23 401: the goal is found, the key is not validated", async () => {
    const sibling = await addHook(t.core, t.admin, hook.goal);
    const otherGoal = await makeHook(t.core, t.admin);
    await deleteInboundWebhook(t.core, t.admin, sibling.webhook.id);
    const bodies = [];
    for (const key of ["wrong", "hki_x", otherGoal.key, sibling.key, "x".repeat(300)]) {
      const answer = await post(server.url + pathOf(hook.goal, key), { date: "2017-03-16", value: 1 });
      expect([key, answer.status]).toEqual([key, 401]);
      bodies.push(answer.text);
    }
    expect(new Set(bodies).size).toBe(1);
    expect(bodies[0]).toContain("UNAUTHORIZED");
  });

  test("R23 a rotated key ends at once, also on another process", async () => {
    const own = await makeHook(t.core, t.admin);
    const elsewhere = await serveResults(await t.another());
    try {
      const { key } = await rotateInboundWebhookKey(t.core, t.admin, own.webhook.id);
      const body = { date: "2017-03-16", value: 1 };
      for (const { url } of [server, elsewhere]) expect((await post(url + own.path, body)).status).toBe(401);
      expect((await post(elsewhere.url + pathOf(own.goal, key), body)).status).toBe(201);
    } finally {
      await elsewhere.close();
    }
  });

  test("R24 403: goal and key are right, access is prevented; the reason is withheld", async () => {
    const own = await makeHook(t.core, t.admin);
    await updateInboundWebhook(t.core, t.admin, own.webhook.id, { enabled: false });
    const disabled = await send({ date: "2017-03-16", value: 1 }, {}, own);
    expect([disabled.status, disabled.body.error]).toEqual([403, "FORBIDDEN"]);
    await updateInboundWebhook(t.core, t.admin, own.webhook.id, { enabled: true });
    await t.core.db.unscoped.organization.update({ where: { id: t.organizationId }, data: { features: [] } });
    try {
      expect((await send({ date: "2017-03-16", value: 1 }, {}, own)).text).toBe(disabled.text);
    } finally {
      await t.core.db.unscoped.organization.update({ where: { id: t.organizationId }, data: { features: ["INBOUND_WEBHOOKS"] } });
    }
    expect((await send({ date: "2017-03-16", value: 1 }, {}, own)).status).toBe(201);
  });

  test("R25 404: an unknown goal and a key of another organization answer alike", async () => {
    const other = await t.organization();
    await t.core.db.unscoped.organization.update({ where: { id: other.id }, data: { features: ["INBOUND_WEBHOOKS"] } });
    const foreign = await makeHook(t.core, other.admin);
    const body = { date: "2017-03-16", value: 1 };
    const answers = await Promise.all([
      post(server.url + pathOf({ id: "00000000-0000-7000-8000-000000000000" }, hook.key), body),
      post(`${server.url}/inbound/goals/nonsense/${hook.key}`, body),
      post(`${server.url}/inbound/goals/%00/${hook.key}`, body),
      post(server.url + pathOf(hook.goal, foreign.key), body),
      post(server.url + pathOf(foreign.goal, hook.key), body),
    ]);
    expect(answers.map((answer) => answer.status)).toEqual([404, 404, 404, 404, 404]);
    expect(new Set(answers.map((answer) => answer.text)).size).toBe(1);
    expect(answers[0]?.body).toMatchObject({ status: 404, error: "NOT FOUND" });
  });

  test("R26 405 METHOD NOT ALLOWED with Allow: POST, before anything of goal and key is looked at", async () => {
    for (const method of ["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "PROPFIND"]) {
      const answer = await call(method, `${server.url}/inbound/goals/nonsense/wrong`);
      expect([method, answer.status, answer.headers.get("allow")]).toEqual([method, 405, "POST"]);
    }
    expect((await post(`${server.url}/inbound/elsewhere`, {})).status).toBe(404);
  });

  test("R28 410 GONE: the goal is deleted, and the key is right; a wrong key still gets 401", async () => {
    const own = await makeHook(t.core, t.admin);
    await deleteGoal(t.core, t.admin, own.goal.id);
    const answer = await send({ date: "2017-03-16", value: 1 }, {}, own);
    expect([answer.status, answer.body.error]).toEqual([410, "GONE"]);
    expect((await post(server.url + pathOf(own.goal, "wrong"), {})).status).toBe(401);
    expect(await valuesOf(t.core, own)).toEqual([]);
  });

  test("the order of checks: 404, 401, 403, 410 come before the body is looked at", async () => {
    const own = await makeHook(t.core, t.admin);
    const junk = ["{", { "content-type": "text/plain" }] as const;
    expect((await post(`${server.url}/inbound/goals/goa_1/x`, ...junk)).status).toBe(404);
    expect((await post(server.url + pathOf(own.goal, "x"), ...junk)).status).toBe(401);
    await deleteGoal(t.core, t.admin, own.goal.id);
    await updateInboundWebhook(t.core, t.admin, own.webhook.id, { enabled: false });
    expect((await send(junk[0], junk[1], own)).status).toBe(403);
    await updateInboundWebhook(t.core, t.admin, own.webhook.id, { enabled: true });
    expect((await send(junk[0], junk[1], own)).status).toBe(410);
  });

  test("what was refused can be seen on the webhook, without the key", async () => {
    const own = await makeHook(t.core, t.admin);
    for (let i = 0; i < 12; i++) await send({ value: i }, {}, own);
    await expect.poll(async () => (await findInboundWebhook(t.core, t.admin, own.webhook.id))?.lastErrors.length).toBe(10);
    const seen = await findInboundWebhook(t.core, t.admin, own.webhook.id);
    expect(seen?.lastErrors[0]).toMatchObject({ status: 400, message: "date is required" });
    expect(seen?.lastReceivedAt).toBeNull();
    expect(JSON.stringify(seen)).not.toContain(own.key);
  });

  test("every post with the right key is in its webhook's log, taken or refused", async () => {
    const own = await makeHook(t.core, t.admin);
    const posts = async () =>
      [
        ...(
          await listPosts(t.core, t.admin, [own.webhook.id], { after: undefined, before: undefined, limit: 50, fromBack: false })
        ).values(),
      ].flatMap(({ rows }) => rows.map(({ outcome, status, reason }) => [outcome, status, reason]));
    const noted = async (count: number) => expect.poll(async () => (await posts()).length).toBe(count);
    const body = { date: "2017-03-16", value: 1 };
    await send(body, { "idempotency-key": "once" }, own);
    await noted(1);
    await send(body, { "idempotency-key": "once" }, own);
    await noted(2);
    await send("value", { "content-type": "text/plain" }, own);
    await noted(3);
    await post(server.url + pathOf(own.goal, "wrong"), body, {});
    await updateInboundWebhook(t.core, t.admin, own.webhook.id, { enabled: false });
    await send(body, {}, own);
    await noted(4);
    expect(await posts()).toEqual([
      ["REFUSED", 403, "the webhook is switched off"],
      ["REFUSED", 415, expect.stringMatching(/^send application/)],
      ["DUPLICATE", 201, null],
      ["ACCEPTED", 201, null],
    ]);
    expect(JSON.stringify(await posts())).not.toContain(own.key);
  });
});

describe("Idempotency-Key", () => {
  const body = { date: "2017-03-16", value: 7 };

  test("the same key and body get the first answer byte for byte, and nothing is recorded again", async () => {
    const own = await makeHook(t.core, t.admin);
    const first = await send(body, { "idempotency-key": "k-1" }, own);
    await send({ ...body, value: 8 }, {}, own);
    const again = await send(body, { "idempotency-key": "k-1" }, own);
    expect([first.status, again.status, again.text]).toEqual([201, 201, first.text]);
    expect(await valuesOf(t.core, own)).toEqual(["2017-03-16 8"]);
    expect(await eventsOf(own)).toHaveLength(2);
  });

  test("another body is 422; another webhook has keys of its own; a refused post leaves its key free", async () => {
    const own = await makeHook(t.core, t.admin);
    const sibling = await addHook(t.core, t.admin, own.goal);
    expect((await send({ value: 1 }, { "idempotency-key": "k" }, own)).status).toBe(400);
    expect((await send(body, { "idempotency-key": "k" }, own)).status).toBe(201);
    expect((await send({ ...body, value: 8 }, { "idempotency-key": "k" }, own)).status).toBe(422);
    // Validation comes first.
    expect((await send({ value: 1 }, { "idempotency-key": "k" }, own)).status).toBe(400);
    expect((await send({ ...body, value: 9 }, { "idempotency-key": "k" }, sibling)).status).toBe(200);
    expect((await send(body, { "idempotency-key": "x".repeat(256) }, own)).status).toBe(400);
  });

  test("forty at once on two processes record one value; the others get the same answer, or 409", async () => {
    const own = await makeHook(t.core, t.admin);
    const elsewhere = await serveResults(await t.another());
    try {
      const answers = await Promise.all(
        Array.from({ length: 40 }, (_, i) => post((i % 2 ? server : elsewhere).url + own.path, body, { "idempotency-key": "same" })),
      );
      const fresh = answers.filter((answer) => answer.status === 201);
      expect(new Set(answers.map((answer) => answer.status)).difference(new Set([201, 409])).size).toBe(0);
      expect(fresh.length).toBeGreaterThan(0);
      expect(new Set(fresh.map((answer) => answer.text)).size).toBe(1);
      for (const { headers } of answers.filter((answer) => answer.status === 409)) expect(headers.get("retry-after")).toBe("1");
      expect(await eventsOf(own)).toHaveLength(1);
    } finally {
      await elsewhere.close();
    }
  });
});
