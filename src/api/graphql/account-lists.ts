/** Pages of what belongs to accounts: users, tokens, sessions, the audit log. */
import type { Caller } from "../../accounts/caller.ts";
import type { KeysetPage } from "../../accounts/keyset.ts";
import { listKind, type PageArguments, pageCursor, pageOf, sliceOf, uuidKey } from "../../requests/page.ts";
import { type Context, callerOf } from "./context.ts";
import { type Page, pageOfRows } from "./page.ts";

export type List<Row> = (
  core: Context["doors"]["core"],
  caller: Caller,
  page: KeysetPage,
) => Promise<{ rows: Row[]; count: () => Promise<number> }>;

/** A page of an accounts list; a cursor names its list and organization, so that another's is refused. */
export async function list<Row extends { id: string }>(
  name: string,
  read: List<Row>,
  args: PageArguments,
  context: Context,
): Promise<Page<Row>> {
  const caller = callerOf(context);
  const kind = listKind(name, caller.organizationId);
  const page = pageOf(args, kind, uuidKey);
  const { rows, count } = await read(context.doors.core, caller, page);
  return pageOfRows(sliceOf(page, rows), (row) => pageCursor(kind, row.id), count);
}
