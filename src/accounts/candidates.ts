/** Who may be meant by a name at a password door or on the command line: e-mails are unique per organization only. */
import type { Core } from "../core.ts";
import { idOf, uuidFromHex } from "../wire/ids.ts";
import { USER_COLUMNS, type User } from "./user-row.ts";

/** So many accounts of one e-mail are looked at; each costs a scrypt. */
export const MOST_CANDIDATES = 4;
const LONGEST = 255;

export interface Candidate extends User {
  organizationName: string;
}

/** The user name first, then those with a password, the oldest first: later ones of other organizations crowd nobody out. */
const FIND = `
  SELECT ${USER_COLUMNS}, o.name AS "organizationName" FROM users u JOIN organization o ON o.id = u.organization_id
  WHERE (u.email = $1 OR u.username = $1) AND ($2::text IS NULL OR lower(o.name) = lower($2) OR o.id = $3::uuid)
    AND (u.disabled_at IS NULL OR $4::boolean)
  ORDER BY (u.username = $1) IS TRUE DESC, u.password_hash IS NULL, u.id LIMIT ${MOST_CANDIDATES}`;

/** By its global id, or by its UUID's 32 hex digits. */
const organizationId = (text: string) => idOf("Organization", text) ?? (/^[0-9a-f]{32}$/i.test(text) ? uuidFromHex(text) : undefined);
const isName = (text: string) => text !== "" && text.length <= LONGEST && !text.includes("\0");

/** @param organization its name in any case, or its id */
export async function usersNamed(core: Core, login: string, organization?: string | null, disabledToo = true): Promise<Candidate[]> {
  const wanted = organization == null || organization === "" ? null : organization;
  if (!isName(login) || (wanted !== null && !isName(wanted))) return [];
  const id = wanted === null ? null : (organizationId(wanted) ?? null);
  return (await core.db.pool.query<Candidate>(FIND, [login.toLowerCase(), wanted, id, disabledToo])).rows;
}

/** Those who may sign in. */
export const candidatesNamed = (core: Core, login: string, organization?: string | null): Promise<Candidate[]> =>
  usersNamed(core, login, organization, false);

/** The UUIDs of organizations of that name, in any case, or of that id; two at most. */
export async function organizationsNamed(core: Core, name: string): Promise<string[]> {
  if (!isName(name)) return [];
  const { rows } = await core.db.pool.query<{ id: string }>(
    "SELECT id FROM organization WHERE lower(name) = lower($1::text) OR id = $2::uuid ORDER BY id LIMIT 2",
    [name, organizationId(name) ?? null],
  );
  return rows.map(({ id }) => id);
}
