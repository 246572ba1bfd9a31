/** Attempts as the log holds them. Their bodies are read apart, and only when asked for: they may be large. */
import type { Database } from "../db/client.ts";
import type { Queries } from "../db/statement.ts";
import type { AttemptOutcome } from "../wire/dialect.ts";
import { attemptId, attemptPlace } from "./attempt-id.ts";
import { batched } from "./batch.ts";
import { readBodies } from "./budget.ts";
import { rangeOf } from "./id-range.ts";
import { readAttemptsById, readAttemptWindows } from "./sql/read-attempts.ts";
import { readContents } from "./sql/read-contents.ts";

export interface AttemptRow {
  /** UUID, made of its request's and its number (attempt-id.ts). */
  id: string;
  organizationId: string;
  requestId: string;
  /** Per request from 1. */
  number: number;
  outcome: AttemptOutcome;
  /** Asked for by hand: a resend, or retry now. */
  manual: boolean;
  /** Sent what the definition then made of the event, not what an earlier attempt had sent. */
  rerendered: boolean;
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

/** At most so many bodies in memory for one statement: 64 KiB answers and 1 MiB requests each. */
const CONTENT_SLICE = 20;

const EMPTY: AttemptContent = { requestHeaders: null, requestBody: null, responseHeaders: null, responseBody: null };

/** An attempt by its name. */
export interface AttemptKey {
  requestId: string;
  number: number;
}

/** What those of one organization sent and got, by their places in `attempts`: a slice after another. */
export async function contentsOf(
  pool: Queries,
  organizationId: string,
  attempts: readonly AttemptKey[],
): Promise<Map<number, AttemptContent>> {
  const found = new Map<number, AttemptContent>();
  for (let from = 0; from < attempts.length; from += CONTENT_SLICE) {
    const slice = attempts.slice(from, from + CONTENT_SLICE);
    const requests = slice.map((a) => a.requestId);
    const rows = await readBodies(
      () => readContents.rows(pool, [organizationId, requests, slice.map((a) => a.number), ...rangeOf(requests)]),
      ({ requestBody, responseBody }) => (requestBody?.length ?? 0) + (responseBody?.length ?? 0),
    );
    for (const { place, ...content } of rows) found.set(from + place - 1, content as AttemptContent);
  }
  return found;
}

async function contentsByRow(pool: Queries, attempts: readonly AttemptRow[]): Promise<Map<AttemptRow, AttemptContent>> {
  const found = await contentsOf(pool, attempts[0]?.organizationId as string, attempts);
  return new Map([...found].map(([place, content]) => [attempts[place] as AttemptRow, content]));
}

type FoundRow = Omit<AttemptRow, "id" | "outcome"> & { place: number; outcome: string };

/** Makes nodes of attempts of one organization that were read together. */
function attemptNodes(pool: Queries, found: readonly FoundRow[]): AttemptNode[] {
  const rows = found.map(({ place: _, ...row }): AttemptRow => {
    return { ...row, id: attemptId(row.requestId, row.number), outcome: row.outcome as AttemptOutcome };
  });
  const content = batched<AttemptRow, AttemptContent>(rows, (slice) => contentsByRow(pool, slice), CONTENT_SLICE);
  // The row itself is the batch's key, so the node must be that object.
  return rows.map((row) => Object.assign(row, { content: async () => (await content(row)) ?? EMPTY }));
}

/** One stretch of a request's attempts: those numbered `from` to `to`. */
export interface Window {
  requestId: string;
  from: number;
  to: number;
}

const MAX_INT4 = 2 ** 31 - 1;

/** The attempts of each window, oldest first, in one statement. */
export async function readAttempts(pool: Queries, organizationId: string, windows: readonly Window[]): Promise<AttemptNode[][]> {
  const wanted = windows.map((window, place) => ({ ...window, place })).filter((w) => w.from <= w.to);
  const answer: AttemptNode[][] = windows.map(() => []);
  if (wanted.length === 0) return answer;
  const requests = wanted.map((w) => w.requestId);
  const int = (value: number) => Math.min(value, MAX_INT4);
  const rows = await readAttemptWindows.rows(pool, [
    ...[organizationId, requests, wanted.map((w) => int(w.from)), wanted.map((w) => int(w.to)), wanted.map((w) => w.place)],
    ...rangeOf(requests),
  ]);
  for (const [i, node] of attemptNodes(pool, rows).entries()) answer[rows[i]?.place as number]?.push(node);
  return answer;
}

/** Those that exist, in no order. */
export async function showAttempts(db: Database, organizationId: string, ids: readonly string[]): Promise<AttemptNode[]> {
  const places = ids.map(attemptPlace);
  const rows = await readAttemptsById.rows(db.tenant(organizationId), [
    ...[organizationId, places.map((p) => p.lowest), places.map((p) => p.highest), places.map((p) => p.number), places.map((_, i) => i)],
    ...rangeOf(places.flatMap((p) => [p.lowest, p.highest])),
  ]);
  return attemptNodes(db.tenant(organizationId), rows);
}
