/** What is known about definitions beside their settings: what deliveries counted, and their signing secrets' public side. */
import type { Core } from "../core.ts";
import { FROM_TOTALS, TOTALS } from "../requests/sql/statistics.ts";

export interface DefinitionFacts {
  totalCalls: number;
  totalErrors: number;
  /** Failed attempts in a row, over all requests. */
  consecutiveErrors: number;
  lastError: string | null;
  lastAttemptAt: Date | null;
  /** Of the current HMAC secret; null when there is none. */
  signingSecretLastFour: string | null;
  /** Of the current Ed25519 pair. */
  signingPublicKey: string | null;
}

/** By definition. */
export async function definitionFacts(
  core: Core,
  organizationId: string,
  definitionIds: readonly string[],
): Promise<Map<string, DefinitionFacts>> {
  const { rows } = await core.db.tenant(organizationId).query<DefinitionFacts & { id: string }>(
    `SELECT c.definition_id AS id, ${TOTALS}, c.consecutive_errors AS "consecutiveErrors", c.last_error AS "lastError",
            (SELECT last_four FROM signing_secret s WHERE s.definition_id = c.definition_id AND kind <> 'ED25519' AND expires_at IS NULL
              ORDER BY version DESC LIMIT 1) AS "signingSecretLastFour",
            (SELECT public_key FROM signing_secret s WHERE s.definition_id = c.definition_id AND kind = 'ED25519' AND expires_at IS NULL
              ORDER BY version DESC LIMIT 1) AS "signingPublicKey"
      ${FROM_TOTALS} WHERE c.organization_id = $1 AND c.definition_id = ANY($2::uuid[])`,
    [organizationId, definitionIds],
  );
  return new Map(rows.map(({ id, ...facts }) => [id, facts]));
}
