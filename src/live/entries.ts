/**
 * The numbered feed as it stands in the table. A row holds the changes of one transaction, numbered
 * `sequence - changes + 1` … `sequence`; a cursor may point into the midst of one. Numbers have no gaps, so a reader
 * proves for each stretch that all of it was there: what retention took is an error, never a silent skip.
 */
import type { Core } from "../core.ts";
import { CHANGES_PER_ROW, type Change, decodeBody } from "../delivery/changes.ts";
import { BadCursorError } from "../errors.ts";
import { type RequestNode, requestNodes } from "../requests/related.ts";
import { isSettled, REQUEST_COLUMNS, type RequestRow, type RequestState } from "../requests/row.ts";
import type { NotificationStatus } from "../wire/dialect.ts";
import { readStretch } from "./sql/read-stretch.ts";

export interface FeedEntry {
  sequence: number;
  kind: "REQUEST" | "GOAL_VALUE";
  /** The request or the goal value. */
  subjectId: string;
  /** The definition or the goal. */
  topicId: string;
  state: RequestState | null;
  attemptCount: number | null;
  nextAttemptAt: Date | null;
  settledAt: Date | null;
  errorCode: string | null;
  errorDescription: string | null;
  url: string | null;
  notificationStatus: NotificationStatus | null;
  snapshot: unknown;
  createdAt: Date;
}

const NOTHING = {
  state: null,
  attemptCount: null,
  nextAttemptAt: null,
  settledAt: null,
  errorCode: null,
  errorDescription: null,
  url: null,
  notificationStatus: null,
  snapshot: null,
};

/** @param at the moment of its transaction */
function entryOf(change: Change, sequence: number, at: Date): FeedEntry {
  if (change.kind === "GOAL_VALUE") {
    const { kind, goalValueId, goalId, snapshot } = change;
    return { ...NOTHING, sequence, kind, subjectId: goalValueId, topicId: goalId, snapshot, createdAt: at };
  }
  const { kind, requestId, definitionId, attemptCount, waitMs, errorCode, errorDescription, url, notificationStatus } = change;
  const state = change.state as RequestState;
  return {
    ...{ ...NOTHING, sequence, kind, subjectId: requestId, topicId: definitionId, state, attemptCount, createdAt: at },
    nextAttemptAt: waitMs === null ? null : new Date(at.getTime() + waitMs),
    settledAt: isSettled(state) ? at : null,
    ...{ errorCode, errorDescription, url, notificationStatus },
  };
}

/**
 * The entries numbered `after` + 1 … `through`; only of one topic and kind when they are named.
 * @param range.through at most how far the feed is numbered
 * @throws BadCursorError when some of them are no longer there
 */
export async function readEntries(
  core: Core,
  organizationId: string,
  range: { after: number; through: number; topicId?: string | undefined; kind?: FeedEntry["kind"] },
): Promise<FeedEntry[]> {
  const { after, through, topicId, kind } = range;
  if (through <= after) return [];
  // The row that holds `through` may end later, by less than a row's most.
  const rows = await readStretch.rows(core.db.pool, [organizationId, after, through + CHANGES_PER_ROW - 1, topicId ?? null]);
  const entries: FeedEntry[] = [];
  let covered = after;
  for (const row of rows) {
    if (covered >= through) break;
    const before = row.sequence - row.changes;
    if (before > covered) throw new BadCursorError(OVERTAKEN);
    covered = row.sequence;
    if (row.body === null) continue;
    const { at, changes } = decodeBody(row.body);
    for (const [i, change] of changes.entries()) {
      const entry = entryOf(change, before + i + 1, at);
      if (entry.sequence <= after || entry.sequence > through) continue;
      if ((topicId === undefined || entry.topicId === topicId) && (kind === undefined || entry.kind === kind)) entries.push(entry);
    }
  }
  if (covered < through) throw new BadCursorError(OVERTAKEN);
  return entries;
}

const OVERTAKEN = "this cursor is older than what the feed keeps; read the list anew and subscribe without `after`";

/**
 * @param head how far the feed is numbered
 * @throws BadCursorError when the entry after the cursor was already deleted, or it lies beyond what was ever handed out
 */
export async function demandKept(core: Core, organizationId: string, sequence: number, head: number): Promise<void> {
  if (sequence > head) throw new BadCursorError();
  await readEntries(core, organizationId, { after: sequence, through: Math.min(sequence + 1, head) });
}

/** The request as of that change: what moves during delivery comes from the entry, the rest never changes. */
function asOf(row: RequestRow, entry: FeedEntry): RequestRow {
  return {
    ...row,
    state: entry.state ?? row.state,
    attemptCount: entry.attemptCount ?? row.attemptCount,
    nextAttemptAt: entry.nextAttemptAt,
    settledAt: entry.settledAt,
    errorCode: entry.errorCode,
    errorDescription: entry.errorDescription,
    url: entry.url ?? row.url,
    notificationStatus: entry.notificationStatus,
    updatedAt: entry.createdAt,
  };
}

/** The requests of these entries by sequence, each as of its entry; those deleted since are left out. */
export async function requestsAsOf(core: Core, organizationId: string, entries: readonly FeedEntry[]): Promise<Map<number, RequestNode>> {
  if (entries.length === 0) return new Map();
  const ids = [...new Set(entries.map((entry) => entry.subjectId))].sort();
  const { rows } = await core.db.pool.query<RequestRow>({
    name: "read-feed-requests",
    text: `SELECT ${REQUEST_COLUMNS} FROM webhook_request r WHERE r.organization_id = $1::uuid AND r.id = ANY($2::uuid[])
       AND r.id >= $3::uuid AND r.id <= $4::uuid`,
    // The lowest and the highest prune partitions.
    values: [organizationId, ids, ids[0], ids.at(-1)],
  });
  const byId = new Map(rows.map((row) => [row.id, row]));
  const sequences: number[] = [];
  const shown: RequestRow[] = [];
  for (const entry of entries) {
    const row = byId.get(entry.subjectId);
    if (!row) continue;
    sequences.push(entry.sequence);
    shown.push(asOf(row, entry));
  }
  return new Map(requestNodes(core.db, shown).map((node, i) => [sequences[i] as number, node]));
}
