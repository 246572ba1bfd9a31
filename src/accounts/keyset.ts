/** Pages of rows by their UUIDv7, newest first: stable however many rows come in between. */

/** How many rows a list is counted to: exact so far, and told to be more beyond. */
export const MOST_COUNTED = 10_000;
/** For Prisma's `count`: one more, which says that there is more. */
export const COUNTED = { take: MOST_COUNTED + 1 } as const;

export interface KeysetPage {
  limit: number;
  /** Counted from the end of the list. */
  fromBack: boolean;
  /** UUIDs of the rows around the page. */
  after: string | undefined;
  before: string | undefined;
}

interface KeysetQuery<Where> {
  where: Where & { id?: { lt?: string; gt?: string } };
  orderBy: { id: "asc" | "desc" };
  take: number;
}

/** Reads one row too many, to learn whether more follow. */
export function newestFirst<Where extends { organizationId: string }>(where: Where, page: KeysetPage): KeysetQuery<Where> {
  const id = { ...(page.after ? { lt: page.after } : {}), ...(page.before ? { gt: page.before } : {}) };
  return {
    where: page.after || page.before ? { ...where, id } : where,
    orderBy: { id: page.fromBack ? "asc" : "desc" },
    take: page.limit + 1,
  };
}
