/**
 * The roles of the embedded Postgres, each with a login of its own: a process that serves is no superuser and owns no table.
 * Their passwords follow from the cluster's, so that there is one secret to keep, and every command knows them.
 */
import { createHmac } from "node:crypto";
import pg from "pg";
import type { Logins } from "../db/client.ts";
import { ROLES, type Roles } from "../db/wall/roles.ts";

const passwordOf = (role: string, password: string) => createHmac("sha256", password).update(`login/${role}`).digest("base64url");

export function embeddedLogins(password: string, port: number): Logins {
  const login = (role: keyof Roles) => `postgres://${ROLES[role]}:${passwordOf(ROLES[role], password)}@127.0.0.1:${port}/hookline`;
  return { owner: login("owner"), engine: login("engine"), tenant: login("tenant") };
}

/** Idempotent. @param admin connected as the cluster's superuser */
export async function makeLogins(admin: pg.Client, password: string): Promise<void> {
  const { rows } = await admin.query<{ name: string }>("SELECT rolname AS name FROM pg_roles WHERE rolname = ANY($1::text[])", [
    Object.values(ROLES),
  ]);
  const there = new Set(rows.map((row) => row.name));
  const statements = Object.values(ROLES).map((role) => {
    const verb = there.has(role) ? "ALTER" : "CREATE";
    // A password that was set anew changes theirs.
    return `${verb} ROLE ${pg.escapeIdentifier(role)} LOGIN NOSUPERUSER NOCREATEROLE NOCREATEDB NOBYPASSRLS PASSWORD ${pg.escapeLiteral(passwordOf(role, password))}`;
  });
  // One message is one transaction, and one wait for the disk.
  await admin.query(statements.join("; "));
}
