/** RESULTS.com's "More > Webhooks" as REST: who may, what is shown, and when the key is shown. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Caller } from "../../../src/accounts/caller.ts";
import { createApiToken } from "../../../src/accounts/tokens.ts";
import { createGoal, deleteGoal } from "../../../src/goals/goals.ts";
import { globalId } from "../../../src/wire/ids.ts";
import { type TestCore, testCore } from "../../helpers/database.ts";
import { type Answer, call, post, type Served, serveResults } from "./results-server.ts";

let t: TestCore;
let server: Served;
let token: string;
let goalId: string;

async function tokenOf(caller: Caller, role: Caller["role"]): Promise<string> {
  return (await createApiToken(t.core, caller, { name: "test", role })).token;
}

beforeAll(async () => {
  t = await testCore();
  server = await serveResults(t.core);
  token = await tokenOf(t.admin, "ADMIN");
  goalId = globalId("Goal", (await createGoal(t.core, t.admin, { name: "Revenue", direction: "MAXIMIZE" })).id);
});
afterAll(async () => {
  await server.close();
  await t.close();
});

const rest = (method: string, path = "", body?: object | string, as: string | undefined = token): Promise<Answer> =>
  call(method, `${server.url}/api/inbound-webhooks${path}`, body, as === undefined ? {} : { authorization: `Bearer ${as}` });
const create = (input: object = {}) => rest("POST", "", { targetType: "goal", goalId, ...input });

describe("creating", () => {
  test("R6 R7 R8 R9 R10 R11 the form: goal, name (the goal's by default), description; the answer shows the target URL", async () => {
    const plain = await create();
    expect(plain.status).toBe(201);
    expect(plain.body).toEqual({
      id: expect.stringMatching(/^inb_[0-9a-f]{32}$/),
      targetType: "goal",
      goalId,
      name: "Revenue",
      description: null,
      enabled: true,
      targetUrl: expect.stringMatching(new RegExp(`^${server.url}/inbound/goals/${goalId}/hki_[A-Za-z0-9_-]{49}$`)),
    });
    expect(plain.headers.get("cache-control")).toBe("no-store");
    const named = await create({ name: "ERP", description: "nightly job" });
    expect(named.body).toMatchObject({ name: "ERP", description: "nightly job" });
    expect(named.body.targetUrl).not.toBe(plain.body.targetUrl);
  });

  test("R1 R10 R12 the URL is all a source system needs: it records a value", async () => {
    const { body } = await create();
    expect((await post(body.targetUrl, { date: "2017-03-16", value: 500000 })).status).toBe(201);
    expect((await post(`${body.targetUrl}x`, { date: "2017-03-16", value: 1 })).status).toBe(401);
  });

  test("R3 goal is the first target type; the reserved ones are refused by name", async () => {
    for (const targetType of ["connect", "meeting", "task", "GOAL", 1, null]) {
      const answer = await create({ targetType });
      expect([answer.status, answer.body.errors[0].property]).toEqual([400, "targetType"]);
    }
  });

  test("a wrong body is 400 in the contract's form, an unknown or foreign or deleted goal 404", async () => {
    const missing = await rest("POST", "", {});
    expect(missing.body).toMatchObject({ status: 400, error: "BAD REQUEST" });
    expect(missing.body.errors.map((e: { property: string; code: string }) => `${e.property} ${e.code}`)).toEqual([
      "targetType required",
      "goalId required",
    ]);
    for (const wrong of ["{", "", "[]", "null", '"x"']) expect((await rest("POST", "", wrong)).status).toBe(400);
    expect((await create({ name: " " })).status).toBe(400);
    expect((await create({ name: "x".repeat(256) })).status).toBe(400);
    expect((await create({ description: "a\u0000b" })).status).toBe(400);
    const other = await t.organization();
    const foreign = await createGoal(t.core, other.admin, { name: "Theirs", direction: "MINIMIZE" });
    const gone = await createGoal(t.core, t.admin, { name: "Gone", direction: "MINIMIZE" });
    await deleteGoal(t.core, t.admin, gone.id);
    for (const id of [globalId("Goal", foreign.id), globalId("Goal", gone.id), "goa_x", "x"]) {
      expect((await create({ goalId: id })).status).toBe(404);
    }
  });

  test("R4 the feature is off per organization until it is switched on", async () => {
    const other = await t.organization();
    const theirs = await tokenOf(other.admin, "ADMIN");
    const goal = await createGoal(t.core, other.admin, { name: "Theirs", direction: "MAXIMIZE" });
    const input = { targetType: "goal", goalId: globalId("Goal", goal.id) };
    expect((await rest("POST", "", input, theirs)).status).toBe(403);
    await t.core.db.unscoped.organization.update({ where: { id: other.id }, data: { features: ["INBOUND_WEBHOOKS"] } });
    expect((await rest("POST", "", input, theirs)).status).toBe(201);
  });
});

describe("R5 only admins", () => {
  test("no or a bad token 401, a member or viewer 403, for every route", async () => {
    const { body } = await create();
    const member = await tokenOf(await t.caller("MEMBER"), "MEMBER").catch(() => undefined);
    expect(member).toBeUndefined(); // a member makes no tokens; an admin makes one with a member's role
    const tokens = [await tokenOf(t.admin, "MEMBER"), await tokenOf(t.admin, "VIEWER")];
    const routes = [
      ["GET", "", undefined],
      ["POST", "", { targetType: "goal", goalId }],
      ["GET", `/${body.id}`, undefined],
      ["PATCH", `/${body.id}`, { enabled: false }],
      ["POST", `/${body.id}/rotate-key`, undefined],
      ["DELETE", `/${body.id}`, undefined],
    ] as const;
    for (const [method, path, input] of routes) {
      expect([method, path, (await rest(method, path, input, "")).status]).toEqual([method, path, 401]);
      const bad = await rest(method, path, input, "hk_wrong");
      expect(bad.body).toMatchObject({ status: 401, error: "UNAUTHORIZED" });
      for (const as of tokens) expect((await rest(method, path, input, as)).body).toMatchObject({ status: 403, error: "FORBIDDEN" });
    }
    expect((await rest("GET", `/${body.id}`)).body.enabled).toBe(true);
  });
});

describe("keeping", () => {
  test("the list is an array, newest first, without keys; one, changed, rotated, deleted", async () => {
    const first = (await create({ name: "First" })).body;
    const second = (await create({ name: "Second" })).body;
    const list = await rest("GET");
    expect(Array.isArray(list.body)).toBe(true);
    expect(list.body.slice(0, 2).map((each: { name: string }) => each.name)).toEqual(["Second", "First"]);
    expect(Object.keys(list.body[0])).toEqual(["id", "targetType", "goalId", "name", "description", "enabled"]);
    expect(list.text).not.toContain("hki_");

    const changed = await rest("PATCH", `/${first.id}`, { name: "Renamed", description: "ERP", enabled: false });
    expect([changed.status, changed.body]).toEqual([
      200,
      { id: first.id, targetType: "goal", goalId, name: "Renamed", description: "ERP", enabled: false },
    ]);
    expect((await rest("PATCH", `/${first.id}`, { description: null, enabled: true })).body).toMatchObject({
      name: "Renamed",
      description: null,
    });
    for (const wrong of [{ enabled: "no" }, { name: "" }, { name: 1 }])
      expect((await rest("PATCH", `/${first.id}`, wrong)).status).toBe(400);
    expect((await rest("GET", `/${first.id}`)).body).toMatchObject({ name: "Renamed", enabled: true });

    const rotated = await rest("POST", `/${first.id}/rotate-key`);
    expect([rotated.status, rotated.body.id]).toEqual([200, first.id]);
    expect((await post(first.targetUrl, {})).status).toBe(401);
    expect((await post(rotated.body.targetUrl, { date: "2017-03-18", value: 1 })).status).toBe(201);

    const deleted = await rest("DELETE", `/${second.id}`);
    expect([deleted.status, deleted.text]).toEqual([204, ""]);
    expect((await rest("GET", `/${second.id}`)).status).toBe(404);
    expect((await post(second.targetUrl, {})).status).toBe(401);
  });

  test("an unknown or another organization's id is 404 everywhere, and told apart nowhere", async () => {
    const { body } = await create();
    const other = await t.organization();
    const theirs = await tokenOf(other.admin, "ADMIN");
    for (const [method, path, input] of [
      ["GET", "", undefined],
      ["PATCH", "", { enabled: false }],
      ["POST", "/rotate-key", undefined],
      ["DELETE", "", undefined],
    ] as const) {
      const foreign = await rest(method, `/${body.id}${path}`, input, theirs);
      const unknown = await rest(method, `/inb_${"0".repeat(32)}${path}`, input, theirs);
      expect([foreign.status, foreign.text]).toEqual([404, unknown.text]);
      expect((await rest(method, `/nonsense${path}`, input)).status).toBe(404);
    }
    expect((await rest("GET", "", undefined, theirs)).body).toEqual([]);
  });

  test("every change is in the audit log, and no key is", async () => {
    const { body } = await create({ name: "Audited" });
    await rest("POST", `/${body.id}/rotate-key`);
    await rest("DELETE", `/${body.id}`);
    const { rows } = await t.core.db.pool.query<{ action: string; entry: string }>(
      "SELECT action, a::text AS entry FROM audit_entry a WHERE subject_type = 'InboundWebhook' AND after->>'name' = 'Audited' ORDER BY id",
    );
    expect(rows.map((row) => row.action)).toEqual(["inboundWebhook.create", "inboundWebhook.rotateKey", "inboundWebhook.delete"]);
    expect(rows.map((row) => row.entry).join()).not.toContain("hki_");
    const { rows: dump } = await t.core.db.pool.query<{ row: string }>("SELECT w::text AS row FROM inbound_webhook w");
    expect(dump.map((each) => each.row).join()).not.toContain("hki_");
  });
});
