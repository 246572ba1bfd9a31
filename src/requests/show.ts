/** One request, or several by their ids. */
import type { Database } from "../db/client.ts";
import { rangeOf } from "./id-range.ts";
import { listRequests } from "./list.ts";
import { type RequestNode, requestNodes } from "./related.ts";
import type { RequestRow } from "./row.ts";
import { readRequestsById } from "./sql/read-requests.ts";

/** @returns undefined when it is unknown, or another organization's */
export async function showRequest(
  db: Database,
  organizationId: string,
  identifier: { id: string } | { number: number },
): Promise<RequestNode | undefined> {
  if ("id" in identifier) return (await showRequests(db, organizationId, [identifier.id]))[0];
  const page = { limit: 1, fromBack: false, after: undefined, before: undefined };
  return (await listRequests(db, organizationId, { number: identifier.number }, page)).rows[0];
}

/** Those that exist, in no order. */
export async function showRequests(db: Database, organizationId: string, ids: readonly string[]): Promise<RequestNode[]> {
  const rows = await readRequestsById.rows(db.tenant(organizationId), [organizationId, ids, ...rangeOf(ids)]);
  return requestNodes(db, rows as RequestRow[]);
}
