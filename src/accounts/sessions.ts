/** Signing in: a browser's session, a face's short-lived token, a one-time link. */
import { newId } from "../clock.ts";
import type { Core } from "../core.ts";
import type { SessionKind, User } from "../db/generated/prisma/client.ts";
import { UnauthenticatedError } from "../errors.ts";
import { hashPassword, isOutdated } from "../passwords/hash.ts";
import { hashToken, newToken } from "../vault.ts";
import { audit } from "./audit.ts";
import { authenticate, tellRevoked } from "./authenticate.ts";
import type { Caller } from "./caller.ts";
import { checkAtDoor } from "./password-door.ts";

export const SESSION_PREFIX = "hks";
const BROWSER_SECONDS = 7 * 24 * 3600;
const LINK_SECONDS = 15 * 60;

export interface SessionInput {
  organizationId: string;
  kind: SessionKind;
  userId?: string | undefined;
  /** The session ends with this API token. */
  apiTokenId?: string | undefined;
  /** doForms. */
  webServiceId?: string | undefined;
  /** CRM.COM. */
  unit?: string | undefined;
  /** Seconds, multiplied by HOOKLINE_TOKEN_TTL_SCALE. */
  ttlSeconds: number;
  /** The token's text, where a face's product prescribes its form; else `hks_…`. */
  token?: string | undefined;
}

export interface Session {
  id: string;
  /** In clear: only its hash is stored. */
  token: string;
  expiresAt: Date;
}

export async function createSession(core: Core, input: SessionInput): Promise<Session> {
  const token = input.token ?? newToken(SESSION_PREFIX);
  const id = newId(core.clock);
  const expiresAt = new Date(core.clock.now().getTime() + input.ttlSeconds * 1000 * core.config.tokenTtlScale);
  await core.db.unscoped.session.create({
    data: {
      id,
      organizationId: input.organizationId,
      kind: input.kind,
      hash: hashToken(token),
      userId: input.userId ?? null,
      apiTokenId: input.apiTokenId ?? null,
      webServiceId: input.webServiceId ?? null,
      unit: input.unit ?? null,
      expiresAt,
    },
  });
  return { id, token, expiresAt };
}

/**
 * The user behind an e-mail or username and a password.
 * Undefined for an unknown user and for a wrong password, after the same time.
 */
export async function checkPassword(core: Core, login: string, password: string, address?: string): Promise<User | undefined> {
  const name = login.toLowerCase();
  const user = name.includes("\0") ? null : await core.db.unscoped.user.findFirst({ where: { OR: [{ email: name }, { username: name }] } });
  const subject = user && { id: user.id, hash: user.passwordHash };
  if (!(await checkAtDoor(core, { account: name, address, subject, password })) || !user) return undefined;
  if (user.passwordHash !== null && isOutdated(user.passwordHash)) await strengthen(core, user, password);
  return user;
}

/** The password is at hand: its hash is made anew with today's numbers, unless it was changed meanwhile. */
async function strengthen(core: Core, user: User, password: string): Promise<void> {
  const passwordHash = await hashPassword(password);
  const where = { id: user.id, organizationId: user.organizationId, passwordHash: user.passwordHash };
  await core.db.prisma.user.updateMany({ where, data: { passwordHash } });
}

/**
 * @throws UnauthenticatedError, the same for an unknown user and a wrong password
 * @throws RateLimitedError after ten tries of an account, or thirty of an address, in a minute
 */
export async function signIn(
  core: Core,
  input: { login: string; password: string; address?: string | undefined },
): Promise<Session & { user: User }> {
  const user = await checkPassword(core, input.login, input.password, input.address);
  if (!user) throw new UnauthenticatedError("unknown user or wrong password");
  const session = await createSession(core, {
    organizationId: user.organizationId,
    kind: "BROWSER",
    userId: user.id,
    ttlSeconds: BROWSER_SECONDS,
  });
  return { ...session, user };
}

/** A browser session that stands for an API token, and ends with it. Undefined for a token that is unknown, expired or revoked. */
export async function signInWithToken(core: Core, token: string): Promise<Session | undefined> {
  // No kind of session: only an API token is good here.
  const credential = await authenticate(core, token, []);
  if (!credential) return undefined;
  const { organizationId, credentialId: apiTokenId, userId } = credential.caller;
  return createSession(core, { organizationId, kind: "BROWSER", apiTokenId, userId, ttlSeconds: BROWSER_SECONDS });
}

/** Ends the caller's session, on every process within 1 s. An API token is no session: it stays good. */
export async function signOut(core: Core, caller: Caller): Promise<void> {
  if (caller.credentialId === undefined || !(await endSession(core, caller.organizationId, caller.credentialId))) return;
  await audit(
    core,
    caller,
    "user.signOut",
    caller.userId === undefined ? undefined : { type: "User", id: caller.userId },
    undefined,
    undefined,
  );
}

/** @returns false when there was none */
export async function endSession(core: Core, organizationId: string, id: string): Promise<boolean> {
  const { rowCount } = await core.db.pool.query(
    "UPDATE session SET revoked_at = now() WHERE id = $1 AND organization_id = $2 AND revoked_at IS NULL",
    [id, organizationId],
  );
  if (rowCount) await tellRevoked(core, [id]);
  return rowCount === 1;
}

/** A token that signs a browser in once, within 15 minutes: what the banner's link to the dashboard holds. */
export async function createSignInLink(core: Core, user: { id: string; organizationId: string }): Promise<Session> {
  return createSession(core, { organizationId: user.organizationId, kind: "SIGN_IN_LINK", userId: user.id, ttlSeconds: LINK_SECONDS });
}

/** The token stands in the fragment, which no proxy's log, link preview or Referer ever holds; the page posts it. */
export function signInUrl(publicUrl: string, token: string): string {
  return `${publicUrl}/sign-in#token=${token}`;
}

/** Trades the token of a sign-in link for a browser session. Undefined when it was used, has expired, or never was. */
export async function redeemSignInLink(core: Core, token: string): Promise<Session | undefined> {
  const { rows } = await core.db.pool.query<{ organization_id: string; user_id: string }>(
    `UPDATE session SET revoked_at = now() WHERE hash = $1 AND kind = 'SIGN_IN_LINK' AND revoked_at IS NULL AND expires_at > $2
     RETURNING organization_id, user_id`,
    [hashToken(token), core.clock.now()],
  );
  const row = rows[0];
  return (
    row && createSession(core, { organizationId: row.organization_id, kind: "BROWSER", userId: row.user_id, ttlSeconds: BROWSER_SECONDS })
  );
}
