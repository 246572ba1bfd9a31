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

type Dates = readonly (Date | null)[];
const first = (dates: Dates) => dates.reduce((least, date) => (least === null || (date && date < least) ? date : least), null);
const last = (dates: Dates) => dates.reduce((most, date) => (most === null || (date && date > most) ? date : most), null);

/** Looked up for the rows that are counted alone, by the key of each. */
const isErased = sql<boolean>`exists(
  select from event e where e.organization_id = r.organization_id and e.id = r.event_id and e.erased_at is not null offset 0)`;

/** Without those whose payload was erased: nothing of them can be sent. @param filter `eligible` */
export async function planRejected(db: Database, organizationId: string, filter: RequestFilter): Promise<ReplayPlan> {
  const clauses = await clausesFor(db, organizationId, filter);
  if (!clauses) return { total: 0, totalCapped: false, oldest: null, newest: null, shares: [] };
  const some = matching(clauses, "asc", COUNT_WALK)
    .select(["r.definition_id", "r.created_at", isErased.as("erased")])
    .limit(MOST_COUNTED + 1);
  const kept = <T>(aggregate: string) => sql<T>`${sql.raw(aggregate)} filter (where not erased)`;
  const rows = await rowsOf(
    db.tenant(organizationId),
    queries
      .selectFrom(some.as("some"))
      .select([
        "definition_id as definitionId",
        sql<number>`count(*)`.as("found"),
        kept<number>("count(*)").as("total"),
        kept<Date | null>("min(created_at)").as("oldest"),
        kept<Date | null>("max(created_at)").as("newest"),
      ])
      .groupBy("definition_id")
      .orderBy("total", "desc")
      .orderBy("definition_id"),
  );
  const found = rows.reduce((sum, row) => sum + row.found, 0);
  const total = rows.reduce((sum, row) => sum + row.total, 0);
  const ended = found > MOST_COUNTED || clauses.rest.length === 0;
  const capped = ended ? found > MOST_COUNTED : (await endOfWalk(db, organizationId, clauses, "asc", COUNT_WALK)) !== undefined;
  return {
    total: Math.min(total, MOST_COUNTED),
    totalCapped: capped,
    oldest: first(rows.map((row) => row.oldest)),
    newest: last(rows.map((row) => row.newest)),
    shares: rows.flatMap(({ definitionId, total: share }) => (share > 0 ? [{ definitionId, total: share }] : [])),
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
