/** The audit log as it is read: by filter, a page at a time, and whole, as a stream. */
import type { Core } from "../core.ts";
import type { AuditEntry, Prisma } from "../db/generated/prisma/client.ts";
import { BadInputError } from "../errors.ts";
import { type Caller, demand } from "./caller.ts";
import { COUNTED, type KeysetPage, newestFirst } from "./keyset.ts";

/** All given clauses must hold. Ids are UUIDs. */
export interface AuditFilter {
  /** `webhookDefinition.update`, or `webhookDefinition.*` for all of them. */
  action?: string | undefined;
  subjectId?: string | undefined;
  userId?: string | undefined;
  since?: Date | undefined;
  /** Exclusive. */
  until?: Date | undefined;
}

const MAX_ACTION = 100;
const ACTION = /^[A-Za-z]+(\.[A-Za-z*]+)?$/;

function whereOf(organizationId: string, filter: AuditFilter) {
  const { action, subjectId, userId, since, until } = filter;
  if (action !== undefined && (action.length > MAX_ACTION || !ACTION.test(action)))
    throw new BadInputError("filter.action must be an action such as webhookDefinition.update, or webhookDefinition.*");
  const family = action?.endsWith(".*") ? action.slice(0, -1) : undefined;
  const createdAt = { ...(since && { gte: since }), ...(until && { lt: until }) };
  return {
    organizationId,
    ...(action !== undefined && { action: family === undefined ? action : { startsWith: family } }),
    ...(subjectId !== undefined && { subjectId }),
    ...(userId !== undefined && { userId }),
    ...((since || until) && { createdAt }),
  } satisfies Prisma.AuditEntryWhereInput;
}

/** Newest first. @throws ForbiddenError without the scope admin; BadInputError */
export async function listAuditEntries(
  core: Core,
  caller: Caller,
  page: KeysetPage,
  filter: AuditFilter = {},
): Promise<{ rows: AuditEntry[]; count: () => Promise<number> }> {
  demand(caller, "admin");
  const where = whereOf(caller.organizationId, filter);
  const rows = await core.db.prisma.auditEntry.findMany(newestFirst(where, page));
  return { rows, count: () => core.db.prisma.auditEntry.count({ ...COUNTED, where }) };
}

/** Rows of one statement: what an export holds in memory. */
export const EXPORT_PAGE = 500;

/**
 * All entries behind `after`, oldest first, a page in memory at a time; those written meanwhile too. It ends where there are none.
 * @throws ForbiddenError without the scope admin
 */
export async function* exportAuditEntries(core: Core, caller: Caller, after: string | undefined): AsyncGenerator<AuditEntry[]> {
  demand(caller, "admin");
  for (let last = after; ; ) {
    const rows = await core.db.prisma.auditEntry.findMany({
      where: { organizationId: caller.organizationId, ...(last !== undefined && { id: { gt: last } }) },
      orderBy: { id: "asc" },
      take: EXPORT_PAGE,
    });
    if (rows.length > 0) yield rows;
    last = rows.at(-1)?.id;
    if (rows.length < EXPORT_PAGE) return;
  }
}

/** Who did it, for people: somebody who is deleted is named by nothing but the id. */
export async function actorsOf(core: Core, organizationId: string, ids: readonly string[]): Promise<Map<string, string>> {
  const users = await core.db.prisma.user.findMany({
    where: { organizationId, id: { in: [...ids] } },
    select: { id: true, name: true, email: true },
  });
  return new Map(users.map(({ id, name, email }) => [id, name ?? email]));
}

export const DELETED_USER = "deleted user";
