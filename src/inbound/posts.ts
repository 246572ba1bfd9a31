/** The log of posts to an inbound webhook: when, what became of it, and why; never what was posted. */
import { type Caller, demand } from "../accounts/caller.ts";
import { COUNTED } from "../accounts/keyset.ts";
import { newId } from "../clock.ts";
import type { Core } from "../core.ts";
import { type PageOf, type Slice, sliceOf } from "../requests/page.ts";

export const OUTCOMES = ["ACCEPTED", "DUPLICATE", "SKIPPED", "CHALLENGE", "REFUSED"] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** Days that an entry is kept, and of one webhook the newest so many. */
export const POST_DAYS = 7;
export const MOST_POSTS = 1_000;
/** Characters of a reason. */
const LONGEST_REASON = 500;

export interface InboundPost {
  /** UUID. */
  id: string;
  receivedAt: Date;
  outcome: Outcome;
  /** Of the answer. */
  status: number;
  reason: string | null;
  /** UUID. */
  eventId: string | null;
}

interface Noted {
  outcome: Outcome;
  status: number;
  reason?: string;
  eventId?: string | null;
}

// One statement: a webhook that was deleted meanwhile has no log.
const NOTE = `
  WITH counted AS (
    UPDATE inbound_webhook SET
      accepted_count = accepted_count + ($6 = 'ACCEPTED' OR $6 = 'SKIPPED')::int, duplicate_count = duplicate_count + ($6 = 'DUPLICATE')::int,
      refused_count = refused_count + ($6 = 'REFUSED')::int,
      last_received_at = CASE WHEN $6 = 'REFUSED' THEN last_received_at ELSE $4 END,
      last_errors = CASE WHEN $6 <> 'REFUSED' THEN last_errors ELSE (SELECT jsonb_agg(e ORDER BY n) FROM
        jsonb_array_elements($9::jsonb || COALESCE(last_errors, '[]')) WITH ORDINALITY AS t(e, n) WHERE n <= 10) END
    WHERE id = $2::uuid AND organization_id = $1::uuid RETURNING id)
  INSERT INTO inbound_post (organization_id, inbound_webhook_id, id, received_at, status, outcome, reason, event_id)
  SELECT $1::uuid, counted.id, $3::uuid, $4::timestamptz, $5::int, $6::text::inbound_outcome, $7::text, $8::uuid FROM counted`;

/** Never fails: the post was answered for what it is, logged or not. */
export async function notePost(core: Core, source: { id: string; organizationId: string }, noted: Noted): Promise<void> {
  const { outcome, status, eventId = null } = noted;
  const reason = noted.reason === undefined ? null : noted.reason.slice(0, LONGEST_REASON).toWellFormed().replaceAll("\0", "\ufffd");
  const at = core.clock.now();
  const error = JSON.stringify([{ at: at.toISOString(), status, message: reason ?? "" }]);
  await core.db.pool
    .query(NOTE, [source.organizationId, source.id, newId(core.clock), at, status, outcome, reason, eventId, error])
    .catch((failed: Error) => core.log.warn({ err: failed.message, inboundWebhookId: source.id }, "could not log an inbound post"));
}

const COLUMNS = `inbound_post.id, received_at AS "receivedAt", outcome, status, reason, event_id AS "eventId"`;

/** A page of the posts of each webhook, newest first, in one statement. @throws ForbiddenError */
export async function listPosts(
  core: Core,
  caller: Caller,
  webhookIds: readonly string[],
  page: PageOf<string>,
): Promise<Map<string, Slice<InboundPost>>> {
  demand(caller, "admin");
  const { rows } = await core.db.tenant(caller.organizationId).query<InboundPost & { webhookId: string }>(
    `SELECT w.id AS "webhookId", p.* FROM unnest($2::uuid[]) AS w (id) CROSS JOIN LATERAL (
       SELECT ${COLUMNS} FROM inbound_post WHERE organization_id = $1 AND inbound_webhook_id = w.id
         AND ($3::uuid IS NULL OR id < $3) AND ($4::uuid IS NULL OR id > $4)
       ORDER BY inbound_post.id ${page.fromBack ? "ASC" : "DESC"} LIMIT $5) p`,
    [caller.organizationId, webhookIds, page.after ?? null, page.before ?? null, page.limit + 1],
  );
  const byWebhook = Map.groupBy(rows, (row) => row.webhookId);
  return new Map(webhookIds.map((id) => [id, sliceOf(page, byWebhook.get(id) ?? [])]));
}

/** By webhook, in one statement. @throws ForbiddenError */
export async function countPosts(core: Core, caller: Caller, webhookIds: readonly string[]): Promise<Map<string, number>> {
  demand(caller, "admin");
  const { rows } = await core.db.tenant(caller.organizationId).query<{ id: string; n: number }>(
    `SELECT w.id, counted.n FROM unnest($2::uuid[]) AS w (id) CROSS JOIN LATERAL (SELECT count(*)::int AS n FROM (
       SELECT 1 FROM inbound_post WHERE organization_id = $1 AND inbound_webhook_id = w.id LIMIT $3) AS found) AS counted`,
    [caller.organizationId, webhookIds, COUNTED.take],
  );
  return new Map(rows.map(({ id, n }) => [id, n]));
}

const OLD = `
  DELETE FROM inbound_post WHERE ctid = ANY(ARRAY(SELECT ctid FROM inbound_post WHERE received_at < $1 LIMIT 5000 FOR UPDATE SKIP LOCKED))`;
const BEYOND = `
  DELETE FROM inbound_post p USING (
    SELECT w.organization_id, w.id, last.id AS until FROM inbound_webhook w CROSS JOIN LATERAL (
      SELECT id FROM inbound_post p WHERE p.inbound_webhook_id = w.id ORDER BY id DESC OFFSET $1 LIMIT 1) AS last) AS full_log
  WHERE p.organization_id = full_log.organization_id AND p.inbound_webhook_id = full_log.id AND p.id <= full_log.until`;

/** A chore: what is too old, and what is more than one webhook keeps. @param days @param most for tests */
export async function dropOldPosts(core: Core, days = POST_DAYS, most = MOST_POSTS): Promise<{ deleted: number }> {
  const old = await core.db.pool.query(OLD, [new Date(core.clock.now().getTime() - days * 86_400_000)]);
  const beyond = await core.db.pool.query(BEYOND, [most]);
  return { deleted: (old.rowCount ?? 0) + (beyond.rowCount ?? 0) };
}
