/** Why a migration was not applied, for whoever has to mend it: Postgres's own sentence, the statement, and what to grant. */
import type { ClientBase } from "pg";
import { DatabaseRefusal } from "../refusal.ts";
import { identifier } from "../session.ts";

const SHOWN = 200;
const INSUFFICIENT_PRIVILEGE = "42501";
const SQLSTATE = /^[0-9A-Z]{5}$/;
/** Classes that say that the server is away or busy: trying again helps, so they are passed on as they are. */
const PASSING = /^(08|53|57|40|55P03)/;

/** What to grant to a role that lacks a right; the tables may belong to the role of an earlier start. */
async function mendOf(client: ClientBase, message: string): Promise<string> {
  const { rows } = await client.query<{ role: string; schema: string | null; owner: string | null }>(
    `SELECT current_user AS role, current_schema() AS schema, (SELECT pg_get_userbyid(relowner) FROM pg_class
       WHERE relname = '_prisma_migrations' AND relnamespace = current_schema()::regnamespace) AS owner`,
  );
  const { role = "", schema = null, owner = null } = rows[0] ?? {};
  if (owner !== null && owner !== role && !/ schema /.test(message))
    return `; the tables belong to ${owner}: name that role in DATABASE_URL, or GRANT ${identifier(owner)} TO ${identifier(role)}, then start again`;
  return `; GRANT CREATE, USAGE ON SCHEMA ${identifier(schema ?? "public")} TO ${identifier(role)}, then start again`;
}

/** @returns what to throw: a DatabaseRefusal for what Postgres refuses, else the error as it came */
export async function explained(client: ClientBase, migration: string | undefined, statement: string, error: unknown): Promise<Error> {
  const { code, message } = error as { code?: string; message?: string };
  if (error instanceof DatabaseRefusal || code === undefined || !SQLSTATE.test(code) || PASSING.test(code)) return error as Error;
  const mend = code === INSUFFICIENT_PRIVILEGE ? await mendOf(client, String(message)).catch(() => "") : "";
  if (migration === undefined) return new DatabaseRefusal(`${message}${mend}`, { cause: error });
  const shown = statement.replace(/\s+/g, " ");
  return new DatabaseRefusal(
    `the migration ${migration} was not applied, nothing of this step is kept: ${message}, in: ${shown.slice(0, SHOWN)}${shown.length > SHOWN ? "…" : ""}${mend}`,
    { cause: error },
  );
}
