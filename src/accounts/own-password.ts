/** People change their own password. */
import type { Core } from "../core.ts";
import { ConflictError, ForbiddenError, UnauthenticatedError, ValidationError } from "../errors.ts";
import { passwordProblem } from "../passwords/floor.ts";
import { hashPassword } from "../passwords/hash.ts";
import { audit } from "./audit.ts";
import { forgetCredentials } from "./authenticate.ts";
import { type Caller, demandOwn } from "./caller.ts";
import { checkAtDoor } from "./password-door.ts";
import type { User } from "./user-row.ts";
import { usernameOf } from "./user-row.ts";
import { endSessions, lockUser } from "./users.ts";

/**
 * Ends the caller's other sessions, on every process within 1 s.
 * @throws UnauthenticatedError for a wrong current password · RateLimitedError as at every door · ValidationError for a new one
 * that is too weak · ConflictError where there is none to change · ForbiddenError with HOOKLINE_PASSWORDS=off
 */
export async function changePassword(
  core: Core,
  caller: Caller,
  { currentPassword, newPassword }: { currentPassword: string; newPassword: string },
): Promise<User> {
  demandOwn(caller);
  if (!core.config.passwords) throw new ForbiddenError("passwords are switched off here (HOOKLINE_PASSWORDS)");
  const { organizationId, userId: id, address } = caller;
  const user = id === undefined ? null : await core.db.prisma.user.findUnique({ where: { id, organizationId } });
  if (!user?.passwordHash) throw new ConflictError("this account has no password to change; an administrator can give it one");
  const subject = { id: user.id, hash: user.passwordHash };
  if (!(await checkAtDoor(core, { account: user.email, address, subject, password: currentPassword })))
    throw new UnauthenticatedError("the current password is wrong");
  const problem =
    newPassword === currentPassword
      ? "must be another one than the current password"
      : passwordProblem(newPassword, [user.email, usernameOf(user), user.name ?? ""]);
  if (problem !== undefined) throw new ValidationError([{ path: "newPassword", message: problem }]);
  const passwordHash = await hashPassword(newPassword);
  const after = await core.db.tenantTransaction(organizationId, async (client) => {
    const before = await lockUser(client, caller, user.id);
    // Somebody else gave it another one while this one was computed.
    if (before.passwordHash !== user.passwordHash) throw new UnauthenticatedError("the password was changed meanwhile; sign in again");
    await client.query("UPDATE users SET password_hash = $3::text, updated_at = now() WHERE id = $1::uuid AND organization_id = $2::uuid", [
      user.id,
      organizationId,
      passwordHash,
    ]);
    await endSessions(client, user.id, caller.credentialId);
    await audit(core, caller, "user.changePassword", { type: "User", id: user.id }, null, null, client);
    return { ...before, passwordHash };
  });
  forgetCredentials(core);
  return after;
}
