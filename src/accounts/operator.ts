/** Who works on the database itself, with the command line: the installation's operator. */
import type { Core } from "../core.ts";
import type { User } from "../db/generated/prisma/client.ts";
import { ConflictError, NotFoundError } from "../errors.ts";
import { type Caller, SCOPES } from "./caller.ts";
import { organizationsNamed, usersNamed } from "./candidates.ts";

/**
 * Acts as the first administrator, in the first organization or in that of `user`.
 * @throws ConflictError when the installation was never started
 */
export async function operatorCaller(core: Core, user?: Pick<User, "organizationId">): Promise<Caller> {
  const { rows } = await core.db.pool
    .query<{ organization_id: string; user_id: string }>(
      "SELECT organization_id, user_id FROM api_token WHERE operator ORDER BY created_at LIMIT 1",
    )
    .catch((error: { code?: string }) => {
      // 42P01: there is no such table.
      if (error.code === "42P01") return { rows: [] };
      throw error;
    });
  const first = rows[0];
  if (!first) throw new ConflictError("this database holds no installation yet: start Hookline on it once (npm start)");
  return {
    organizationId: user?.organizationId ?? first.organization_id,
    userId: first.user_id,
    role: "ADMIN",
    scopes: new Set(SCOPES),
    operator: true,
    application: undefined,
    credentialId: undefined,
    tokenPrefix: "cli",
    address: undefined,
  };
}

/**
 * By e-mail or user name, in any organization or in one.
 * @param organization its name in any case, or its id
 * @throws NotFoundError; ConflictError when several have that e-mail
 */
export async function findUser(core: Core, name: string, organization?: string): Promise<User> {
  const [user, another] = await usersNamed(core, name, organization);
  if (!user) throw new NotFoundError(`a user ${JSON.stringify(name.slice(0, 100))}`);
  if (another)
    throw new ConflictError(
      `several organizations have a user of that e-mail: give the user name, or --organization, one of ${[user, another].map((each) => JSON.stringify(each.organizationName)).join(", ")}`,
    );
  return user;
}

/** By name in any case, or by id. @throws NotFoundError; ConflictError when several have that name */
export async function findOrganization(core: Core, name: string): Promise<string> {
  const ids = await organizationsNamed(core, name);
  if (ids.length > 1) throw new ConflictError("several organizations have that name: give the id");
  if (!ids[0]) throw new NotFoundError(`an organization ${JSON.stringify(name.slice(0, 100))}`);
  return ids[0];
}

/** The administrator that the operator's token acts as. */
export async function firstAdministrator(core: Core): Promise<User> {
  const { userId, organizationId } = await operatorCaller(core);
  return core.db.unscoped.user.findFirstOrThrow({ where: { id: userId as string, organizationId } });
}

/** Of every organization, in the order of their making. */
export async function listAllUsers(core: Core): Promise<(User & { organization: { name: string } })[]> {
  return core.db.unscoped.user.findMany({ include: { organization: { select: { name: true } } }, orderBy: { id: "asc" } });
}
