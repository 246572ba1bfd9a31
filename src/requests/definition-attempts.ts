/** The attempts of one definition over all its requests, newest first: the log as products without requests show it. */
import type { Database } from "../db/client.ts";

export interface DefinitionAttempt {
  id: string;
  requestId: string;
  /** Which try of its schedule: from 1, and from 1 again after a resend by hand. */
  tryNumber: number;
  outcome: string;
  statusCode: number | null;
  errorCode: string | null;
  errorDescription: string | null;
  responseBody: string | null;
  /** The text that was sent, also where a later attempt sent the first one's again. */
  requestBody: string | null;
  startedAt: Date;
}

/**
 * @param page at most `limit` of them, after the first `skip`
 * @param tries how many the schedule allows
 */
export async function attemptsOfDefinition(
  db: Database,
  organizationId: string,
  definitionId: string,
  page: { limit: number; skip: number },
  tries: number,
): Promise<DefinitionAttempt[]> {
  const { rows } = await db.pool.query<Omit<DefinitionAttempt, "tryNumber">>(
    `SELECT a.id, a.request_id AS "requestId", a.outcome, a.status_code AS "statusCode", a.error_code AS "errorCode", a.error_description AS "errorDescription",
       a.response_body AS "responseBody", a.started_at AS "startedAt",
       COALESCE(a.request_body, (
         SELECT f.request_body FROM attempt f WHERE f.request_id = a.request_id AND f.request_body IS NOT NULL ORDER BY f.number LIMIT 1
       )) AS "requestBody"
     FROM attempt a JOIN webhook_request r ON r.id = a.request_id
     WHERE r.organization_id = $1 AND r.definition_id = $2
     ORDER BY a.started_at DESC, r.number DESC, a.number DESC LIMIT $3 OFFSET $4`,
    [organizationId, definitionId, page.limit, page.skip],
  );
  const numbers = await tryNumbers(db, organizationId, [...new Set(rows.map((row) => row.requestId))], tries);
  return rows.map((row) => ({ ...row, tryNumber: numbers.get(row.id) ?? 1 }));
}

interface Past {
  id: string;
  requestId: string;
  outcome: string;
  manual: boolean;
}

/**
 * An attempt keeps its number among all of its request, not its place in the schedule. A call by hand after the last
 * try, or after a success, is a resend, which starts the schedule anew; any other one is the next try, made early.
 * What a dying worker interrupted uses up no try.
 */
async function tryNumbers(db: Database, organizationId: string, requestIds: string[], tries: number): Promise<Map<string, number>> {
  const { rows } = await db.pool.query<Past>(
    `SELECT id, request_id AS "requestId", outcome, manual FROM attempt
     WHERE organization_id = $1 AND request_id = ANY($2::uuid[]) ORDER BY request_id, number`,
    [organizationId, requestIds],
  );
  const numbers = new Map<string, number>();
  let used = 0;
  for (const [i, row] of rows.entries()) {
    const before = rows[i - 1]?.requestId === row.requestId ? rows[i - 1] : undefined;
    if (!before || (row.manual && (used >= tries || before.outcome === "DELIVERED"))) used = 0;
    numbers.set(row.id, used + 1);
    if (row.outcome !== "INTERRUPTED") used++;
  }
  return numbers;
}
