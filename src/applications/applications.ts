/** Applications, the organization's own customers: made, changed, deleted (softly: the log keeps naming them). */
import { forgetCredentials } from "../accounts/authenticate.ts";
import { type Caller, demand } from "../accounts/caller.ts";
import { newId } from "../clock.ts";
import type { Core } from "../core.ts";
import type { PoolClient } from "../db/client.ts";
import type { Application } from "../db/generated/prisma/client.ts";
import { conflictOf } from "../definitions/code.ts";
import { deleteMarked } from "../definitions/definitions.ts";
import { record } from "../definitions/record.ts";
import { columnsOf, insert, rowOf, update } from "../definitions/sql.ts";
import { nameIssues } from "../definitions/text.ts";
import { markCancel } from "../delivery/lane-chores.ts";
import { ConflictError, type Issue, NotFoundError, ValidationError } from "../errors.ts";

const CONFLICTS = { application_uid_key: "another application has this uid" };
const NAME_LENGTH = 400;
const UID = /^[\x21-\x7e]{1,255}$/;

/** A uid goes into headers and addresses as it is. */
export const isUid = (text: string): boolean => UID.test(text);

export interface ApplicationChange {
  uid?: string | undefined;
  name?: string | undefined;
}

function refuse({ uid, name }: ApplicationChange): void {
  const issues: Issue[] = [
    ...(uid === undefined || isUid(uid) ? [] : [{ path: "uid", message: "must be 1 to 255 visible ASCII characters, without spaces" }]),
    ...(name === undefined ? [] : nameIssues("name", name, NAME_LENGTH)),
  ];
  if (issues.length > 0) throw new ValidationError(issues);
}

const shown = ({ uid, name }: Application) => ({ uid, name });

/** @throws ValidationError ConflictError (the uid is taken) ForbiddenError */
export async function createApplication(core: Core, caller: Caller, input: { uid: string; name: string }): Promise<Application> {
  demand(caller, "webhooks:write");
  refuse(input);
  const { organizationId } = caller;
  const { uid, name } = input;
  return core.db
    .tenantTransaction(organizationId, async (client) => {
      const row = await insert<Application>(client, "application", { id: newId(core.clock), organizationId, uid, name });
      await record(core, client, caller, {
        action: "application.create",
        subjectType: "Application",
        subjectId: row.id,
        after: shown(row),
      });
      return row;
    })
    .catch((error: unknown) => conflictOf(error, CONFLICTS));
}

/** @throws NotFoundError also for a deleted one */
async function lockLiving(client: PoolClient, organizationId: string, id: string): Promise<Application> {
  const { rows } = await client.query(
    `SELECT ${columnsOf("application")} FROM application WHERE id = $1 AND organization_id = $2 AND deleted_at IS NULL FOR NO KEY UPDATE`,
    [id, organizationId],
  );
  if (!rows[0]) throw new NotFoundError("the application");
  return rowOf<Application>(rows[0]);
}

/** What is not given stays. @throws ValidationError ConflictError NotFoundError ForbiddenError */
export async function updateApplication(core: Core, caller: Caller, id: string, change: ApplicationChange): Promise<Application> {
  demand(caller, "webhooks:write");
  refuse(change);
  const values = Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined));
  return core.db
    .tenantTransaction(caller.organizationId, async (client) => {
      const before = await lockLiving(client, caller.organizationId, id);
      if (Object.keys(values).length === 0) return before;
      const after = (await update<Application>(client, "application", before, values)) as Application;
      const subject = { subjectType: "Application", subjectId: id } as const;
      await record(core, client, caller, { action: "application.update", ...subject, before: shown(before), after: shown(after) });
      return after;
    })
    .catch((error: unknown) => conflictOf(error, CONFLICTS));
}

/**
 * Its definitions go with it; its events and requests stay in the log, and its uid is free again.
 * @param cancelQueued what is queued for it is cancelled, as of deleted definitions
 * @throws ConflictError while requests are queued, unless they are to be cancelled · NotFoundError ForbiddenError
 */
export async function deleteApplication(core: Core, caller: Caller, id: string, cancelQueued: boolean): Promise<Application> {
  demand(caller, "webhooks:write");
  const { organizationId } = caller;
  const deleted = await core.db.tenantTransaction(organizationId, async (client) => {
    const before = await lockLiving(client, organizationId, id);
    const { rows } = await client.query<{ id: string }>(
      "SELECT id FROM webhook_definition WHERE application_id = $1 AND organization_id = $2 AND deleted_at IS NULL ORDER BY id",
      [id, organizationId],
    );
    const definitionIds = rows.map((row) => row.id);
    await markCancel(client, organizationId, definitionIds);
    const queued = cancelQueued ? 0 : await countQueued(client, organizationId, definitionIds);
    if (queued > 0)
      throw new ConflictError(
        `${queued} requests are queued for this application; let them end, or give cancelQueued: true`,
        "REQUESTS_WAIT",
      );
    for (const definitionId of definitionIds) await deleteMarked(core, client, caller, definitionId);
    const after = (await update<Application>(client, "application", before, { deletedAt: core.clock.now() })) as Application;
    await client.query("UPDATE session SET revoked_at = now() WHERE application_id = $1 AND organization_id = $2 AND revoked_at IS NULL", [
      id,
      organizationId,
    ]);
    const change = { before: shown(before), after: { cancelQueued, definitions: definitionIds.length } };
    await record(core, client, caller, { action: "application.delete", subjectType: "Application", subjectId: id, ...change });
    return after;
  });
  forgetCredentials(core);
  return deleted;
}

async function countQueued(client: PoolClient, organizationId: string, definitionIds: readonly string[]): Promise<number> {
  const { rows } = await client.query<{ queued: number }>(
    `SELECT count(*) AS queued FROM lane l JOIN lane_entry e ON e.organization_id = l.organization_id AND e.lane_id = l.id
     WHERE l.organization_id = $1 AND l.definition_id = ANY($2::uuid[])`,
    [organizationId, definitionIds],
  );
  return Number(rows[0]?.queued ?? 0);
}
