/** The portal: a link that signs an application's own people in, once, to a session that sees that application alone. */
import { audit } from "../accounts/audit.ts";
import { type Caller, demand } from "../accounts/caller.ts";
import { SESSION_PREFIX, type Session } from "../accounts/sessions.ts";
import { newId } from "../clock.ts";
import type { Core } from "../core.ts";
import { NotFoundError, ValidationError } from "../errors.ts";
import { hashToken, newToken } from "../vault.ts";

const MIN_SECONDS = 60;
/** A week. */
const MAX_SECONDS = 604_800;

const INSERT = `
  INSERT INTO session (id, organization_id, kind, hash, application_id, read_only, address, expires_at)
  SELECT $1::uuid, $2::uuid, $3::session_kind, $4::bytea, a.id, $5::bool, $6::text, $7::timestamptz
  FROM application a WHERE a.id = $8::uuid AND a.organization_id = $2::uuid AND a.deleted_at IS NULL`;

export interface PortalLinkInput {
  /** UUID. */
  applicationId: string;
  expiresInSeconds: number;
  readOnly: boolean;
}

/**
 * @returns its token; what it begins ends at the same moment as it
 * @throws ValidationError NotFoundError ForbiddenError
 */
export async function createPortalLink(core: Core, caller: Caller, input: PortalLinkInput): Promise<Session> {
  demand(caller, "webhooks:write");
  const { applicationId, expiresInSeconds, readOnly } = input;
  if (!Number.isInteger(expiresInSeconds) || expiresInSeconds < MIN_SECONDS || expiresInSeconds > MAX_SECONDS) {
    const message = `must be a whole number from ${MIN_SECONDS} to ${MAX_SECONDS}`;
    throw new ValidationError([{ path: "expiresInSeconds", message }]);
  }
  const { organizationId } = caller;
  const [id, token] = [newId(core.clock), newToken(SESSION_PREFIX)];
  const expiresAt = new Date(core.clock.now().getTime() + expiresInSeconds * 1000 * core.config.tokenTtlScale);
  await core.db.tenantTransaction(organizationId, async (client) => {
    const values = [id, organizationId, "PORTAL_LINK", hashToken(token), readOnly, null, expiresAt, applicationId];
    if (!(await client.query(INSERT, values)).rowCount) throw new NotFoundError("the application");
    const subject = { type: "Application", id: applicationId };
    await audit(core, caller, "application.createPortalLink", subject, undefined, { readOnly, expiresAt }, client);
  });
  return { id, token, expiresAt };
}

/** Trades a link's token for a session. Undefined when it was used, has expired, never was, or its application is gone. */
export async function redeemPortalLink(core: Core, token: string, address?: string): Promise<Session | undefined> {
  return core.db.transaction(async (client) => {
    const { rows } = await client.query<{ organization_id: string; application_id: string; read_only: boolean; expires_at: Date }>(
      `UPDATE session SET revoked_at = now() WHERE hash = $1 AND kind = 'PORTAL_LINK' AND revoked_at IS NULL AND expires_at > $2
       RETURNING organization_id, application_id, read_only, expires_at`,
      [hashToken(token), core.clock.now()],
    );
    const link = rows[0];
    if (!link) return undefined;
    const [id, fresh] = [newId(core.clock), newToken(SESSION_PREFIX)];
    const { organization_id: organizationId, application_id: applicationId, read_only: readOnly, expires_at: expiresAt } = link;
    const values = [id, organizationId, "PORTAL", hashToken(fresh), readOnly, address ?? null, expiresAt, applicationId];
    if (!(await client.query(INSERT, values)).rowCount) return undefined;
    const subject = { type: "Application", id: applicationId };
    await audit(
      core,
      { organizationId, userId: undefined, address },
      "application.usePortalLink",
      subject,
      undefined,
      { readOnly },
      client,
    );
    return { id, token: fresh, expiresAt };
  });
}

/** The token stands in the fragment, as in a sign-in link. */
export function portalUrl(publicUrl: string, token: string): string {
  return `${publicUrl}/portal#token=${token}`;
}
