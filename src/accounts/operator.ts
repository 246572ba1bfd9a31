/** Who works on the database itself, with the command line: the installation's operator. */
import type { Core } from "../core.ts";
import type { User } from "../db/generated/prisma/client.ts";
import { ConflictError, NotFoundError } from "../errors.ts";
import { type Caller, SCOPES } from "./caller.ts";

/**
 * Acts as the first administrator, in the first organization or in that of `user`.
 * @throws ConflictError when the installation was never started
 */
export async function operatorCaller(core: Core, user?: User): Promise<Caller> {
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

/** By e-mail or user name, in any organization. @throws NotFoundError; ConflictError when several have that e-mail */
export async function findUser(core: Core, name: string): Promise<User> {
  const lower = name.toLowerCase();
  const found = await core.db.unscoped.user.findMany({ where: { OR: [{ email: lower }, { username: lower }] }, take: 2 });
  const [user, another] = found;
  if (!user) throw new NotFoundError(`a user ${JSON.stringify(name.slice(0, 100))}`);
  if (another) throw new ConflictError("several organizations have a user of that e-mail: give the user name");
  return user;
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
