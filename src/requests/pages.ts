/** A whole list, newest first, a page in memory at a time: what exports are made of. */
import type { Database } from "../db/client.ts";
import type { EventNode } from "./event.ts";
import type { EventFilter } from "./event-filter.ts";
import { listEvents } from "./event-list.ts";
import type { RequestFilter } from "./filter.ts";
import { listRequests } from "./list.ts";
import type { PageOf, Slice } from "./page.ts";
import type { RequestNode } from "./related.ts";

/** Rows of one statement. */
export const EXPORT_PAGE = 500;

export interface WholeList<Filter> {
  organizationId: string;
  filter: Filter;
  /** Behind this id; undefined: from the newest. */
  after: string | undefined;
  /** Nobody takes what comes next. */
  gone: () => boolean;
}

async function* pagesOf<Row extends { id: string }>(
  read: (page: PageOf<string>) => Promise<Slice<Row>>,
  { after, gone }: Pick<WholeList<unknown>, "after" | "gone">,
): AsyncGenerator<Row[]> {
  let last = after;
  for (let more = true; more && !gone(); ) {
    const { rows, hasNextPage, stoppedAt } = await read({ limit: EXPORT_PAGE, fromBack: false, after: last, before: undefined });
    if (rows.length > 0) yield rows;
    last = stoppedAt ?? rows.at(-1)?.id;
    more = hasNextPage && last !== undefined;
  }
}

export const requestPages = (db: Database, { organizationId, filter, ...rest }: WholeList<RequestFilter>): AsyncGenerator<RequestNode[]> =>
  pagesOf((page) => listRequests(db, organizationId, filter, page), rest);

export const eventPages = (db: Database, { organizationId, filter, ...rest }: WholeList<EventFilter>): AsyncGenerator<EventNode[]> =>
  pagesOf((page) => listEvents(db, organizationId, page, filter), rest);
