/** doForms, rule by rule (contract D1–D16): connections, web services, notifications out. Calls back: doforms-callback.test.ts. */
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { createApiToken } from "../../../src/accounts/tokens.ts";
import { hashToken } from "../../../src/vault.ts";
import type { ReceivedCall } from "../../helpers/receiver.ts";
import {
  api,
  app,
  ask,
  becomes,
  emit,
  firstKey,
  type Logged,
  listening,
  logged,
  makeConnection,
  makeService,
  notification,
  receiver,
  startDoforms,
  target,
} from "./doforms-world.ts";

startDoforms();

describe("connections", () => {
  test("D2 D3 D4 a connection has a type and a URL for each kind of change", async () => {
    const urls = { added: `${receiver.url}/a`, edited: `${receiver.url}/e`, deleted: `${receiver.url}/d`, status: `${receiver.url}/s` };
    const made = await api("POST", "/connections", { name: "ERP", type: "webhook", urls, headers: [{ name: "X-Plant", value: "7" }] });
    expect([made.status, made.body]).toEqual([
      201,
      { id: expect.stringMatching(/^con_/), name: "ERP", type: "webhook", urls, headers: [{ name: "X-Plant", value: "7" }] },
    ]);
    expect((await api("GET", `/connections/${made.body.id}`)).body).toEqual(made.body);
    expect((await api("GET", "/connections")).body[0]).toEqual(made.body);
    const changed = await api("PUT", `/connections/${made.body.id}`, {
      name: "ERP 2",
      type: "webhook",
      urls: { added: urls.added },
      headers: [],
    });
    expect([changed.status, changed.body]).toEqual([200, { ...made.body, name: "ERP 2", urls: { added: urls.added }, headers: [] }]);
    expect((await api("DELETE", `/connections/${made.body.id}`)).status).toBe(200);
    expect((await api("GET", `/connections/${made.body.id}`)).body).toEqual({ status: 404, message: "the connection was not found" });
  });

  test.each([
    ["an unknown type", { type: "email" }, "type"],
    ["an unknown URL", { urls: { created: "https://x.example/" } }, "urls"],
    ["what is no URL", { urls: { added: "nonsense" } }, "urls.added"],
    ["a URL of another scheme", { urls: { status: "ftp://x.example/" } }, "urls.status"],
    ["no name", { name: undefined }, "name"],
    ["an empty name", { name: "" }, "name"],
    ["D5 a fifth header", { headers: ["A", "B", "C", "D", "E"].map((name) => ({ name, value: "1" })) }, "headers"],
    ["a header of ours", { headers: [{ name: "Content-Length", value: "1" }] }, "headers"],
    ["a header with a line break", { headers: [{ name: "X-A", value: "1\r\nX-B: 2" }] }, "headers"],
    [
      "two headers of one name",
      {
        headers: [
          { name: "X-A", value: "1" },
          { name: "x-a", value: "2" },
        ],
      },
      "headers",
    ],
  ])("%s is 400", async (_name, wrong, property) => {
    const answer = await api("POST", "/connections", { name: "ERP", type: "webhook", urls: {}, headers: [], ...wrong });
    expect(answer.status).toBe(400);
    expect(Object.keys(answer.body)).toEqual(["status", "message"]);
    expect(answer.body.message).toMatch(new RegExp(`^${property}`));
  });

  test("D5 up to four headers, sent with every notification; Authorization is shown masked", async () => {
    const headers = [
      { name: "Authorization", value: "Bearer receiver-secret" },
      { name: "X-One", value: "1" },
      { name: "X-Two", value: "2" },
      { name: "X-Three", value: "3" },
    ];
    const id = await makeConnection({ headers });
    const shown = await api("GET", `/connections/${id}`);
    expect(shown.text).not.toContain("receiver-secret");
    expect(shown.body.headers.slice(1)).toEqual(headers.slice(1));
    // What was shown masked and comes back is left as it is.
    await api("PUT", `/connections/${id}`, shown.body);
    const service = await makeService();
    await target(service, id);
    await emit(service);
    await emit(service, "record.updated");
    for (const { headers: sent } of await receiver.waitFor(2)) {
      expect(sent).toMatchObject({ authorization: "Bearer receiver-secret", "x-one": "1", "x-two": "2", "x-three": "3" });
    }
  });
});

describe("web services", () => {
  test("D6 D7 are made, given a target with chosen events, shown without the password, deleted", async () => {
    const service = { id: "acme$$1234$$Published$$5678", form: "1234", project: "5678", password: "secret" };
    const made = await api("POST", "/webservices", service);
    expect([made.status, made.body]).toEqual([201, { id: service.id, form: "1234", project: "5678", target: null }]);
    const connectionId = await makeConnection();
    const set = await api("PUT", `/webservices/${encodeURIComponent(service.id)}/target`, { connectionId, events: ["edited", "added"] });
    expect([set.status, set.body]).toEqual([200, { ...made.body, target: { connectionId, events: ["edited", "added"] } }]);
    expect((await api("GET", `/webservices/${service.id}`)).body).toEqual(set.body);
    expect((await api("GET", "/webservices")).body[0]).toEqual(set.body);
    expect((await api("DELETE", `/connections/${connectionId}`)).status).toBe(409);
    expect((await api("DELETE", `/webservices/${service.id}`)).status).toBe(200);
    expect((await api("GET", `/webservices/${service.id}`)).status).toBe(404);
    expect((await api("DELETE", `/connections/${connectionId}`)).status).toBe(200);
  });

  test("D7 a target that could not be written is not shown: notifications go where they went", async () => {
    const service = await makeService();
    const path = `/webservices/${encodeURIComponent(service.id)}`;
    const [before, after] = [await makeConnection(), await makeConnection()];
    const made = await api("PUT", `${path}/target`, { connectionId: before, events: ["added"] });
    // Somebody keeps the definition: the change of it is given up.
    const client = await app.t.core.db.pool.connect();
    try {
      await client.query("BEGIN; SET LOCAL idle_in_transaction_session_timeout = 0");
      await client.query("SELECT FROM webhook_definition WHERE name = $1 FOR UPDATE", [`doForms ${service.id}`]);
      expect((await api("PUT", `${path}/target`, { connectionId: after, events: ["deleted"] })).status).toBe(503);
    } finally {
      await client.query("ROLLBACK");
      client.release();
    }
    expect((await api("GET", path)).body).toEqual(made.body);
  });

  test("D7 a service that is deleted while it gets its targets leaves nothing that sends", async () => {
    const connections = [await makeConnection(), await makeConnection()];
    for (let round = 0; round < 6; round++) {
      const { id } = await makeService();
      const one = `/webservices/${encodeURIComponent(id)}`;
      await Promise.all([
        api("PUT", `${one}/target`, { connectionId: connections[0], events: ["added"] }),
        api("DELETE", one),
        api("PUT", `${one}/target`, { connectionId: connections[1], events: ["added"] }),
      ]);
      expect((await api("GET", one)).status).toBe(404);
      const { rows } = await app.t.core.db.pool.query("SELECT id FROM webhook_definition WHERE name = $1 AND deleted_at IS NULL", [
        `doForms ${id}`,
      ]);
      expect(rows).toEqual([]);
    }
  });

  test("D2 an administrator's token with a colon is a token, and no try of a password", async () => {
    const { core, admin } = app.t;
    const token = `ops:${"0123456789abcdef".repeat(2)}`;
    const { apiToken } = await createApiToken(core, admin, { name: "colon", role: "ADMIN" });
    await core.db.pool.query("UPDATE api_token SET hash = $2 WHERE id = $1", [apiToken.id, hashToken(token)]);
    for (let i = 0; i < 15; i++) expect((await api("GET", "/connections", undefined, token)).status).toBe(200);
  });

  test("the definition comes into being with the target, and is seen over GraphQL with its dialect", async () => {
    const service = await makeService();
    const list = async () =>
      (
        await ask("query { webhookDefinitions(first: 100) { edges { node { name dialect state eventTypes filter } } } }")
      ).webhookDefinitions.edges
        .map((edge: { node: { name: string } }) => edge.node)
        .filter((node: { name: string }) => node.name.endsWith(service.id));
    expect(await list()).toEqual([]);
    await target(service, undefined, ["added"]);
    await target(service, undefined, ["added", "status"]);
    expect(await list()).toEqual([
      {
        name: `doForms ${service.id}`,
        dialect: "DOFORMS",
        state: "ACTIVE",
        eventTypes: ["record.created", "record.status_changed"],
        filter: { scope: { form: service.form, project: service.project } },
      },
    ]);
  });

  test("ids are unique in the whole installation; wrong input is 400, an unknown connection or web service 404", async () => {
    const service = await makeService();
    const other = await app.t.organization();
    const theirs = await app.token({ organizationId: other.id });
    const again = { id: service.id, form: "1", project: "2", password: "x" };
    for (const as of [app.adminToken, theirs]) expect((await api("POST", "/webservices", again, as)).status).toBe(409);
    for (const wrong of [
      { form: "" },
      { project: undefined },
      { form: undefined },
      { id: "a:b" },
      { id: ".." },
      { id: "" },
      { password: "" },
      { form: 1 },
    ]) {
      const answer = await api("POST", "/webservices", { ...again, id: "new", ...wrong });
      expect([answer.status, answer.body.message]).toEqual([400, expect.stringContaining(`${Object.keys(wrong)[0]}: `)]);
    }
    for (const wrong of ["{", "", "[]", "null"]) expect((await api("POST", "/webservices", wrong)).status).toBe(400);
    const connectionId = await makeConnection();
    const put = (id: string, body: object, as?: string) => api("PUT", `/webservices/${id}/target`, body, as);
    expect((await put(service.id, { connectionId, events: ["created"] })).body).toEqual({
      status: 400,
      message: expect.stringMatching(/^events: /),
    });
    expect((await put(service.id, { connectionId })).status).toBe(400);
    expect((await put(service.id, { connectionId: "con_x", events: ["added"] })).status).toBe(404);
    expect((await put("unknown", { connectionId, events: ["added"] })).status).toBe(404);
    expect((await put(service.id, { connectionId, events: ["added"] }, theirs)).status).toBe(404);
    expect((await api("GET", `/webservices/${service.id}`, undefined, theirs)).status).toBe(404);
    expect((await api("GET", `/connections/${connectionId}`, undefined, theirs)).status).toBe(404);
  });

  test("admin routes: 401 without or with a wrong token, 403 for a web service and for who is no admin, 405, 404", async () => {
    const service = await listening();
    const { token } = (await api("POST", "/tokens/webservice", { id: service.id, password: service.password }, "")).body;
    const member = await app.token({ role: "MEMBER" });
    for (const [method, path] of [
      ["GET", "/connections"],
      ["POST", "/connections"],
      ["GET", "/webservices"],
      ["DELETE", `/webservices/${service.id}`],
      ["PUT", `/webservices/${service.id}/target`],
    ] as const) {
      for (const wrong of ["", "nonsense", `${service.id}:wrong`]) expect((await api(method, path, undefined, wrong)).status).toBe(401);
      for (const as of [service.credentials, token, member])
        expect((await api(method, path, undefined, as)).body).toMatchObject({ status: 403 });
    }
    const patch = await api("PATCH", "/connections", {});
    expect([patch.status, patch.headers.get("allow"), patch.body.status]).toEqual([405, "GET, POST", 405]);
    expect((await api("GET", "/nowhere")).body).toMatchObject({ status: 404 });
  });
});

describe("notifications out", () => {
  test("D1 D9 D10 each kind of change is a POST with a JSON body to its own URL", async () => {
    const service = await listening();
    const organization = (await ask("query { organization { id } }")).organization.id;
    const types = { "record.created": "create", "record.updated": "update", "record.deleted": "delete", "record.status_changed": "status" };
    const payload = { submissionKey: "sub-1", dispatchKey: "dis-1", secretField: "stays here" };
    await emit(service, "record.created", { payload });
    for (const type of Object.keys(types).slice(1)) await emit(service, type);
    const calls = await receiver.waitFor(4);
    expect(calls.map((each) => each.path).sort()).toEqual(["/added", "/deleted", "/edited", "/status"]);
    const bodies = calls.map((each) => each.json());
    expect(bodies.map((body) => body.event).sort()).toEqual(Object.values(types).sort());
    const created = calls.find((each) => each.path === "/added");
    expect(created?.method).toBe("POST");
    expect(created?.headers["content-type"]).toContain("application/json");
    expect(created?.json()).toEqual({
      key: expect.stringMatching(/^[A-Za-z0-9_-]+$/),
      customerKey: organization,
      dispatchKey: "dis-1",
      submissionKey: "sub-1",
      webserviceId: service.id,
      event: "create",
      status: "new",
      createTime: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    });
    // Absent keys are left out, and keys that are no strings too.
    for (const body of bodies.filter((each) => each.event !== "create")) {
      expect(Object.keys(body)).toEqual(["key", "customerKey", "webserviceId", "event", "status", "createTime"]);
    }
    expect(new Set(bodies.map((body) => body.key)).size).toBe(4);
  });

  test("D9 only for records of both its form and its project, and of nothing else", async () => {
    const service = await listening();
    await emit({ form: service.form, project: "other" });
    await emit({ form: "other", project: service.project });
    await emit(service, "record.created", { scope: null });
    await emit(service, "record.created", { scope: { form: service.form } });
    await emit(service, "contact.created");
    await emit(service, "record.archived");
    // A negative is proved by a later positive.
    await emit(service, "record.created", { payload: { submissionKey: "the right one" } });
    await receiver.waitFor(1);
    await emit(service, "record.deleted");
    const calls = await receiver.waitFor(2);
    expect(calls.map((each) => each.json().submissionKey ?? each.json().event)).toEqual(["the right one", "delete"]);
  });

  test("D7 an event that was not chosen, or has no URL on the connection, sends nothing", async () => {
    const service = await makeService();
    await target(service, await makeConnection({ urls: { edited: `${receiver.url}/edited`, deleted: `${receiver.url}/deleted` } }), [
      "added",
      "edited",
    ]);
    await emit(service, "record.created");
    await emit(service, "record.deleted");
    await emit(service, "record.updated");
    expect((await receiver.waitFor(1))[0]?.path).toBe("/edited");
    expect((await api("GET", "/notifications", undefined, service.credentials)).body).toHaveLength(1);
  });

  test("D8 two web services share one connection: each has a notification of its own", async () => {
    const [one, two] = [await makeService({ form: "shared" }), await makeService({ form: "shared" })];
    const connectionId = await makeConnection();
    await target(one, connectionId);
    await target(two, connectionId);
    await emit(one);
    const bodies = (await receiver.waitFor(2)).map((each) => each.json());
    expect(bodies.map((body) => body.webserviceId).sort()).toEqual([one.id, two.id].sort());
    expect(bodies[0].key).not.toBe(bodies[1].key);
    const own = bodies.find((body) => body.webserviceId === one.id);
    expect((await notification(one, own.key)).status).toBe(200);
    expect((await notification(two, own.key)).status).toBe(404);
  });
});

describe("what the receiver answers", () => {
  test.each([
    ["D11 D15 completed", { status: 200, body: { status: "completed" } }, "completed", undefined],
    ["D11 D15 failed, with a message", { status: 200, body: { status: "failed", message: "no such plant" } }, "failed", "no such plant"],
    [
      "D11 any 2xx, whatever its content type",
      { status: 202, headers: { "content-type": "text/plain" }, body: '{"status":"completed"}' },
      "completed",
      undefined,
    ],
    ["D12 D16 an empty body", { status: 200 }, "received", undefined],
    ["D12 no content", { status: 204 }, "received", undefined],
    ["an unusable body: no JSON", { status: 200, body: "OK" }, "received", undefined],
    ["an unusable body: a status that is none", { status: 200, body: { status: "done" } }, "received", undefined],
    ["an unusable body: a list", { status: 200, body: '["completed"]' }, "received", undefined],
    ["a byte order mark before the JSON", { status: 200, body: '\uFEFF{"status":"completed","message":"ok"}' }, "completed", "ok"],
    [
      "an unusable body: gzip, which nobody asked for",
      { status: 200, headers: { "content-encoding": "gzip" }, body: gzipSync('{"status":"completed"}') },
      "received",
      undefined,
    ],
    ["gzip of nothing at all", { status: 200, headers: { "content-encoding": "gzip" } }, "received", undefined],
  ])("%s", async (name, reply, status, message) => {
    receiver.respond(reply);
    const service = await listening();
    await emit(service);
    const key = await firstKey();
    await becomes(service, key, status);
    expect((await notification(service, key)).body.message).toBe(message);
    expect(await logged(key)).toMatchObject({
      state: "DELIVERED",
      notificationStatus: status.toUpperCase(),
      attempts: [{ outcome: "DELIVERED" }],
    });
    // What was odd stands on the attempt, for people.
    const { warning } = (await logged(key)).attempts[0] as Logged["attempts"][number];
    expect(warning).toEqual(name.startsWith("an unusable") ? expect.stringContaining("it counts as empty") : null);
  });

  test.each([
    ["D14 404", 404],
    ["D14 a redirect", 302],
    ["D14 410, which stops nothing here", 410],
  ])("%s: failed at once, its body ignored", async (_name, status) => {
    receiver.respond({ status, body: { status: "completed" } });
    const service = await listening();
    await emit(service);
    const key = await firstKey();
    await becomes(service, key, "failed");
    expect(await logged(key)).toMatchObject({ state: "REJECTED", attempts: [{ outcome: "REJECTED", statusCode: status }] });
    receiver.respond(200);
    await emit(service);
    await receiver.waitFor(2);
  });

  test("D13 a 5xx is tried again with the same key and body, and stays new meanwhile, its body ignored", async () => {
    const late = { status: 200, delayMs: 800, body: { status: "completed" } };
    receiver.respond([{ status: 503, body: { status: "completed" } }, { status: 500 }, late]);
    const service = await listening();
    await emit(service);
    const key = await firstKey();
    const calls = await receiver.waitFor(3);
    expect((await notification(service, key)).body.status).toBe("new");
    await becomes(service, key, "completed");
    expect(new Set(calls.map((each) => each.body.toString())).size).toBe(1);
    expect((await logged(key)).attempts.map((attempt) => attempt.statusCode)).toEqual([503, 500, 200]);
  });

  test("D13 six attempts with the waits of the schedule, then failed", { timeout: 45_000 }, async () => {
    receiver.respond(500);
    const service = await listening();
    await emit(service);
    const key = await firstKey();
    // On a busy machine each attempt is late by as much as it takes to be settled.
    await receiver.waitFor(6, 30_000);
    await becomes(service, key, "failed");
    const seen = await logged(key);
    expect([seen.state, seen.attempts.length]).toEqual(["REJECTED", 6]);
    const waits = receiver.calls.slice(1).map((each, i) => each.time.getTime() - (receiver.calls[i] as ReceivedCall).time.getTime());
    for (const [i, wait] of [6, 30, 180, 720, 2160].entries()) expect(waits[i]).toBeGreaterThanOrEqual(wait - 2);
  });

  test("D15 D16 no answer within 3 s counts as a 5xx", { timeout: 20_000 }, async () => {
    receiver.respond([
      // Long after the 3 s: a busy machine must not make the timer late enough for an answer.
      { status: 200, delayMs: 12_000 },
      { status: 200, body: { status: "completed" } },
    ]);
    const service = await listening();
    await emit(service);
    await becomes(service, await firstKey(), "completed");
    expect((await logged(await firstKey())).attempts.map((attempt) => attempt.outcome)).toEqual(["TIMED_OUT", "DELIVERED"]);
  });
});
