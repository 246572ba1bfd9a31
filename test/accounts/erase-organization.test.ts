/** B60: an organization and a person erased; the audit log is append-only for everybody who serves. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { audit } from "../../src/accounts/audit.ts";
import { authenticate } from "../../src/accounts/authenticate.ts";
import type { Caller } from "../../src/accounts/caller.ts";
import {
  deleteOrganization,
  ERASE_ORGANIZATION_JOB,
  findErasure,
  type OrganizationErasure,
  resumeOrganizationErasures,
  workOrganizationErasures,
} from "../../src/accounts/erase-organization.ts";
import { issueToken } from "../../src/accounts/tokens.ts";
import { createUser, deleteUser } from "../../src/accounts/users.ts";
import { createQueue, type Queue } from "../../src/db/queue.ts";
import { checkWebService, createWebService, webServiceOf } from "../../src/definitions/web-services.ts";
import { type TestCore, testCore } from "../helpers/database.ts";
import { addDefinition, addRequest } from "../helpers/log.ts";

let t: TestCore;
let operator: Caller;
const queues: Queue[] = [];
let jobs: Queue;

async function processOn(works: boolean): Promise<Queue> {
  const queue = createQueue(t.core.db.url, t.core.log, { worker: true });
  queues.push(queue);
  await queue.start([ERASE_ORGANIZATION_JOB]);
  if (works) await workOrganizationErasures(t.core, queue);
  return queue;
}

beforeAll(async () => {
  t = await testCore();
  operator = { ...t.admin, operator: true };
  jobs = await processOn(false);
});
afterAll(async () => {
  for (const queue of queues) await queue.stop();
  await t?.close();
});

async function finished(id: string): Promise<OrganizationErasure> {
  for (const deadline = Date.now() + 30_000; ; ) {
    const erasure = await findErasure(t.core, operator, id);
    if (erasure?.finishedAt) return erasure;
    if (Date.now() > deadline) throw new Error(JSON.stringify(erasure));
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Rows that belong to it, or name it, in every table. */
async function leftOf(id: string, ...names: string[]): Promise<string[]> {
  const tables = await t.asServer("SELECT quote_ident(tablename) AS name FROM pg_tables WHERE schemaname = 'public'");
  const found: string[] = [];
  for (const { name } of tables.rows) {
    const { rows } = await t.asServer(`SELECT t::text AS text FROM ${name} t`);
    const kept = rows.filter(({ text }) => [id, ...names].some((each) => text.includes(each)));
    if (kept.length > 0) found.push(...kept.map(({ text }) => `${name}: ${text}`));
  }
  return found;
}

async function filled(name: string): Promise<{ id: string; admin: Caller; token: string }> {
  const { id, admin } = await t.organization(name);
  const definition = await addDefinition(t.core, id, `${name} hook`);
  for (let i = 0; i < 5; i++) await addRequest(t.core, id, definition, { state: "PENDING", payload: `{"by":"${name}"}` });
  for (let i = 0; i < 5; i++) await audit(t.core, { ...admin, organizationId: id }, "probe", undefined, null, { name });
  const { token } = await issueToken(t.core, { organizationId: id, userId: admin.userId as string, name: "x", role: "ADMIN" });
  return { id, admin, token };
}

describe("B60 deleteOrganization", () => {
  test("a web service of doForms signs in no more, by its password or a token, while it goes on", async () => {
    const { id, admin } = await filled("Callers");
    const input = { id: "callers$$1", form: "F", project: "P", password: "of the callers" };
    const service = await createWebService(t.core, admin, input);
    const signsIn = async () => (await checkWebService(t.core, input.id, input.password)) !== undefined;
    expect([await signsIn(), (await webServiceOf(t.core, service.id))?.id]).toEqual([true, service.id]);
    // Nobody works on it.
    await deleteOrganization(t.core, jobs, operator, { id, name: "Callers" });
    expect((await findErasure(t.core, operator, id))?.finishedAt).toBeNull();
    // A token may have been made at the very moment: it leads to nobody either.
    expect([await signsIn(), await webServiceOf(t.core, service.id)]).toEqual([false, undefined]);
  });

  test("erases all of it; an entry of the operator's stays, which names nobody", async () => {
    const gone = await filled("CANARY-Acme");
    const stays = await filled("Other");
    await audit(t.core, operator, "organization.create", { type: "Organization", id: gone.id }, null, { name: "CANARY-Acme", id: gone.id });
    const before = (await leftOf(stays.id)).length;
    await expect(deleteOrganization(t.core, jobs, operator, { id: gone.id, name: "Acme" })).rejects.toMatchObject({
      issues: [{ path: "name" }],
    });
    await expect(deleteOrganization(t.core, jobs, t.admin, { id: gone.id, name: "CANARY-Acme" })).rejects.toMatchObject({
      code: "FORBIDDEN",
    });
    await expect(deleteOrganization(t.core, jobs, operator, { id: operator.organizationId, name: "First" })).rejects.toMatchObject({
      code: "CONFLICT",
    });
    expect(await authenticate(t.core, gone.token)).toBeDefined();
    const begun = await deleteOrganization(t.core, jobs, operator, { id: gone.id, name: "CANARY-Acme" });
    expect(begun.total).toBeGreaterThan(20);
    expect(await authenticate(t.core, gone.token)).toBeUndefined();
    await processOn(true);
    expect((await finished(gone.id)).done).toBeGreaterThanOrEqual(begun.total);
    const left = await leftOf(gone.id, "CANARY-Acme");
    expect(left.filter((row) => !/^(organization_erasure|audit_entry):/.test(row))).toEqual([]);
    expect(
      left
        .filter((row) => row.startsWith("audit_entry:"))
        .map((row) => /organization\.\w+/.exec(row)?.[0])
        .sort(),
    ).toEqual(["organization.create", "organization.delete"]);
    expect(left.join("\n")).not.toContain("CANARY");
    expect((await leftOf(stays.id)).length).toBe(before);
  });

  test("the total of rows is never less than those that are gone, however few were counted when it began", async () => {
    const { id } = await filled("Counted");
    await t.asServer(`INSERT INTO organization_erasure (organization_id, total, done) VALUES ('${id}', 10000, 330000)`);
    expect(await findErasure(t.core, operator, id)).toMatchObject({ total: 330_000, done: 330_000 });
    await t.asServer(`UPDATE organization_erasure SET done = 7 WHERE organization_id = '${id}'`);
    expect(await findErasure(t.core, operator, id)).toMatchObject({ total: 10_000, done: 7 });
    await t.asServer(`DELETE FROM organization_erasure WHERE organization_id = '${id}'`);
  });

  test("goes on after kill -9 in its midst", async () => {
    const { id } = await filled("Killed");
    await t.asServer(`INSERT INTO delivery_minute (organization_id, definition_id, minute, process, last_attempt_at)
      SELECT '${id}', gen_random_uuid(), now(), gen_random_uuid(), now() FROM generate_series(1, 60000)`);
    await deleteOrganization(t.core, { send: async () => undefined, forget: async () => undefined }, operator, { id, name: "Killed" });
    const script = path.resolve(import.meta.dirname, "erase-process.ts");
    const child = spawn(process.execPath, [script, t.url, id], { stdio: ["ignore", "inherit", "inherit"] });
    const exited = once(child, "exit");
    for (let done = 0; done === 0; ) done = (await findErasure(t.core, operator, id))?.done ?? 0;
    child.kill("SIGKILL");
    await exited;
    const killed = await findErasure(t.core, operator, id);
    expect(killed?.finishedAt).toBeNull();
    expect(await leftOf(id)).not.toEqual([]);
    expect(await resumeOrganizationErasures(t.core, jobs, -1_000)).toBe(1);
    await finished(id);
    expect((await leftOf(id)).filter((row) => !/^(organization_erasure|audit_entry):/.test(row))).toEqual([]);
  });
});

describe("B60 the audit log is append-only", () => {
  const as = async (role: string, ...statements: string[]): Promise<string> => {
    const client = new pg.Client({ connectionString: t.url });
    await client.connect();
    try {
      await client.query(`SET ROLE ${role}`);
      await client.query("BEGIN");
      for (const statement of statements) await client.query(statement);
      return "done";
    } catch (error) {
      return (error as Error).message;
    } finally {
      await client.end();
    }
  };
  const org = () =>
    `SELECT set_config('hookline.organization_id', '${t.organizationId}', true), set_config('hookline.erasing', '${t.organizationId}', true)`;

  test.each(["hookline_engine", "hookline_tenant"])("%s changes and deletes no entry, whatever it sets", async (role) => {
    await audit(t.core, t.admin, "probe", undefined, null, null);
    for (const statement of ["DELETE FROM audit_entry", "UPDATE audit_entry SET action = 'x'", "TRUNCATE audit_entry"]) {
      expect(await as(role, org(), statement), statement).toMatch(/permission denied/);
    }
    expect(await as(role, org(), `SELECT erase_audit('${t.organizationId}', 10)`)).toMatch(/not being erased|permission denied/);
    expect(await as(role, org(), `SELECT erase_person('${t.organizationId}', '${t.admin.userId}')`)).toMatch(/not deleted/);
  });

  test("a tenant erases nobody of another organization", async () => {
    const other = await t.organization();
    const nobody = "0190a1b2-0000-7000-8000-000000000001";
    expect(await as("hookline_tenant", org(), `SELECT erase_person('${other.id}', '${nobody}')`)).toMatch(/another organization/);
  });

  test("its owner's login changes none either, but for what the functions do", async () => {
    expect(await as("hookline_owner", "DELETE FROM audit_entry")).toMatch(/append-only/);
  });
});

test("B60 a deleted user is named nowhere any more, nor are their addresses", async () => {
  const input = { email: "canary@example.test", name: "CANARY Ann", password: "long enough: 1234", role: "MEMBER" as const };
  const user = await createUser(t.core, t.admin, input);
  await audit(t.core, { ...t.admin, userId: user.id, address: "203.0.113.77" }, "probe.by", undefined, null, { kept: true });
  await deleteUser(t.core, t.admin, user.id);
  const left = await leftOf(user.id, "canary@example.test", "CANARY", "203.0.113.77");
  expect(left.map((row) => row.slice(0, row.indexOf(":")))).toEqual(["audit_entry", "audit_entry", "audit_entry"]);
  expect(left.join("\n")).not.toMatch(/canary|203\.0\.113\.77/i);
  expect(left.join("\n")).toContain("kept");
});
