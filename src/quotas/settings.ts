/** Setting an organization's quotas, and keeping that of definitions. */
import { audit } from "../accounts/audit.ts";
import type { Caller } from "../accounts/caller.ts";
import type { Core } from "../core.ts";
import type { Queries } from "../db/statement.ts";
import { ForbiddenError, type Issue, NotFoundError, ValidationError } from "../errors.ts";
import { OverQuotaError, QUOTA_NAMES, type QuotaName, type QuotaRow, RETRY_AFTER } from "./quotas.ts";
import { countLiving } from "./sql/read-quotas.ts";

/** Absent stays, null is the default again. */
export type QuotaInput = { [Name in QuotaName]?: number | null | undefined };

/** An organization that may emit nothing at all has its tokens revoked instead. */
const LEAST: Readonly<Record<QuotaName, number>> = {
  ...{ eventsPerSecond: 1, definitions: 0, queuedRequests: 0, storedBytes: 0, subscriptions: 0 },
};
const MOST_INT4 = 2 ** 31 - 1;
const MOST: Readonly<Record<QuotaName, number>> = {
  ...{ eventsPerSecond: MOST_INT4, definitions: MOST_INT4, subscriptions: MOST_INT4 },
  ...{ queuedRequests: Number.MAX_SAFE_INTEGER, storedBytes: Number.MAX_SAFE_INTEGER },
};

function issuesOf(input: QuotaInput): Issue[] {
  return QUOTA_NAMES.flatMap((name) => {
    const value = input[name];
    if (value == null || (Number.isSafeInteger(value) && value >= LEAST[name] && value <= MOST[name])) return [];
    return [{ path: name, message: `must be a whole number from ${LEAST[name]} to ${MOST[name]}, or null for the default` }];
  });
}

const COLUMNS = `events_per_second AS "eventsPerSecond", definitions, queued_requests AS "queuedRequests", stored_bytes AS "storedBytes", subscriptions`;

/**
 * Holds on every process within a second.
 * @throws ForbiddenError unless the caller is the operator; ValidationError; NotFoundError
 */
export async function setQuotas(core: Core, caller: Caller, organizationId: string, input: QuotaInput): Promise<void> {
  if (!caller.operator) throw new ForbiddenError("only the operator (the bootstrap token) may do this");
  const issues = issuesOf(input);
  if (issues.length > 0) throw new ValidationError(issues);
  await core.db.transaction(async (client) => {
    const { rows: found } = await client.query("SELECT 1 FROM organization WHERE id = $1 FOR UPDATE", [organizationId]);
    if (found.length === 0) throw new NotFoundError("the organization");
    const { rows } = await client.query<QuotaRow>(`SELECT ${COLUMNS} FROM organization_quota WHERE organization_id = $1`, [organizationId]);
    const before: QuotaRow = rows[0] ?? {
      ...{ eventsPerSecond: null, definitions: null, queuedRequests: null, storedBytes: null, subscriptions: null },
    };
    const given = Object.fromEntries(QUOTA_NAMES.flatMap((name) => (input[name] === undefined ? [] : [[name, input[name]]])));
    const after = { ...before, ...given } as QuotaRow;
    await client.query(
      `INSERT INTO organization_quota (organization_id, events_per_second, definitions, queued_requests, stored_bytes, subscriptions)
       VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (organization_id) DO UPDATE SET events_per_second = excluded.events_per_second,
         definitions = excluded.definitions, queued_requests = excluded.queued_requests, stored_bytes = excluded.stored_bytes,
         subscriptions = excluded.subscriptions`,
      [organizationId, ...QUOTA_NAMES.map((name) => after[name])],
    );
    await audit(core, caller, "organization.setQuotas", { type: "Organization", id: organizationId }, before, after, client);
    const { text, values } = core.notify.statement("quotas", [organizationId]);
    await client.query(text, values);
  });
  core.notify.tell("quotas", [organizationId]);
}

/**
 * Asked by whoever makes a definition, in its transaction and with its organization's catalogue locked: so it is exact.
 * @param number of the new one: as many have been made, so that fewer need no count
 * @throws RateLimitedError
 */
export async function demandDefinitionPlace(core: Core, client: Queries, organizationId: string, number: number): Promise<void> {
  const { rows } = await client.query<{ definitions: number | null }>(
    "SELECT definitions FROM organization_quota WHERE organization_id = $1",
    [organizationId],
  );
  const limit = rows[0]?.definitions ?? core.config.quotas.definitions;
  if (number <= limit) return;
  const [living] = await countLiving.rows(client, [organizationId, limit]);
  if ((living?.count ?? 0) < limit) return;
  core.metrics.overQuota("definitions");
  core.refusals.refused(organizationId, "definitions", limit);
  throw new OverQuotaError("definitions", { limit, remaining: 0, resetSeconds: RETRY_AFTER.definitions });
}
