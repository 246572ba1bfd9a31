/** Definitions read: one, or a list, newest first. Deleted ones are not there. */
import { type Caller, demand } from "../accounts/caller.ts";
import { COUNTED } from "../accounts/keyset.ts";
import type { Core } from "../core.ts";
import type { Prisma } from "../db/generated/prisma/client.ts";
import { maskedTargetSql } from "../db/masked-url.ts";
import { type PageOf, type Slice, sliceOf } from "../requests/page.ts";
import { urlForms } from "../requests/typed-url.ts";
import type { DialectName } from "../wire/dialect.ts";
import type { DefinitionRow, DefinitionState } from "./settings.ts";

export type DefinitionKey = { id: string } | { code: string } | { number: number };

/** What is read along with the rows: relations, in Prisma's words, as a door was asked for them. */
export type DefinitionsAlong = Pick<Prisma.WebhookDefinitionFindManyArgs, "include">;

/** A portal's session knows its application's definitions alone. */
const own = ({ portal }: Caller) => (portal ? { applicationId: portal.applicationId } : {});

const MAX_INT4 = 2 ** 31 - 1;

/** Null: unknown, deleted, or another organization's. @throws ForbiddenError */
export async function getDefinition(
  core: Core,
  caller: Caller,
  key: DefinitionKey,
  along: DefinitionsAlong = {},
): Promise<DefinitionRow | null> {
  demand(caller, "webhooks:read");
  if ("number" in key && !(Number.isInteger(key.number) && key.number >= 1 && key.number <= MAX_INT4)) return null;
  if ("code" in key && !isText(key.code)) return null;
  return core.db.prisma.webhookDefinition.findFirst({
    ...along,
    where: { ...key, organizationId: caller.organizationId, deletedAt: null, ...own(caller) },
  });
}

/**
 * By the last 24 hex digits of its UUID, as Cotalker shows it; null as above.
 * @param objectId 24 lower-case hex digits
 * @throws ForbiddenError
 */
export async function findByObjectId(core: Core, caller: Caller, dialect: DialectName, objectId: string): Promise<DefinitionRow | null> {
  const { rows } = await core.db.tenant(caller.organizationId).query<{ id: string }>(
    `SELECT id FROM webhook_definition WHERE organization_id = $1 AND dialect = $2::dialect AND deleted_at IS NULL
       AND right(replace(id::text, '-', ''), 24) = $3`,
    [caller.organizationId, dialect, objectId],
  );
  return rows[0] ? getDefinition(core, caller, { id: rows[0].id }) : null;
}

/** Those of `ids` that are there, in no order. @throws ForbiddenError */
export async function getDefinitions(
  core: Core,
  caller: Caller,
  ids: readonly string[],
  along: DefinitionsAlong = {},
): Promise<DefinitionRow[]> {
  demand(caller, "webhooks:read");
  const where = { id: { in: [...ids] }, organizationId: caller.organizationId, deletedAt: null, ...own(caller) };
  return core.db.prisma.webhookDefinition.findMany({ ...along, where });
}

const isText = (text: string): boolean => !text.includes("\0") && text.isWellFormed();

/** All given clauses must hold. */
export interface DefinitionFilter {
  state?: readonly DefinitionState[] | undefined;
  dialect?: DialectName | undefined;
  /** Anywhere in name, code, description or target, without regard to case. */
  search?: string | undefined;
  /** Exactly, without regard to case. */
  name?: string | undefined;
  /** Exactly one of its event types, without regard to case. */
  eventType?: string | undefined;
  /** This URL, however it is written. */
  targetUrl?: string | undefined;
  createdAfter?: Date | undefined;
  /** Exclusive. */
  createdBefore?: Date | undefined;
  /** Made by this application (SuperOffice). */
  application?: string | undefined;
  ids?: readonly string[] | undefined;
}

async function whereOf(core: Core, caller: Caller, filter: DefinitionFilter): Promise<Prisma.WebhookDefinitionWhereInput> {
  const { organizationId } = caller;
  const { state, dialect, search, name, eventType, targetUrl, createdAfter, createdBefore, application } = filter;
  const ids = eventType === undefined ? filter.ids : await withEventType(core, organizationId, eventType, filter.ids);
  const contains = search ? { contains: likeText(search), mode: "insensitive" as const } : undefined;
  // A part of a target that the caller sees masked must not be found out letter by letter.
  const targets = contains && search ? [await targetsWith(core, caller, search, contains)] : [];
  return {
    organizationId,
    deletedAt: null,
    ...own(caller),
    ...(state && { state: { in: [...state] } }),
    ...(dialect && { dialect }),
    ...(contains && { OR: [{ name: contains }, { code: contains }, { description: contains }, ...targets] }),
    ...(name !== undefined && { name: { equals: likeText(name), mode: "insensitive" } }),
    ...(targetUrl !== undefined && { targetUrl: { in: urlForms(targetUrl) } }),
    ...(application !== undefined && { application }),
    ...((createdAfter || createdBefore) && {
      createdAt: { ...(createdAfter && { gte: createdAfter }), ...(createdBefore && { lt: createdBefore }) },
    }),
    ...(ids && { id: { in: [...ids] } }),
  };
}

/** Prisma's insensitive comparison is ILIKE, whose wildcards it leaves to us. */
const likeText = (text: string): string => text.replace(/[\\%_]/g, "\\$&");

async function targetsWith(
  core: Core,
  { organizationId, scopes }: Caller,
  search: string,
  contains: { contains: string; mode: "insensitive" },
): Promise<Prisma.WebhookDefinitionWhereInput> {
  if (scopes.has("secrets:read")) return { targetUrl: contains };
  const { rows } = await core.db.tenant(organizationId).query<{ id: string }>(
    `SELECT id FROM webhook_definition WHERE organization_id = $1 AND deleted_at IS NULL AND target_url IS NOT NULL
       AND CASE WHEN strpos($2, '*') > 0 OR strpos(lower(target_url), lower($2)) > 0
         THEN strpos(lower(${maskedTargetSql("split_part(target_url, '#', 1)")}), lower($2)) > 0 ELSE false END`,
    [organizationId, search],
  );
  return { id: { in: rows.map((row) => row.id) } };
}

async function withEventType(core: Core, organizationId: string, eventType: string, ids: readonly string[] | undefined): Promise<string[]> {
  const { rows } = await core.db.tenant(organizationId).query<{ id: string }>(
    `SELECT id FROM webhook_definition WHERE organization_id = $1 AND deleted_at IS NULL AND ($3::uuid[] IS NULL OR id = ANY($3))
       AND lower($2) IN (SELECT lower(one) FROM unnest(event_types) AS one)`,
    [organizationId, eventType, ids ?? null],
  );
  return rows.map((row) => row.id);
}

function unstorable(filter: DefinitionFilter): boolean {
  return [filter.search, filter.name, filter.eventType, filter.targetUrl, filter.application].some(
    (text) => text !== undefined && !isText(text),
  );
}

/** One page, by number. @throws ForbiddenError */
export async function listDefinitions(
  core: Core,
  caller: Caller,
  filter: DefinitionFilter,
  page: PageOf<number>,
  along: DefinitionsAlong = {},
): Promise<Slice<DefinitionRow>> {
  demand(caller, "webhooks:read");
  if (unstorable(filter)) return sliceOf(page, []);
  const where = await whereOf(core, caller, filter);
  const { after, before } = page;
  const rows = await core.db.prisma.webhookDefinition.findMany({
    ...along,
    where: { ...where, number: { ...(after !== undefined && { lt: after }), ...(before !== undefined && { gt: before }) } },
    orderBy: { number: page.fromBack ? "asc" : "desc" },
    take: page.limit + 1,
  });
  return sliceOf(page, rows);
}

/** The same by offset, for the faces whose contract says so; all of them without a limit. @throws ForbiddenError */
export async function listDefinitionsByOffset(
  core: Core,
  caller: Caller,
  filter: DefinitionFilter,
  range: { limit?: number; offset?: number } = {},
): Promise<DefinitionRow[]> {
  demand(caller, "webhooks:read");
  if (unstorable(filter)) return [];
  return core.db.prisma.webhookDefinition.findMany({
    where: await whereOf(core, caller, filter),
    orderBy: { number: "desc" },
    ...(range.limit !== undefined && { take: range.limit }),
    skip: range.offset ?? 0,
  });
}

/** @throws ForbiddenError */
export async function countDefinitions(core: Core, caller: Caller, filter: DefinitionFilter): Promise<number> {
  demand(caller, "webhooks:read");
  if (unstorable(filter)) return 0;
  return core.db.prisma.webhookDefinition.count({ ...COUNTED, where: await whereOf(core, caller, filter) });
}
