/**
 * Policies and rights, table by table: what is missing or too much is mended, what stands is left alone, so that a start on a
 * guarded database takes no lock. Each table by itself: a transaction over all would meet those that deliver.
 */
import type { ClientBase } from "pg";
import { identifier } from "../session.ts";
import { engineRights, type Kind, tenantRights } from "./rights.ts";
import type { Roles } from "./roles.ts";

interface Relation {
  name: string;
  kind: Kind;
  owner: string;
  /** Its rows belong to organizations. */
  guarded: boolean;
  forced: boolean;
  /** Name → roles, joined by commas. */
  policies: Record<string, string>;
  /** Role → rights in alphabetical order; "" is everybody. */
  rights: Record<string, string>;
}

/** Of one schema; partitions are ordinary children of theirs. */
const RELATIONS = `
  SELECT c.relname::text AS name, pg_get_userbyid(c.relowner)::text AS owner,
    CASE c.relkind WHEN 'S' THEN 'sequence' WHEN 'v' THEN 'view'
      ELSE CASE WHEN $2 THEN 'queue' WHEN c.relispartition OR d.detached THEN 'partition' ELSE 'table' END END AS kind,
    NOT $2 AND c.relkind IN ('r', 'p') AND (c.relname = 'organization' OR EXISTS (SELECT 1 FROM pg_attribute a
      WHERE a.attrelid = c.oid AND a.attname = 'organization_id' AND NOT a.attisdropped)) AS guarded,
    c.relrowsecurity AND c.relforcerowsecurity AS forced,
    COALESCE((SELECT json_object_agg(p.polname, (SELECT string_agg(pg_get_userbyid(r), ',') FROM unnest(p.polroles) AS r))
      FROM pg_policy p WHERE p.polrelid = c.oid), '{}') AS policies,
    COALESCE((SELECT json_object_agg(g.grantee, g.rights) FROM (
      SELECT CASE a.grantee WHEN 0 THEN '' ELSE pg_get_userbyid(a.grantee)::text END AS grantee,
        string_agg(DISTINCT a.privilege_type, ', ' ORDER BY a.privilege_type) AS rights
      FROM aclexplode(c.relacl) AS a GROUP BY 1) AS g), '{}') AS rights
  FROM pg_class c, LATERAL (SELECT c.relkind = 'r' AND obj_description(c.oid, 'pg_class') LIKE '{"parent":%' AS detached) AS d
  WHERE c.relnamespace = to_regnamespace(quote_ident($1)) AND c.relkind IN ('r', 'p', 'v', 'S') ORDER BY c.relname`;

export async function relationsOf(client: ClientBase, schema: string, queue = false): Promise<Relation[]> {
  return (await client.query<Relation>(RELATIONS, [schema, queue])).rows;
}

/** Whose rows there are for a tenant: those of the organization that the transaction named. None was: an error. */
const mine = (table: string) =>
  `${table === "organization" ? "id" : "organization_id"} = current_setting('hookline.organization_id')::uuid`;

/**
 * The owner migrates all rows. Where it is the only role, its tenants' pool says so in its sessions, and sees one
 * organization: no wall against whoever can change a session's settings, but one against a forgotten condition.
 */
const ownersRows = (table: string) => `CASE WHEN current_setting('hookline.pool', true) = 'tenant' THEN ${mine(table)} ELSE true END`;

const POLICIES = { owner: "hookline_owner", engine: "hookline_engine", tenant: "hookline_tenant" };

/** The statements that a relation still needs. */
export function needsOf(relation: Relation, schema: string, roles: Roles | undefined): string[] {
  const { name, kind, owner, guarded, forced, policies, rights } = relation;
  const place = `${identifier(schema)}.${identifier(name)}`;
  // A partition is told by its table's name.
  const rowsOf = { owner: ownersRows(name), engine: "true", tenant: mine(name) };
  const wanted: [keyof typeof POLICIES, string][] = [["owner", owner]];
  if (roles) wanted.push(["engine", roles.engine], ["tenant", roles.tenant]);
  const needs: string[] = [];
  if (guarded) {
    for (const [kindOfRole, role] of wanted) {
      const policy = POLICIES[kindOfRole];
      if (policies[policy] === role) continue;
      if (policies[policy] !== undefined) needs.push(`DROP POLICY ${policy} ON ${place}`);
      needs.push(`CREATE POLICY ${policy} ON ${place} TO ${identifier(role)} USING (${rowsOf[kindOfRole]})`);
    }
    // After the policies: without one nobody sees a row.
    if (!forced) needs.push(`ALTER TABLE ${place} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY`);
  }
  if (!roles) return needs;
  const on = `${kind === "sequence" ? "SEQUENCE " : ""}${place}`;
  const grants: [string, string][] = [
    [roles.engine, engineRights(kind, name)],
    [roles.tenant, tenantRights(kind, name)],
    ["", ""],
  ];
  for (const [role, right] of grants) {
    const has = rights[role] ?? "";
    if (has === right) continue;
    const to = role === "" ? "PUBLIC" : identifier(role);
    if (has !== "") needs.push(`REVOKE ALL ON ${on} FROM ${to}`);
    if (right !== "") needs.push(`GRANT ${right} ON ${on} TO ${to}`);
  }
  return needs;
}
