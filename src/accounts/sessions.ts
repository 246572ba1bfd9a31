/** Signing in: a browser's session, a face's short-lived token, a one-time link. */
import { newId } from "../clock.ts";
import type { Core } from "../core.ts";
import type { PoolClient } from "../db/client.ts";
import type { SessionKind, User } from "../db/generated/prisma/client.ts";
import { ForbiddenError, SeveralOrganizationsError, UnauthenticatedError } from "../errors.ts";
import { hashPassword, isOutdated, verifyPassword } from "../passwords/hash.ts";
import { hashToken, newToken } from "../vault.ts";
import { audit } from "./audit.ts";
import { authenticate, forgetCredentials } from "./authenticate.ts";
import type { Caller } from "./caller.ts";
import { candidatesNamed } from "./candidates.ts";
import { fittingAtDoor } from "./password-door.ts";

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
  /** Of whoever signs in. */
  address?: string | undefined;
  passwordHash?: string | null | undefined;
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

/**
 * @param input.passwordHash what the password was checked against: a session is made only while it still is the user's, so that
 * none outlives a change of the password that went on meanwhile
 * @param client of the transaction that it is made in; a statement of its own when absent
 * @throws UnauthenticatedError when it is not
 */
export async function createSession(core: Core, input: SessionInput, client?: PoolClient): Promise<Session> {
  const token = input.token ?? newToken(SESSION_PREFIX);
  const id = newId(core.clock);
  const expiresAt = new Date(core.clock.now().getTime() + input.ttlSeconds * 1000 * core.config.tokenTtlScale);
  const { rowCount } = await (client ?? core.db.pool).query(INSERT, [
    id,
    input.organizationId,
    input.kind,
    hashToken(token),
    input.userId ?? null,
    input.apiTokenId ?? null,
    input.webServiceId ?? null,
    input.unit ?? null,
    input.address ?? null,
    expiresAt,
    input.passwordHash ?? null,
  ]);
  if (!rowCount) throw new UnauthenticatedError("this account was changed meanwhile; sign in again");
  if (input.userId !== undefined && input.kind !== "SIGN_IN_LINK") await noteSignIn(core, "user.signIn", input.userId, input, client);
  return { id, token, expiresAt };
}

// A change of the password locks its user's row before it ends the sessions: it waits for this one, or this one sees it.
const INSERT = `
  WITH asked AS (SELECT 1 FROM users WHERE id = $5::uuid AND disabled_at IS NULL AND password_hash = $11 FOR SHARE)
  INSERT INTO session (id, organization_id, kind, hash, user_id, api_token_id, web_service_id, unit, address, expires_at)
  SELECT $1::uuid, $2::uuid, $3::session_kind, $4::bytea, $5::uuid, $6::uuid, $7::uuid, $8::text, $9::text, $10::timestamptz
  WHERE $11::text IS NULL OR EXISTS (SELECT 1 FROM asked)`;

/** In the audit log of the user's organization. */
export async function noteSignIn(
  core: Core,
  action: "user.signIn" | "user.signInFailed",
  id: string,
  { organizationId, kind, address }: { organizationId: string; kind?: SessionKind; address?: string | undefined },
  client?: PoolClient,
): Promise<void> {
  const caller: Caller = {
    organizationId,
    // Who failed to sign in is nobody yet.
    userId: action === "user.signIn" ? id : undefined,
    ...{ role: "VIEWER", scopes: new Set(), operator: false, application: undefined, credentialId: undefined, tokenPrefix: undefined },
    address,
  };
  await audit(core, caller, action, { type: "User", id }, null, kind ? { kind } : null, client);
}

/**
 * The user behind an e-mail or username and a password.
 * Undefined for an unknown or disabled user and for a wrong password, after the same time.
 * @param organization narrows it: name or id
 * @throws ForbiddenError with HOOKLINE_PASSWORDS=off · SeveralOrganizationsError · RateLimitedError
 */
export async function checkPassword(
  core: Core,
  login: string,
  password: string,
  address?: string,
  organization?: string | null,
): Promise<User | undefined> {
  if (!core.config.passwords)
    throw new ForbiddenError("passwords are switched off here (HOOKLINE_PASSWORDS); use single sign-on or an API token");
  const candidates = await candidatesNamed(core, login, organization);
  const subjects = candidates.map(({ id, passwordHash: hash }) => ({ id, hash }));
  const ids = await fittingAtDoor(core, { account: login, address, subjects, password });
  const fits = candidates.filter(({ id }) => ids.includes(id));
  const [user] = fits;
  if (!user) {
    // Not waited for: a name that somebody has would be answered later than one that nobody has.
    for (const { id, organizationId } of candidates)
      noteSignIn(core, "user.signInFailed", id, { organizationId, address }).catch((err: Error) =>
        core.log.warn({ err: err.message }, "a failed sign-in is not in the audit log"),
      );
    return undefined;
  }
  if (fits.length > 1) throw new SeveralOrganizationsError(fits.map(({ organizationName }) => organizationName));
  return user.passwordHash !== null && isOutdated(user.passwordHash) ? strengthened(core, user, password) : user;
}

/** The password is at hand: its hash is made anew with today's numbers. Undefined when it was changed meanwhile. */
async function strengthened(core: Core, user: User, password: string): Promise<User | undefined> {
  const passwordHash = await hashPassword(password);
  const where = { id: user.id, organizationId: user.organizationId };
  const { count } = await core.db.prisma.user.updateMany({ where: { ...where, passwordHash: user.passwordHash }, data: { passwordHash } });
  if (count > 0) return { ...user, passwordHash };
  // Another sign-in was quicker, or the password is another one now.
  const now = await core.db.prisma.user.findUnique({ where });
  return now && (await verifyPassword(password, now.passwordHash)) ? now : undefined;
}

/**
 * @throws UnauthenticatedError, the same for an unknown user and a wrong password
 * @throws RateLimitedError after ten tries of an account, or thirty of an address, in a minute; else as checkPassword
 */
export async function signIn(
  core: Core,
  input: { login: string; password: string; organization?: string | null | undefined; address?: string | undefined },
): Promise<Session & { user: User }> {
  const user = await checkPassword(core, input.login, input.password, input.address, input.organization);
  if (!user) throw new UnauthenticatedError("unknown user or wrong password");
  return { ...(await beginSession(core, user, input.address)), user };
}

/** A browser's session of somebody who proved who they are. */
export async function beginSession(core: Core, user: User, address: string | undefined): Promise<Session> {
  const { id: userId, organizationId, passwordHash } = user;
  return createSession(core, { organizationId, kind: "BROWSER", userId, passwordHash, address, ttlSeconds: BROWSER_SECONDS });
}

/** A browser session that stands for an API token, and ends with it. Undefined for a token that is unknown, expired or revoked. */
export async function signInWithToken(core: Core, token: string, address?: string): Promise<Session | undefined> {
  // No kind of session: only an API token is good here.
  const credential = await authenticate(core, token, []);
  if (!credential) return undefined;
  const { organizationId, credentialId: apiTokenId, userId } = credential.caller;
  return createSession(core, { organizationId, kind: "BROWSER", apiTokenId, userId, address, ttlSeconds: BROWSER_SECONDS });
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
  if (rowCount) forgetCredentials(core);
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

// Before the link's own row, as a change of the password does: that ends the new session too, or this finds the link ended.
const LOCK_OWNER = `
  SELECT 1 FROM users WHERE id = (SELECT user_id FROM session WHERE hash = $1 AND kind = 'SIGN_IN_LINK') FOR SHARE`;

/** Trades the token of a sign-in link for a browser session. Undefined when it was used, has expired, or never was. */
export async function redeemSignInLink(core: Core, token: string, address?: string): Promise<Session | undefined> {
  return core.db.transaction(async (client) => {
    await client.query(LOCK_OWNER, [hashToken(token)]);
    const { rows } = await client.query<{ organization_id: string; user_id: string }>(
      `UPDATE session SET revoked_at = now() WHERE hash = $1 AND kind = 'SIGN_IN_LINK' AND revoked_at IS NULL AND expires_at > $2
       RETURNING organization_id, user_id`,
      [hashToken(token), core.clock.now()],
    );
    const row = rows[0];
    if (!row) return undefined;
    const { organization_id: organizationId, user_id: userId } = row;
    return createSession(core, { organizationId, kind: "BROWSER", userId, address, ttlSeconds: BROWSER_SECONDS }, client);
  });
}
