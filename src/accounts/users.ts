/** People of an organization. */
import { z } from "zod";
import { newId } from "../clock.ts";
import type { Core } from "../core.ts";
import type { PoolClient } from "../db/client.ts";
import { ConflictError, ForbiddenError, type Issue, NotFoundError, ValidationError } from "../errors.ts";
import { passwordProblem } from "../passwords/floor.ts";
import { hashPassword } from "../passwords/hash.ts";
import { audit } from "./audit.ts";
import { forgetCredentials } from "./authenticate.ts";
import { type Caller, demand, outranks, type Role } from "./caller.ts";
import { COUNTED, type KeysetPage, newestFirst } from "./keyset.ts";
import { USER_COLUMNS, type User, usernameOf } from "./user-row.ts";

const email = z.email("must be an e-mail address").max(255, "must have at most 255 characters");
const username = z
  .string()
  .regex(/^[^\s:]+$/, "must have no spaces and no colon")
  .max(255, "must have at most 255 characters");
const name = z.string().trim().min(1, "must not be empty").max(255, "must have at most 255 characters");

const newUser = z.object({ email, username: username.optional(), name, password: z.string() });
const changes = z.object({
  ...{ email: email.optional(), username: username.optional(), name: name.optional(), password: z.string().optional() },
  disabled: z.boolean().optional(),
});

/** @param known names of theirs that are not in the input */
function parse<T extends { password?: string | undefined }>(schema: z.ZodType<T>, input: unknown, known: readonly string[] = []): T {
  const parsed = schema.safeParse(input);
  const issues = (parsed.error?.issues ?? []).map((issue): Issue => ({ path: issue.path.join("."), message: issue.message }));
  const { password, ...rest } = input as Record<string, unknown>;
  if (typeof password === "string") {
    const names = [rest["email"], rest["username"], rest["name"], ...known].filter((each) => typeof each === "string");
    const problem = passwordProblem(password, names);
    if (problem !== undefined) issues.push({ path: "password", message: problem });
  }
  if (issues.length > 0 || !parsed.data) throw new ValidationError(issues);
  return parsed.data;
}

const taken = () => new ConflictError("a user with this e-mail or username exists already");

/**
 * Two people of an organization never answer to one name, be it e-mail or username. Other organizations' e-mails are not asked
 * about: nothing here tells of them. Usernames are unique over all, by an index.
 */
async function demandFree(client: PoolClient, organizationId: string, names: readonly string[], but?: string): Promise<void> {
  const { rowCount } = await client.query(
    `SELECT 1 FROM users WHERE organization_id = $1::uuid AND (email = ANY($2::text[]) OR username = ANY($2::text[]))
       AND id IS DISTINCT FROM $3::uuid`,
    [organizationId, names, but ?? null],
  );
  if (rowCount) throw taken();
}

const isUniqueViolation = (error: unknown) => (error as { code?: unknown }).code === "23505";
const orTaken = (error: unknown): never => {
  throw isUniqueViolation(error) ? taken() : error;
};

export interface UserInput {
  email: string;
  name: string;
  password: string;
  role: Role;
  /** The e-mail stands for it when absent. */
  username?: string | null | undefined;
}

/** A name of one's own; the e-mail, given as one, is none. */
const ownName = (given: string | undefined, mail: string) =>
  given === undefined || given.toLowerCase() === mail ? null : given.toLowerCase();

const INSERT = `
  WITH u AS (
    INSERT INTO users (id, organization_id, email, username, name, role, password_hash, oidc_issuer, oidc_subject)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING *
  ) SELECT ${USER_COLUMNS} FROM u`;

export interface NewUser extends Pick<User, "organizationId" | "email" | "username" | "name" | "role" | "passwordHash"> {
  oidc?: { issuer: string; subject: string };
}

/** Who may is the caller's to check. @throws ConflictError when e-mail or username are taken */
export async function insertUser(core: Core, client: PoolClient, user: NewUser): Promise<User> {
  await demandFree(client, user.organizationId, [user.email, user.username ?? user.email]);
  const { organizationId, email: mail, username: own, name: shown, role, passwordHash, oidc } = user;
  const values = [newId(core.clock), organizationId, mail, own, shown, role, passwordHash, oidc?.issuer ?? null, oidc?.subject ?? null];
  return (await client.query<User>(INSERT, values).catch(orTaken)).rows[0] as User;
}

/** @throws ForbiddenError for a role above the caller's; ConflictError when e-mail or username are taken; ValidationError */
export async function createUser(core: Core, caller: Caller, input: UserInput): Promise<User> {
  demand(caller, "admin");
  if (outranks(input.role, caller.role)) throw new ForbiddenError("nobody can make a user with a higher role than their own");
  const valid = parse(newUser, { ...input, username: input.username ?? undefined });
  const mail = valid.email.toLowerCase();
  const passwordHash = await hashPassword(valid.password);
  const { organizationId } = caller;
  return core.db.tenantTransaction(organizationId, async (client) => {
    const own = ownName(valid.username, mail);
    const user = await insertUser(core, client, {
      organizationId,
      email: mail,
      username: own,
      name: valid.name,
      role: input.role,
      passwordHash,
    });
    await audit(core, caller, "user.create", { type: "User", id: user.id }, null, user, client);
    return user;
  });
}

/** Their row, locked. @throws NotFoundError · ForbiddenError */
export async function lockUser(client: PoolClient, caller: Caller, id: string): Promise<User> {
  const { rows } = await client.query<User>(
    `SELECT ${USER_COLUMNS} FROM users u WHERE u.id = $1::uuid AND u.organization_id = $2::uuid FOR NO KEY UPDATE`,
    [id, caller.organizationId],
  );
  const user = rows[0];
  if (!user) throw new NotFoundError("the user");
  if (outranks(user.role, caller.role)) throw new ForbiddenError("nobody can change a user with a higher role than their own");
  return user;
}

/** Locks every administrator, in one order: two that take the role from each other do so one after the other. */
export async function isLastAdmin(client: PoolClient, organizationId: string, id: string): Promise<boolean> {
  const { rows } = await client.query<{ id: string }>(
    `SELECT id FROM users WHERE organization_id = $1::uuid AND role = 'ADMIN' AND disabled_at IS NULL ORDER BY id FOR NO KEY UPDATE`,
    [organizationId],
  );
  return rows.length === 1 && rows[0]?.id === id;
}

async function demandAnotherAdmin(client: PoolClient, caller: Caller, id: string): Promise<void> {
  if (await isLastAdmin(client, caller.organizationId, id)) throw new ConflictError("an organization keeps at least one administrator");
}

/** @throws ConflictError when the operator's token would end, or lose its rights, with this user */
async function demandNotOperators(client: PoolClient, id: string): Promise<void> {
  const { rowCount } = await client.query("SELECT 1 FROM api_token WHERE user_id = $1::uuid AND operator", [id]);
  if (rowCount) throw new ConflictError("the bootstrap token acts as this user, who stays an administrator");
}

/** Every session of a user but one; the database tells all processes. */
export async function endSessions(client: PoolClient, userId: string, but?: string): Promise<void> {
  await client.query(
    "UPDATE session SET revoked_at = now() WHERE user_id = $1::uuid AND revoked_at IS NULL AND id IS DISTINCT FROM $2::uuid",
    [userId, but ?? null],
  );
}

const UPDATE = `
  WITH u AS (
    UPDATE users SET email = COALESCE($3::text, email), username = CASE WHEN $4::boolean THEN $5::text ELSE username END,
      name = COALESCE($6::text, name), role = COALESCE($7::role, role), password_hash = COALESCE($8::text, password_hash),
      disabled_at = CASE WHEN $9::boolean IS NULL THEN disabled_at WHEN $9::boolean THEN COALESCE(disabled_at, now()) END, updated_at = now()
    WHERE id = $1::uuid AND organization_id = $2::uuid RETURNING *
  ) SELECT ${USER_COLUMNS} FROM u`;

export type UserChanges = { [Key in keyof UserInput]?: UserInput[Key] | null | undefined } & {
  id: string;
  disabled?: boolean | null | undefined;
};

/**
 * A new password or role ends the user's sessions; a disabled user has none, and no token or password of theirs is good.
 * @throws as createUser, NotFoundError, and ConflictError for the last administrator and for disabling oneself
 */
export async function updateUser(core: Core, caller: Caller, input: UserChanges): Promise<User> {
  demand(caller, "admin");
  const { id, role, ...rest } = input;
  if (role && outranks(role, caller.role)) throw new ForbiddenError("nobody can give a higher role than their own");
  const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value != null));
  const known = await core.db.prisma.user.findUnique({ where: { id, organizationId: caller.organizationId } });
  if (!known) throw new NotFoundError("the user");
  const valid = parse(changes, given, [known.email, usernameOf(known)]);
  if (valid.disabled && id === caller.userId) throw new ConflictError("nobody can disable themselves");
  const passwordHash = valid.password === undefined ? null : await hashPassword(valid.password);
  const user = await core.db.tenantTransaction(caller.organizationId, async (client) => {
    if ((role && role !== "ADMIN") || valid.disabled) {
      await demandAnotherAdmin(client, caller, id);
      await demandNotOperators(client, id);
    }
    const before = await lockUser(client, caller, id);
    const mail = valid.email?.toLowerCase();
    const names = [mail, valid.username?.toLowerCase()].filter((each) => each !== undefined);
    if (names.length > 0) await demandFree(client, caller.organizationId, names, id);
    const own = ownName(valid.username, mail ?? before.email);
    const values = [id, caller.organizationId, mail ?? null, valid.username !== undefined, own, valid.name ?? null, role ?? null];
    const { rows } = await client.query<User>(UPDATE, [...values, passwordHash, valid.disabled ?? null]).catch(orTaken);
    const after = rows[0] as User;
    if (passwordHash !== null || after.role !== before.role || after.disabledAt !== null) await endSessions(client, id);
    await audit(core, caller, "user.update", { type: "User", id }, before, after, client);
    return after;
  });
  forgetCredentials(core);
  return user;
}

/** Ends the user's tokens and sessions too. @throws NotFoundError; ConflictError for oneself and the last administrator */
export async function deleteUser(core: Core, caller: Caller, id: string): Promise<User> {
  demand(caller, "admin");
  if (id === caller.userId) throw new ConflictError("nobody can delete themselves");
  const user = await core.db.tenantTransaction(caller.organizationId, async (client) => {
    await demandAnotherAdmin(client, caller, id);
    await demandNotOperators(client, id);
    const before = await lockUser(client, caller, id);
    await client.query("DELETE FROM users WHERE id = $1::uuid AND organization_id = $2::uuid", [id, caller.organizationId]);
    // Who they were goes with them.
    await audit(core, caller, "user.delete", { type: "User", id }, { role: before.role }, null, client);
    await client.query("SELECT erase_person($1::uuid, $2::uuid)", [caller.organizationId, id]);
    return before;
  });
  forgetCredentials(core);
  return user;
}

/** Newest first. */
export async function listUsers(core: Core, caller: Caller, page: KeysetPage): Promise<{ rows: User[]; count: () => Promise<number> }> {
  demand(caller, "admin");
  const where = { organizationId: caller.organizationId };
  return {
    rows: await core.db.prisma.user.findMany(newestFirst(where, page)),
    count: () => core.db.prisma.user.count({ ...COUNTED, where }),
  };
}
