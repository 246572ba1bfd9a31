/** What a replay of REJECTED requests would send, and the log's failures grouped: each one bounded statement. */
import { sql } from "kysely";
import { MOST_COUNTED } from "../accounts/keyset.ts";
import type { Database } from "../db/client.ts";
import { queries, rowsOf } from "../db/queries.ts";
import type { RequestFilter } from "./filter.ts";
import { COUNT_WALK, clausesFor, endOfWalk, matching } from "./list.ts";

export interface ReplayPlan {
  total: number;
  /** There are more, or may be: then the rest says so much of the oldest. */
  totalCapped: boolean;
  /** When the requests, or the missed events, were accepted. */
  oldest: Date | null;
  newest: Date | null;
  shares: { definitionId: string; total: number }[];
}

const first = <T extends Date>(dates: readonly T[]) =>
  dates.reduce<T | null>((least, date) => (least === null || date < least ? date : least), null);
const last = <T extends Date>(dates: readonly T[]) =>
  dates.reduce<T | null>((most, date) => (most === null || date > most ? date : most), null);

/** @param filter `eligible` */
export async function planRejected(db: Database, organizationId: string, filter: RequestFilter): Promise<ReplayPlan> {
  const clauses = await clausesFor(db, organizationId, filter);
  if (!clauses) return { total: 0, totalCapped: false, oldest: null, newest: null, shares: [] };
  const some = matching(clauses, "asc", COUNT_WALK)
    .select(["r.definition_id", "r.created_at"])
    .limit(MOST_COUNTED + 1);
  const rows = await rowsOf(
    db.tenant(organizationId),
    queries
      .selectFrom(some.as("some"))
      .select([
        "definition_id as definitionId",
        sql<number>`count(*)`.as("total"),
        sql<Date>`min(created_at)`.as("oldest"),
        sql<Date>`max(created_at)`.as("newest"),
      ])
      .groupBy("definition_id")
      .orderBy("total", "desc")
      .orderBy("definition_id"),
  );
  const total = rows.reduce((sum, row) => sum + row.total, 0);
  const ended = total > MOST_COUNTED || clauses.rest.length === 0;
  const capped = ended ? total > MOST_COUNTED : (await endOfWalk(db, organizationId, clauses, "asc", COUNT_WALK)) !== undefined;
  return {
    total: Math.min(total, MOST_COUNTED),
    totalCapped: capped,
    oldest: first(rows.map((row) => row.oldest)),
    newest: last(rows.map((row) => row.newest)),
    shares: rows.map(({ definitionId, total: share }) => ({ definitionId, total: share })),
  };
}

export interface RejectedGroup {
  organizationId: string;
  definitionId: string;
  errorCode: string | null;
  count: number;
  oldest: Date;
  newest: Date;
  /** There are older ones than were looked at. */
  capped: boolean;
}

/** Groups shown: the largest. */
const MOST_GROUPS = 500;
/** Rows looked at for them: the newest. */
const GROUP_WALK = 100_000;

/** REJECTED requests by definition and error, the largest groups first. */
export async function groupRejected(db: Database, organizationId: string, filter: RequestFilter): Promise<RejectedGroup[]> {
  const only: RequestFilter = { ...filter, state: ["REJECTED"], isTest: false };
  const clauses = await clausesFor(db, organizationId, only);
  if (!clauses) return [];
  const some = matching(clauses, "desc", GROUP_WALK).select(["r.definition_id", "r.error_code", "r.created_at"]).limit(GROUP_WALK);
  const rows = await rowsOf(
    db.tenant(organizationId),
    queries
      .selectFrom(some.as("some"))
      .select([
        ...(["definition_id as definitionId", "error_code as errorCode"] as const),
        ...[sql<number>`count(*)`.as("count"), sql<Date>`min(created_at)`.as("oldest"), sql<Date>`max(created_at)`.as("newest")],
      ])
      .groupBy(["definition_id", "error_code"])
      .orderBy("count", "desc")
      .orderBy("definition_id")
      .orderBy("error_code")
      .limit(MOST_GROUPS),
  );
  const capped = rows.length > 0 && (await endOfWalk(db, organizationId, clauses, "desc", GROUP_WALK)) !== undefined;
  return rows.map((row) => ({ ...(row as Omit<RejectedGroup, "capped" | "organizationId">), organizationId, capped }));
}
