/**
 * The feed as it stands in the table. Every transaction that writes entries takes its organization's counter row
 * last and numbers them under that lock: sequence order is commit order, and a reader that sees number n sees all
 * numbers below it. So `sequence > mine ORDER BY sequence` misses nothing and repeats nothing.
 */
import type { Core } from "../core.ts";
import { BadCursorError } from "../errors.ts";
import { type RequestNode, requestNodes } from "../requests/related.ts";
import { REQUEST_COLUMNS, type RequestRow, type RequestState } from "../requests/row.ts";
import type { NotificationStatus } from "../wire/dialect.ts";

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

const COLUMNS = `sequence, kind, subject_id AS "subjectId", topic_id AS "topicId", state, attempt_count AS "attemptCount",
  next_attempt_at AS "nextAttemptAt", settled_at AS "settledAt", error_code AS "errorCode", error_description AS "errorDescription",
  url, notification_status AS "notificationStatus", snapshot, created_at AS "createdAt"`;

/**
 * Entries numbered above `after`, up to `through`, at most `limit`; only of one topic when it is named.
 * @param through bounds what a search for one topic walks over
 */
export async function readEntries(
  core: Core,
  organizationId: string,
  range: { after: number; through?: number; topicId?: string | undefined; kind?: FeedEntry["kind"]; limit: number },
): Promise<FeedEntry[]> {
  const { rows } = await core.db.pool.query<FeedEntry>({
    name: "read-feed",
    text: `SELECT ${COLUMNS} FROM feed_entry
            WHERE organization_id = $1 AND sequence > $2 AND sequence <= $3
              AND ($4::uuid IS NULL OR topic_id = $4) AND ($5::feed_kind IS NULL OR kind = $5)
            ORDER BY sequence LIMIT $6`,
    values: [organizationId, range.after, range.through ?? Number.MAX_SAFE_INTEGER, range.topicId ?? null, range.kind ?? null, range.limit],
  });
  return rows;
}

/** The number of the last committed entry. */
export async function headOf(core: Core, organizationId: string): Promise<number> {
  return (await headsOf(core, [organizationId])).get(organizationId) ?? 0;
}

export async function headsOf(core: Core, organizationIds: readonly string[]): Promise<Map<string, number>> {
  const { rows } = await core.db.pool.query<{ organization_id: string; feed_sequence: number }>(
    "SELECT organization_id, feed_sequence FROM organization_counter WHERE organization_id = ANY($1::uuid[])",
    [organizationIds],
  );
  return new Map(rows.map((row) => [row.organization_id, row.feed_sequence]));
}

/**
 * @returns the head, once it is sure that everything after the cursor is still there
 * @throws BadCursorError when entries after it were already deleted, or it lies beyond what was ever handed out
 */
export async function headAfter(core: Core, organizationId: string, sequence: number): Promise<number> {
  const { rows } = await core.db.pool.query<{ head: number; oldest: number | null }>(
    `SELECT feed_sequence AS head,
            (SELECT sequence FROM feed_entry f WHERE f.organization_id = c.organization_id ORDER BY sequence LIMIT 1) AS oldest
       FROM organization_counter c WHERE organization_id = $1`,
    [organizationId],
  );
  const { head, oldest } = rows[0] ?? { head: 0, oldest: null };
  if (sequence > head) throw new BadCursorError();
  if (sequence < (oldest ?? head + 1) - 1) {
    throw new BadCursorError("this cursor is older than what the feed keeps; read the list anew and subscribe without `after`");
  }
  return head;
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
  const { rows } = await core.db.pool.query<RequestRow>({
    name: "read-feed-requests",
    text: `SELECT ${REQUEST_COLUMNS} FROM webhook_request r WHERE r.organization_id = $1 AND r.id = ANY($2::uuid[])`,
    values: [organizationId, [...new Set(entries.map((entry) => entry.subjectId))]],
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
