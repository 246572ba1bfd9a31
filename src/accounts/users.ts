/** People of an organization. */
import { z } from "zod";
import { newId } from "../clock.ts";
import type { Core } from "../core.ts";
import type { User } from "../db/generated/prisma/client.ts";
import { ConflictError, ForbiddenError, type Issue, NotFoundError, ValidationError } from "../errors.ts";
import { hashPassword } from "../passwords/hash.ts";
import { audit } from "./audit.ts";
import { tellRevoked } from "./authenticate.ts";
import { type Caller, demand, outranks, type Role } from "./caller.ts";
import { COUNTED, type KeysetPage, newestFirst } from "./keyset.ts";

const email = z.email("must be an e-mail address").max(255, "must have at most 255 characters");
const username = z
  .string()
  .regex(/^[^\s:]+$/, "must have no spaces and no colon")
  .max(255, "must have at most 255 characters");
const name = z.string().trim().min(1, "must not be empty").max(255, "must have at most 255 characters");
const password = z.string().min(8, "must have at least 8 characters").max(1000, "must have at most 1000 characters");

const newUser = z.object({ email, username: username.optional(), name, password });
const changes = z.object({ email: email.optional(), username: username.optional(), name: name.optional(), password: password.optional() });

function parse<T>(schema: z.ZodType<T>, input: unknown): T {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  throw new ValidationError(parsed.error.issues.map((issue): Issue => ({ path: issue.path.join("."), message: issue.message })));
}

/** Two people must never answer to one name, be it e-mail or username. */
async function demandFree(core: Core, names: string[], but?: string): Promise<void> {
  const lower = names.map((each) => each.toLowerCase());
  const taken = await core.db.unscoped.user.findFirst({
    where: { OR: [{ email: { in: lower } }, { username: { in: lower } }], ...(but ? { NOT: { id: but } } : {}) },
  });
  if (taken) throw new ConflictError("a user with this e-mail or username exists already");
}

const isUniqueViolation = (error: unknown) => (error as { code?: unknown }).code === "P2002";

export interface UserInput {
  email: string;
  name: string;
  password: string;
  role: Role;
  /** The e-mail when absent. */
  username?: string | null | undefined;
}

/** @throws ForbiddenError for a role above the caller's; ConflictError when e-mail or username are taken; ValidationError */
export async function createUser(core: Core, caller: Caller, input: UserInput): Promise<User> {
  demand(caller, "admin");
  if (outranks(input.role, caller.role)) throw new ForbiddenError("nobody can make a user with a higher role than their own");
  const valid = parse(newUser, { ...input, username: input.username ?? undefined });
  const data = {
    id: newId(core.clock),
    organizationId: caller.organizationId,
    email: valid.email.toLowerCase(),
    username: (valid.username ?? valid.email).toLowerCase(),
    name: valid.name,
    role: input.role,
  };
  await demandFree(core, [data.email, data.username]);
  const passwordHash = await hashPassword(valid.password);
  const user = await core.db.prisma.user.create({ data: { ...data, passwordHash } }).catch((error: unknown) => {
    throw isUniqueViolation(error) ? new ConflictError("a user with this e-mail or username exists already") : error;
  });
  await audit(core, caller, "user.create", { type: "User", id: user.id }, null, user);
  return user;
}

async function find(core: Core, caller: Caller, id: string): Promise<User> {
  const user = await core.db.prisma.user.findUnique({ where: { id, organizationId: caller.organizationId } });
  if (!user) throw new NotFoundError("the user");
  if (outranks(user.role, caller.role)) throw new ForbiddenError("nobody can change a user with a higher role than their own");
  return user;
}

async function demandAnotherAdmin(core: Core, user: User): Promise<void> {
  const others = { organizationId: user.organizationId, role: "ADMIN" as const, NOT: { id: user.id } };
  if (user.role === "ADMIN" && (await core.db.prisma.user.count({ where: others })) === 0) {
    throw new ConflictError("an organization keeps at least one administrator");
  }
}

/** Every session of a user, and on request every token, told to all processes. */
async function endSessions(core: Core, userId: string): Promise<void> {
  const { rows } = await core.db.pool.query<{ id: string }>(
    "UPDATE session SET revoked_at = now() WHERE user_id = $1 AND revoked_at IS NULL RETURNING id",
    [userId],
  );
  await tellRevoked(
    core,
    rows.map((row) => row.id),
  );
}

/** A new password or role ends the user's sessions. @throws as createUser, and NotFoundError */
export async function updateUser(
  core: Core,
  caller: Caller,
  input: { [Key in keyof UserInput]?: UserInput[Key] | null | undefined } & { id: string },
): Promise<User> {
  demand(caller, "admin");
  const { id, role, ...rest } = input;
  const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value != null));
  const valid = parse(changes, given);
  const before = await find(core, caller, id);
  if (role && outranks(role, caller.role)) throw new ForbiddenError("nobody can give a higher role than their own");
  if (role && role !== "ADMIN") await demandAnotherAdmin(core, before);
  const names = [valid.email, valid.username].filter((each) => each !== undefined);
  if (names.length > 0) await demandFree(core, names, id);
  const { password: newPassword, ...plain } = valid;
  const after = await core.db.prisma.user
    .update({
      where: { id, organizationId: caller.organizationId },
      data: {
        ...(plain.name !== undefined ? { name: plain.name } : {}),
        ...(plain.email !== undefined ? { email: plain.email.toLowerCase() } : {}),
        ...(plain.username !== undefined ? { username: plain.username.toLowerCase() } : {}),
        ...(role ? { role } : {}),
        ...(newPassword !== undefined ? { passwordHash: await hashPassword(newPassword) } : {}),
      },
    })
    .catch((error: unknown) => {
      throw isUniqueViolation(error) ? new ConflictError("a user with this e-mail or username exists already") : error;
    });
  if (newPassword !== undefined || (role && role !== before.role)) await endSessions(core, id);
  await audit(core, caller, "user.update", { type: "User", id }, before, after);
  return after;
}

/** Ends the user's tokens and sessions too. @throws NotFoundError; ConflictError for oneself and the last administrator */
export async function deleteUser(core: Core, caller: Caller, id: string): Promise<User> {
  demand(caller, "admin");
  const user = await find(core, caller, id);
  if (id === caller.userId) throw new ConflictError("nobody can delete themselves");
  await demandAnotherAdmin(core, user);
  const { rows } = await core.db.pool.query<{ id: string; operator: boolean }>(
    "SELECT id, operator FROM api_token WHERE user_id = $1 UNION ALL SELECT id, false FROM session WHERE user_id = $1",
    [id],
  );
  if (rows.some((row) => row.operator)) throw new ConflictError("the bootstrap token acts as this user");
  await core.db.prisma.user.delete({ where: { id, organizationId: caller.organizationId } });
  await tellRevoked(
    core,
    rows.map((row) => row.id),
  );
  await audit(core, caller, "user.delete", { type: "User", id }, { role: user.role }, null);
  await core.db.pool.query("SELECT erase_person($1::uuid, $2::uuid)", [caller.organizationId, id]);
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
