/** People and organizations by their ids, for those who show what others made. */
import type { Core } from "../core.ts";
import type { Organization, User } from "../db/generated/prisma/client.ts";

/** Those of the organization that are there, by id. */
export async function usersById(core: Core, organizationId: string, ids: Iterable<string>): Promise<Map<string, User>> {
  const wanted = [...new Set(ids)];
  if (wanted.length === 0) return new Map();
  const users = await core.db.prisma.user.findMany({ where: { organizationId, id: { in: wanted } } });
  return new Map(users.map((user) => [user.id, user]));
}

export async function organizationById(core: Core, id: string): Promise<Organization | null> {
  return core.db.prisma.organization.findUnique({ where: { id } });
}

/** Null: nobody's, or gone. */
export async function userNumber(core: Core, caller: { organizationId: string; userId?: string | undefined }): Promise<number | null> {
  if (caller.userId === undefined) return null;
  return (await usersById(core, caller.organizationId, [caller.userId])).get(caller.userId)?.number ?? null;
}
