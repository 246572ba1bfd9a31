/** The attempts of one definition over all its requests, newest first: the log as products without requests show it. */
import type { Database } from "../db/client.ts";
import { contentsOf } from "./attempt.ts";
import { attemptId } from "./attempt-id.ts";
import { rangeOf } from "./id-range.ts";
import { listDefinitionAttempts, readPastAttempts } from "./sql/definition-attempts.ts";

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
 * By when they were sent, newest first; one of a request with more than a thousand attempts of later requests may stand further back.
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
  const rows = await listDefinitionAttempts.rows(db.tenant(organizationId), [organizationId, definitionId, page.limit, page.skip]);
  const numbers = await tryNumbers(db, organizationId, [...new Set(rows.map((row) => row.requestId))], tries);
  const contents = await contentsOf(db.tenant(organizationId), organizationId, rows);
  return rows.map(({ number, ...row }, place) => {
    const id = attemptId(row.requestId, number);
    const { responseBody = null, requestBody = null } = contents.get(place) ?? {};
    return { ...row, id, responseBody, requestBody, tryNumber: numbers.get(id) ?? 1 };
  });
}

/**
 * An attempt keeps its number among all of its request, not its place in the schedule. A call by hand after the last
 * try, or after a success, is a resend, which starts the schedule anew; any other one is the next try, made early.
 * What a dying worker interrupted uses up no try.
 */
async function tryNumbers(db: Database, organizationId: string, requestIds: string[], tries: number): Promise<Map<string, number>> {
  const rows = await readPastAttempts.rows(db.tenant(organizationId), [organizationId, requestIds, ...rangeOf(requestIds)]);
  const numbers = new Map<string, number>();
  let used = 0;
  for (const [i, row] of rows.entries()) {
    const before = rows[i - 1]?.requestId === row.requestId ? rows[i - 1] : undefined;
    if (!before || (row.manual && (used >= tries || before.outcome === "DELIVERED"))) used = 0;
    numbers.set(attemptId(row.requestId, row.number), used + 1);
    if (row.outcome !== "INTERRUPTED") used++;
  }
  return numbers;
}
