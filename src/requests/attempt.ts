/** Attempts as the log holds them. Their bodies are read apart, and only when asked for: they may be large. */
import type { Database } from "../db/client.ts";
import type { AttemptOutcome } from "../wire/dialect.ts";
import { batched } from "./batch.ts";

export interface AttemptRow {
  /** UUID. */
  id: string;
  organizationId: string;
  requestId: string;
  /** Per request from 1. */
  number: number;
  outcome: AttemptOutcome;
  /** Asked for by hand: a resend, or retry now. */
  manual: boolean;
  statusCode: number | null;
  durationMs: number;
  errorCode: string | null;
  errorDescription: string | null;
  warning: string | null;
  requestUrl: string;
  responseTruncated: boolean;
  startedAt: Date;
}

/** What was sent and what came back; secrets were masked when it was written. */
export interface AttemptContent {
  requestHeaders: Record<string, unknown> | null;
  /** The exact text sent. */
  requestBody: string | null;
  responseHeaders: Record<string, unknown> | null;
  responseBody: string | null;
}

export interface AttemptNode extends AttemptRow {
  content(): Promise<AttemptContent>;
}

const COLUMNS = `a.id, a.organization_id AS "organizationId", a.request_id AS "requestId", a.number, a.outcome, a.manual,
  a.status_code AS "statusCode", a.duration_ms AS "durationMs", a.error_code AS "errorCode", a.error_description AS "errorDescription",
  a.warning, a.request_url AS "requestUrl", a.response_truncated AS "responseTruncated", a.started_at AS "startedAt"`;

/** At most so many bodies in memory for one statement: 64 KiB answers and 1 MiB requests each. */
const CONTENT_SLICE = 20;

const EMPTY: AttemptContent = { requestHeaders: null, requestBody: null, responseHeaders: null, responseBody: null };

async function readContents(pool: Database["pool"], attempts: readonly AttemptRow[]): Promise<Map<AttemptRow, AttemptContent>> {
  // A body like the first that was noted is stored once; an attempt that was cut by a kill noted none.
  const { rows } = await pool.query<AttemptContent & { id: string }>(
    `SELECT a.id, a.request_headers AS "requestHeaders", a.response_headers AS "responseHeaders",
            a.response_body AS "responseBody", COALESCE(a.request_body, (
              SELECT one.request_body FROM attempt one
              WHERE one.request_id = a.request_id AND one.request_body IS NOT NULL ORDER BY one.number LIMIT 1
            )) AS "requestBody"
       FROM attempt a WHERE a.id = ANY($1::uuid[])`,
    [attempts.map((a) => a.id)],
  );
  const found = new Map(rows.map(({ id, ...content }) => [id, content]));
  return new Map(attempts.flatMap((a) => (found.has(a.id) ? [[a, found.get(a.id) as AttemptContent]] : [])));
}

/** Makes nodes of attempts that were read together. */
export function attemptNodes(pool: Database["pool"], rows: readonly AttemptRow[]): AttemptNode[] {
  const content = batched<AttemptRow, AttemptContent>(rows, (slice) => readContents(pool, slice), CONTENT_SLICE);
  return rows.map((row) => {
    // The row itself is the batch's key, so the node must be that object.
    return Object.assign(row, { content: async () => (await content(row)) ?? EMPTY });
  });
}

/** One stretch of a request's attempts: those numbered `from` to `to`. */
export interface Window {
  requestId: string;
  from: number;
  to: number;
}

/** The attempts of each window, oldest first, in one statement. */
export async function readAttempts(pool: Database["pool"], organizationId: string, windows: readonly Window[]): Promise<AttemptNode[][]> {
  const wanted = windows.map((window, place) => ({ ...window, place })).filter((w) => w.from <= w.to);
  const answer: AttemptNode[][] = windows.map(() => []);
  if (wanted.length === 0) return answer;
  const { rows } = await pool.query<AttemptRow & { place: number }>(
    `SELECT w.place, ${COLUMNS}
       FROM unnest($2::uuid[], $3::int[], $4::int[], $5::int[]) AS w (request_id, low, high, place)
       JOIN attempt a ON a.request_id = w.request_id AND a.number BETWEEN w.low AND w.high
      WHERE a.organization_id = $1 ORDER BY w.place, a.number`,
    [organizationId, wanted.map((w) => w.requestId), wanted.map((w) => w.from), wanted.map((w) => w.to), wanted.map((w) => w.place)],
  );
  const places = rows.map((row) => row.place);
  for (const [i, node] of attemptNodes(pool, rows).entries()) answer[places[i] as number]?.push(node);
  return answer;
}

/** Those that exist, in no order. */
export async function showAttempts(db: Database, organizationId: string, ids: readonly string[]): Promise<AttemptNode[]> {
  const { rows } = await db.pool.query<AttemptRow>(
    `SELECT ${COLUMNS} FROM attempt a WHERE a.organization_id = $1 AND a.id = ANY($2::uuid[])`,
    [organizationId, ids],
  );
  return attemptNodes(db.pool, rows);
}

/** A definition's attempts over all its requests, newest first: the log as Cotalker shows it. */
export async function listAttempts(
  db: Database,
  organizationId: string,
  input: { definitionId: string; limit: number; offset: number },
): Promise<(AttemptNode & { eventId: string; requestNumber: number })[]> {
  const { rows } = await db.pool.query<AttemptRow & { eventId: string; requestNumber: number }>(
    `SELECT ${COLUMNS}, r.event_id AS "eventId", r.number AS "requestNumber" FROM webhook_request r JOIN attempt a ON a.request_id = r.id
      WHERE r.organization_id = $1 AND r.definition_id = $2 ORDER BY a.started_at DESC, a.id DESC LIMIT $3 OFFSET $4`,
    [organizationId, input.definitionId, input.limit, input.offset],
  );
  return attemptNodes(db.pool, rows) as (AttemptNode & { eventId: string; requestNumber: number })[];
}
