/** Applications read: one, a list, newest first, and the definitions of several at once. Deleted ones are in no list. */
import { type Caller, demand } from "../accounts/caller.ts";
import { COUNTED, MOST_COUNTED, newestFirst } from "../accounts/keyset.ts";
import type { Core } from "../core.ts";
import type { Application } from "../db/generated/prisma/client.ts";
import { getDefinitions } from "../definitions/find.ts";
import type { DefinitionRow } from "../definitions/settings.ts";
import { type Count, countOf } from "../requests/count.ts";
import { type PageOf, type Slice, sliceOf } from "../requests/page.ts";
import { isUid } from "./applications.ts";

export type ApplicationKey = { id: string } | { uid: string };

/** Null: unknown, deleted, or another organization's. @throws ForbiddenError */
export async function getApplication(core: Core, caller: Caller, key: ApplicationKey): Promise<Application | null> {
  demand(caller, "webhooks:read");
  if ("uid" in key && !isUid(key.uid)) return null;
  return core.db.prisma.application.findFirst({ where: { ...key, organizationId: caller.organizationId, deletedAt: null } });
}

/** Deleted ones too: what refers to them still shows them. @throws ForbiddenError */
export async function getApplications(core: Core, caller: Caller, ids: readonly string[]): Promise<Application[]> {
  demand(caller, "webhooks:read");
  return core.db.prisma.application.findMany({ where: { id: { in: [...ids] }, organizationId: caller.organizationId } });
}

/** @throws ForbiddenError */
export async function listApplications(core: Core, caller: Caller, page: PageOf<string>): Promise<Slice<Application>> {
  demand(caller, "webhooks:read");
  const where = { organizationId: caller.organizationId, deletedAt: null };
  return sliceOf(page, await core.db.prisma.application.findMany(newestFirst(where, page)));
}

/** @throws ForbiddenError */
export async function countApplications(core: Core, caller: Caller): Promise<number> {
  demand(caller, "webhooks:read");
  return core.db.prisma.application.count({ ...COUNTED, where: { organizationId: caller.organizationId, deletedAt: null } });
}

const pageOfEach = (order: "ASC" | "DESC") => `
  SELECT a.id AS "applicationId", d.id FROM unnest($2::uuid[]) AS a (id) CROSS JOIN LATERAL (
    SELECT d.id, d.number FROM webhook_definition d
    WHERE d.organization_id = $1 AND d.application_id = a.id AND d.deleted_at IS NULL AND d.number < $3 AND d.number > $4
    ORDER BY d.number ${order} LIMIT $5) d
  ORDER BY d.number ${order}`;

const MAX_INT4 = 2 ** 31 - 1;

/** The same page of each of several applications' definitions, by number, in two statements. @throws ForbiddenError */
export async function definitionsOfEach(
  core: Core,
  caller: Caller,
  applicationIds: readonly string[],
  page: PageOf<number>,
): Promise<Map<string, Slice<DefinitionRow>>> {
  demand(caller, "webhooks:read");
  const { rows } = await core.db
    .tenant(caller.organizationId)
    .query<{ applicationId: string; id: string }>(pageOfEach(page.fromBack ? "ASC" : "DESC"), [
      caller.organizationId,
      applicationIds,
      page.after ?? MAX_INT4,
      page.before ?? 0,
      page.limit + 1,
    ]);
  const found =
    rows.length === 0
      ? []
      : await getDefinitions(
          core,
          caller,
          rows.map(({ id }) => id),
        );
  const byId = new Map(found.map((row) => [row.id, row]));
  const of = Map.groupBy(rows, (row) => row.applicationId);
  return new Map(
    applicationIds.map((id) => [
      id,
      sliceOf(
        page,
        (of.get(id) ?? []).flatMap((row) => byId.get(row.id) ?? []),
      ),
    ]),
  );
}

/** @throws ForbiddenError */
export async function countDefinitionsOfEach(core: Core, caller: Caller, applicationIds: readonly string[]): Promise<Map<string, Count>> {
  demand(caller, "webhooks:read");
  const { rows } = await core.db.tenant(caller.organizationId).query<{ id: string; count: number }>(
    `SELECT a.id, c.count FROM unnest($2::uuid[]) AS a (id) CROSS JOIN LATERAL (SELECT count(*) AS count FROM (
       SELECT 1 FROM webhook_definition d WHERE d.organization_id = $1 AND d.application_id = a.id AND d.deleted_at IS NULL LIMIT $3) d) c`,
    [caller.organizationId, applicationIds, MOST_COUNTED + 1],
  );
  return new Map(rows.map(({ id, count }) => [id, countOf(Number(count))]));
}
