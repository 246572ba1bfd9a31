/** Raises the second wall as high as this login can: roles, ownership, policies, rights. Run again, it finds nothing to do. */
import type { ClientBase } from "pg";
import { identifier } from "../session.ts";
import { needsOf, relationsOf } from "./guard.ts";
import { lookAt, makeRoles, ownerOf, ROLES, type Roles, type Sight } from "./roles.ts";

/** What belongs to the login, or to whom the tables belong, and not yet to the role: in our schemas, whatever an extension brought left alone. */
const FOREIGN = `
  SELECT format('ALTER %s %I.%I OWNER TO ', CASE c.relkind WHEN 'S' THEN 'SEQUENCE' WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END, n.nspname, c.relname) AS statement
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = ANY($1::text[]) AND c.relkind IN ('r', 'p', 'v', 'S') AND pg_get_userbyid(c.relowner) = ANY($2::text[])
    -- A sequence that is a column's goes with its table.
    AND NOT (c.relkind = 'S' AND EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND d.classid = 'pg_class'::regclass
      AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')))
    AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
  UNION ALL
  SELECT format('ALTER TYPE %I.%I OWNER TO ', n.nspname, t.typname) FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
  WHERE n.nspname = ANY($1::text[]) AND t.typtype IN ('e', 'd') AND pg_get_userbyid(t.typowner) = ANY($2::text[])
    AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = t.oid AND d.deptype = 'e')
  UNION ALL
  SELECT format('ALTER FUNCTION %s OWNER TO ', p.oid::regprocedure) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
  WHERE n.nspname = ANY($1::text[]) AND pg_get_userbyid(p.proowner) = ANY($2::text[])
    AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')`;

async function mayCreate(client: ClientBase, role: string, schema: string): Promise<boolean> {
  const { rows } = await client.query<{ may: boolean }>(
    "SELECT has_schema_privilege($1, $2, 'CREATE') AND has_schema_privilege($1, $2, 'USAGE') AS may",
    [role, schema],
  );
  return rows[0]?.may === true;
}

/** A login that only uses a schema cannot let others in: the grant is then refused, or a warning. */
async function letIn(client: ClientBase, role: string, schema: string, right: "USAGE" | "CREATE, USAGE"): Promise<void> {
  const { rows } = await client.query<{ has: boolean }>(
    `SELECT ${right
      .split(", ")
      .map((each) => `has_schema_privilege($1, $2, '${each}')`)
      .join(" AND ")} AS has`,
    [role, schema],
  );
  if (rows[0]?.has) return;
  await client.query(`GRANT ${right} ON SCHEMA ${identifier(schema)} TO ${identifier(role)}`).catch((error: Error & { code?: string }) => {
    if (error.code !== "42501") throw error;
  });
}

/** Tables go to the role that owns them, once it may make more beside them. @returns who owns them now */
async function handOver(client: ClientBase, sight: Sight, roles: Roles, schemas: readonly string[]): Promise<string> {
  const owner = ownerOf(sight, roles);
  if (owner === sight.login) return owner;
  for (const schema of schemas) await letIn(client, owner, schema, "CREATE, USAGE");
  for (const schema of schemas) if (!(await mayCreate(client, owner, schema))) return sight.tableOwner ?? sight.login;
  const { rows } = await client.query<{ statement: string }>(FOREIGN, [
    schemas,
    [sight.login, sight.tableOwner].filter((role) => role !== owner),
  ]);
  // The record of migrations last: a start that is killed amid this is gone on with by the login, which can read it.
  const isRecord = ({ statement }: { statement: string }) => statement.includes("._prisma_migrations ");
  for (const { statement } of [...rows.filter((row) => !isRecord(row)), ...rows.filter(isRecord)])
    await client.query(`${statement}${identifier(owner)}`);
  return owner;
}

const PARTITIONS = "make_partitions(timestamptz, integer)";

/** What a relation needs is one message: a first start sends four hundred such statements. */
async function guardSchema(client: ClientBase, schema: string, roles: Roles | undefined, queue: boolean): Promise<void> {
  for (const relation of await relationsOf(client, schema, queue)) {
    const needs = needsOf(relation, schema, roles);
    if (needs.length > 0) await client.query(needs.join("; "));
  }
}

async function guardAll(client: ClientBase, roles: Roles | undefined, schema: string, queueSchema: string): Promise<void> {
  await guardSchema(client, schema, roles, false);
  if (!roles) return;
  await guardSchema(client, queueSchema, roles, true);
  const { rows } = await client.query<{ open: boolean }>(
    `SELECT to_regprocedure('${PARTITIONS}') IS NOT NULL AND (has_function_privilege($1, '${PARTITIONS}', 'EXECUTE') OR NOT has_function_privilege($2, '${PARTITIONS}', 'EXECUTE')) AS open`,
    [roles.tenant, roles.engine],
  );
  if (!rows[0]?.open) return;
  await client.query(`REVOKE EXECUTE ON FUNCTION ${PARTITIONS} FROM PUBLIC`);
  await client.query(`GRANT EXECUTE ON FUNCTION ${PARTITIONS} TO ${identifier(roles.engine)}`);
}

/**
 * With roles that this login may take on the wall is on; else policies are forced on the one role there is. The tables and the
 * schemas are there.
 */
export async function raiseWall(client: ClientBase, schema: string, queueSchema: string): Promise<void> {
  await makeRoles(client, ROLES);
  const sight = await lookAt(client, ROLES);
  const on = sight.usable.includes(ROLES.engine) && sight.usable.includes(ROLES.tenant);
  const owner = on ? await handOver(client, sight, ROLES, [schema, queueSchema]) : (sight.tableOwner ?? sight.login);
  if (on) {
    for (const role of [ROLES.engine, ROLES.tenant]) await letIn(client, role, schema, "USAGE");
    await letIn(client, ROLES.engine, queueSchema, "USAGE");
  }
  if (owner !== sight.login && sight.usable.includes(owner)) await client.query(`SET ROLE ${identifier(owner)}`);
  try {
    await guardAll(client, on ? ROLES : undefined, schema, queueSchema);
  } finally {
    await client.query("RESET ROLE");
  }
}
