/** The three roles of the second wall, what is there of them, and what this login may do with them. */
import type { ClientBase } from "pg";
import { identifier } from "../session.ts";

export interface Roles {
  /** Owns the tables: migrations, partitions. */
  owner: string;
  /** Ingest, deliveries, chores, jobs. Sees every organization, changes no table. */
  engine: string;
  /** One organization at a time. */
  tenant: string;
}

export const ROLES: Roles = { owner: "hookline_owner", engine: "hookline_engine", tenant: "hookline_tenant" };

export interface Sight {
  login: string;
  /** May make roles. */
  makes: boolean;
  /** Those that exist. */
  there: string[];
  /** Those that a session of this login may take on. */
  usable: string[];
  /** Of the tables, the login while the record of migrations is its own: that is handed over last. Null: there are no tables. */
  tableOwner: string | null;
}

/** From Postgres 16 on a role may be granted without the right to take it on. */
const TAKEN_ON = "CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END";

export async function lookAt(client: ClientBase, roles: Roles): Promise<Sight> {
  const { rows } = await client.query<Sight>(
    `SELECT session_user::text AS login, (SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = session_user) AS makes,
       COALESCE(array_agg(r.rolname::text), '{}') AS there,
       COALESCE(array_agg(r.rolname::text) FILTER (WHERE pg_has_role(session_user, r.oid, ${TAKEN_ON})), '{}') AS usable,
       (SELECT pg_get_userbyid(COALESCE((
           SELECT m.relowner FROM pg_class m WHERE m.relname = '_prisma_migrations' AND m.relnamespace = t.relnamespace AND pg_get_userbyid(m.relowner) = session_user
         ), t.relowner))::text FROM pg_class t WHERE t.relname = 'organization' AND t.relnamespace = current_schema()::regnamespace) AS "tableOwner"
     FROM pg_roles r WHERE r.rolname = ANY($1::text[])`,
    [Object.values(roles)],
  );
  return rows[0] as Sight;
}

/** Another database of the server does the same at this moment: duplicate object, unique violation, tuple concurrently updated. */
const RACE = /^(42710|23505|XX000|40001)$/;
const TRIES = 5;

/**
 * Makes those that are missing, where the login may. They may log in nowhere, and one that was there before is left as it is:
 * it may be another installation's.
 */
export async function makeRoles(client: ClientBase, roles: Roles): Promise<void> {
  for (let tries = 1; ; tries++) {
    const { login, makes, there } = await lookAt(client, roles);
    const missing = Object.values(roles).filter((role) => !there.includes(role));
    if (!makes || missing.length === 0) return;
    try {
      await client.query("BEGIN");
      for (const role of missing) {
        await client.query(`CREATE ROLE ${identifier(role)} NOLOGIN`);
        // Who may make roles is granted the right to hand them out, not the role itself; a superuser needs neither.
        await client.query(`GRANT ${identifier(role)} TO ${identifier(login)}`);
      }
      await client.query("COMMIT");
      return;
    } catch (error) {
      await client.query("ROLLBACK");
      const { code } = error as { code?: string };
      if (tries === TRIES || code === undefined || !RACE.test(code)) throw error;
    }
  }
}

/** Who owns the tables behind the wall: its role where this login may be it, else the login. */
export const ownerOf = ({ usable, login }: Sight, roles: Roles): string => (usable.includes(roles.owner) ? roles.owner : login);

/**
 * Tables behind the wall belong to a role of their own, which the login takes on to change them. @returns whether it has the
 * owner's rights now
 */
export async function becomeOwner(client: ClientBase): Promise<boolean> {
  const { tableOwner, login, usable } = await lookAt(client, ROLES);
  if (tableOwner === null || tableOwner === login) return true;
  if (usable.includes(tableOwner)) {
    await client.query(`SET ROLE ${identifier(tableOwner)}`);
    return true;
  }
  // A login that the administrator chose: its members have its rights as they are.
  const { rows } = await client.query<{ has: boolean }>("SELECT pg_has_role($1, 'USAGE') AS has", [tableOwner]);
  return rows[0]?.has === true;
}
