/** What the engine's role may not do, and that every table of tenants is guarded: also partitions that are made later. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { audit } from "../../../src/accounts/audit.ts";
import { wallStatus } from "../../../src/db/migrate.ts";
import { makePartitions } from "../../../src/delivery/partitions.ts";
import { partitionsOf } from "../../../src/requests/partitions.ts";
import { type TestCore, testCore } from "../../helpers/database.ts";
import { addPast } from "../../helpers/log.ts";
import { guardedTables } from "./rows.ts";

let t: TestCore;
beforeAll(async () => {
  t = await testCore();
});
afterAll(() => t.close());

test("every table with an organization has forced policies, its partitions too, those made later as well", async () => {
  await t.core.db.asOwner((client) => client.query("SELECT make_partitions(now() + interval '20 days', 1440)"));
  await addPast(t.core, 3);
  await makePartitions(t.core);
  expect((await partitionsOf(t.core, "event")).length).toBeGreaterThan(20);
  const { rows } = await t.asServer(
    `SELECT c.relname::text AS name, c.relrowsecurity AND c.relforcerowsecurity AS forced, pg_get_userbyid(c.relowner)::text AS owner,
       (SELECT json_object_agg(p.polname, pg_get_expr(p.polqual, p.polrelid)) FROM pg_policy p WHERE p.polrelid = c.oid) AS policies,
       has_table_privilege('hookline_tenant', c.oid, 'SELECT') AND c.relispartition AS open
     FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
       AND (c.relname = 'organization' OR EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'organization_id'))`,
  );
  expect(rows.length).toBeGreaterThan(100);
  for (const row of rows) {
    const mine = `(${row.name === "organization" ? "id" : "organization_id"} = (current_setting('hookline.organization_id'::text))::uuid)`;
    expect(row, row.name).toMatchObject({ forced: true, owner: "hookline_owner", open: false });
    expect(row.policies, row.name).toMatchObject({
      hookline_engine: "true",
      hookline_tenant: mine,
      hookline_owner: expect.stringContaining("'tenant'"),
    });
  }
});

test("the engine may not TRUNCATE, change or make a table, nor switch a trigger off", async () => {
  const tables = await guardedTables(t);
  const tried = (name: string) => [
    `TRUNCATE "${name}"`,
    `ALTER TABLE "${name}" ADD COLUMN more int`,
    `ALTER TABLE "${name}" DISABLE TRIGGER ALL`,
    `ALTER TABLE "${name}" NO FORCE ROW LEVEL SECURITY`,
    `DROP POLICY hookline_engine ON "${name}"`,
    `CREATE TRIGGER late AFTER INSERT ON "${name}" EXECUTE FUNCTION refuse_change()`,
    `DROP TABLE "${name}"`,
  ];
  for (const { name } of tables)
    for (const statement of tried(name))
      await expect(t.core.db.pool.query(statement), statement).rejects.toThrow(/permission denied|must be owner/);
  // A grant by somebody without the right is a warning, and gives none.
  await t.core.db.pool.query(`GRANT ALL ON ${tables.map(({ name }) => `"${name}"`).join(", ")} TO hookline_tenant`);
  expect(await wallStatus(t.url)).toMatchObject({ state: "on" });
  await expect(t.core.db.pool.query("CREATE TABLE more (id int)")).rejects.toThrow(/permission denied/);
  await expect(t.core.db.tenant(t.organizationId).query("SELECT make_partitions(now(), 1440)")).rejects.toThrow(/permission denied/);
});

test("the audit log is appended to, and changed by nobody", async () => {
  await audit(t.core, t.admin, "test.done", undefined, null, null);
  for (const role of [t.core.db.pool, t.core.db.tenant(t.organizationId)]) {
    expect((await role.query("SELECT 1 FROM audit_entry")).rows.length).toBeGreaterThan(0);
    for (const change of ["UPDATE audit_entry SET action = 'other'", "DELETE FROM audit_entry", "TRUNCATE audit_entry"])
      await expect(role.query(change), change).rejects.toThrow(/permission denied/);
  }
});

test("a tenant's statement costs one message to the server, and leaves no organization behind", async () => {
  const pool = t.core.db.tenant(t.organizationId);
  const client = await pool.connect();
  try {
    await client.query("BEGIN");
    const first = (await client.query("SELECT current_setting('hookline.organization_id') AS id, txid_current_if_assigned() AS xid"))
      .rows[0];
    expect(first).toMatchObject({ id: t.organizationId });
    await client.query("ROLLBACK");
    // A failed statement rolls back alone, and the next one names its organization again.
    await expect(client.query("SELECT 1/0")).rejects.toThrow(/division/);
    expect((await client.query("SELECT name FROM organization")).rows).toEqual([{ name: "First" }]);
    expect((await client.query({ name: "twice", text: "SELECT $1::int AS n", values: [1] })).rows).toEqual([{ n: 1 }]);
    expect((await client.query({ name: "twice", text: "SELECT $1::int AS n", values: [2] })).rows).toEqual([{ n: 2 }]);
  } finally {
    client.release();
  }
});
