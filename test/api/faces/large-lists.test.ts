/** Lists of the faces whose bodies are large: read a slice after another, and no further than an answer may be. */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { createSession } from "../../../src/accounts/sessions.ts";
import { objectId } from "../../../src/wire/ids.ts";
import { type TestApp, testApp } from "../../helpers/app.ts";
import { addRequest, settle } from "../../helpers/log.ts";
import { call } from "./results-server.ts";

const SUBSCRIPTION = "/api/v3/webhook/subscription";
const MIB = 2 ** 20;
/** 0.95 MB each: 124 MB. */
const REQUESTS = 130;
const SERVICE = { id: "large", form: "large", project: "1", password: "of the large" };
const BODY = JSON.stringify({ dispatchKey: "d\u00e9-1", submissionKey: 7, text: "x".repeat(950_000) });

const PREVIOUS = JSON.stringify({ text: "y".repeat(10_000) });

let app: TestApp;
/** Characters that each statement of the tenants read since the test began. */
let reads: number[] = [];

const admin = () => ({ authorization: `Bearer ${app.adminToken}`, admin: "true" });
const charactersIn = (rows: Record<string, unknown>[]) =>
  rows.flatMap((row) => Object.values(row)).reduce<number>((sum, value) => sum + (typeof value === "string" ? value.length : 0), 0);

function watch(): void {
  const { db } = app.t.core;
  const tenant = db.tenant.bind(db);
  db.tenant = (organizationId) => {
    const queries = tenant(organizationId);
    const query = async (...given: Parameters<typeof queries.query>) => {
      const result = (await (queries.query as (...all: unknown[]) => Promise<unknown>)(...given)) as { rows?: Record<string, unknown>[] };
      reads.push(charactersIn(result.rows ?? []));
      return result;
    };
    return Object.assign(Object.create(queries), { query });
  };
}

let crmcomToken: string;

/** A definition's requests, each delivered with one attempt; `entityId` names them. */
async function deliver(definitionId: string, count: number, payload: string, entityId: string): Promise<void> {
  const { core, organizationId } = app.t;
  const { rows } = await core.db.pool.query<{ id: string }>(
    "INSERT INTO lane (id, organization_id, definition_id) VALUES (lane_id($2, 0, ''), $1, $2) RETURNING id",
    [organizationId, definitionId],
  );
  const definition = { id: definitionId, laneId: rows[0]?.id as string };
  for (let i = 0; i < count; i++) {
    const request = await addRequest(core, organizationId, definition, { payload, previous: PREVIOUS, entityId });
    const attempt = { outcome: "DELIVERED", statusCode: 200, requestBody: payload, responseBody: "ok" } as const;
    await settle(core, organizationId, [{ request, state: "DELIVERED", attempt }]);
  }
}

/** So that CRM.COM and doForms list the same requests as Cotalker. */
const become = (setting: string, entityId: string) =>
  app.t.core.db.pool.query(`UPDATE webhook_request SET ${setting} WHERE organization_id = $1 AND entity_id = $2`, [
    app.t.organizationId,
    entityId,
  ]);

async function definitionOf(code: string): Promise<string> {
  const hook = { name: code, code, url: "http://127.0.0.1:9/", trigger: "create-edit-delete-user" };
  const { body } = await call("POST", `${app.url}${SUBSCRIPTION}`, hook, admin());
  const { rows } = await app.t.core.db.pool.query<{ id: string }>("SELECT id FROM webhook_definition WHERE code = $1", [code]);
  expect(objectId(rows[0]?.id as string)).toBe(body._id);
  return rows[0]?.id as string;
}

const linked = (definitionId: string) =>
  app.t.core.db.pool.query("UPDATE web_service SET definition_id = $1 WHERE external_id = $2", [definitionId, SERVICE.id]);

let large: string;
let small: string;

beforeAll(async () => {
  app = await testApp();
  const { core, organizationId, admin: caller } = app.t;
  [large, small] = [await definitionOf("large"), await definitionOf("small")];
  await deliver(large, REQUESTS, BODY, "large");
  await deliver(small, 250, '{"n":1}', "small");
  for (const entityId of ["large", "small"]) await become("dialect = 'CRMCOM', notification_status = 'NEW'", entityId);
  expect((await call("POST", `${app.url}/api/v2/webservices`, SERVICE, admin())).status).toBe(201);
  const session = { organizationId, kind: "CRMCOM", userId: caller.userId as string, ttlSeconds: 3_600 } as const;
  crmcomToken = (await createSession(core, session)).token;
  watch();
}, 240_000);
afterAll(() => app?.close());
beforeEach(() => {
  reads = [];
});

type List = (which: "large" | "small", limit: number) => Promise<{ status: number; body: unknown }>;
const LISTS = {
  Cotalker: (which, limit) =>
    call("GET", `${app.url}${SUBSCRIPTION}/logs/${objectId(which === "large" ? large : small)}?limit=${limit}`, undefined, admin()),
  doForms: async (which, limit) => {
    await linked(which === "large" ? large : small);
    const as = { authorization: `Bearer ${SERVICE.id}:${SERVICE.password}` };
    return call("GET", `${app.url}/api/v2/notifications?limit=${limit}`, undefined, as);
  },
  "CRM.COM": (which, limit) => requests(which, limit),
} satisfies Record<string, List>;

const requests = (entityId: string, limit: number, more = "") =>
  call(
    "GET",
    `${app.url}/crmapi/rest/v2/webhook_requests/list?token=${crmcomToken}&entity_id=${entityId}&number_of_results=${limit}${more}`,
  );
const rowsIn = (body: unknown): unknown[] => (Array.isArray(body) ? body : (body as { data: unknown[] }).data);

for (const product of ["Cotalker", "CRM.COM"] as const) {
  const list = LISTS[product];
  test(`${product}: a list of large bodies is refused before it is read`, { timeout: 60_000 }, async () => {
    expect((await list("large", 1_000)).status).toBe(413);
    expect(Math.max(...reads)).toBeLessThan(25 * MIB);
    expect(reads.reduce((sum, each) => sum + each, 0)).toBeLessThan(90 * MIB);
  });
}

test("doForms: a list of large payloads, of which it shows little, is read a slice after another", { timeout: 60_000 }, async () => {
  const { status, body } = (await LISTS.doForms("large", 1_000)) as { status: number; body: Record<string, unknown>[] };
  expect([status, body.length]).toEqual([200, REQUESTS]);
  expect(body[0]).toMatchObject({ dispatchKey: "d\u00e9-1", status: "new" });
  expect(Object.keys(body[0] ?? {})).not.toContain("submissionKey");
  expect(Math.max(...reads)).toBeLessThan(25 * MIB);
});

for (const [product, list] of Object.entries<List>(LISTS)) {
  test(`${product}: what fits is answered, large bodies and many`, { timeout: 60_000 }, async () => {
    const some = await list("large", 30);
    expect([some.status, rowsIn(some.body).length]).toEqual([200, 30]);
    if (product !== "doForms") expect(JSON.stringify(rowsIn(some.body)[29]).length).toBeGreaterThan(BODY.length);
    const many = await list("small", 1_000);
    expect([many.status, rowsIn(many.body).length]).toEqual([200, 250]);
    expect(new Set(rowsIn(many.body).map((row) => JSON.stringify(row))).size).toBe(250);
  });
}

test("doForms: what an event was before is shown nowhere, and not read", async () => {
  const { status, body } = await LISTS.doForms("small", 1_000);
  expect([status, rowsIn(body).length]).toEqual([200, 250]);
  expect(reads.reduce((sum, each) => sum + each, 0)).toBeLessThan(MIB);
});

test("CRM.COM: no body is read for fields that hold none", { timeout: 60_000 }, async () => {
  const answer = await requests("large", 1_000, "&fields_set=id,number,webhook_definition.name");
  expect([answer.status, rowsIn(answer.body).length]).toEqual([200, REQUESTS]);
  expect(Math.max(...reads)).toBeLessThan(MIB);
});
