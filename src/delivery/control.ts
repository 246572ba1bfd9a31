/**
 * What operators do to lanes and requests. Every move takes the lane's row lock first, keeps the lane's order, and counts
 * its revision up, so that a worker which holds the lane reads its queue again. What is in flight is left alone.
 */
import type { Core } from "../core.ts";
import type { PoolClient } from "../db/client.ts";
import { ConflictError, NotFoundError } from "../errors.ts";
import { takeSequences } from "./lane-enqueue.ts";

interface Target {
  id: string;
  definition_id: string;
  lane_id: string;
  lane_number: number;
  position: number;
  state: string;
  dialect: string;
  ordering: string | null;
  blocked_request_id: string | null;
  head: string | null;
  deleted: boolean;
}

const LOCK_LANE =
  "SELECT l.id FROM lane l JOIN webhook_request r ON r.lane_id = l.id WHERE r.id = $1 AND r.organization_id = $2 FOR UPDATE OF l";

/** Read after the lane is locked: nothing of it changes any more. */
const TARGET = `
  SELECT r.id, r.definition_id, r.lane_id, r.lane_number, r.position, r.state, r.dialect, d.ordering, l.blocked_request_id,
    d.deleted_at IS NOT NULL AS deleted,
    (SELECT e.request_id FROM lane_entry e WHERE e.lane_id = l.id ORDER BY e.position LIMIT 1) AS head
  FROM webhook_request r JOIN lane l ON l.id = r.lane_id JOIN webhook_definition d ON d.id = r.definition_id
  WHERE r.id = $1 AND r.organization_id = $2`;

async function withRequest(
  core: Core,
  organizationId: string,
  requestId: string,
  move: (client: PoolClient, target: Target) => Promise<void>,
): Promise<void> {
  await core.db.transaction(async (client) => {
    await client.query(LOCK_LANE, [requestId, organizationId]);
    const { rows } = await client.query<Target>(TARGET, [requestId, organizationId]);
    const target = rows[0];
    if (!target) {
      const test = await client.query("SELECT 1 FROM webhook_request WHERE id = $1 AND organization_id = $2", [requestId, organizationId]);
      if (test.rowCount) throw new ConflictError("a test stands outside every lane; send another test instead", "NOT_IN_A_LANE");
      throw new NotFoundError("the webhook request");
    }
    await move(client, target);
    await client.query(
      `UPDATE lane SET revision = revision + 1, retry_at = NULL,
         blocked_request_id = CASE WHEN blocked_request_id = $2 THEN NULL ELSE blocked_request_id END,
         blocked_reason = CASE WHEN blocked_request_id = $2 OR blocked_request_id IS NULL THEN NULL ELSE blocked_reason END
       WHERE id = $1`,
      [target.lane_id, requestId],
    );
    await publishRequest(client, organizationId, requestId);
    await client.query(core.notify.statement("lane", [target.lane_id]));
    await client.query(core.notify.statement("feed", [organizationId]));
  });
}

/** Publishes a request as it now is on the live feed. Takes the organization's counter lock: call it last. */
export async function publishRequest(client: PoolClient, organizationId: string, requestId: string): Promise<void> {
  const sequences = await takeSequences(client, new Map([[organizationId, { requests: 0, entries: 1 }]]));
  await client.query(
    `INSERT INTO feed_entry (organization_id, sequence, kind, subject_id, topic_id, state, attempt_count, next_attempt_at, settled_at,
       error_code, error_description, url, notification_status)
     SELECT organization_id, $3, 'REQUEST', id, definition_id, state, attempt_count, next_attempt_at, settled_at, error_code,
       error_description, url, notification_status
     FROM webhook_request WHERE id = $1 AND organization_id = $2`,
    [requestId, organizationId, (sequences.get(organizationId)?.sequence ?? 0) + 1],
  );
}

const SETTLED = new Set(["DELIVERED", "REJECTED", "SKIPPED", "CANCELLED"]);

/** Whether it is what its lane waits for: the head of a strict lane; in a free lane every request waits alone. */
function isWaiting(target: Target): boolean {
  if (target.blocked_request_id === target.id) return true;
  const free = target.ordering === "NONE" || (target.ordering === null && ["CRMCOM", "DOFORMS", "SUPEROFFICE"].includes(target.dialect));
  return target.state === "WAITING" && (free || target.head === target.id);
}

const QUEUE_AGAIN = `
  UPDATE webhook_request SET state = 'PENDING', tries = CASE WHEN $2 THEN 0 ELSE tries END, manual = true, next_attempt_at = NULL, settled_at = NULL, failed = false,
    error_code = NULL, error_description = NULL, position = $3, updated_at = now(), updated_by_id = COALESCE($4, updated_by_id),
    updated_unit = CASE WHEN $4::uuid IS NULL THEN updated_unit ELSE $5 END,
    notification_status = CASE WHEN notification_status IS NULL THEN NULL ELSE 'NEW'::notification_status END,
    notification_message = NULL
  WHERE id = $1`;

/**
 * Sends a settled request again: same number, same id, before what is pending in its lane, never beside one in flight;
 * its schedule starts anew.
 * @throws ConflictError when it is not settled, or was delivered and `force` is not set
 */
export function resend(
  core: Core,
  organizationId: string,
  requestId: string,
  options: { force?: boolean; userId?: string | undefined; unit?: string | undefined } = {},
): Promise<void> {
  return withRequest(core, organizationId, requestId, async (client, target) => {
    if (!SETTLED.has(target.state)) throw new ConflictError("the request is not settled yet", "NOT_SETTLED");
    if (target.state === "DELIVERED" && !options.force)
      throw new ConflictError("the request was delivered; send it again with force: true", "NOT_REJECTED");
    if (target.deleted) throw new ConflictError("its webhook definition was deleted", "DEFINITION_DELETED");
    if (target.blocked_request_id === target.id) {
      await client.query(QUEUE_AGAIN, [target.id, true, target.position, options.userId ?? null, options.unit ?? null]);
      return;
    }
    // Its own number puts it before everything younger; only where a requeued one took that place it goes to the very front.
    const { rows } = await client.query<{ position: number }>(
      `SELECT CASE WHEN EXISTS (SELECT 1 FROM lane_entry WHERE lane_id = $1 AND position = $2)
         THEN (SELECT min(position) - 1 FROM lane_entry WHERE lane_id = $1) ELSE $2 END AS position`,
      [target.lane_id, target.lane_number],
    );
    const position = rows[0]?.position ?? target.lane_number;
    await client.query(QUEUE_AGAIN, [target.id, true, position, options.userId ?? null, options.unit ?? null]);
    await client.query("INSERT INTO lane_entry (lane_id, position, request_id) VALUES ($1, $2, $3)", [target.lane_id, position, target.id]);
  });
}

/** @throws ConflictError unless it is the waiting or blocked head of its lane */
export function skip(core: Core, organizationId: string, requestId: string): Promise<void> {
  return withRequest(core, organizationId, requestId, async (client, target) => {
    if (!isWaiting(target)) throw new ConflictError("only the waiting or blocked head of a lane can be skipped", "NOT_WAITING");
    await settleByHand(client, target, "SKIPPED");
  });
}

/** @throws ConflictError unless it is PENDING or WAITING */
export function cancel(core: Core, organizationId: string, requestId: string): Promise<void> {
  return withRequest(core, organizationId, requestId, async (client, target) => {
    if (target.state !== "PENDING" && target.state !== "WAITING")
      throw new ConflictError(`a request that is ${target.state} cannot be cancelled`, "NOT_PENDING");
    await settleByHand(client, target, "CANCELLED");
  });
}

async function settleByHand(client: PoolClient, target: Target, state: "SKIPPED" | "CANCELLED"): Promise<void> {
  await client.query(
    "UPDATE webhook_request SET state = $2::webhook_request_state, failed = true, settled_at = now(), next_attempt_at = NULL, updated_at = now() WHERE id = $1",
    [target.id, state],
  );
  await client.query("DELETE FROM lane_entry WHERE lane_id = $1 AND position = $2", [target.lane_id, target.position]);
}

/** Tries the waiting or blocked head at once. @throws ConflictError for any other request */
export function retryNow(core: Core, organizationId: string, requestId: string): Promise<void> {
  return withRequest(core, organizationId, requestId, async (client, target) => {
    if (!isWaiting(target)) throw new ConflictError("only the waiting or blocked head of a lane can be tried now", "NOT_WAITING");
    await client.query(QUEUE_AGAIN, [target.id, target.blocked_request_id === target.id, target.position, null, null]);
    await client.query("UPDATE lane_entry SET due_at = NULL WHERE lane_id = $1 AND position = $2", [target.lane_id, target.position]);
  });
}

/** Deletes a settled request and its attempts; its event stays. @throws ConflictError when it is not settled, or blocks its lane */
export async function remove(core: Core, organizationId: string, requestId: string): Promise<void> {
  await core.db.transaction(async (client) => {
    await client.query(LOCK_LANE, [requestId, organizationId]);
    const { rows } = await client.query<{ state: string; blocks: boolean }>(
      `SELECT r.state, EXISTS (SELECT 1 FROM lane l WHERE l.id = r.lane_id AND l.blocked_request_id = r.id) AS blocks
       FROM webhook_request r WHERE r.id = $1 AND r.organization_id = $2`,
      [requestId, organizationId],
    );
    const found = rows[0];
    if (!found) throw new NotFoundError("the webhook request");
    if (!SETTLED.has(found.state))
      throw new ConflictError(`a request that is ${found.state} cannot be deleted; cancel it first`, "NOT_SETTLED");
    if (found.blocks) throw new ConflictError("the request blocks its lane; resend or skip it first", "BLOCKS_LANE");
    await client.query("DELETE FROM attempt WHERE request_id = $1", [requestId]);
    await client.query("DELETE FROM webhook_request WHERE id = $1", [requestId]);
  });
}

async function setPaused(core: Core, organizationId: string, laneId: string, paused: boolean): Promise<void> {
  await core.db.transaction(async (client) => {
    const changed = await client.query(
      `UPDATE lane SET paused_at = CASE WHEN $3 THEN COALESCE(paused_at, now()) END, revision = revision + 1 WHERE id = $1 AND organization_id = $2`,
      [laneId, organizationId, paused],
    );
    if (changed.rowCount === 0) throw new NotFoundError("the lane");
    await client.query(core.notify.statement("lane", [laneId]));
  });
}

/** Nothing more of the lane is sent; new events still join it. Idempotent. */
export function pauseLane(core: Core, organizationId: string, laneId: string): Promise<void> {
  return setPaused(core, organizationId, laneId, true);
}

export function resumeLane(core: Core, organizationId: string, laneId: string): Promise<void> {
  return setPaused(core, organizationId, laneId, false);
}

const LOCK_LANES = "SELECT id FROM lane WHERE definition_id = ANY($1::uuid[]) ORDER BY definition_id, key FOR UPDATE";

/** In the caller's transaction, when definitions stop being ACTIVE: what is queued is kept. */
export async function stopLanes(client: PoolClient, definitionIds: readonly string[]): Promise<void> {
  await client.query(LOCK_LANES, [definitionIds]);
  await client.query(
    "UPDATE lane SET stopped_at = now(), revision = revision + 1 WHERE definition_id = ANY($1::uuid[]) AND stopped_at IS NULL",
    [definitionIds],
  );
}

/** What operators set going again: to be published (`publishFreed`) once the definitions are changed. */
export interface Freed {
  lanes: string[];
  /** Blocked heads that are tried anew. */
  requests: string[];
}

/** In the caller's transaction: lanes that stand blocked go on, their heads are tried anew. Locks all lanes of the definitions. */
export async function unblockLanes(client: PoolClient, definitionIds: readonly string[]): Promise<Freed> {
  await client.query(LOCK_LANES, [definitionIds]);
  const { rows } = await client.query<{ id: string; laneId: string }>(
    `UPDATE webhook_request r SET state = 'PENDING', tries = 0, failed = false, settled_at = NULL, updated_at = now()
     FROM lane l WHERE l.definition_id = ANY($1::uuid[]) AND r.id = l.blocked_request_id RETURNING r.id, l.id AS "laneId"`,
    [definitionIds],
  );
  const lanes = rows.map((row) => row.laneId);
  if (lanes.length > 0) {
    await client.query(
      "UPDATE lane SET retry_at = NULL, blocked_request_id = NULL, blocked_reason = NULL, revision = revision + 1 WHERE id = ANY($1::uuid[])",
      [lanes],
    );
  }
  return { lanes, requests: rows.map((row) => row.id) };
}

/**
 * In the caller's transaction, when definitions become ACTIVE: their lanes go on in order at once, with the count of errors
 * at 0; a blocked head is tried anew, tries used of the others stay used.
 */
export async function activateLanes(client: PoolClient, definitionIds: readonly string[]): Promise<Freed> {
  const { requests } = await unblockLanes(client, definitionIds);
  await client.query(
    `UPDATE webhook_request r SET state = 'PENDING', next_attempt_at = NULL, updated_at = now()
     FROM lane_entry e JOIN lane l ON l.id = e.lane_id
     WHERE l.definition_id = ANY($1::uuid[]) AND e.due_at IS NOT NULL AND r.id = e.request_id AND r.state = 'WAITING'`,
    [definitionIds],
  );
  await client.query(
    "UPDATE lane_entry e SET due_at = NULL FROM lane l WHERE l.id = e.lane_id AND l.definition_id = ANY($1::uuid[]) AND e.due_at IS NOT NULL",
    [definitionIds],
  );
  const { rows } = await client.query<{ id: string }>(
    "UPDATE lane SET stopped_at = NULL, retry_at = NULL, revision = revision + 1 WHERE definition_id = ANY($1::uuid[]) RETURNING id",
    [definitionIds],
  );
  await client.query("UPDATE definition_counter SET consecutive_errors = 0 WHERE definition_id = ANY($1::uuid[])", [definitionIds]);
  return { lanes: rows.map((row) => row.id), requests };
}

/** Wakes lanes and tells who watches. Takes the organization's counter lock: call it last. */
export async function publishFreed(core: Core, client: PoolClient, organizationId: string, freed: Freed): Promise<void> {
  for (const id of freed.requests) await publishRequest(client, organizationId, id);
  if (freed.requests.length > 0) await client.query(core.notify.statement("feed", [organizationId]));
  if (freed.lanes.length > 0) await client.query(core.notify.statement("lane", freed.lanes));
}
