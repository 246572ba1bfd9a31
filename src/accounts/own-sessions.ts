/** Sessions that are open: one's own, and for an administrator everybody's of the organization. */
import type { Core } from "../core.ts";
import type { Session } from "../db/generated/prisma/client.ts";
import { NotFoundError } from "../errors.ts";
import { audit } from "./audit.ts";
import { type Caller, demand, demandOwn } from "./caller.ts";
import { type KeysetPage, newestFirst } from "./keyset.ts";
import { endSession } from "./sessions.ts";

export type { Session };

const isOpen = (core: Core) => ({ revokedAt: null, expiresAt: { gt: core.clock.now() }, NOT: { kind: "SIGN_IN_LINK" as const } });

/**
 * Newest first; neither ended nor expired.
 * @param userId whose; the caller's own when absent
 * @throws ForbiddenError for somebody else's without the scope admin
 */
export async function listSessions(
  core: Core,
  caller: Caller,
  page: KeysetPage,
  userId?: string,
): Promise<{ rows: Session[]; count: () => Promise<number> }> {
  const whose = userId ?? caller.userId ?? null;
  if (whose === caller.userId) demandOwn(caller);
  else demand(caller, "admin");
  const where = { organizationId: caller.organizationId, userId: whose, ...isOpen(core) };
  return { rows: await core.db.prisma.session.findMany(newestFirst(where, page)), count: () => core.db.prisma.session.count({ where }) };
}

/**
 * Ends a session on every process within 1 s. One that has ended already stays as it is.
 * @throws NotFoundError, also for somebody else's without the scope admin · ForbiddenError
 */
export async function revokeSession(core: Core, caller: Caller, id: string): Promise<Session> {
  demandOwn(caller);
  const where = { id, organizationId: caller.organizationId };
  const before = await core.db.prisma.session.findUnique({ where });
  const mine = caller.userId !== undefined && before?.userId === caller.userId;
  if (!before || before.kind === "SIGN_IN_LINK" || (!mine && !caller.scopes.has("admin"))) throw new NotFoundError("the session");
  await endSession(core, caller.organizationId, id);
  const after = await core.db.prisma.session.findUniqueOrThrow({ where });
  if (before.revokedAt === null) await audit(core, caller, "session.revoke", { type: "Session", id }, before, after);
  return after;
}
