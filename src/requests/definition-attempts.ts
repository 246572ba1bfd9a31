/** The attempts of one definition over all its requests, newest first: the log as products without requests show it. */
import type { Database } from "../db/client.ts";

export interface DefinitionAttempt {
  id: string;
  number: number;
  outcome: string;
  statusCode: number | null;
  errorCode: string | null;
  errorDescription: string | null;
  responseBody: string | null;
  /** The text that was sent, also where a later attempt sent the first one's again. */
  requestBody: string | null;
  startedAt: Date;
}

/** @param page at most `limit` of them, after the first `skip` */
export async function attemptsOfDefinition(
  db: Database,
  organizationId: string,
  definitionId: string,
  page: { limit: number; skip: number },
): Promise<DefinitionAttempt[]> {
  const { rows } = await db.pool.query<DefinitionAttempt>(
    `SELECT a.id, a.number, a.outcome, a.status_code AS "statusCode", a.error_code AS "errorCode", a.error_description AS "errorDescription",
       a.response_body AS "responseBody", a.started_at AS "startedAt",
       COALESCE(a.request_body, (
         SELECT f.request_body FROM attempt f WHERE f.request_id = a.request_id AND f.request_body IS NOT NULL ORDER BY f.number LIMIT 1
       )) AS "requestBody"
     FROM attempt a JOIN webhook_request r ON r.id = a.request_id
     WHERE r.organization_id = $1 AND r.definition_id = $2
     ORDER BY a.started_at DESC, r.number DESC, a.number DESC LIMIT $3 OFFSET $4`,
    [organizationId, definitionId, page.limit, page.skip],
  );
  return rows;
}
