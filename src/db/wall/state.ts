/** Whether the second wall stands, and by which logins a process comes in. */
import { withRole } from "../../database-url.ts";
import type { Logins } from "../client.ts";
import type { SessionClient } from "../session-client.ts";
import { needsOf, relationsOf } from "./guard.ts";
import { lookAt, ownerOf, ROLES, type Roles, type Sight } from "./roles.ts";

export type Wall = { state: "on"; roles: Roles } | { state: "off"; why: string };

const SQL = "docs/database.md has the SQL that turns it on";

function missing({ login, there, usable }: Sight, roles: Roles): string | undefined {
  const running = [roles.engine, roles.tenant];
  const unknown = running.filter((role) => !there.includes(role));
  if (unknown.length > 0) return `there is no role ${unknown.join(", nor ")}, and ${login} may not make one; ${SQL}`;
  const barred = running.filter((role) => !usable.includes(role));
  return barred.length > 0 ? `${login} is not granted ${barred.join(", nor ")}; ${SQL}` : undefined;
}

/** A role that policies do not bind, or that has another's rights, is no wall. */
const LEAKS = `
  SELECT r.rolname::text || CASE WHEN r.rolsuper THEN ' is a superuser' WHEN r.rolbypassrls THEN ' has BYPASSRLS'
    ELSE ' has the rights of ' || (SELECT string_agg(o, ' and ') FROM unnest($2::text[]) AS o WHERE o <> r.rolname AND pg_has_role(r.oid, o, 'USAGE')) END AS leak
  FROM pg_roles r WHERE r.rolname = ANY($1::text[]) AND (r.rolsuper OR r.rolbypassrls
    OR EXISTS (SELECT 1 FROM unnest($2::text[]) AS o WHERE o <> r.rolname AND pg_has_role(r.oid, o, 'USAGE')))`;

/** @param client of DATABASE_URL's login @param queueSchema where jobs are kept */
export async function readWall(client: SessionClient, schema: string, queueSchema: string): Promise<Wall> {
  const roles = ROLES;
  const sight = await lookAt(client, roles);
  const owner = sight.tableOwner ?? ownerOf(sight, roles);
  if (sight.tableOwner === null) return { state: "off", why: "there are no tables yet" };
  const why = missing(sight, roles);
  if (why !== undefined) return { state: "off", why };
  const { rows } = (await client.query(LEAKS, [
    [roles.engine, roles.tenant],
    [roles.engine, roles.tenant, owner],
  ])) as {
    rows: { leak: string }[];
  };
  if (rows[0]) return { state: "off", why: rows[0].leak };
  const needs = [
    ...(await relationsOf(client, schema)).flatMap((relation) => needsOf(relation, schema, roles)),
    ...(await relationsOf(client, queueSchema, true)).flatMap((relation) => needsOf(relation, queueSchema, roles)),
  ];
  if (needs.length > 0)
    return { state: "off", why: `policies or rights are missing, which the next start or \`hookline migrate\` sets: ${needs[0]}` };
  return { state: "on", roles: { ...roles, owner } };
}

/**
 * A URL for each role. The one login takes a role on once, in a session's first message: a session could lay it down again,
 * but only by a statement of its own, and none of ours does.
 */
export function loginsOf(url: string, wall: Wall): Logins {
  if (wall.state === "off") return { owner: url, engine: url, tenant: url };
  const { owner, engine, tenant } = wall.roles;
  return { owner: withRole(url, owner), engine: withRole(url, engine), tenant: withRole(url, tenant) };
}
