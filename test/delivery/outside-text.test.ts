/** Whatever text a receiver or a script brings: the request is settled, logged, and never sent again for it. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { resend } from "../../src/delivery/control.ts";
import { MOST_INTERRUPTIONS } from "../../src/delivery/sender.ts";
import { type Receiver, startReceiver } from "../helpers/receiver.ts";
import { type Delivery, openDelivery } from "./delivery-setup.ts";

let d: Delivery;
let receiver: Receiver;

beforeAll(async () => {
  d = await openDelivery();
  receiver = await startReceiver();
});
afterAll(async () => {
  await d?.close();
  await receiver?.close();
});

const half = "\\ud83d"; // half a surrogate pair, as JSON writes it
const texts: [name: string, body: string | Buffer][] = [
  ["NUL", '{"status":"failed","message":"a\\u0000b"}'],
  ["half a surrogate pair", `{"status":"failed","message":"${half}"}`],
  ["a pair cut by the limit", `{"status":"failed","message":"${"x".repeat(3_999)}\\ud83d\\ude00"}`],
  [
    "invalid UTF-8",
    Buffer.concat([Buffer.from('{"status":"failed","message":"'), Buffer.from([0xff, 0xc0, 0x80, 0xed, 0xa0, 0x80]), Buffer.from('"}')]),
  ],
  ["1 MiB of one character", `{"status":"failed","message":"${"a".repeat(1024 * 1024)}"}`],
  ["60 KB of NULs", `{"status":"failed","message":"${"\\u0000".repeat(10_000)}"}`],
];

describe("B24 replies", () => {
  it.each(texts)("doForms: %s in the message is settled after one call", async (name, body) => {
    const type = "record.created";
    const path = `/${encodeURIComponent(name)}`;
    const id = await d.definition({
      targetUrl: `${receiver.url}${path}`,
      eventTypes: [type],
      dialect: "DOFORMS",
      filter: { entity: name },
    });
    receiver.respond(() => ({ body }));
    await d.emit(type, { entity: name });
    const request = await d.request(id, "DELIVERED");
    expect(receiver.calls.filter((call) => call.path === path)).toHaveLength(1);
    expect((await d.attempts(request)).map((a) => a.outcome)).toEqual(["DELIVERED"]);
  });

  it.each(texts)("superoffice: %s as the whole of a failure stands in the last error", async (name, body) => {
    const type = `so.${texts.findIndex(([one]) => one === name)}`;
    const id = await d.definition({
      targetUrl: `${receiver.url}/${type}`,
      eventTypes: [type],
      dialect: "SUPEROFFICE",
      onExhausted: "SKIP",
    });
    receiver.respond(() => ({ status: 500, body, headers: { "x-odd": "\xff\xfe", constructor: "a", __proto__: "b" } }));
    await d.emit(type);
    await d.request(id, "REJECTED");
    expect(receiver.calls.filter((call) => call.path === `/${type}`)).toHaveLength(3);
    const { rows } = await d.t.core.db.pool.query("SELECT last_error FROM definition_counter WHERE definition_id = $1", [id]);
    expect(rows[0].last_error).toMatch(/^HTTP 500\n/);
  });

  it("a Location, and an answer that repeats what was sent, are logged without what Postgres refuses", async () => {
    const id = await d.definition({ targetUrl: `${receiver.url}/moved`, eventTypes: ["moved.on"], retrySchedule: [] });
    receiver.respond(() => ({ status: 302, headers: { location: `/${"\u00ff".repeat(5_000)}` }, body: "\0".repeat(70_000) }));
    await d.emit("moved.on");
    const [attempt] = await d.attempts(await d.request(id, "REJECTED"));
    expect(attempt).toMatchObject({ outcome: "REJECTED", status_code: 302, response_truncated: true });
    expect(attempt?.error_description).toContain("redirects are not followed; Location: /");
    expect(attempt?.response_body).toBe("\ufffd".repeat(65_536));
  });
});

describe("B24 scripts", () => {
  it.each([
    ["an error's message", "throw new Error('a\\u0000b\\ud83d' + 'x'.repeat(50_000))", "REJECTED"],
    ["the result", "'a\\u0000b\\ud83d' + 'x'.repeat(50_000)", "DELIVERED"],
    ["the console", "console.log('\\u0000\\udc00'); 1", "DELIVERED"],
    ["a result nested without end", "let a = 1; for (let i = 0; i < 500; i++) a = [a]; a", "DELIVERED"],
  ])("%s", async (name, source, state) => {
    const { rows } = await d.t.core.db.pool.query(
      "INSERT INTO script (id, organization_id, name, source, updated_at) VALUES (gen_random_uuid(), $1, $2, $3, now()) RETURNING id",
      [d.t.organizationId, name, source],
    );
    const type = `script.${name.replaceAll(/\W/g, "_")}`;
    const id = await d.definition({
      targetType: "CRMSCRIPT",
      scriptId: rows[0].id,
      dialect: "SUPEROFFICE",
      eventTypes: [type],
      retrySchedule: [],
      onExhausted: "SKIP",
    });
    await d.emit(type);
    const [attempt] = await d.attempts(await d.request(id, state));
    expect(() => JSON.parse(attempt?.response_body ?? "")).not.toThrow();
  });

  it("a transformation's error", async () => {
    const transformation = "function transform() { throw new Error('\\u0000\\ud83d'.repeat(5_000)) }";
    const id = await d.definition({ targetUrl: `${receiver.url}/t`, eventTypes: ["transform.fails"], transformation });
    await d.emit("transform.fails");
    const [attempt] = await d.attempts(await d.request(id, "REJECTED"));
    expect(attempt?.error_code).toBe("TRANSFORMATION_ERROR");
  });
});

describe("B24 what cannot be written all the same", () => {
  it("is settled in a reduced form: state, outcome and code stand, the receiver is called once, the lane goes on", async () => {
    await d.t.core.db.asOwner((client) =>
      client.query("ALTER TABLE attempt ADD CONSTRAINT no_poison CHECK (response_body IS NULL OR response_body NOT LIKE '%poison%')"),
    );
    const id = await d.definition({ targetUrl: `${receiver.url}/poison`, eventTypes: ["poison.*"] });
    receiver.respond((call) => ({ body: call.json().type === "poison.drunk" ? "poison" : "fine" }));
    const first = await d.emit("poison.drunk");
    const second = await d.emit("poison.not");
    const [attempt] = await d.attempts(await d.request(id, "DELIVERED", first));
    expect(attempt).toMatchObject({ outcome: "DELIVERED", status_code: 200, response_body: null, request_body: null });
    expect(attempt?.warning).toContain("23514");
    await d.request(id, "DELIVERED", second);
    const sent = receiver.calls.filter((call) => call.path === "/poison").map((call) => call.json().type);
    expect(sent).toEqual(["poison.drunk", "poison.not"]);
  });

  it("and a request whose workers died many times in a row is rejected with a code, unsent; a resend sends it", async () => {
    const { pool } = d.t.core.db;
    const id = await d.definition({ targetUrl: `${receiver.url}/deadly`, eventTypes: ["deadly.*"] });
    // Held up by the one before it while the log is written as so many deaths would have left it.
    receiver.hold();
    receiver.respond(200);
    const before = await d.emit("deadly.before");
    const event = await d.emit("deadly.one");
    const { rows } = await pool.query("SELECT id FROM webhook_request WHERE event_id = $1", [event]);
    const request = rows[0].id as string;
    await pool.query(
      `INSERT INTO attempt (organization_id, request_id, number, outcome, duration_ms, error_code, request_url, started_at)
       SELECT $1, $2, n, 'INTERRUPTED', 0, 'INTERRUPTED', '', now() FROM generate_series(1, $3::int) AS n`,
      [d.t.organizationId, request, MOST_INTERRUPTIONS],
    );
    await pool.query("UPDATE webhook_request SET attempt_count = $2 WHERE id = $1", [request, MOST_INTERRUPTIONS]);
    // The lane's holder has it in memory: an operator's move makes it read again.
    await pool.query("UPDATE lane SET revision = revision + 1 WHERE definition_id = $1", [id]);
    receiver.release();
    await d.request(id, "DELIVERED", before);
    await d.request(id, "REJECTED", event);
    const last = (await d.attempts(request)).at(-1);
    expect(last).toMatchObject({ number: MOST_INTERRUPTIONS + 1, outcome: "BLOCKED", error_code: "INTERRUPTED_TOO_OFTEN" });
    const paths = () => receiver.calls.filter((call) => call.path === "/deadly").map((call) => call.json().type);
    expect(paths()).toEqual(["deadly.before"]);
    await resend(d.t.core, d.t.organizationId, request);
    await d.request(id, "DELIVERED", event);
    expect(paths()).toEqual(["deadly.before", "deadly.one"]);
  });
});
