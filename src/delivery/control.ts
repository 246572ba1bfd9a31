/**
 * What operators do to requests. Every move takes the lane's row lock first and the request's second, keeps the lane's
 * order, and counts its revision up, so that a worker which holds the lane reads its queue again. What is in flight is left
 * alone. Deletion takes the request's lock too: a request is either there with its place in the queue, or gone.
 */
import { type AuditCaller, audit } from "../accounts/audit.ts";
import type { Core } from "../core.ts";
import type { PoolClient } from "../db/client.ts";
import { ConflictError, NotFoundError } from "../errors.ts";
import type { DialectName } from "../wire/dialect.ts";
import { isLeaving } from "./closed-partition.ts";
import { laneRef } from "./lane-id.ts";
import { laneForRequest } from "./lane-of-request.ts";
import { touchLane } from "./lane-touch.ts";
import { publish } from "./publish.ts";
import { requestAsChange } from "./sql/request-as-change.ts";

interface Target {
  id: string;
  definition_id: string;
  event_id: string;
  lane_id: string;
  /** Where it was last. */
  own_lane_id: string;
  number: number;
  lane_number: number;
  position: number;
  state: string;
  settled_at: Date | null;
  free: boolean;
  blocked_request_id: string | null;
  head: string | null;
  /** The definition's, which may have been changed since. */
  dialect: DialectName;
  deleted: boolean;
  /** The oid of its partition. */
  table: number;
}

/** Read after the lane is locked: nothing of it changes any more. */
const TARGET = `
  SELECT r.id, r.definition_id, r.event_id, l.id AS lane_id, r.lane_id AS own_lane_id, r.number, r.lane_number, r.position, r.state, r.settled_at, l.free, l.blocked_request_id,
    d.dialect, d.deleted_at IS NOT NULL AS deleted, r.tableoid AS table,
    (SELECT e.request_id FROM lane_entry e WHERE e.organization_id = l.organization_id AND e.lane_id = l.id ORDER BY e.position LIMIT 1) AS head
  FROM webhook_request r JOIN lane l ON l.organization_id = r.organization_id AND l.id = $3
    JOIN webhook_definition d ON d.id = r.definition_id
  WHERE r.id = $1 AND r.organization_id = $2 FOR UPDATE OF r`;

/** Who asks for a move, and what the audit log calls it; undefined: a chore, whose job was audited when it was asked for. */
interface Asked {
  by: AuditCaller | undefined;
  action: string;
  after?: object | undefined;
}

async function withRequest(
  core: Core,
  organizationId: string,
  requestId: string,
  { by, action, after }: Asked,
  move: (client: PoolClient, target: Target) => Promise<void>,
): Promise<void> {
  const once = async (client: PoolClient) => {
    const laneId = await laneForRequest(client, organizationId, requestId);
    const { rows } = await client.query<Target>(TARGET, [requestId, organizationId, laneId]);
    const target = rows[0];
    if (!target) throw new NotFoundError("the webhook request");
    if (target.own_lane_id !== target.lane_id && (await waitsElsewhere(client, organizationId, target))) throw new SentMeanwhile();
    await move(client, target);
    if (by)
      await audit(core, by, `webhookRequest.${action}`, { type: "WebhookRequest", id: requestId }, { state: target.state }, after, client);
    await touchLane(client, organizationId, target.lane_id, requestId);
    await publishRequest(client, organizationId, requestId);
    await client.query(core.notify.statement("lane", [laneRef(organizationId, target.lane_id)]));
    await client.query(core.notify.statement("feed", [organizationId]));
  };
  for (let tries = 1; ; tries++) {
    try {
      return await core.db.transaction(once);
    } catch (error) {
      if (!(error instanceof SentMeanwhile) || tries === TRIES) throw error;
    }
  }
}

/** Its lane was chosen before it was locked, and somebody has put it into another one: then all begins anew. */
class SentMeanwhile extends ConflictError {
  constructor() {
    super("the request is being sent again", "NOT_SETTLED");
  }
}
const TRIES = 3;

/** Asked once it is locked, in a statement of its own. */
async function waitsElsewhere(client: PoolClient, organizationId: string, { id, own_lane_id, position }: Target): Promise<boolean> {
  const { rowCount } = await client.query(
    "SELECT 1 FROM lane_entry WHERE organization_id = $1 AND lane_id = $2 AND position = $3 AND request_id = $4",
    [organizationId, own_lane_id, position, id],
  );
  return rowCount !== 0;
}

/**
 * Below all that a lane hands out, in the order of the requests' numbers: for those that come from the lane of an earlier ordering,
 * whose own numbers are another count, and which are older than all that is here.
 */
const FROM_OTHER_LANES = -(2 ** 52);

function placeOf({ own_lane_id, lane_id, number, lane_number, position }: Target): number {
  if (own_lane_id !== lane_id) return FROM_OTHER_LANES + number;
  // It has come from another lane before, or went to the front.
  return position < 0 ? position : lane_number;
}

/** Publishes a request as it now is on the live feed: call it last, see changes.ts. */
export async function publishRequest(client: PoolClient, organizationId: string, requestId: string): Promise<void> {
  await publishRequests(client, organizationId, [requestId]);
}

export async function publishRequests(client: PoolClient, organizationId: string, requestIds: readonly string[]): Promise<void> {
  const rows = await requestAsChange.rows(client, [organizationId, requestIds]);
  const changes = rows.map((row) => ({
    kind: "REQUEST" as const,
    requestId: row.id,
    definitionId: row.definition_id,
    state: row.state,
    attemptCount: row.attempt_count,
    waitMs: row.wait_ms,
    errorCode: row.error_code,
    errorDescription: row.error_description,
    url: row.url,
    notificationStatus: row.notification_status as "NEW" | null,
  }));
  await publish(client, new Map([[organizationId, changes]]));
}

/** Asked once the request is locked, in a statement of its own: an erasure that held it is done then. */
async function isErased(client: PoolClient, organizationId: string, eventId: string): Promise<boolean> {
  const { rowCount } = await client.query("SELECT 1 FROM event WHERE organization_id = $1 AND id = $2 AND erased_at IS NOT NULL", [
    organizationId,
    eventId,
  ]);
  return rowCount !== 0;
}

const SETTLED = new Set(["DELIVERED", "REJECTED", "SKIPPED", "CANCELLED"]);

/** Whether it is what its lane waits for: the head of a strict lane; in a free lane every request waits alone. */
function isWaiting(target: Target): boolean {
  if (target.blocked_request_id === target.id) return true;
  return target.state === "WAITING" && (target.free || target.head === target.id);
}

const QUEUE_AGAIN = `
  UPDATE webhook_request SET state = 'PENDING', tries = CASE WHEN $3 THEN 0 ELSE tries END, manual = true, next_attempt_at = NULL, settled_at = NULL, failed = false,
    error_code = NULL, error_description = NULL, position = $4, lane_id = $7,
    lane_number = LEAST(lane_number, (SELECT l.last_number FROM lane l WHERE l.organization_id = $2 AND l.id = $7)), rerender = COALESCE($8, rerender), dialect = CASE WHEN $8 THEN $9::dialect ELSE dialect END, updated_at = now(), updated_by_id = COALESCE($5, updated_by_id),
    updated_unit = CASE WHEN $5::uuid IS NULL THEN updated_unit ELSE $6 END,
    notification_status = CASE WHEN CASE WHEN $8 THEN $9::dialect ELSE dialect END = 'DOFORMS' THEN 'NEW'::notification_status END,
    notification_message = NULL
  WHERE id = $1 AND organization_id = $2`;

/** What was read a statement ago may be outside by now, with the partition that retention takes out: then nothing of the move is kept. */
function demandChanged({ rowCount }: { rowCount: number | null }): void {
  if (rowCount !== 1) throw new NotFoundError("the webhook request");
}

const queueAgain = async (client: PoolClient, values: unknown[]) => demandChanged(await client.query(QUEUE_AGAIN, values));

/** In a free lane an entry always has a due time. */
const DUE_NOW = "CASE WHEN $4 THEN '-infinity'::timestamptz END";

/**
 * Sends a settled request again: same number, same id, before what is pending in its lane, never beside one in flight;
 * its schedule starts anew.
 * @param options.rerender by the definition as it is now, not the bytes of the earlier attempts
 * @param options.settledBy only as it was settled by then: not once somebody sent it again, and it was delivered
 * @param options.with what is written with it, before anything of it is
 * @throws ConflictError when it is not settled, or was delivered and `force` is not set
 */
export function resend(
  core: Core,
  organizationId: string,
  requestId: string,
  options: {
    force?: boolean;
    rerender?: boolean;
    settledBy?: Date;
    userId?: string | undefined;
    unit?: string | undefined;
    by?: AuditCaller | undefined;
    with?: (client: PoolClient) => Promise<void>;
  } = {},
): Promise<void> {
  const { unit = null, rerender = false, force = false, by } = options;
  const userId = options.userId ?? by?.userId ?? null;
  return withRequest(core, organizationId, requestId, { by, action: "resend", after: { force, rerender } }, async (client, target) => {
    if (!SETTLED.has(target.state)) throw new ConflictError("the request is not settled yet", "NOT_SETTLED");
    if (target.state === "DELIVERED" && !options.force)
      throw new ConflictError("the request was delivered; send it again with force: true", "NOT_REJECTED");
    if (options.settledBy && target.settled_at && target.settled_at > options.settledBy)
      throw new ConflictError("the request was sent again, and settled, meanwhile", "SETTLED_MEANWHILE");
    if (target.deleted) throw new ConflictError("its webhook definition was deleted", "DEFINITION_DELETED");
    if (await isLeaving(client, target.table)) throw new NotFoundError("the webhook request");
    if (await isErased(client, organizationId, target.event_id))
      throw new ConflictError("its payload was erased: there is nothing left to send", "PAYLOAD_ERASED");
    await options.with?.(client);
    if (target.blocked_request_id === target.id) {
      await queueAgain(client, [target.id, organizationId, true, target.position, userId, unit, target.lane_id, rerender, target.dialect]);
      return;
    }
    // Its own number puts it before everything younger; only where a requeued one took that place it goes to the very front.
    const place = placeOf(target);
    const { rows } = await client.query<{ position: number }>(
      `SELECT CASE WHEN EXISTS (SELECT 1 FROM lane_entry WHERE organization_id = $1 AND lane_id = $2 AND position = $3)
         THEN (SELECT min(position) - 1 FROM lane_entry WHERE organization_id = $1 AND lane_id = $2) ELSE $3 END AS position`,
      [organizationId, target.lane_id, place],
    );
    const position = rows[0]?.position ?? place;
    const again = [target.id, organizationId, true, position, userId, unit, target.lane_id, rerender, target.dialect];
    await queueAgain(client, again);
    await client.query(
      `INSERT INTO lane_entry (organization_id, lane_id, position, request_id, due_at) VALUES ($1, $2, $3, $5, ${DUE_NOW})`,
      [organizationId, target.lane_id, position, target.free, target.id],
    );
    await client.query("UPDATE lane SET read_from = LEAST(read_from, $3) WHERE organization_id = $1 AND id = $2", [
      organizationId,
      target.lane_id,
      position,
    ]);
  });
}

/** @throws ConflictError unless it is the waiting or blocked head of its lane */
export function skip(core: Core, organizationId: string, requestId: string, by?: AuditCaller): Promise<void> {
  return withRequest(core, organizationId, requestId, { by, action: "skip" }, async (client, target) => {
    if (!isWaiting(target)) throw new ConflictError("only the waiting or blocked head of a lane can be skipped", "NOT_WAITING");
    await settleByHand(client, organizationId, target, "SKIPPED");
  });
}

/** @throws ConflictError unless it is PENDING or WAITING */
export function cancel(core: Core, organizationId: string, requestId: string, by?: AuditCaller): Promise<void> {
  return withRequest(core, organizationId, requestId, { by, action: "cancel" }, async (client, target) => {
    if (target.state !== "PENDING" && target.state !== "WAITING")
      throw new ConflictError(`a request that is ${target.state} cannot be cancelled`, "NOT_PENDING");
    await settleByHand(client, organizationId, target, "CANCELLED");
  });
}

async function settleByHand(client: PoolClient, organizationId: string, target: Target, state: "SKIPPED" | "CANCELLED"): Promise<void> {
  const changed = await client.query(
    `UPDATE webhook_request SET state = $3::webhook_request_state, failed = true, settled_at = now(), next_attempt_at = NULL, updated_at = now(),
       notification_status = CASE WHEN notification_status = 'NEW' THEN 'FAILED' ELSE notification_status END
     WHERE id = $1 AND organization_id = $2`,
    [target.id, organizationId, state],
  );
  demandChanged(changed);
  await client.query("DELETE FROM lane_entry WHERE organization_id = $1 AND lane_id = $2 AND position = $3", [
    organizationId,
    target.lane_id,
    target.position,
  ]);
}

/** Tries the waiting or blocked head at once. @throws ConflictError for any other request */
export function retryNow(core: Core, organizationId: string, requestId: string, by?: AuditCaller): Promise<void> {
  return withRequest(core, organizationId, requestId, { by, action: "retryNow" }, async (client, target) => {
    if (!isWaiting(target)) throw new ConflictError("only the waiting or blocked head of a lane can be tried now", "NOT_WAITING");
    const anew = target.blocked_request_id === target.id;
    await queueAgain(client, [target.id, organizationId, anew, target.position, null, null, target.lane_id, null, target.dialect]);
    await client.query(`UPDATE lane_entry SET due_at = ${DUE_NOW} WHERE organization_id = $1 AND lane_id = $2 AND position = $3`, [
      organizationId,
      target.lane_id,
      target.position,
      target.free,
    ]);
  });
}

interface Removed {
  state: string;
  number: number;
  queued: boolean;
  event_id: string;
  definition_id: string;
  is_test: boolean;
}

/** Deletes a settled request and its attempts; its event stays. @throws ConflictError when it is not settled, or blocks its lane */
export async function remove(core: Core, organizationId: string, requestId: string, by?: AuditCaller): Promise<void> {
  await core.db.transaction(async (client) => {
    const { rows } = await client.query<Removed>(
      `SELECT r.state, r.number, r.event_id, r.definition_id, r.is_test, EXISTS (
         SELECT 1 FROM lane_entry e WHERE e.organization_id = r.organization_id AND e.lane_id = r.lane_id AND e.position = r.position AND e.request_id = r.id) AS queued
       FROM webhook_request r WHERE r.id = $1 AND r.organization_id = $2 FOR UPDATE`,
      [requestId, organizationId],
    );
    const found = rows[0];
    if (!found) throw new NotFoundError("the webhook request");
    if (!SETTLED.has(found.state))
      throw new ConflictError(`a request that is ${found.state} cannot be deleted; cancel it first`, "NOT_SETTLED");
    // Settled, and still in its queue: a rejected head that its lane is blocked by.
    if (found.queued) throw new ConflictError("the request blocks its lane; resend or skip it first", "BLOCKS_LANE");
    await client.query("DELETE FROM attempt WHERE organization_id = $1 AND request_id = $2", [organizationId, requestId]);
    await client.query("DELETE FROM webhook_request WHERE organization_id = $1 AND id = $2", [organizationId, requestId]);
    // So that no replay takes its event for one that the definition missed.
    await client.query(
      `INSERT INTO recovered_event (organization_id, event_id, definition_id, is_test) VALUES ($1, $2, $3, $4)
       ON CONFLICT (organization_id, event_id, definition_id) DO UPDATE SET request_id = NULL`,
      [organizationId, found.event_id, found.definition_id, found.is_test],
    );
    const subject = { type: "WebhookRequest", id: requestId };
    if (by) await audit(core, by, "webhookRequest.delete", subject, { state: found.state, number: found.number }, undefined, client);
  });
}
