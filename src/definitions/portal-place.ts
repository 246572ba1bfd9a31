/** What of its application's definitions a portal's session may make, and where. */
import type { Caller } from "../accounts/caller.ts";
import type { PoolClient } from "../db/client.ts";
import { ConflictError, ForbiddenError } from "../errors.ts";

/** A portal's session makes definitions of its own application, and moves none. @throws ForbiddenError */
export function demandPlace({ portal }: Caller, applicationId: string | null | undefined): void {
  if (portal && applicationId !== undefined && applicationId !== portal.applicationId)
    throw new ForbiddenError("a portal's session manages its own application's definitions alone");
}

/** Of one application that its own people may have made: they share their organization's quota with everybody. */
const PORTAL_DEFINITIONS = 100;

/** Once the catalogue is locked, so that two do not find the same place. @throws ConflictError */
export async function demandPortalRoom(client: PoolClient, { organizationId, portal }: Caller): Promise<void> {
  if (!portal) return;
  const { rowCount } = await client.query(
    "SELECT FROM webhook_definition WHERE organization_id = $1 AND application_id = $2 AND deleted_at IS NULL LIMIT $3",
    [organizationId, portal.applicationId, PORTAL_DEFINITIONS],
  );
  if (rowCount === PORTAL_DEFINITIONS)
    throw new ConflictError(`this application has ${PORTAL_DEFINITIONS} webhooks, as many as a portal makes; delete one first`, "TOO_MANY");
}
