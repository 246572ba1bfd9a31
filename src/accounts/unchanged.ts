/** Of two people who change one thing at the same time the second is told, and what the first one changed stays. */
import type { Core } from "../core.ts";
import type { PoolClient } from "../db/client.ts";
import { ConflictError } from "../errors.ts";
import type { Caller } from "./caller.ts";

interface Row {
  id: string;
  organizationId: string;
  updatedAt: Date;
}

/**
 * @param row as it is now; the caller's transaction holds its lock
 * @param since the `updatedAt` that whoever changes it has seen; absent: whatever was changed is overwritten, as before 0.2
 * @throws ConflictError (CHANGED_MEANWHILE) that says by whom
 */
export async function demandUnchanged(client: PoolClient, caller: Caller, row: Row, since: Date | null | undefined): Promise<void> {
  if (since == null || since.getTime() === row.updatedAt.getTime()) return;
  const by = caller.portal ? undefined : await changedBy(client, row);
  throw new ConflictError(
    `it was changed meanwhile${by === undefined ? "" : ` by ${by}`}, at ${row.updatedAt.toISOString()}; read it anew, and decide what is to stay`,
    "CHANGED_MEANWHILE",
  );
}

/** Who made the last change of it that the audit log tells of; undefined: the system, or somebody who is deleted. */
async function changedBy(client: PoolClient, { id, organizationId }: Row): Promise<string | undefined> {
  const { rows } = await client.query<{ actor: string | null }>(
    `SELECT coalesce(u.name, u.email) AS actor FROM audit_entry a
     LEFT JOIN users u ON u.id = a.user_id AND u.organization_id = a.organization_id
     WHERE a.organization_id = $1::uuid AND a.subject_id = $2::uuid AND a.created_at > now() - interval '30 days'
     ORDER BY a.id DESC LIMIT 1`,
    [organizationId, id],
  );
  return rows[0]?.actor ?? undefined;
}

/** For `updated_at`: later than the former one by a millisecond at least, which is all that a client sees of it. */
export function nextUpdate(core: Core, { updatedAt }: Row): Date {
  return new Date(Math.max(core.clock.now().getTime(), updatedAt.getTime() + 1));
}
