/** One request, or several by their ids. */
import type { Database } from "../db/client.ts";
import { type RequestFilter, requestConditions } from "./filter.ts";
import { listRequests } from "./list.ts";
import { type RequestNode, requestNodes } from "./related.ts";
import { REQUEST_COLUMNS, type RequestRow } from "./row.ts";

/** @returns undefined when it is unknown, or another organization's */
export async function showRequest(
  db: Database,
  organizationId: string,
  identifier: { id: string } | { number: number },
): Promise<RequestNode | undefined> {
  if ("id" in identifier) return (await showRequests(db, organizationId, [identifier.id]))[0];
  const filter: RequestFilter = { number: identifier.number };
  const page = { limit: 1, fromBack: false, after: undefined, before: undefined };
  return (await listRequests(db, organizationId, filter, page)).rows[0];
}

/** Those that exist, in no order. */
export async function showRequests(db: Database, organizationId: string, ids: readonly string[]): Promise<RequestNode[]> {
  const where = requestConditions(organizationId, {});
  where.add("r.id = ANY(?::uuid[])", ids);
  const { rows } = await db.pool.query<RequestRow>(
    `SELECT ${REQUEST_COLUMNS} FROM webhook_request r WHERE ${where.texts.join(" AND ")}`,
    where.values,
  );
  return requestNodes(db, rows);
}
